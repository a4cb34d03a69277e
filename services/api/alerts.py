"""Alerts over HTTP: the list, also as known at an instant, and each of them."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query
from starlette.responses import Response

from schemas.alerts import Severity, State
from schemas.problems import instant
from services.api.filters import Filters
from services.api.guard import READERS, require
from services.api.openapi import ALERT, ALERT_PAGE, answers
from services.api.paging import Cursor, PageSize, place_of
from services.api.people.areas import Within
from services.api.revisions import etag
from services.api.store.listing import Page
from services.api.store.store import AlertStore

_Texts = Annotated[list[str], Query(max_length=50)]


def feed_filters_of(
    within: Within,
    rule: _Texts = [],  # noqa: B006 — FastAPI copies defaults.
    severity: Annotated[list[Severity], Query()] = [],  # noqa: B006
    state: Annotated[list[State], Query()] = [],  # noqa: B006
    grid: _Texts = [],  # noqa: B006
    site: _Texts = [],  # noqa: B006
    order: _Texts = [],  # noqa: B006
    subject: _Texts = [],  # noqa: B006
    capped_by: _Texts = [],  # noqa: B006
    capped: Annotated[
        bool | None, Query(description="only those beyond the rate cap, or none of them")
    ] = None,
    incident: _Texts = [],  # noqa: B006
    silenced: Annotated[
        bool | None, Query(description="only those that a silence hides, or none of them")
    ] = None,
    inhibited: Annotated[
        bool | None, Query(description="only those that another alert inhibits, or none of them")
    ] = None,
    until: Annotated[str | None, Query(description="RFC 3339; the first match is older")] = None,
    q: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Filters:
    """Return the filters of a request; a filter that is repeated matches any of its values.

    On the feed, `since` is a place in it; so that filter is the list's alone.
    """
    return Filters(
        rules=frozenset(rule),
        severities=frozenset(severity),
        states=frozenset(state),
        grids=frozenset(grid),
        sites=frozenset(site),
        orders=frozenset(order),
        subjects=frozenset(subject),
        capped_by=frozenset(capped_by),
        capped=capped,
        incidents=frozenset(incident),
        silenced=silenced,
        inhibited=inhibited,
        until_ms=instant_of(until, "until"),
        text=q,
        within=within,
    )


def filters_of(
    filters: Annotated[Filters, Depends(feed_filters_of)],
    since: Annotated[str | None, Query(description="RFC 3339; the last match is not older")] = None,
) -> Filters:
    """Return the filters of a list."""
    return msgspec.structs.replace(filters, since_ms=instant_of(since, "since"))


def router(store: AlertStore) -> APIRouter:
    """Return the routes of alerts."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, ALERT_PAGE, 401, 403, 422),
    )
    async def page(
        filters: Annotated[Filters, Depends(filters_of)],
        cursor: Cursor = None,
        limit: PageSize = 100,
        as_of: Annotated[
            str | None, Query(description="RFC 3339; alerts as they were known then")
        ] = None,
    ) -> Response:
        """Alerts, the last raised first; `next` is the cursor of the next page.

        With `as_of` a page may hold fewer than `limit` and still have a next one.
        """
        before = place_of(cursor)
        as_of_ms = instant_of(as_of, "as_of")
        if as_of_ms is None:
            found = await store.page(filters, before, limit)
        else:
            found = await store.page_as_of(as_of_ms, filters, before, limit)
        return _json(page_json(found))

    @routes.get(
        "/{alert_id}",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, ALERT, 401, 403, 404),
    )
    async def get(alert_id: str) -> Response:
        """One alert; its ETag is the revision for If-Match."""
        return await shown(store, alert_id)

    return routes


async def shown(store: AlertStore, alert_id: str) -> Response:
    """Return an alert as an answer; raises HTTPException 404 where there is none."""
    found = await store.get(alert_id)
    if found is None:
        raise HTTPException(404, "no such alert")
    revision, body = found
    return _json(body, etag(revision))


def page_json(page: Page) -> bytes:
    """Return a page: the alerts are joined as they are stored, not decoded to be encoded again."""
    following = b"null" if page.next is None else b'"%d"' % page.next
    return b'{"items":[%b],"next":%b}' % (b",".join(page.bodies), following)


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")


def instant_of(text: str | None, field: str) -> int | None:
    """Return an instant of a query in ms UTC. Raises Rejected, naming the field."""
    return None if text is None else instant(text, field)
