"""What alerts were, from the events of the feed, as functions of a connection.

"As known at an instant" means: as far as it was committed by then, by the store's clock.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    func,
    select,
    union_all,
)

from schemas.alerts import Alert, AlertEvent
from services.api.filters import Filters, matches
from services.api.history.spans import nodes_for
from services.api.store.tables import alert_events as events
from services.api.store.tables import alert_traits as traits
from services.api.store.tables import alerts

# For one page: first as many alerts as it holds, then slices; where few match, the page is short
# and names the next.
_LOOKS: Final = 3
_SLICE: Final = 1_000
_LIVE: Final = frozenset({"open", "acked", "dispatched"})
_EVENT = msgspec.json.Decoder(AlertEvent)


class Known(Struct, frozen=True):
    """Alerts as they were, the last raised first; `next` is the key to go on from."""

    alerts: list[Alert]
    next: int | None


class Revision(Struct, frozen=True):
    """An event of an alert with its place in the feed, and when it was committed."""

    n: int
    committed_ms: int
    event: AlertEvent


def place_at(connection: Connection, at_ms: int) -> int:
    """Return the number of the last event that was committed by an instant (ms UTC), or 0."""
    committed = events.c.committed_ms
    newest = connection.scalar(select(func.max(committed)).where(committed <= at_ms))
    if newest is None:
        return 0
    return int(connection.scalar(select(func.max(events.c.n)).where(committed == newest)) or 0)


def state_at(
    connection: Connection, at_ms: int, filters: Filters, before: int | None, limit: int
) -> Known:
    """Return up to `limit` alerts as they were known at an instant, from those below `before`.

    What SQL cannot say of the past is asked of each alert; what lived then is found by its life.
    """
    n = place_at(connection, at_ms)
    query = _candidates(filters, n)
    found: list[Alert] = []
    key = before
    size = limit + 1
    for _ in range(_LOOKS):
        bound = n if key is None else key - 1
        rows = connection.execute(query, {"bound": bound, "n": n, "size": size}).all()
        for row in rows:
            if len(found) == limit:
                return Known(found, key)
            key = row.raised_n
            if row.body is None:
                # It is older than what is kept of the history.
                continue
            alert = _EVENT.decode(row.body).data
            if matches(filters, alert):
                found.append(alert)
        if len(rows) < size:
            return Known(found, None)
        size = _SLICE
    return Known(found, key)


def _candidates(filters: Filters, n: int) -> Select[Any]:
    """Return the query of what may match: rule, subject and incident of an alert never change, and
    of what may change every value is noted."""
    then = (
        select(events.c.body)
        .where(events.c.alert_id == alerts.c.id, events.c.n <= bindparam("n"))
        # With the id in front, PostgreSQL does not walk the whole feed backwards instead.
        .order_by(events.c.alert_id.desc(), events.c.n.desc())
        .limit(1)
        .correlate(alerts)
        .scalar_subquery()
    )
    query = select(alerts.c.raised_n, then.label("body"))
    fixed = (
        (alerts.c.rule, filters.rules),
        (alerts.c.subject, filters.subjects),
        (alerts.c.incident, filters.incidents),
    )
    query = query.where(*(column.in_(sorted(values)) for column, values in fixed if values))
    noted = (("order", filters.orders), ("site", filters.sites), ("grid", filters.grids))
    for kind, values in noted:
        if values:
            had = select(traits.c.raised_n).where(
                traits.c.kind == kind,
                traits.c.value.in_(sorted(values)),
                traits.c.raised_n <= bindparam("bound"),
            )
            query = query.where(alerts.c.raised_n.in_(had))
    if filters.states and filters.states <= _LIVE:
        query = query.where(alerts.c.raised_n.in_(_alive(n)))
    return (
        query.where(alerts.c.raised_n <= bindparam("bound"))
        .order_by(alerts.c.raised_n.desc())
        .limit(bindparam("size"))
    )


def _alive(n: int) -> Select[Any]:
    """Return the query of the alerts that lived at a place in the feed: those that still live, and
    those whose life, by spans.py, holds the place."""
    nodes = nodes_for(n)
    first = alerts.c.raised_n
    still = select(first).where(alerts.c.node.is_(None), first <= n)
    until = select(first).where(alerts.c.node.in_(nodes.low), alerts.c.ended_n > n)
    since = select(first).where(alerts.c.node.in_(nodes.high), first <= n)
    living = union_all(still, until, since).subquery()
    return select(living.c.raised_n)


def revisions(
    connection: Connection, alert_id: str, after: int, limit: int
) -> tuple[Revision | None, list[Revision]]:
    """Return up to `limit` revisions after a place, the oldest first, and the one before them."""
    columns = (events.c.n, events.c.committed_ms, events.c.body)
    query = select(*columns).where(events.c.alert_id == alert_id)
    later = query.where(events.c.n > after).order_by(events.c.n).limit(limit)
    earlier = query.where(events.c.n <= after).order_by(events.c.n.desc()).limit(1)
    before = _decoded(connection.execute(earlier)) if after else []
    return (before[0] if before else None), _decoded(connection.execute(later))


def _decoded(rows: Iterable[Any]) -> list[Revision]:
    return [Revision(row.n, row.committed_ms, _EVENT.decode(row.body)) for row in rows]
