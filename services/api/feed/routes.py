"""The feed over HTTP: one way to subscribe, in as many formats as there are readers for."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, WebSocket
from msgspec import Struct
from starlette.responses import Response

from schemas.problems import rejected
from schemas.times import TimeProblem, parse_ms
from services.api.alerts import feed_filters_of
from services.api.feed import messages
from services.api.feed.admission import Admission, Admitted
from services.api.feed.frames import LINES, SSE, Format
from services.api.feed.hub import Hub, Reader
from services.api.feed.response import FeedResponse
from services.api.feed.stream import CURSOR, Place, place_of, place_since, stream
from services.api.filters import Filters
from services.api.store.store import AlertStore


class Wish(Struct, frozen=True):
    """What a subscriber asks for: which alerts, and since when (a cursor, an instant, or now)."""

    filters: Filters
    cursor: str | None = None
    since_ms: int | None = None


def wish_of(
    filters: Annotated[Filters, Depends(feed_filters_of)],
    last_event_id: Annotated[str | None, Header()] = None,
    cursor: Annotated[str | None, Query(alias="last_event_id")] = None,
    since: Annotated[
        str | None, Query(description="a cursor, or RFC 3339: what was published after it")
    ] = None,
) -> Wish:
    """Return what a request asks for. Raises Rejected for a `since` that is neither.

    The header comes first: a browser that reconnects sends it beside the address it was given.
    """
    asked = last_event_id or cursor
    if asked is None and since is not None and CURSOR.fullmatch(since) is None:
        try:
            return Wish(filters, since_ms=parse_ms(since))
        except TimeProblem as error:
            raise rejected(f"neither a cursor nor a time: {error}", "since") from error
    return Wish(filters, since if asked is None else asked)


def router(store: AlertStore, hub: Hub, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the routes; they must be included before `/v1/alerts/{id}`."""
    routes = APIRouter(tags=["alerts"])

    async def place(wish: Wish) -> Place:
        if wish.since_ms is not None:
            return await place_since(store, hub, wish.since_ms)
        return await place_of(store, hub, wish.cursor)

    async def subscribed(wish: Wish, form: Format, admission: Admission) -> Response:
        found = await place(wish)
        reader = Reader(found.position, wish.filters, form, admission)
        return FeedResponse(hub, reader, stream(store, hub, reader, found.missed, clock_ms))

    @routes.get(
        "/v1/alerts/stream",
        response_class=Response,
        responses={200: {"content": {SSE.media_type: {}}, "description": "The live feed."}},
    )
    async def events(admission: Admitted, wish: Annotated[Wish, Depends(wish_of)]) -> Response:
        """Every change of an alert as it is committed, resumable by the id of the last event."""
        return await subscribed(wish, SSE, admission)

    @routes.get(
        "/v1/alerts/stream.jsonl",
        response_class=Response,
        responses={200: {"content": {LINES.media_type: {}}, "description": "The live feed."}},
    )
    async def lines(admission: Admitted, wish: Annotated[Wish, Depends(wish_of)]) -> Response:
        """The same events, one in each line; `cursor` in the last one is where to resume."""
        return await subscribed(wish, LINES, admission)

    @routes.websocket("/v1/alerts/ws")
    async def socket(
        websocket: WebSocket, admission: Admitted, wish: Annotated[Wish, Depends(wish_of)]
    ) -> None:
        """The same events, one in each text message."""
        found = await place(wish)
        reader = Reader(found.position, wish.filters, LINES, admission)
        chunks = stream(store, hub, reader, found.missed, clock_ms)
        await messages.answer(websocket, hub, reader, chunks)

    return routes
