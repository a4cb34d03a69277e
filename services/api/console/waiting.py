"""Which alerts wait for people, and until when: what the board's clocks count down to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from msgspec import Struct
from sqlalchemy import Connection, select
from starlette.responses import Response

from schemas.alerts import Severity, State
from schemas.times import format_ms
from services.api.filters import Filters
from services.api.guard import READERS, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.overdue import WAITING, limit_ms
from services.api.people.areas import Within
from services.api.store.database import Database
from services.api.store.rows import conditions
from services.api.store.tables import alerts, waits


class Waiting(Struct, frozen=True):
    """An alert that somebody has to take on: `level` is what it has reached, `due` when it reaches
    the next one; null after the last."""

    id: str
    level: int
    due: str | None


class Limit(Struct, frozen=True):
    """How long an alert of a severity may stay in a state, in seconds."""

    state: State
    severity: Severity
    limit_s: float


class Waits(Struct, frozen=True):
    """`limits` stand for alerts that come later; what they do not name waits for nobody."""

    limits: list[Limit]
    items: list[Waiting]


def router(database: Database, limits: Callable[[], Awaitable[Mapping[str, float]]]) -> APIRouter:
    """Return the route; `limits` are the standing ones (overdue.DEFAULTS, or the policy's)."""
    routes = APIRouter(prefix="/v1/waiting", tags=["alerts"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Waits), 401, 403, 422),
    )
    async def waiting(
        within: Within, limit: Annotated[int, Query(ge=1, le=5000)] = 2000
    ) -> Response:
        """Alerts that wait for people, the one that has waited longest first."""
        standing = await limits()
        rows = await database.read(lambda c: _rows(c, Filters(within=within), limit))
        told = [
            Limit(state, severity, limit_ms(state, severity, standing) / 1000)
            for state, severity in WAITING
        ]
        return json_answer(Waits(told, [_waiting(row, standing) for row in rows]))

    return routes


def _rows(connection: Connection, filters: Filters, limit: int) -> list[Any]:
    query: Any = (
        select(waits.c.alert_id, waits.c.state, waits.c.severity, waits.c.since_ms, waits.c.level)
        .join(alerts, alerts.c.id == waits.c.alert_id)
        .where(*conditions(filters))
        .order_by(waits.c.since_ms, waits.c.alert_id)
        .limit(limit)
    )
    return list(connection.execute(query))


def _waiting(row: Any, standing: Mapping[str, float]) -> Waiting:
    if row.since_ms is None:
        return Waiting(row.alert_id, row.level, None)
    due_ms = row.since_ms + limit_ms(row.state, row.severity, standing)
    return Waiting(row.alert_id, row.level, format_ms(due_ms))
