"""Incidents in the database: what the alerts that live have in common."""

from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, case, func, select

from schemas.alerts import SEVERITIES, Severity
from services.api.filters import Filters
from services.api.store.kept import LIVE
from services.api.store.rows import conditions
from services.api.store.tables import alerts

_RANK: Final = case(
    {severity: rank for rank, severity in enumerate(SEVERITIES)}, value=alerts.c.severity
)


class Incident(Struct, frozen=True):
    """Alerts that live and belong together. `newest_n` is the place of the last raised one."""

    id: str
    worst: Severity
    live: int
    open: int
    silenced: int
    inhibited: int
    first_ms: int
    last_ms: int
    updated_ms: int
    newest_n: int


def page(
    connection: Connection, filters: Filters, before: int | None, limit: int
) -> tuple[list[Incident], int | None]:
    """Return incidents with alerts that live and match, that with the last raised alert first, and
    the key of the next page."""
    columns = alerts.c
    newest = func.max(columns.raised_n)
    query: Any = (
        select(
            columns.incident,
            func.max(_RANK),
            func.count(),
            func.sum(case((columns.state == "open", 1), else_=0)),
            func.sum(case((columns.silenced, 1), else_=0)),
            func.sum(case((columns.inhibited, 1), else_=0)),
            func.min(columns.first_seen_ms),
            func.max(columns.last_seen_ms),
            func.max(columns.updated_ms),
            newest,
        )
        .where(columns.state.in_(LIVE), columns.incident.is_not(None), *conditions(filters))
        .group_by(columns.incident)
        .order_by(newest.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.having(newest < before)
    found = [
        Incident(row[0], SEVERITIES[row[1]], *(int(each) for each in row[2:]))
        for row in connection.execute(query)
    ]
    more = found[limit - 1].newest_n if len(found) > limit else None
    return found[:limit], more
