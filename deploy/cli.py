"""The command `cordon`: every way to start something, each in a file of its own.

The modules are imported inside the commands: no command waits for what another one needs.
"""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from deploy import accounts
from deploy.cli_options import DataDir, Kafka, LogForm, ReadyFile, settings_with
from schemas.access import Role

if TYPE_CHECKING:
    from deploy.service import Service

Held = Annotated[
    bool, typer.Option("--held", help="Events from the future, set aside, instead of dead ones.")
]

app = typer.Typer(
    name="cordon",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
topics_app = typer.Typer(no_args_is_help=True, help="The topics of the broker.")
letters_app = typer.Typer(no_args_is_help=True, help="Records that could not be read.")
tokens_app = typer.Typer(no_args_is_help=True, help="Who may call the services.")
app.add_typer(topics_app, name="topics")
app.add_typer(letters_app, name="dead-letters")
app.add_typer(tokens_app, name="tokens")
app.add_typer(accounts.users_app, name="users")
app.add_typer(accounts.audit_app, name="audit")
app.add_typer(accounts.vault_app, name="vault")
sightings_app = typer.Typer(help="Keep the sightings, or look into them.")
app.add_typer(sightings_app, name="sightings")


@app.callback()
def root() -> None:
    """Streaming event processing for checkpoints and cameras in an outbreak."""


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Simulate a small county on top.")] = False,
    data_dir: DataDir = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when all is ready: addresses and tokens, JSON.")
    ] = None,
    clock: Annotated[
        Literal["wall", "events"] | None,
        typer.Option(help="events: time comes from a replayed timeline."),
    ] = None,
) -> None:
    """Start everything on this machine: a real Kafka broker and all services."""
    from deploy import logs
    from deploy import up as module

    settings = settings_with(data_dir=data_dir, clock=clock)
    logs.configure_file(settings.data_dir / "logs" / "up.log")
    raise typer.Exit(module.main(settings, demo=demo, ready_file=ready_file))


@app.command()
def ingest(log_form: LogForm = "auto") -> None:
    """Run ingest against CORDON_KAFKA."""
    _serve("ingest", log_form)


@app.command()
def worker(log_form: LogForm = "auto") -> None:
    """Run one worker against CORDON_KAFKA."""
    _serve("worker", log_form)


@sightings_app.callback(invoke_without_command=True)
def sightings(context: typer.Context, log_form: LogForm = "auto") -> None:
    """Run the sighting store against CORDON_KAFKA; `query` looks into one."""
    if context.invoked_subcommand is None:
        _serve("sightings", log_form)


@sightings_app.command("query")
def sightings_query(
    subject: Annotated[str, typer.Argument(help="A plate, vehicle:PLATE or person:KEY:HEX.")],
    since: Annotated[
        str, typer.Option(help="How far back (14d, 36h, 90m), or a date or RFC 3339 date-time.")
    ] = "14d",
    until: Annotated[str | None, typer.Option(help="The same; unset: now.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show where a vehicle or a person was seen, from the files on this machine."""
    from deploy import sightings_query as module

    raise typer.Exit(
        module.main(settings_with(data_dir=data_dir), subject, since, until, as_json=json)
    )


@app.command()
def api(log_form: LogForm = "auto") -> None:
    """Run the API and the console against CORDON_KAFKA."""
    _serve("api", log_form)


@app.command()
def backtest(
    file: Annotated[Path, typer.Argument(help="A timeline: NDJSON in order of arrival.")],
    policy: Annotated[
        Path | None, typer.Option(help="Register lines (NDJSON) that are filed first.")
    ] = None,
    from_warm: Annotated[
        bool, typer.Option("--from-warm", help="History is complete since forever.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Use this deployment's pseudonym key.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when any line is malformed.")
    ] = False,
    cap: Annotated[
        int, typer.Option(min=0, help="Cap alerts as CORDON_ALERT_CAP does; 0 = no cap.")
    ] = 0,
) -> None:
    """Run a timeline through the engine, without a broker; the alert log goes to stdout."""
    from deploy import backtest as module

    raise typer.Exit(
        module.main(
            file,
            policy=policy,
            from_warm=from_warm,
            data_dir=data_dir,
            strict=strict,
            cap=cap,
        )
    )


@app.command()
def explain(
    alert: Annotated[str, typer.Argument(help="The id of an alert.")],
    timeline: Annotated[
        Path | None, typer.Option(help="Explain an alert of this timeline, without a system.")
    ] = None,
    from_warm: Annotated[
        bool, typer.Option("--from-warm", help="With --timeline: as in backtest.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    api_url: Annotated[str | None, typer.Option("--api", help="Address of the API.")] = None,
    token: Annotated[str | None, typer.Option(help="A token that reads alerts.")] = None,
    ready_file: ReadyFile = None,
    data_dir: DataDir = None,
) -> None:
    """Tell why an alert stands: rule, thresholds, registers, what spoke against it, its id."""
    from deploy.explain import command

    settings = settings_with(data_dir=data_dir)
    if timeline is not None:
        own_key = data_dir is not None or settings.pseudonym_key_file is not None
        code = command.of_timeline(
            alert, timeline, settings, own_key=own_key, from_warm=from_warm, as_json=json
        )
    else:
        ready = ready_file or settings.data_dir / "ready.json"
        code = command.of_system(alert, ready, api_url, token, as_json=json)
    raise typer.Exit(code)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A timeline: NDJSON in order of arrival.")],
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="So many times the timeline's own pace.")
    ] = None,
    api_url: Annotated[str | None, typer.Option("--api", help="Address of the API.")] = None,
    ingest_url: Annotated[str | None, typer.Option("--ingest", help="Address of ingest.")] = None,
    token: Annotated[str | None, typer.Option(help="A token of the role replay.")] = None,
    ready_file: ReadyFile = None,
    data_dir: DataDir = None,
) -> None:
    """Send a timeline into a running system."""
    from deploy.replay import command
    from deploy.replay.sender import ReplayError

    ready = ready_file or settings_with(data_dir=data_dir).data_dir / "ready.json"
    try:
        target = command.find_target(api_url, ingest_url, token, ready)
        raise typer.Exit(command.main(file, target, speed=speed))
    except (ReplayError, OSError) as error:
        typer.echo(f"replay: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="The timeline; the truth goes to OUT.truth.json.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="How long it lasts; 2 where neither is given.")
    ] = None,
    days: Annotated[float | None, typer.Option(min=0.01, help="The same in days.")] = None,
    scale: Annotated[
        Literal["small", "full"], typer.Option(help="small: the demo's; full: a whole county.")
    ] = "small",
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Events per second; unset: the scale's own.")
    ] = None,
    start: Annotated[
        str, typer.Option(help="When it begins: an RFC 3339 date-time.")
    ] = "2026-03-02T08:00:00+08:00",
) -> None:
    """Write a simulated county as a timeline, with what is planted in it."""
    from deploy.county import timeline

    if hours is not None and days is not None:
        typer.echo("simulate: --hours and --days exclude each other", err=True)
        raise typer.Exit(2)
    length_h = 24 * days if days is not None else 2.0 if hours is None else hours
    raise typer.Exit(
        timeline.main(out, seed=seed, hours=length_h, rate=rate, start=start, scale=scale)
    )


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file of detections or sites.")],
    out: Annotated[Path, typer.Option(help="The timeline.")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="mrc-com, bath-anpr: what the columns mean.")
    ] = None,
    columns: Annotated[
        Path | None, typer.Option(help="The same in a file of your own, TOML or JSON.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without an offset; else the format's.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when any row is bad.")] = False,
) -> None:
    """Turn somebody else's CSV into a timeline; bad rows are told with their number."""
    from deploy.imports import command

    raise typer.Exit(
        command.main(
            file,
            out=out,
            format_name=format_name,
            columns=columns,
            timezone=timezone,
            strict=strict,
        )
    )


@app.command()
def score(
    seeds: Annotated[int, typer.Option(min=1, help="Counties of the seeds from 1 on.")] = 3,
    scale: Annotated[
        Literal["small", "full"], typer.Option(help="small: the demo's; full: a whole county.")
    ] = "full",
    hours: Annotated[float, typer.Option(min=0.5, help="How long each lasts.")] = 24.0,
    out: Annotated[Path | None, typer.Option(help="Write the figures here too, as JSON.")] = None,
) -> None:
    """Judge simulated counties and compare with the truth; exit 1 when a goal is missed."""
    from deploy.score import command

    raise typer.Exit(command.main(seeds=seeds, scale=scale, hours=hours, out=out))


@app.command()
def demo(ready_file: ReadyFile = None, data_dir: DataDir = None) -> None:
    """Feed the simulated county into a running system, as `up --demo` does."""
    import time

    from deploy import logs
    from deploy.county import launch
    from deploy.ready_file import Ready

    ready = ready_file or settings_with(data_dir=data_dir).data_dir / "ready.json"
    logs.configure("auto")
    raise typer.Exit(launch.run(Ready.load(ready), time.time_ns() // 1_000_000))


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Look at the machine, the broker and the services; exit 1 when something is bad."""
    from deploy import doctor as module

    raise typer.Exit(module.main(settings_with(data_dir=data_dir)))


@topics_app.command("apply")
def topics_apply(
    kafka: Kafka = None,
    replicas: Annotated[int, typer.Option(min=1, help="Copies of each new topic.")] = 1,
) -> None:
    """Create every topic that is missing and alter settings that differ."""
    from deploy import topics
    from deploy.topics_errors import TopicsError

    settings = settings_with(kafka=kafka)
    try:
        applied = asyncio.run(topics.apply(settings.kafka, settings.partitions, replicas=replicas))
    except TopicsError as error:
        typer.echo(f"topics: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(
        f"{len(applied.created)} created, {len(applied.altered)} altered, "
        f"{len(applied.unchanged)} unchanged"
    )


@topics_app.command("list")
def topics_list(kafka: Kafka = None) -> None:
    """Show every topic: what it is for, and whether the broker has it."""
    from deploy import topics, topics_table
    from deploy.topics_errors import TopicsError

    settings = settings_with(kafka=kafka)
    try:
        standing = asyncio.run(topics.standing(settings.kafka, settings.partitions))
    except TopicsError as error:
        typer.echo(f"topics: {error}", err=True)
        raise typer.Exit(1) from error
    topics_table.show(standing)


@letters_app.command("list")
def letters_list(held: Held = False, kafka: Kafka = None) -> None:
    """Write every dead letter to standard output, one JSON object a line."""
    from deploy import dead_letters

    bootstrap = settings_with(kafka=kafka).kafka
    raise typer.Exit(_with_broker(dead_letters.list_command(bootstrap, held=held)))


@letters_app.command("replay")
def letters_replay(
    places: Annotated[
        list[str] | None, typer.Argument(help="Places as `list` shows them; none = all.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Only letters from this topic.")] = None,
    held: Held = False,
    kafka: Kafka = None,
) -> None:
    """Write the original records back to where they came from."""
    from deploy import dead_letters

    bootstrap = settings_with(kafka=kafka).kafka
    raise typer.Exit(
        _with_broker(dead_letters.replay_command(bootstrap, places or [], topic, held=held))
    )


@tokens_app.command("init")
def tokens_init(data_dir: DataDir = None) -> None:
    """Make tokens, the keys of pseudonyms and vault, and the note of the first start, where there
    are none."""
    from deploy.credentials import ensure_credentials
    from deploy.system import Places
    from schemas.persons import PseudonymKey
    from services.alerts.agents.main import history_since_ms
    from services.api.vault.master_keys import MasterKeys

    settings = settings_with(data_dir=data_dir)
    places = Places(settings.data_dir.absolute())
    ensure_credentials(places.secrets, settings.tokens_path)
    PseudonymKey.load_or_create(settings.pseudonym_key_path)
    MasterKeys.load_or_create(settings.vault_key_path)
    # Workers that start at once must not each note a first start of their own.
    history_since_ms(settings)
    typer.echo(f"the tokens are in {places.secrets}")


@tokens_app.command("add")
def tokens_add(
    name: Annotated[str, typer.Argument(help="Who holds it; written as the author of acts.")],
    role: Annotated[Role, typer.Option()],
    area: accounts.Areas = None,
    site: Annotated[
        list[str] | None,
        typer.Option("--site", help="Let a device post events of this site alone; repeatable."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token and show it once; services that run take it up at their next start."""
    from schemas.access import Grant, add_token, new_token

    token = new_token()
    areas, sites = (None if given is None else tuple(given) for given in (area, site))
    grant = Grant(name, role, areas=areas, sites=sites)
    add_token(settings_with(data_dir=data_dir).tokens_path, token, grant)
    typer.echo(token)


def _with_broker(work: Coroutine[Any, Any, int]) -> int:
    """Run what needs the broker; say in one line when it cannot be reached."""
    from aiokafka.errors import KafkaError

    from deploy import logs

    logs.configure("console")
    try:
        return asyncio.run(work)
    except KafkaError as error:
        typer.echo(f"the broker: {error}", err=True)
        return 1


def _serve(name: "Service", log_form: LogForm) -> None:
    from deploy import logs, service

    logs.configure(log_form)
    raise typer.Exit(service.run(name, settings_with()))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The backup to write; it must not be there yet.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Put tokens and keys into it too.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Write the store into one file, while the system runs: alerts, registers, people, audit."""
    from deploy.backup import command

    settings = settings_with(data_dir=data_dir)
    raise typer.Exit(command.backup(settings, file, with_keys=with_keys))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")], data_dir: DataDir = None
) -> None:
    """Read a backup into an empty deployment: no database yet, no other keys."""
    from deploy.backup import command

    raise typer.Exit(command.bring_back(settings_with(data_dir=data_dir), file))


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which to run; all where none is named.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures here too, as JSON.")] = None,
    short: Annotated[
        bool, typer.Option("--short", help="Take the short form of those that have one.")
    ] = False,
) -> None:
    """Measure this machine: figures, and their ratio to a floor of the same run."""
    from deploy.bench import command

    unknown = set(names or ()) - set(command.BENCHMARKS)
    if unknown:
        there = ", ".join(command.BENCHMARKS)
        typer.echo(f"bench: no benchmark is named {', '.join(sorted(unknown))}: {there}", err=True)
        raise typer.Exit(2)
    raise typer.Exit(command.main(names or [], out, short=short))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
