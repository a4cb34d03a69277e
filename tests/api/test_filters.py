"""Filters say the same in SQL and in Python."""

from typing import Any

import msgspec
import pytest

from schemas.alerts import Alert
from schemas.times import DAY_MS, format_ms
from services.api.feed.hub import Hub
from services.api.filters import Filters, matches
from services.api.store import listing
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.conftest import clock_ms
from tests.api.examples import AT, duplicate, finding

FINDINGS = [
    finding("a", site="gate", grid="g1", severity="high"),
    finding("b", rule="first-seen-vehicle", order=None, site=None, severity="low"),
    finding("c", at_ms=AT + 5_000, grid="g2", last_seen=format_ms(AT + 9_000)),
    finding("d", "cleared", outcome="transit", order="o%_2"),
    finding("e"),
    duplicate("e", "a"),
]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (Filters(), "edcba"),
        (Filters(rules=frozenset({"quarantine-breach"})), "edca"),
        (Filters(severities=frozenset({"high", "low"})), "ba"),
        (Filters(states=frozenset({"open"})), "cba"),
        (Filters(states=frozenset({"resolved", "retracted"})), "ed"),
        (Filters(grids=frozenset({"g1"})), "a"),
        (Filters(sites=frozenset({"gate"}), grids=frozenset({"g1", "g2"})), "ca"),
        (Filters(orders=frozenset({"o1"})), "eca"),
        (Filters(subjects=frozenset({"person:1:ab"})), "edcba"),
        (Filters(subjects=frozenset({"nobody"})), ""),
        (Filters(since_ms=AT + 9_000), "c"),
        (Filters(since_ms=AT + 9_001), ""),
        (Filters(until_ms=AT + 5_000), "edba"),
        (Filters(since_ms=AT + 1, until_ms=AT + 5_001), "c"),
        (Filters(capped=False), "edcba"),
        (Filters(capped=True), ""),
        (Filters(capped_by=frozenset({"nobody"})), ""),
        (Filters(text="FIRST-seen"), "b"),
        (Filters(text="隔离"), "edcba"),
        (Filters(text="%_"), "d"),
        (Filters(text="o%2"), ""),
        (Filters(text="'; DROP TABLE alerts"), ""),
    ],
)
async def test_filters(store: AlertStore, filters: Filters, ids: str) -> None:
    sourced = [Sourced(0, place, one) for place, one in enumerate(FINDINGS)]
    await store.apply("t", sourced, {0: len(FINDINGS)})
    everything = (await store.page(Filters(), None, 100)).bodies
    alerts = [msgspec.json.decode(body, type=Alert) for body in everything]
    assert "".join(alert.id for alert in alerts if matches(filters, alert)) == ids
    page = (await store.page(filters, None, 100)).bodies
    assert "".join(msgspec.json.decode(body, type=Alert).id for body in page) == ids


@pytest.mark.parametrize(
    "filters",
    [
        Filters(severities=frozenset({"critical", "high", "low"})),
        Filters(states=frozenset({"open", "resolved"}), severities=frozenset({"critical", "high"})),
        Filters(sites=frozenset({"gate", "exit"}), rules=frozenset({"quarantine-breach", "fever"})),
        Filters(since_ms=AT, until_ms=AT + 40_000),
        Filters(since_ms=AT, until_ms=AT + 40_000, severities=frozenset({"high"})),
        Filters(since_ms=AT + 7_200_000, until_ms=AT + 9_000_000),
        Filters(since_ms=AT + 7_200_000, until_ms=AT + 9_000_000, states=frozenset({"open"})),
        Filters(since_ms=AT + 20_000, until_ms=AT + 40 * DAY_MS),
        Filters(severities=frozenset({"high", "low"}), text="g1"),
        Filters(since_ms=AT, until_ms=AT + 30_000, text="gate"),
    ],
)
async def test_pages_together_hold_what_matches(
    store: AlertStore, database: Database, filters: Filters
) -> None:
    found = [
        finding(
            f"a{n}",
            at_ms=AT + n * 1_000,
            severity=("low", "high", "critical")[n % 3],
            site=("gate", "exit", None)[n % 4 % 3],
            grid=f"g{n % 5}",
            last_seen=format_ms(AT + n * 1_000 + (8_000_000 if n % 7 == 0 else 0)),
        )
        for n in range(40)
    ]
    found += [finding(f"a{n}", "cleared", at_ms=AT + n * 1_000, outcome="transit") for n in (3, 8)]
    await store.apply("t", [Sourced(0, n, one) for n, one in enumerate(found)], {0: len(found)})
    everything = (await store.page(Filters(), None, 100)).bodies
    alerts = [msgspec.json.decode(body, type=Alert) for body in everything]
    expected = [alert.id for alert in alerts if matches(filters, alert)]
    for looked_at in (0, 5, 1_000):
        got: list[str] = []
        before: int | None = None
        while True:
            key = before
            page = await database.read(lambda c: listing.page(c, filters, key, 3, looked_at))  # noqa: B023
            got += [msgspec.json.decode(body, type=Alert).id for body in page.bodies]
            before = page.next
            if before is None:
                break
        assert got == expected


async def test_filters_of_the_rate_cap(database: Database, hub: Hub) -> None:
    store = await AlertStore.open(database, hub.publish, clock_ms, 1)
    low: dict[str, Any] = {"severity": "low", "grid": "g1"}
    found = [Sourced(0, n, finding(each, **low)) for n, each in enumerate("ab")]
    await store.apply("t", found, {0: 2})
    everything = (await store.page(Filters(), None, 100)).bodies
    alerts = [msgspec.json.decode(body, type=Alert) for body in everything]
    (summary,) = [alert.id for alert in alerts if alert.subject.kind == "group"]
    for filters, ids in (
        (Filters(capped=True), ["b"]),
        (Filters(capped=False), [summary, "a"]),
        (Filters(capped_by=frozenset({summary})), ["b"]),
    ):
        assert [alert.id for alert in alerts if matches(filters, alert)] == ids
        page = (await store.page(filters, None, 100)).bodies
        assert [msgspec.json.decode(body, type=Alert).id for body in page] == ids
