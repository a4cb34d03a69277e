"""`GET /v1/alerts/stream`: the feed as server-sent events."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from services.api.alerts import READERS, filters_of
from services.api.feed.hub import Hub, Reader
from services.api.feed.response import FeedResponse
from services.api.feed.stream import place_of, stream
from services.api.filters import Filters
from services.api.guard import require
from services.api.store.store import AlertStore

_CURSOR_CHARACTERS = 64


def router(store: AlertStore, hub: Hub, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the route; it must be included before `/v1/alerts/{id}`."""
    routes = APIRouter(tags=["alerts"])

    @routes.get(
        "/v1/alerts/stream",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses={200: {"content": {"text/event-stream": {}}, "description": "The live feed."}},
    )
    async def subscribe(
        filters: Annotated[Filters, Depends(filters_of)],
        last_event_id: Annotated[str | None, Header()] = None,
        cursor: Annotated[str | None, Query(alias="last_event_id")] = None,
    ) -> Response:
        """Every change of an alert as it is committed, resumable by the id of the last event."""
        asked = last_event_id or cursor
        position, missed = await place_of(store, hub, asked)
        reader = Reader(position, filters)
        gap_from = (asked or "")[:_CURSOR_CHARACTERS] if missed else None
        return FeedResponse(hub, reader, stream(store, hub, reader, gap_from, clock_ms))

    return routes
