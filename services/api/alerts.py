"""Alerts over HTTP: list, get, acknowledge, dispatch."""

import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from schemas.access import Grant
from schemas.alerts import Severity, State
from schemas.problems import rejected
from schemas.times import TimeProblem, parse_ms
from services.api.acts import Act, Refused
from services.api.filters import Filters
from services.api.guard import ACTORS, READERS, require
from services.api.metrics import ACTS
from services.api.openapi import ALERT, ALERT_PAGE, answers
from services.api.store.store import AlertStore, Page
from services.api.store.transactions import StaleRevision, UnknownAlert

_IF_MATCH = re.compile(r'"(\d{1,9})"|(\d{1,9})')
_Texts = Annotated[list[str], Query(max_length=50)]


class ActBody(BaseModel):
    """What goes with an act."""

    model_config = ConfigDict(extra="ignore")

    note: Annotated[str, Field(max_length=2000)] | None = None


def feed_filters_of(
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
        until_ms=instant_of(until, "until"),
        text=q,
    )


def filters_of(
    filters: Annotated[Filters, Depends(feed_filters_of)],
    since: Annotated[str | None, Query(description="RFC 3339; the last match is not older")] = None,
) -> Filters:
    """Return the filters of a list."""
    return msgspec.structs.replace(filters, since_ms=instant_of(since, "since"))


def router(store: AlertStore, clock_ms: Callable[[], int]) -> APIRouter:
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
        cursor: Annotated[str | None, Query(pattern=r"^\d{1,18}$")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """Alerts, the last raised first; `next` is the cursor of the next page."""
        before = None if cursor is None else int(cursor)
        return _json(_page_json(await store.page(filters, before, limit)))

    @routes.get(
        "/{alert_id}",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, ALERT, 401, 403, 404),
    )
    async def get(alert_id: str) -> Response:
        """One alert; its ETag is the revision for If-Match."""
        return await _alert(store, alert_id)

    @routes.post(
        "/{alert_id}/ack",
        response_class=Response,
        responses=answers(200, ALERT, 401, 403, 404, 409, 422, 428),
    )
    async def acknowledge(
        alert_id: str,
        grant: Annotated[Grant, Depends(require(*ACTORS))],
        body: ActBody | None = None,
        if_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Take an alert on. If-Match carries the revision that the caller saw."""
        note = None if body is None else body.note
        return await _act(store, alert_id, if_match, Act(name="ack"), grant, note, clock_ms())

    @routes.post(
        "/{alert_id}/dispatch",
        response_class=Response,
        responses=answers(200, ALERT, 401, 403, 404, 409, 422, 428),
    )
    async def dispatch(
        alert_id: str,
        grant: Annotated[Grant, Depends(require(*ACTORS))],
        body: ActBody | None = None,
        if_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Say that somebody is on the way. If-Match carries the revision that the caller saw."""
        note = None if body is None else body.note
        return await _act(store, alert_id, if_match, Act(name="dispatch"), grant, note, clock_ms())

    return routes


async def _act(
    store: AlertStore,
    alert_id: str,
    if_match: str | None,
    deed: Act,
    grant: Grant,
    note: str | None,
    at_ms: int,
) -> Response:
    revision = _revision(if_match)
    try:
        await store.act(alert_id, revision, deed, grant.name, note, at_ms)
    except UnknownAlert as error:
        raise HTTPException(404, "no such alert") from error
    except StaleRevision as error:
        ACTS.labels(deed.name, "stale").inc()
        raise HTTPException(
            409, f"somebody was faster: {error}", headers=_etag(error.current)
        ) from error
    except Refused as error:
        ACTS.labels(deed.name, "refused").inc()
        raise HTTPException(409, str(error)) from error
    ACTS.labels(deed.name, "done").inc()
    return await _alert(store, alert_id)


async def _alert(store: AlertStore, alert_id: str) -> Response:
    found = await store.get(alert_id)
    if found is None:
        raise HTTPException(404, "no such alert")
    revision, body = found
    return _json(body, _etag(revision))


def _revision(if_match: str | None) -> int:
    if if_match is None:
        raise HTTPException(428, "If-Match must carry the revision that you saw")
    found = _IF_MATCH.fullmatch(if_match.strip())
    if found is None:
        raise HTTPException(400, "If-Match must be a revision, bare or quoted")
    return int(found[1] or found[2])


def _etag(revision: int) -> dict[str, str]:
    return {"ETag": f'"{revision}"'}


def _page_json(page: Page) -> bytes:
    """Join the alerts as they are stored: nothing is decoded to be encoded again."""
    following = b"null" if page.next is None else b'"%d"' % page.next
    return b'{"items":[%b],"next":%b}' % (b",".join(page.bodies), following)


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")


def instant_of(text: str | None, field: str) -> int | None:
    """Return an instant of a query in ms UTC. Raises Rejected, naming the field."""
    try:
        return None if text is None else parse_ms(text)
    except TimeProblem as error:
        raise rejected(str(error), field) from error
