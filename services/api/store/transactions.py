"""What the store does inside a transaction, as functions of a connection."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from schemas.alerts import AlertEvent, FindingEvent
from schemas.suppressions import SuppressedEvent
from schemas.times import parse_ms
from schemas.versions import FOREVER
from services.api.acts import Act
from services.api.audit.chain import Entry
from services.api.audit.chain import record as note_in_audit
from services.api.history.spans import node_of
from services.api.inhibitions import stored as inhibitions
from services.api.inhibitions.marking import Inhibiting
from services.api.merge import AlertBook, Record
from services.api.overdue import steps
from services.api.people.limit import Limit, may_see
from services.api.rate_cap import RateCap, key_of
from services.api.silences import stored as silences
from services.api.store import caps, suppressed, waits
from services.api.store.kept import LIVE, Kept, records_of
from services.api.store.marks import MARKED_AT_ONCE, settle
from services.api.store.rows import RECORD_COLUMNS, record_of, row_of, traits_of
from services.api.store.surroundings import around, orders_of
from services.api.store.tables import alert_events, alert_traits, alerts, counters, positions
from services.api.store.upsert import upsert

# The channel on which PostgreSQL tells of new events of the feed; the payload is the newest n.
CHANNEL = "cordon_feed"

# Built once: to build these for each batch took longer than to run them.
_REVISION = select(alerts.c.revision).where(alerts.c.id == bindparam("alert"))
_LIVING = select(*RECORD_COLUMNS).where(alerts.c.state.in_(LIVE))
_COUNTER = select(counters.c.value).where(counters.c.name == bindparam("name"))
_COUNTERS = select(counters.c.name, counters.c.value)
_SET_COUNTER = (
    update(counters).where(counters.c.name == bindparam("counter")).values(value=bindparam("value"))
)
_RAISE_COUNTER = _SET_COUNTER.where(counters.c.value < bindparam("value"))
_POSITIONS = select(positions.c.partition, positions.c.next_offset).where(
    positions.c.topic == bindparam("topic")
)
_MOVE_POSITION = (
    update(positions)
    .where(positions.c.topic == bindparam("of"), positions.c.partition == bindparam("part"))
    .values(next_offset=bindparam("next_offset"))
)
_INSERT_ALERTS = insert(alerts)
_UPDATE_ALERTS = (
    update(alerts)
    .where(alerts.c.id == bindparam("key"))
    .values(
        **{
            column.name: bindparam(column.name)
            for column in alerts.c
            if column.name not in ("id", "raised_n")
        }
    )
)
_INSERT_EVENTS = insert(alert_events)
_EVENTS_AFTER = (
    select(alert_events.c.n, alert_events.c.type, alert_events.c.body, alert_events.c.alert_id)
    .where(alert_events.c.n > bindparam("after"))
    .order_by(alert_events.c.n)
    .limit(bindparam("page"))
)


class FeedEvent(Struct, frozen=True, kw_only=True):
    """One event of the feed; `body` is the CloudEvent as JSON, encoded once for all."""

    n: int
    type: str
    body: bytes
    alert_id: str


class Published(Struct, frozen=True):
    """An event that is committed with this transaction, and what it says."""

    event: FeedEvent
    change: AlertEvent


class Sourced(Struct, frozen=True):
    """What a worker told, with its place in the topic."""

    partition: int
    offset: int
    told: FindingEvent | SuppressedEvent


class Applied(Struct, frozen=True):
    """What a batch did: what was new in it, and the events that the findings made.

    `calm_ms` is when the first open summary of the rate cap will be over; FOREVER = none is open.
    """

    findings: int
    suppressed: int
    repeats: int
    published: list[Published]
    calm_ms: int


class UnknownAlert(Exception):
    """There is no alert with this id that the caller may see."""

    def __init__(self, alert_id: str) -> None:
        super().__init__(alert_id)
        self.alert_id = alert_id


class StaleRevision(Exception):
    """The alert is no longer at the revision that the caller saw."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the alert is at revision {current}")
        self.current = current


def apply_findings(
    connection: Connection,
    cursor: Callable[[int], str],
    topic: str,
    records: Sequence[Sourced],
    next_offsets: Mapping[int, int],
    now_ms: int,
    cap: int,
    clock_ms: int,
) -> Applied:
    """Merge the findings that are at or above the stored positions, count what was suppressed, and
    move the positions. The engine's clock has come to `clock_ms` at least."""
    counted = {row.name: int(row.value) for row in connection.execute(_COUNTERS)}
    last_n, before_ms = counted["feed"], counted["clock"]
    stored = positions_of(connection, topic)
    told = [one.told for one in records if one.offset >= stored.get(one.partition, 0)]
    fresh = [one for one in told if isinstance(one, FindingEvent)]
    quiet = [one for one in told if isinstance(one, SuppressedEvent)]
    limits = RateCap(cap, caps.read(connection, {key_of(one.data) for one in fresh}))
    summaries = {each.summary.alert_id for each in limits.groups.values() if each.summary}
    kept = records_of(connection, _touched(fresh) | summaries)
    orders = orders_of(fresh, kept.records)
    inhibiting = Inhibiting(connection, now_ms)
    surroundings = around(connection, now_ms, inhibiting, orders)
    book = AlertBook(kept.records.values(), limits, before_ms, surroundings)
    changes = [change for finding in fresh for change in book.apply(finding)]
    times = [clock_ms, *(parse_ms(one.time) for one in told)]
    changes += book.settle(max(times))
    changes += settle(connection, kept, book, inhibiting, now_ms)
    published = _write(connection, cursor, kept, book, changes, last_n, now_ms)
    caps.write(connection, limits, book.clock_ms)
    suppressed.add(connection, quiet)
    if book.clock_ms > before_ms:
        set_counter(connection, "clock", book.clock_ms)
    _save_positions(connection, topic, stored, next_offsets)
    calm_ms = min((each.calm_ms for each in limits.groups.values()), default=FOREVER)
    return Applied(len(fresh), len(quiet), len(records) - len(told), published, calm_ms)


def apply_act(
    connection: Connection,
    cursor: Callable[[int], str],
    alert_id: str,
    revision: int,
    deed: Act,
    actor: str,
    note: str | None,
    at_ms: int,
    role: str,
    within: Limit | None,
) -> list[Published]:
    """Apply a person's act and note it in the audit log.

    `within` is what the person may see. Raises UnknownAlert, also for the alert that a duplicate
    names, StaleRevision or acts.Refused; then nothing is written.
    """
    last_n = counter(connection, "feed")
    kept = records_of(connection, {alert_id, *([deed.of] if deed.of else ())})
    record = _visible(kept, alert_id, within)
    if deed.of is not None:
        _visible(kept, deed.of, within)
    if record.alert.revision != revision:
        raise StaleRevision(record.alert.revision)
    inhibiting = Inhibiting(connection, at_ms)
    book = AlertBook(kept.records.values(), around=around(connection, at_ms, inhibiting))
    changes = book.act(alert_id, deed, actor, note, at_ms)
    changes += settle(connection, kept, book, inhibiting, at_ms)
    detail = {
        "revision": revision + 1,
        "assignee": deed.assignee,
        "outcome": deed.outcome,
        "of": deed.of,
        "noted": True if note else None,
    }
    entry = Entry(
        at_ms=at_ms,
        actor=actor,
        role=role,
        action=f"alert.{deed.name}",
        about=alert_id,
        detail={name: value for name, value in detail.items() if value is not None},
    )
    note_in_audit(connection, entry)
    return _write(connection, cursor, kept, book, changes, last_n, at_ms)


def apply_marks(
    connection: Connection, cursor: Callable[[int], str], now_ms: int
) -> list[Published] | None:
    """Mark or unmark the alerts that live, for silences and inhibitions that have begun or ended.

    It takes a part of them; None = nothing is left to do. They are noted as done with the last
    part, so that whoever leads then goes on.
    """
    silent = silences.turned(connection, now_ms)
    inhibited = inhibitions.turned(connection, now_ms)
    if not silent and not inhibited:
        return None
    living = [record_of(row).alert for row in connection.execute(_LIVING)]
    inhibiting = Inhibiting(connection, now_ms)
    inhibiting.rebuild(inhibited, living)
    surroundings = around(connection, now_ms, inhibiting)
    wrong = [
        alert.id
        for alert in living
        if surroundings.silenced(alert) != alert.silenced_by
        or surroundings.inhibited(alert, alert.inhibited_by) != alert.inhibited_by
    ]
    some = wrong[:MARKED_AT_ONCE]
    if len(some) == len(wrong):
        silences.note_phases(connection, silent, now_ms)
        inhibitions.note_phases(connection, inhibited, now_ms)
    if not some:
        return []
    last_n = counter(connection, "feed")
    kept = records_of(connection, some)
    book = AlertBook(kept.records.values(), around=surroundings)
    changes = [change for alert_id in some for change in book.mark(alert_id, now_ms)]
    return _write(connection, cursor, kept, book, changes, last_n, now_ms)


def apply_overdue(
    connection: Connection,
    cursor: Callable[[int], str],
    limits: Mapping[str, float],
    now_ms: int,
) -> list[Published]:
    """Let the alerts that have waited for too long reach every level that is due by now.

    It takes a part of them; there are no more when it returns nothing. Who waits is read in the
    transaction that writes the levels: so none is reached twice, whoever else believes to lead.
    """
    taken = [
        step
        for wait in waits.due(connection, limits, now_ms)
        for step in steps(wait, limits, now_ms)
    ]
    if not taken:
        return []
    last_n = counter(connection, "feed")
    kept = records_of(connection, {one.alert_id for one in taken})
    book = AlertBook(kept.records.values())
    changes = [change for one in taken for change in book.escalate(one, now_ms)]
    waits.step(connection, taken)
    return _write(connection, cursor, kept, book, changes, last_n, now_ms)


def revision_of(connection: Connection, alert_id: str) -> int | None:
    """Return the revision of an alert, None = there is none."""
    return connection.scalar(_REVISION, {"alert": alert_id})


def counter(connection: Connection, name: str) -> int:
    """Return a counter."""
    value = connection.scalar(_COUNTER, {"name": name})
    return int(value or 0)


def set_counter(connection: Connection, name: str, value: int) -> None:
    """Set a counter."""
    connection.execute(_SET_COUNTER, {"counter": name, "value": value})


def raise_counter(connection: Connection, name: str, value: int) -> None:
    """Set a counter that is below a value to it."""
    connection.execute(_RAISE_COUNTER, {"counter": name, "value": value})


def positions_of(connection: Connection, topic: str) -> dict[int, int]:
    """Return the next offset of each partition that has been read from."""
    rows = connection.execute(_POSITIONS, {"topic": topic})
    return {row.partition: row.next_offset for row in rows}


def forget_position(connection: Connection, topic: str, partition: int) -> None:
    """Forget how far a partition was read."""
    connection.execute(
        delete(positions).where(positions.c.topic == topic, positions.c.partition == partition)
    )


def events_after(connection: Connection, n: int, limit: int) -> list[FeedEvent]:
    """Return the next events of the feed in order."""
    return [
        FeedEvent(n=row.n, type=row.type, body=row.body, alert_id=row.alert_id)
        for row in connection.execute(_EVENTS_AFTER, {"after": n, "page": limit})
    ]


def oldest_n(connection: Connection) -> int | None:
    """Return the number of the oldest event that is kept."""
    oldest: int | None = connection.scalar(select(func.min(alert_events.c.n)))
    return oldest


def first_n_after(connection: Connection, ms: int) -> int | None:
    """Return the number of the first event that was committed after an instant (ms UTC)."""
    first: int | None = connection.scalar(
        select(func.min(alert_events.c.n)).where(alert_events.c.committed_ms > ms)
    )
    return first


def prune(connection: Connection, keep: int, before_ms: int) -> int:
    """Forget events that are older than an instant (ms UTC), never one of the newest `keep`, nor
    one that is not published; return how many."""
    upto = min(counter(connection, "feed") - keep, counter(connection, "outbox"))
    old = (alert_events.c.n <= upto) & (alert_events.c.committed_ms < before_ms)
    return connection.execute(delete(alert_events).where(old)).rowcount


def _visible(kept: Kept, alert_id: str, within: Limit | None) -> Record:
    record = kept.records.get(alert_id)
    if record is None or not may_see(within, record.alert):
        raise UnknownAlert(alert_id)
    return record


def _touched(findings: Iterable[FindingEvent]) -> set[str]:
    ids: set[str] = set()
    for finding in findings:
        ids.add(finding.data.alert_id)
        ids.update(finding.data.related or ())
    return ids


def _write(
    connection: Connection,
    cursor: Callable[[int], str],
    kept: Kept,
    book: AlertBook,
    changes: Sequence[AlertEvent],
    last_n: int,
    now_ms: int,
) -> list[Published]:
    """Write what the book has that was not kept before, and number the events."""
    before = kept.records
    published: list[Published] = []
    raised: dict[str, int] = {}
    newest: dict[str, int] = {}
    for n, change in enumerate(changes, start=last_n + 1):
        change.cursor = cursor(n)
        alert_id = change.data.id
        raised.setdefault(alert_id, n)
        newest[alert_id] = n
        body = msgspec.json.encode(change)
        published.append(
            Published(FeedEvent(n=n, type=change.type, body=body, alert_id=alert_id), change)
        )
    new: list[dict[str, Any]] = []
    old: list[dict[str, Any]] = []
    traits: list[dict[str, Any]] = []
    for alert_id, record in book.records.items():
        was = before.get(alert_id)
        if record is was:
            continue
        life = kept.lives.get(alert_id)
        first_n = raised[alert_id] if life is None else life.raised_n
        ended_n = None
        if record.alert.state not in LIVE:
            ended_n = life.ended_n if life is not None and life.ended_n else newest[alert_id]
        row = row_of(record) | {
            "updated_ms": now_ms,
            "ended_n": ended_n,
            "node": None if ended_n is None else node_of(first_n, max(first_n, ended_n - 1)),
        }
        traits += traits_of(record, was, first_n)
        if was is None:
            new.append(row | {"raised_n": first_n})
        else:
            old.append(row | {"key": row.pop("id")})
    if new:
        connection.execute(_INSERT_ALERTS, new)
    if old:
        connection.execute(_UPDATE_ALERTS, old)
    if traits:
        connection.execute(upsert(connection, alert_traits).on_conflict_do_nothing(), traits)
    waits.track(connection, before, book.records, now_ms)
    if published:
        rows = [
            {
                "n": one.event.n,
                "alert_id": one.event.alert_id,
                "revision": one.change.data.revision,
                "type": one.event.type,
                "committed_ms": now_ms,
                "body": one.event.body,
            }
            for one in published
        ]
        connection.execute(_INSERT_EVENTS, rows)
        set_counter(connection, "feed", published[-1].event.n)
        if connection.dialect.name == "postgresql":
            # Sent with the commit: the processes that share the database read on.
            connection.exec_driver_sql(f"NOTIFY {CHANNEL}, '{published[-1].event.n}'")
    return published


def _save_positions(
    connection: Connection, topic: str, stored: Mapping[int, int], new: Mapping[int, int]
) -> None:
    """Move positions forward; they never go back."""
    for partition, next_offset in new.items():
        if partition not in stored:
            place = {"topic": topic, "partition": partition, "next_offset": next_offset}
            connection.execute(insert(positions), place)
        elif next_offset > stored[partition]:
            moved = {"of": topic, "part": partition, "next_offset": next_offset}
            connection.execute(_MOVE_POSITION, moved)
