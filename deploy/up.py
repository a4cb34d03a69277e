"""`cordon up`: everything on one machine, from an empty folder to a sign-in link."""

import asyncio
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from deploy.broker import BrokerError
from deploy.caller import Caller, Unreachable
from deploy.credentials import Credentials, ensure_credentials
from deploy.deployment import Deployment, DeploymentError, history_since, open_deployment
from deploy.keeper import KeepsDying
from deploy.listening import PortTaken, address, check_ports
from deploy.ready_file import Ready
from deploy.sole import AlreadyRunning, sole_owner
from deploy.system import Places, System
from deploy.teller import Teller
from deploy.topics_errors import TopicsError
from schemas.persons import PseudonymKey, PseudonymKeyProblem
from schemas.settings import Settings

_log = structlog.get_logger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# What an operator can mend; each says how in one line. Anything else is a defect, with its trace.
_TOLD = (
    AlreadyRunning,
    BrokerError,
    DeploymentError,
    KeepsDying,
    OSError,
    PortTaken,
    PseudonymKeyProblem,
    TopicsError,
)


def main(settings: Settings, *, demo: bool, ready_file: Path | None) -> int:
    """Run the system until a signal; return the exit code."""
    teller = Teller()
    try:
        with sole_owner(settings.data_dir.absolute()):
            return asyncio.run(_up(settings, teller, demo=demo, ready_file=ready_file))
    except _TOLD as error:
        teller.fail(str(error))
        return 1


async def _up(settings: Settings, teller: Teller, *, demo: bool, ready_file: Path | None) -> int:
    places = Places(settings.data_dir.absolute())
    check_ports(settings)
    places.logs.mkdir(parents=True, exist_ok=True)
    deployment = open_deployment(places.deployment, settings, time.time_ns() // 1_000_000)
    settings = settings.model_copy(update={"partitions": deployment.partitions})
    credentials = ensure_credentials(places.secrets, settings.tokens_path)
    PseudonymKey.load_or_create(settings.pseudonym_key_path)
    environment = service_environment(settings, deployment, demo=demo)
    system = System(settings, places, environment, say=teller.say, warn=teller.warn)
    ready_files = [places.ready, *([ready_file] if ready_file else [])]
    if demo:
        system.with_demo([str(places.ready), deployment.started])

    async def announce() -> None:
        ready = _ready(settings, system, credentials)
        for path in ready_files:
            ready.write(path)
        teller.say(f"ready: the console is at {ready.api}, ingest at {ready.ingest}")
        link = await asyncio.to_thread(sign_in_link, ready)
        if link is not None:
            teller.say(f"sign in once, within ten minutes: [bold]{link}[/bold]")
        handheld = f"{ready.ingest}/#token={ready.device_token}"
        teller.say(f"the checkpoint page, signed in as a device: [bold]{handheld}[/bold]")
        if demo:
            teller.say("the simulated county begins: the first alerts come within seconds")
        teller.say("stop with Ctrl-C")

    # A file of an earlier run would tell whoever waits for it that this one is ready.
    _forget(ready_files)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(system.run(announce))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            teller.say("stopping …")
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not running.cancelled():
            running.result()
    finally:
        stopping.cancel()
        _forget(ready_files)
        await system.stop()
    teller.say("stopped")
    return 0


def service_environment(
    settings: Settings, deployment: Deployment, *, demo: bool
) -> Mapping[str, str]:
    """Return what the services are told besides what they inherit."""
    environment = {
        "CORDON_DATA_DIR": str(settings.data_dir.absolute()),
        "CORDON_PARTITIONS": str(deployment.partitions),
        "CORDON_CLOCK": settings.clock,
        "CORDON_HOST": settings.host,
        "CORDON_INGEST_PORT": str(settings.ingest_port),
        "CORDON_API_PORT": str(settings.api_port),
        "CORDON_SIGHTINGS_PORT": str(settings.sightings_port),
        # Several workers cannot have one port.
        "CORDON_WORKER_PORT": str(settings.worker_port if settings.workers == 1 else 0),
    }
    since = history_since(settings, deployment, demo=demo)
    return environment if since is None else {**environment, "CORDON_HISTORY_SINCE": since}


def sign_in_link(ready: Ready) -> str | None:
    """Return a link that signs in once at the console, None when the API gives none."""
    with Caller(ready.api, ready.admin_token) as api:
        try:
            answer = api.call("POST", "/v1/session/links")
        except Unreachable as error:
            _log.warning("no_sign_in_link", error=str(error))
            return None
    if answer.status != 200:
        _log.warning("no_sign_in_link", status=answer.status)
        return None
    return ready.api + str(answer.json()["url"])


def _ready(settings: Settings, system: System, credentials: Credentials) -> Ready:
    assert system.api.port is not None
    assert system.ingest.port is not None
    return Ready(
        api=address(settings.host, system.api.port),
        ingest=address(settings.host, system.ingest.port),
        kafka=system.bootstrap,
        admin_token=credentials.admin_token,
        device_token=credentials.device_token,
        replay_token=credentials.replay_token,
        workers=[address(settings.host, worker.port) for worker in system.workers if worker.port],
        sightings=address(settings.host, system.sightings.port or 0),
    )


def _forget(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
