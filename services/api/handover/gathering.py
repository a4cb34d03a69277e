"""What a report of a shift is made of, from the store and the registers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from schemas.alerts import Alert, AlertEvent
from services.api.filters import Filters
from services.api.handover.report import Coverage, Happened, Kept
from services.api.history.stored import state_at
from services.api.people.limit import Limit, may_see
from services.api.registers.stored import StoredVersion
from services.api.store.suppressed import Span, counted
from services.api.store.tables import alert_events as events

# `Desk.page`: name, instant, how many, after which id.
Pages = Callable[[str, int | None, int, str], Awaitable[tuple[list[StoredVersion], str | None]]]

_LIVE: Final = Filters(states=frozenset({"open", "acked", "dispatched"}))
_PAGE: Final = 1_000
_IDS_A_QUERY: Final = 500
_decode = msgspec.json.Decoder(AlertEvent).decode


class _Listens(Struct):
    heartbeat_s: float | None = None
    grid: str | None = None


_decode_listens = msgspec.json.Decoder(_Listens).decode


def happened_in(
    connection: Connection, since_ms: int, until_ms: int, limit: Limit | None
) -> list[Happened]:
    """Return the events that were committed in [since, until), in order."""
    query = (
        select(events.c.committed_ms, events.c.body)
        .where(events.c.committed_ms >= since_ms, events.c.committed_ms < until_ms)
        .order_by(events.c.n)
        .execution_options(yield_per=_PAGE)
    )
    found = (Happened(row.committed_ms, _decode(row.body)) for row in connection.execute(query))
    return [one for one in found if may_see(limit, one.event.data)]


def kept_of(
    connection: Connection,
    happened: Sequence[Happened],
    since_ms: int,
    until_ms: int,
    limit: Limit | None,
    registers: "Registers",
) -> Kept:
    """Return what lies outside the events of the span. What was suppressed is counted by whole
    hours, and has no area: somebody who is limited to areas gets none of it."""
    before = _live_at(connection, since_ms - 1, limit)
    after = _live_at(connection, until_ms - 1, limit)
    ids = {one.event.data.id for one in happened}
    new = {one.event.data.id for one in happened if one.event.data.revision == 1}
    suppressed: dict[tuple[str, str], int] = {}
    if limit is None:
        for one in counted(connection, Span(since_ms=since_ms, until_ms=until_ms)):
            key = one.rule, one.reason
            suppressed[key] = suppressed.get(key, 0) + one.count
    return Kept(
        before=before,
        after=after,
        begun_ms=_begun(connection, sorted(ids - new)),
        suppressed=suppressed,
        coverage=registers.coverage(after, happened),
    )


class Registers(Struct, frozen=True):
    """What the registers expect: the ids of sites and devices that are to be heard, and of orders
    that are in force."""

    sources: frozenset[str]
    orders: frozenset[str]

    def coverage(self, after: dict[str, Alert], happened: Sequence[Happened]) -> list[Coverage]:
        """Return the shares (D41) that alerts tell of: sources that are not silent at the end, and
        orders without a check-in that was missed in the span."""
        alerts = [*after.values(), *(one.event.data for one in happened)]
        silent = {
            name
            for alert in after.values()
            if alert.rule == "source-silent"
            for name in (alert.site, alert.subject.key.partition(":")[2])
            if name is not None
        }
        missed = {alert.order for alert in alerts if alert.rule == "missed-check-in"}
        return [
            Coverage("sources-heard", len(self.sources - silent), len(self.sources)),
            Coverage("orders-followed", len(self.orders - missed), len(self.orders)),
        ]


async def registers_of(pages: Pages, until_ms: int, limit: Limit | None) -> Registers:
    """Return what the registers expect at the end of a shift; raises Unavailable."""
    sources: set[str] = set()
    for name in ("site", "device"):
        for version in await _all(pages, name, until_ms):
            said = _decode_listens(version.body)
            inside = limit is None or limit.covers(said.grid, version.id, None)
            if inside and (said.heartbeat_s):
                sources.add(version.id)
    orders = {
        version.id
        for version in await _all(pages, "order", until_ms)
        if limit is None or limit.covers(None, None, version.id)
    }
    return Registers(frozenset(sources), frozenset(orders))


async def _all(pages: Pages, name: str, at_ms: int) -> list[StoredVersion]:
    found: list[StoredVersion] = []
    after: str | None = ""
    while after is not None:
        page, after = await pages(name, at_ms, _PAGE, after)
        found += page
    return found


def _live_at(connection: Connection, at_ms: int, limit: Limit | None) -> dict[str, Alert]:
    filters = msgspec.structs.replace(_LIVE, within=limit)
    found: dict[str, Alert] = {}
    key: int | None = None
    while True:
        known = state_at(connection, at_ms, filters, key, _PAGE)
        found |= {alert.id: alert for alert in known.alerts}
        if known.next is None:
            return found
        key = known.next


def _begun(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return when alerts were raised, as far as that is kept."""
    found: dict[str, int] = {}
    for start in range(0, len(ids), _IDS_A_QUERY):
        some = ids[start : start + _IDS_A_QUERY]
        query = select(events.c.alert_id, events.c.committed_ms).where(
            events.c.alert_id.in_(some), events.c.revision == 1
        )
        rows: Any = connection.execute(query)
        found |= {row.alert_id: row.committed_ms for row in rows}
    return found
