"""A store with a million alerts: how long lists, searches and looks into the past take.

The store is filled as a county would in a year: alerts at 400 sites, raised one after another, most
of them closed after minutes or hours, some taken on before, a few open for weeks. Then each kind of
query is asked 200 times with values of its own. SQLite lies in a folder of its own; with
CORDON_BENCH_POSTGRESQL (the URL of an empty database) the same is asked of PostgreSQL.
"""

import heapq
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, insert

from schemas.alerts import Alert, AlertEvent, Evidence, Reason, Subject, alert_id, alert_type
from schemas.times import format_ms
from services.api.acts import NO_ACTS
from services.api.alerts import page_json
from services.api.filters import Filters
from services.api.history.spans import node_of
from services.api.merge import Record
from services.api.store.database import Database
from services.api.store.rows import row_of, traits_of
from services.api.store.store import AlertStore
from services.api.store.tables import alert_events, alert_traits, alerts
from services.api.store.transactions import set_counter

_ALERTS: Final = int(os.environ.get("CORDON_BENCH_ALERTS", "1000000"))
_REPEATS: Final = 200
_ROWS_A_TIME: Final = 5_000
# 2020-01-01T00:00Z; an alert every 40 seconds.
_BEGAN_MS: Final = 1_577_836_800_000
_STEP_MS: Final = 40_000
_SITES, _GRIDS, _ORDERS, _VEHICLES = 400, 120, 30_000, 400_000
_RULES: Final = (
    (
        "watch-list-hit",
        "medium",
        "Plate {plate} is on the watch list.",
        "车牌 {plate} 在布控名单中。",
    ),
    (
        "quarantine-breach",
        "critical",
        "A person under order was at {site}.",
        "隔离人员出现在 {site}。",
    ),
    ("first-seen-vehicle", "low", "{plate} was never seen before.", "{plate} 初次入城。"),
    ("check-incomplete", "low", "Nobody checked {plate} at {site}.", "{site} 未对 {plate} 查验。"),
    (
        "missed-check-in",
        "medium",
        "Order {order} missed a check-in.",
        "隔离令 {order} 未按时打卡。",
    ),
    ("source-silent", "medium", "{site} is silent.", "{site} 设备静默。"),
)
_LIVE: Final = ("open", "acked", "dispatched")


async def run() -> dict[str, Any]:
    """Return the figures of both databases, where PostgreSQL is named."""
    figures: dict[str, Any] = {"alerts": _ALERTS}
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as folder:
        figures |= await _measured(f"sqlite:///{Path(folder) / 'alerts.db'}", "SQLite")
    shared = os.environ.get("CORDON_BENCH_POSTGRESQL")
    if shared is not None:
        figures |= await _measured(shared, "PostgreSQL")
    return figures


async def _measured(url: str, name: str) -> dict[str, Any]:
    database = Database(url)
    try:
        await database.migrate()
        store = await AlertStore.open(database, lambda published: None, lambda: _BEGAN_MS)
        began = time.perf_counter()
        last_n = await database.write(_fill)
        figures: dict[str, Any] = {
            f"{name}, revisions": last_n,
            f"{name}, filled in s": round(time.perf_counter() - began),
        }
        for query, ask in _queries(store).items():
            taken = await _times_ms(ask)
            p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
            figures[f"{name}, {query}, p50 ms"] = round(p50, 1)
            figures[f"{name}, {query}, p95 ms"] = round(p95, 1)
    finally:
        await database.close()
    return figures


async def _times_ms(ask: Callable[[random.Random], Awaitable[bytes]]) -> list[float]:
    chance = random.Random(7)
    taken = []
    for turn in range(_REPEATS + 5):
        began = time.perf_counter()
        await ask(chance)
        if turn >= 5:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def _queries(store: AlertStore) -> dict[str, Callable[[random.Random], Awaitable[bytes]]]:
    def page(make: Callable[[random.Random], Filters]) -> Any:
        async def ask(chance: random.Random) -> bytes:
            return page_json(await store.page(make(chance), None, 100))

        return ask

    def past(make: Callable[[random.Random], Filters]) -> Any:
        async def ask(chance: random.Random) -> bytes:
            at_ms = _BEGAN_MS + chance.randrange(_ALERTS * _STEP_MS)
            return page_json(await store.page_as_of(at_ms, make(chance), None, 100))

        return ask

    def one(values: str) -> frozenset[str]:
        return frozenset({values})

    async def deep(chance: random.Random) -> bytes:
        before = chance.randrange(1, store.last_n or _ALERTS)
        return page_json(await store.page(Filters(), before, 100))

    live: Any = frozenset(_LIVE)
    return {
        "list": page(lambda c: Filters()),
        "list deep": deep,
        "list live": page(lambda c: Filters(states=live)),
        "list open and critical": page(
            lambda c: Filters(states=frozenset({"open"}), severities=frozenset({"critical"}))
        ),
        "list of a site": page(lambda c: Filters(sites=one(f"site-{c.randrange(_SITES)}"))),
        "list of a grid, live": page(
            lambda c: Filters(grids=one(f"g{c.randrange(_GRIDS)}"), states=live)
        ),
        "list of an order": page(lambda c: Filters(orders=one(f"order-{c.randrange(_ORDERS)}"))),
        "list of a subject": page(
            lambda c: Filters(subjects=one(f"vehicle:{_plate(c.randrange(_VEHICLES))}"))
        ),
        "list of a rule in a week": page(_week),
        "search a plate": page(lambda c: Filters(text=_plate(c.randrange(_VEHICLES)))),
        "search two Chinese characters": page(lambda c: Filters(text="隔离")),
        "search what is nowhere": page(lambda c: Filters(text=f"nowhere{c.randrange(10**6)}")),
        "as of": past(lambda c: Filters()),
        "as of, live": past(lambda c: Filters(states=live)),
        "as of, open and critical": past(
            lambda c: Filters(states=frozenset({"open"}), severities=frozenset({"critical"}))
        ),
        "as of, a subject": past(
            lambda c: Filters(subjects=one(f"vehicle:{_plate(c.randrange(_VEHICLES))}"))
        ),
        "as of, a grid": past(lambda c: Filters(grids=one(f"g{c.randrange(_GRIDS)}"))),
        "as of, an order": past(lambda c: Filters(orders=one(f"order-{c.randrange(_ORDERS)}"))),
    }


def _week(chance: random.Random) -> Filters:
    since_ms = _BEGAN_MS + chance.randrange(_ALERTS * _STEP_MS)
    rule = chance.choice(_RULES)[0]
    return Filters(rules=frozenset({rule}), since_ms=since_ms, until_ms=since_ms + 7 * 86_400_000)


def _plate(number: int) -> str:
    return f"浙F{number:05X}"


def _fill(connection: Connection) -> int:
    """Write everything without indexes, and make those at the end."""
    indexes = [index for table in (alerts, alert_events) for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    rows: dict[Table, list[dict[str, Any]]] = {alerts: [], alert_events: [], alert_traits: []}
    n = 0
    for table, row in _rows():
        n = max(n, row.get("n", 0))
        rows[table].append(row)
        if len(rows[table]) >= _ROWS_A_TIME:
            connection.execute(insert(table), rows[table])
            rows[table].clear()
    for table, left in rows.items():
        if left:
            connection.execute(insert(table), left)
    set_counter(connection, "feed", n)
    for index in indexes:
        index.create(connection)
    connection.exec_driver_sql("ANALYZE")
    return n


def _rows() -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield the rows of both tables in the order of commits."""
    chance = random.Random(20)
    n = 0
    # What is still to come of alerts: when, and which alert, with its number and how it goes on.
    waiting: list[tuple[int, int, int, Alert, list[tuple[int, str]]]] = []
    last_ms = _BEGAN_MS + _ALERTS * _STEP_MS
    for number in range(_ALERTS + 1):
        at_ms = _BEGAN_MS + number * _STEP_MS
        until_ms = at_ms if number < _ALERTS else last_ms
        while waiting and waiting[0][0] <= until_ms:
            due_ms, _, first_n, alert, steps = heapq.heappop(waiting)
            n += 1
            state = steps[0][1]
            alert = msgspec.structs.replace(alert, revision=alert.revision + 1, state=state)
            yield alert_events, _event(n, alert, "updated", due_ms)
            if len(steps) > 1:
                heapq.heappush(waiting, (steps[1][0], number, first_n, alert, steps[1:]))
            else:
                yield from _rows_of(n, first_n, alert, due_ms)
        if number == _ALERTS:
            break
        n += 1
        alert = _alert(number, at_ms, chance)
        yield alert_events, _event(n, alert, "raised", at_ms)
        steps = _steps(at_ms, last_ms, chance)
        if steps:
            heapq.heappush(waiting, (steps[0][0], number, n, alert, steps))
        else:
            yield from _rows_of(n, n, alert, at_ms)


def _steps(at_ms: int, last_ms: int, chance: random.Random) -> list[tuple[int, str]]:
    """Return how an alert goes on: half are closed at once, others are taken on before, and some
    stay for weeks; what lies beyond the end has not happened."""
    closed_ms = at_ms + int(chance.expovariate(1 / 7_200_000)) + 1_000
    if chance.random() < 0.003:
        closed_ms += chance.randrange(30 * 86_400_000)
    steps = [(closed_ms, "resolved")]
    if chance.random() < 0.4:
        steps.insert(0, (at_ms + (closed_ms - at_ms) // 3, "acked"))
    return [step for step in steps if step[0] <= last_ms]


def _alert(number: int, at_ms: int, chance: random.Random) -> Alert:
    rule, severity, english, chinese = _RULES[chance.randrange(len(_RULES))]
    plate, at = _plate(chance.randrange(_VEHICLES)), format_ms(at_ms)
    site, order = f"site-{chance.randrange(_SITES)}", f"order-{chance.randrange(_ORDERS)}"
    words = {"plate": plate, "site": site, "order": order}
    dedupe = f"{plate}@{site}"
    return Alert(
        id=alert_id(rule, 1, f"{dedupe}{number}", at_ms),
        revision=1,
        rule=rule,
        rule_version="1.0.0",
        policy_version="default@1",
        severity=severity,  # type: ignore[arg-type]
        evidence_class="vehicle",
        state="open",
        subject=Subject("vehicle", f"vehicle:{plate}", plate),
        site=site,
        grid=f"g{chance.randrange(_GRIDS)}",
        order=order if "{order}" in english else None,
        first_seen=at,
        last_seen=at,
        count=1,
        historical=False,
        evidence=[Evidence(f"camera-{site}", f"e{number}", "cordon.plate-hit.v1", at, site)],
        reason=Reason(english.format(**words), chinese.format(**words)),
        dedupe=dedupe,
        incident=f"vehicle:{plate}",
    )


def _event(n: int, alert: Alert, verb: Any, at_ms: int) -> dict[str, Any]:
    at = format_ms(at_ms)
    event = AlertEvent(
        specversion="1.0",
        id=f"{alert.id}/{alert.revision}",
        source="cordon/api",
        type=alert_type(verb),
        time=at,
        recordedtime=at,
        cursor=f"00000000-{n}",
        data=alert,
    )
    return {
        "n": n,
        "alert_id": alert.id,
        "revision": alert.revision,
        "type": event.type,
        "committed_ms": at_ms,
        "body": msgspec.json.encode(event),
    }


def _rows_of(
    n: int, first_n: int, alert: Alert, at_ms: int
) -> Iterator[tuple[Table, dict[str, Any]]]:
    ended_n = None if alert.state in _LIVE else n
    record = Record(alert=alert, acts=NO_ACTS, verb="matched")
    yield (
        alerts,
        row_of(record)
        | {
            "raised_n": first_n,
            "updated_ms": at_ms,
            "ended_n": ended_n,
            "node": None if ended_n is None else node_of(first_n, max(first_n, ended_n - 1)),
        },
    )
    for trait in traits_of(record, None, first_n):
        yield alert_traits, trait
