"""What kept events from being alerts: counted by the hour, in the transaction of the position."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, case, delete, func, select

from schemas.suppressions import Suppressed, SuppressedEvent
from schemas.times import DAY_MS, HOUR_MS, parse_ms
from services.api.store.tables import suppressed
from services.api.store.upsert import Proposed, Upsert

KEEP_MS: Final = 7 * DAY_MS
# The columns, as `_row` orders them.
_KEY: Final = ("hour_ms", "rule", "reason", "site")
_FORGET: Final = delete(suppressed).where(suppressed.c.hour_ms < bindparam("oldest_ms"))


class Span(Struct, frozen=True, kw_only=True):
    """What a reader asks for: hours that begin in [since, until), and any of the values given."""

    since_ms: int
    until_ms: int
    rules: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()


class Counted(Struct, frozen=True):
    """How often one reason spoke against one rule at one site ("" = at none), and an example."""

    rule: str
    reason: str
    site: str
    count: int
    first_ms: int
    last_ms: int
    source: str
    event_id: str


def add(connection: Connection, events: Iterable[SuppressedEvent]) -> None:
    """Add up what workers told, each under the hour of the engine's clock; forget old hours."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    newest_ms = 0
    for event in events:
        at_ms = parse_ms(event.time)
        newest_ms = max(newest_ms, at_ms)
        row = _row(at_ms - at_ms % HOUR_MS, event.data)
        key = tuple(row[name] for name in _KEY)
        rows[key] = _joined(rows[key], row) if key in rows else row
    if not rows:
        return
    _ADD.run(connection, list(rows.values()))
    connection.execute(_FORGET, {"oldest_ms": newest_ms - KEEP_MS})


def counted(connection: Connection, span: Span) -> list[Counted]:
    """Return what was suppressed, the most frequent first; the example is the latest one."""
    columns = suppressed.c
    group = (columns.rule, columns.reason, columns.site)
    latest = func.row_number().over(
        partition_by=group, order_by=(columns.last_ms.desc(), columns.hour_ms.desc())
    )
    conditions = [columns.hour_ms >= span.since_ms, columns.hour_ms < span.until_ms]
    for column, wanted in (
        (columns.rule, span.rules),
        (columns.reason, span.reasons),
        (columns.site, span.sites),
    ):
        if wanted:
            conditions.append(column.in_(sorted(wanted)))
    each = (
        select(
            *group,
            func.sum(columns.count).over(partition_by=group).label("total"),
            func.min(columns.first_ms).over(partition_by=group).label("first"),
            func.max(columns.last_ms).over(partition_by=group).label("last"),
            columns.source,
            columns.event_id,
            latest.label("place"),
        )
        .where(*conditions)
        .subquery()
    )
    of = each.c
    query = (
        select(of.rule, of.reason, of.site, of.total, of.first, of.last, of.source, of.event_id)
        .where(of.place == 1)
        .order_by(of.total.desc(), of.rule, of.reason, of.site)
    )
    return [
        Counted(rule, reason, site, int(total), first, last, source, event_id)
        for rule, reason, site, total, first, last, source, event_id in connection.execute(query)
    ]


def _summed(new: Proposed) -> dict[str, Any]:
    old = suppressed.c
    later = new.last_ms >= old.last_ms
    return {
        "count": old.count + new.count,
        "first_ms": case((new.first_ms < old.first_ms, new.first_ms), else_=old.first_ms),
        "last_ms": case((later, new.last_ms), else_=old.last_ms),
        "source": case((later, new.source), else_=old.source),
        "event_id": case((later, new.event_id), else_=old.event_id),
    }


_ADD: Final = Upsert(suppressed, _KEY, _summed)


def _row(hour_ms: int, data: Suppressed) -> dict[str, Any]:
    return {
        "hour_ms": hour_ms,
        "rule": data.rule,
        "reason": data.by,
        "site": data.site or "",
        "count": data.count,
        "first_ms": parse_ms(data.first_seen),
        "last_ms": parse_ms(data.last_seen),
        "source": data.source,
        "event_id": data.id,
    }


def _joined(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    latest = new if new["last_ms"] >= old["last_ms"] else old
    return {
        **latest,
        "count": old["count"] + new["count"],
        "first_ms": min(old["first_ms"], new["first_ms"]),
    }
