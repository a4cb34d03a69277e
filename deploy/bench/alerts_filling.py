"""A store filled as a county would in years: for `bench alerts`, which asks of it."""

import heapq
import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table

from schemas.alerts import Alert, AlertEvent, Evidence, Reason, Subject, alert_id, alert_type
from schemas.times import format_ms
from services.api.acts import NO_ACTS
from services.api.history.spans import node_of
from services.api.merge import Record
from services.api.store import search
from services.api.store.rows import row_of, traits_of
from services.api.store.tables import alert_events, alert_traits, alerts
from services.api.store.transactions import set_counter

# 2020-01-01T00:00Z; an alert every 40 seconds.
BEGAN_MS: Final = 1_577_836_800_000
STEP_MS: Final = 40_000
SITES, GRIDS, ORDERS, VEHICLES = 400, 120, 30_000, 400_000
LIVE: Final = ("open", "acked", "dispatched")
# What somebody wrote about one alert of so many; the others have no note.
NOTE, NOTED_OF = "移交派出所，已电话核实", 5_000
RULES: Final = (
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
_ROWS_A_TIME: Final = 5_000


def fill(connection: Connection, count: int) -> int:
    """Write so many alerts into an empty store, and return how many revisions they have.

    Everything is written without indexes, which are made at the end.
    """
    indexes = [index for table in (alerts, alert_events) for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    search.drop(connection)
    rows: dict[Table, list[dict[str, Any]]] = {alerts: [], alert_events: [], alert_traits: []}
    n = 0
    for table, row in _rows(count):
        n = max(n, row.get("n", 0))
        rows[table].append(row)
        if len(rows[table]) >= _ROWS_A_TIME:
            _write(connection, table, rows[table])
            rows[table].clear()
    for table, left in rows.items():
        if left:
            _write(connection, table, left)
    set_counter(connection, "feed", n)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
    for index in indexes:
        index.create(connection)
    search.create(connection)
    if connection.dialect.name == "postgresql":
        # It does so by itself, some time after; SQLite is never told how rows are spread.
        connection.exec_driver_sql("ANALYZE")
    return n


def plate_of(number: int) -> str:
    """Return the plate of a vehicle."""
    return f"浙F{number:05X}"


def _write(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as the driver does it fastest, past SQLAlchemy."""
    names = list(rows[0])
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(names)
    values = ([row[name] for name in names] for row in rows)
    if connection.dialect.name == "postgresql":
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy,
        ):
            for row in values:
                copy.write_row(row)
        return
    places = ", ".join("?" * len(names))
    driver.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", values)


def _rows(count: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield the rows of both tables in the order of commits."""
    chance = random.Random(20)
    n = 0
    # What is still to come of alerts: when, and which alert, with its number and how it goes on.
    waiting: list[tuple[int, int, int, Alert, list[tuple[int, str]]]] = []
    last_ms = BEGAN_MS + count * STEP_MS
    for number in range(count + 1):
        at_ms = BEGAN_MS + number * STEP_MS
        until_ms = at_ms if number < count else last_ms
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
        if number == count:
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
    rule, severity, english, chinese = RULES[chance.randrange(len(RULES))]
    plate, at = plate_of(chance.randrange(VEHICLES)), format_ms(at_ms)
    place = chance.randrange(SITES)
    site, order = f"site-{place}", f"order-{chance.randrange(ORDERS)}"
    words = {"plate": plate, "site": site, "order": order}
    dedupe = f"{plate}@{site}"
    # One of a hundred is seen again for days, as one that nobody takes care of is.
    last = at if chance.random() > 0.01 else format_ms(at_ms + chance.randrange(5 * 86_400_000))
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
        grid=grid_of(place),
        order=order if "{order}" in english else None,
        note=NOTE if number % NOTED_OF == 0 else None,
        first_seen=at,
        last_seen=last,
        count=1,
        historical=False,
        evidence=[Evidence(f"camera-{site}", f"e{number}", "cordon.plate-hit.v1", at, site)],
        reason=Reason(english.format(**words), chinese.format(**words)),
        dedupe=dedupe,
        incident=f"vehicle:{plate}",
        capped_by=f"summary-{number // 4_000}" if number % 200 == 0 else None,
        silenced_by=["silence"] if number % 1_000 == 0 else None,
    )


def grid_of(place: int) -> str:
    """Return the grid of a site."""
    return f"g{place % GRIDS}"


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
    ended_n = None if alert.state in LIVE else n
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
