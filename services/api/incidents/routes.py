"""Incidents over HTTP: one household, order, vehicle, person or site with its alerts."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from starlette.responses import Response

from schemas.alerts import Severity
from schemas.times import format_ms
from services.api.alerts import filters_of, page_json
from services.api.filters import Filters
from services.api.guard import READERS, require
from services.api.incidents import stored
from services.api.incidents.stored import Incident
from services.api.openapi import ALERT_PAGE, answers, inline
from services.api.paging import Cursor, PageSize, cursor_of, place_of
from services.api.people.areas import Within
from services.api.store.database import Database
from services.api.store.store import AlertStore


class Shown(Struct, frozen=True):
    """An incident: its alerts that live, by count, and the worst severity among them."""

    id: str
    kind: str
    severity: Severity
    alerts: int
    open: int
    silenced: int
    inhibited: int
    first_seen: str
    last_seen: str
    updated: str


class Incidents(Struct, frozen=True):
    """Incidents, that with the last raised alert first."""

    items: list[Shown]
    next: str | None


def router(store: AlertStore, database: Database) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/incidents", tags=["incidents"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Incidents), 401, 403, 422),
    )
    async def page(
        filters: Annotated[Filters, Depends(filters_of)],
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Incidents with alerts that nobody has closed; the filters choose among the alerts."""
        before = place_of(cursor)
        found, more = await database.read(lambda c: stored.page(c, filters, before, limit))
        shown = Incidents([_shown(one) for one in found], cursor_of(more))
        return Response(msgspec.json.encode(shown), media_type="application/json")

    @routes.get(
        "/{incident_id}",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, ALERT_PAGE, 401, 403, 404, 422),
    )
    async def get(
        incident_id: str,
        within: Within,
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """The alerts of an incident, those that are over too, the last raised first."""
        filters = Filters(incidents=frozenset({incident_id}), within=within)
        found = await store.page(filters, place_of(cursor), limit)
        if not found.bodies and cursor is None:
            raise HTTPException(404, "no such incident")
        return Response(page_json(found), media_type="application/json")

    return routes


def _shown(one: Incident) -> Shown:
    return Shown(
        id=one.id,
        kind=one.id.partition(":")[0],
        severity=one.worst,
        alerts=one.live,
        open=one.open,
        silenced=one.silenced,
        inhibited=one.inhibited,
        first_seen=format_ms(one.first_ms),
        last_seen=format_ms(one.last_ms),
        updated=format_ms(one.updated_ms),
    )
