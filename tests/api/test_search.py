"""Search: every piece of a text is found, in few steps, and the index follows the alerts."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from schemas.alerts import Reason, Subject
from services.api.acts import Act
from services.api.filters import Filters, folded
from services.api.store import listing, search
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.tables import alerts
from services.api.store.transactions import Sourced
from tests.api.examples import AT, finding

NOTE = Act(name="note")


async def raised(store: AlertStore, *changes: dict[str, Any], start: int = 0) -> None:
    """Raise an alert for each, `a0` the first."""
    found = [Sourced(0, n, finding(f"a{n}", **one)) for n, one in enumerate(changes, start=start)]
    await store.apply("t", found, {0: start + len(found)})


def car(plate: str) -> dict[str, Any]:
    return {"subject": Subject("vehicle", f"vehicle:{plate}", plate)}


async def found(database: Database, text: str, **filters: Any) -> list[str]:
    """Return the ids of alerts by the index alone: none is looked at before."""

    def ask(connection: Connection) -> listing.Page:
        return listing.page(connection, Filters(text=text, **filters), None, 100, looked_at=0)

    page = await database.read(ask)
    return [msgspec.json.decode(body)["id"] for body in page.bodies]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("浙F12A45", ["a0"]),
        ("浙f12", ["a0"]),
        ("2a4", ["a0"]),
        ("12", ["a1", "a0"]),
        ("苏", ["a1"]),
        ("苏B12345", ["a1"]),
        ("东门卡口", ["a2"]),
        ("隔离", ["a4", "a3", "a2", "a1", "a0"]),
        ("离人员出", ["a4", "a3", "a2", "a1", "a0"]),
        ("330421…001x", ["a4", "a3", "a2"]),
        ("卡口。", ["a4", "a3", "a2", "a1", "a0"]),
        ("。", ["a4", "a3", "a2", "a1", "a0"]),
        ("%", ["a3"]),
        ("50%_o", ["a3"]),
        ("'; --", ["a4"]),
        ('"quoted" \\', ["a4"]),
        ("AND", ["a4"]),
        ("nowhere", []),
        ("zq", []),
        ("q", ["a4", "a3", "a2", "a1", "a0"]),
        ("隔离人员出现在卡口。" * 10, []),
    ],
)
async def test_pieces_of_texts(
    store: AlertStore, database: Database, text: str, ids: list[str]
) -> None:
    await raised(
        store,
        car("浙F12A45"),
        car("苏B12345"),
        {"site": "东门卡口-1"},
        {"order": "50%_off"},
        {"order": '\'; -- "quoted" \\ and'},
    )
    assert await found(database, text) == ids
    page = await store.page(Filters(text=text), None, 100)
    assert [msgspec.json.decode(body)["id"] for body in page.bodies] == ids


async def test_the_index_follows_the_alerts(store: AlertStore, database: Database) -> None:
    await raised(store, {}, {})
    await store.act("a0", 1, NOTE, "li", "移交派出所", AT)
    assert await found(database, "移交") == ["a0"]
    await store.act("a0", 2, NOTE, "li", "已电话核实", AT + 1)
    # An older note is found as well as the newest.
    assert await found(database, "移交") == ["a0"]
    assert await found(database, "核实") == ["a0"]
    await database.write(lambda c: c.exec_driver_sql("DELETE FROM alerts WHERE id = 'a1'"))
    assert await found(database, "隔离") == ["a0"]


async def test_older_notes_of_an_earlier_version_are_found_after_its_migration(
    store: AlertStore, database: Database
) -> None:
    await raised(store, {}, {})
    for revision, note in enumerate(("移交派出所", "Patrol\x00 7", "已电话核实"), start=1):
        await store.act("a0", revision, NOTE, "li", note, AT + revision)
    known = await database.read(lambda c: c.execute(select(alerts.c.id, alerts.c.search)).all())
    # The newest note alone, as it was searched before.
    earlier = dict(known)["a0"].replace("移交派出所", "").replace("patrol\ufffd 7", "")

    def as_before(connection: Connection) -> None:
        connection.execute(alerts.update().where(alerts.c.id == "a0").values(search=earlier))
        # What a later version makes is not there yet.
        connection.exec_driver_sql("DROP INDEX ix_tasks_state_due")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0013'")

    await database.write(as_before)
    assert await found(database, "移交") == await found(database, "patrol") == []
    await database.migrate()
    assert await found(database, "移交派出所") == await found(database, "patrol\ufffd 7") == ["a0"]
    assert await found(database, "隔离") == ["a1", "a0"]


async def test_pages_go_on_from_the_newest_into_the_index(
    store: AlertStore, database: Database
) -> None:
    plates = [f"浙F{n:05d}" if n % 3 else f"苏B{n:05d}" for n in range(60)]
    await raised(store, *(car(plate) for plate in plates))
    wanted = [f"a{n}" for n in reversed(range(60)) if n % 3 == 0]
    for looked_at in (0, 7, 100):
        got: list[str] = []
        key: int | None = None
        while True:

            def ask(connection: Connection) -> listing.Page:
                return listing.page(connection, Filters(text="苏B"), key, 7, looked_at)  # noqa: B023

            page = await database.read(ask)
            got += [msgspec.json.decode(body)["id"] for body in page.bodies]
            key = page.next
            if key is None:
                break
        assert got == wanted


async def test_a_search_goes_with_other_filters(store: AlertStore, database: Database) -> None:
    await raised(
        store,
        {"site": "gate", **car("浙F00001")},
        {"site": "exit", **car("浙F00001")},
        {"site": "exit", "severity": "low", **car("浙F00002")},
    )
    assert await found(database, "f00001", sites=frozenset({"exit"})) == ["a1"]
    assert await found(database, "f0000", severities=frozenset({"low"})) == ["a2"]


async def test_values_that_are_asked_for_leave_out_what_holds_the_text_alone(
    store: AlertStore, database: Database
) -> None:
    await raised(
        store,
        {"site": "gate-7", "order": "o-1", **car("浙F00001")},
        {"site": "exit-7", "order": "o-2", **car("浙F00001")},
        {"site": "x", "order": "nul\x00", **car("浙F00001")},
    )

    async def may_hold(sought: str, *beside: str) -> list[int]:
        def ask(connection: Connection) -> list[int]:
            query = search.found(connection, sought, None, beside)
            return sorted(connection.scalars(query))

        return await database.read(ask)

    everything = await may_hold("f00001")
    assert len(everything) == 3
    assert await may_hold("f00001", "gate-7") == everything[:1]
    assert await may_hold("f0", "gate-7", "o-1") == everything[:1]
    assert await may_hold("f0", "gate-7", "o-2") == []
    assert await may_hold("f00001", "nul\x00") == everything[2:]
    # What is shorter than a gram leaves out nothing.
    assert await may_hold("f00001", "x") == everything
    for sites, ids in (({"exit-7"}, ["a1"]), ({"x"}, ["a2"]), ({"exit-7", "x"}, ["a2", "a1"])):
        assert await found(database, "f00001", sites=frozenset(sites)) == ids


async def test_an_index_that_is_made_later_has_what_is_there(
    store: AlertStore, database: Database
) -> None:
    await raised(store, car("浙F00001"))
    await database.write(search.drop)
    await raised(store, car("浙F00002"), start=1)
    await database.write(search.create)
    assert await found(database, "浙F0000") == ["a1", "a0"]


_TEXTS = st.text("ab浙隔离。 '\"\\%_\n", min_size=1, max_size=6)


@given(texts=st.lists(_TEXTS, min_size=1, max_size=4), sought=_TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
async def test_it_finds_just_what_holds_the_text(
    store: AlertStore, database: Database, texts: Sequence[str], sought: str
) -> None:
    start = (await store.positions("t")).get(0, 0)
    reasons = [{"reason": Reason(f"<{text}>", text), "grid": f"g{start}"} for text in texts]
    await raised(store, *reasons, start=start)
    expected = [
        f"a{start + n}"
        for n, text in reversed(list(enumerate(texts)))
        if folded(sought) in folded(f"<{text}>\n{text}")
    ]
    mine = await found(database, sought, grids=frozenset({f"g{start}"}))
    others = {"quarantine-breach", "person:1:ab", "330421…001x", "gate", "o1"}
    if not any(folded(sought) in each for each in others) and "\n" not in sought:
        assert mine == expected


def test_grams_cover_the_text() -> None:
    assert search.grams_of("ab") == []
    assert search.grams_of("abc") == ["abc"]
    assert search.grams_of("abcd") == ["abc", "bcd"]
    assert search.grams_of("abcdefg") == ["abc", "def", "efg"]
    assert len(search.grams_of("x" * 200)) == 16
