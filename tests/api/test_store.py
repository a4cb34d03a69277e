"""The store: transactions, repeats, positions, and the same merge as in memory."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from schemas.alerts import Alert, AlertEvent
from services.api.acts import Act
from services.api.feed.hub import Hub
from services.api.filters import Filters
from services.api.merge import AlertBook
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Published, Sourced, StaleRevision, UnknownAlert
from tests.api.conftest import clock_ms
from tests.api.examples import AT, duplicate, finding
from tests.databases import Postgres

ACK = Act(name="ack")
HISTORY = [
    finding("a"),
    finding("b"),
    finding("a", "matched", count=2),
    duplicate("a", "c"),
    finding("c"),
    finding("b", "cleared", outcome="transit"),
    finding("b", "matched", count=3),
]


def sourced(findings: Sequence[msgspec.Struct], start: int = 0) -> list[Sourced]:
    return [Sourced(0, start + place, one) for place, one in enumerate(findings)]  # type: ignore[arg-type]


async def alert_of(store: AlertStore, alert_id: str) -> Alert:
    found = await store.get(alert_id)
    assert found is not None
    return msgspec.json.decode(found[1], type=Alert)


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
async def test_the_store_merges_as_the_book_does(store: AlertStore, batch: int) -> None:
    book = AlertBook()
    expected = [event for one in HISTORY for event in book.apply(one)]
    for start in range(0, len(HISTORY), batch):
        part = sourced(HISTORY[start : start + batch], start)
        await store.apply("t", part, {0: start + len(part)})
    events = [
        msgspec.json.decode(one.body, type=AlertEvent) for one in await store.events_after(0, 100)
    ]
    assert [event.cursor for event in events] == [
        store.cursor(n) for n in range(1, len(expected) + 1)
    ]
    for event in events:
        event.cursor = None
    assert events == expected
    for alert_id, record in book.records.items():
        assert await alert_of(store, alert_id) == record.alert


async def test_a_repeat_changes_nothing(store: AlertStore) -> None:
    first = await store.apply("t", sourced(HISTORY), {0: len(HISTORY)})
    again = await store.apply("t", sourced(HISTORY), {0: len(HISTORY)})
    assert (first.findings, first.repeats) == (7, 0)
    assert (again.findings, again.repeats, again.published) == (0, 7, [])
    assert await store.positions("t") == {0: 7}


async def test_a_batch_that_overlaps_counts_only_what_is_new(store: AlertStore) -> None:
    await store.apply("t", sourced(HISTORY[:3]), {0: 3})
    applied = await store.apply("t", sourced(HISTORY), {0: len(HISTORY)})
    assert (applied.findings, applied.repeats) == (4, 3)


async def test_positions_go_on_without_findings_and_never_back(store: AlertStore) -> None:
    await store.apply("t", [], {0: 5, 1: 2})
    await store.apply("t", [], {0: 4, 1: 3})
    assert await store.positions("t") == {0: 5, 1: 3}
    await store.reset_position("t", 0)
    assert await store.positions("t") == {1: 3}


async def test_a_failure_in_a_transaction_leaves_nothing_behind(
    store: AlertStore, database: Database, hub: Hub
) -> None:
    def do(*statements: str) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            for statement in statements:
                connection.exec_driver_sql(statement)

        return run

    trigger = "CREATE TRIGGER broken BEFORE INSERT ON positions "
    if database.shared:
        function = (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE 'the disk is full'; END $$"
        )
        await database.write(do(function, trigger + "EXECUTE FUNCTION fail()"))
    else:
        fails = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        await database.write(do(trigger + fails))
    with pytest.raises(SQLAlchemyError, match="the disk is full"):
        await store.apply("t", sourced(HISTORY), {0: len(HISTORY)})
    assert await store.events_after(0, 10) == []
    assert await store.get("a") is None
    assert (store.last_n, hub.last_n) == (0, 0)
    await database.write(do("DROP TRIGGER broken" + (" ON positions" if database.shared else "")))
    assert (await store.apply("t", sourced(HISTORY), {0: len(HISTORY)})).findings == 7


async def test_a_kill_loses_nothing_that_was_committed(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """The files as a killed process leaves them. PostgreSQL's are the server's own affair."""
    shutil.copyfile(sqlite_template, tmp_path / "alerts.db")
    database = Database(f"sqlite:///{tmp_path / 'alerts.db'}")
    store = await AlertStore.open(database, lambda published: None, clock_ms)
    await store.apply("t", sourced(HISTORY), {0: len(HISTORY)})
    copies = tmp_path / "after"
    copies.mkdir()
    for name in ("alerts.db", "alerts.db-wal"):
        (copies / name).write_bytes((tmp_path / name).read_bytes())
    again = Database(f"sqlite:///{copies / 'alerts.db'}")
    reopened = await AlertStore.open(again, lambda published: None, clock_ms)
    assert (reopened.epoch, reopened.last_n) == (store.epoch, store.last_n)
    assert await reopened.positions("t") == {0: 7}
    assert await reopened.events_after(0, 100) == await store.events_after(0, 100)
    await again.close()
    await database.close()


async def test_acts_check_the_revision(store: AlertStore) -> None:
    await store.apply("t", sourced([finding()]), {0: 1})
    with pytest.raises(UnknownAlert):
        await store.act("x", 1, ACK, "li", None, AT)
    with pytest.raises(StaleRevision, match="at revision 1"):
        await store.act("a", 2, ACK, "li", None, AT)
    await store.act("a", 1, ACK, "li", "on it", AT)
    assert (await alert_of(store, "a")).state == "acked"


async def test_of_many_who_act_at_once_one_wins(store: AlertStore) -> None:
    await store.apply("t", sourced([finding()]), {0: 1})
    results = await asyncio.gather(
        *(store.act("a", 1, ACK, f"officer {n}", None, AT) for n in range(8)),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, StaleRevision) for result in results) == 7
    assert store.last_n == 2


async def test_events_are_handed_on_in_order(database: Database) -> None:
    seen: list[int] = []

    def note(published: Sequence[Published]) -> None:
        seen.extend(one.event.n for one in published)

    store = await AlertStore.open(database, note, clock_ms)
    await asyncio.gather(
        *(
            store.apply("t", [Sourced(part, 0, finding(f"a{part}"))], {part: 1})
            for part in range(20)
        )
    )
    assert seen == list(range(1, 21))


async def test_acts_on_an_alert_move_in_the_store_too(store: AlertStore) -> None:
    await store.apply("t", sourced([finding("old")]), {0: 1})
    await store.act("old", 1, ACK, "li", "on it", AT)
    await store.apply("t", sourced([duplicate("old", "new")], 1), {0: 2})
    await store.apply("t", [Sourced(1, 0, finding("new"))], {1: 1})
    survivor = await alert_of(store, "new")
    assert (survivor.state, survivor.note, survivor.revision) == ("acked", "on it", 2)


async def test_pruning_keeps_what_is_not_published(store: AlertStore) -> None:
    await store.apply("t", sourced([finding(f"a{n}") for n in range(10)]), {0: 10})
    assert await store.prune(3) == 0
    await store.save_outbox_position(5)
    assert await store.prune(3) == 5
    assert await store.oldest_n() == 6
    await store.save_outbox_position(10)
    assert await store.prune(3) == 2
    assert await store.oldest_n() == 8
    assert await store.prune(0) == 3
    assert await store.oldest_n() == 11


async def test_more_alerts_than_one_query_takes(store: AlertStore) -> None:
    findings = [finding(f"a{n}") for n in range(1_200)]
    await store.apply("t", sourced(findings), {0: 1_200})
    more = sourced([finding(f"a{n}", "matched", count=2) for n in range(1_200)], 1_200)
    applied = await store.apply("t", more, {0: 2_400})
    assert [one.change.data.revision for one in applied.published] == [2] * 1_200


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind that has no tables yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'alerts.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


async def test_migrations_lead_from_the_first_schema_to_the_models(empty_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    import services.api.audit.tables
    import services.api.batches.tables
    import services.api.campaigns.tables
    import services.api.imports.tables
    import services.api.inhibitions.tables
    import services.api.notifications.tables
    import services.api.people.tables
    import services.api.registers.tables
    import services.api.registration.tables
    import services.api.session
    import services.api.silences.tables
    import services.api.tasks.tables
    import services.api.vault.tables
    import services.api.webhooks.tables  # noqa: F401 — they add their tables.
    from services.api.store.tables import metadata

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('epoch', 'cafecafe')")
        connection.exec_driver_sql("INSERT INTO counters VALUES ('feed', 1), ('outbox', 0)")
        body = b'{"recordedtime":"2021-12-20T11:33:20.000Z"}'
        connection.execute(
            text("INSERT INTO alert_events VALUES (1, 'a', 1, 't', :body)"), {"body": body}
        )

    database = Database(empty_url)
    await database.migrate("0001")
    await database.write(begin)
    await database.migrate()
    await database.migrate()

    def ours(name: str | None, kind: str, parents: object) -> bool:
        # The index of texts is the databases' own affair.
        return kind != "table" or not (name or "").startswith("alert_search")

    differences = await database.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"include_name": ours}), metadata
        )
    )
    assert differences == []
    store = await AlertStore.open(database, lambda published: None, clock_ms)
    assert (store.epoch, store.last_n) == ("cafecafe", 1)
    assert await store.first_n_after(1_640_000_000_000 - 1) == 1
    assert await store.first_n_after(1_640_000_000_000) is None
    await database.close()


async def test_a_text_with_nul_is_kept_and_found(store: AlertStore) -> None:
    odd = finding("a", site="gate\x00 1", order="o\x00")
    await store.apply("t", sourced([odd]), {0: 1})
    assert (await alert_of(store, "a")).site == "gate\x00 1"
    found = await store.page(Filters(orders=frozenset({"o\x00"})), None, 10)
    assert len(found.bodies) == 1
    assert await store.get("\x00") is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://db", "not mysql"),
        ("postgresql+asyncpg://db", "not postgresql"),
        ("alerts.db", "no database URL"),
    ],
)
def test_another_kind_of_database_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"CORDON_DATABASE_URL.*{said}"):
        Database(url)
