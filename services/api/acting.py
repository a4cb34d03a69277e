"""Acts on alerts over HTTP: one alert with If-Match, or many at once."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, HTTPException
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from schemas.problems import rejected
from services.api.acts import Act, ActName, Refused
from services.api.guard import Actor
from services.api.metrics import ACTS
from services.api.openapi import ALERT, answers, inline
from services.api.people.areas import Within
from services.api.revisions import IfMatch, etag, revision_of
from services.api.store.store import AlertStore
from services.api.store.transactions import StaleRevision, UnknownAlert

# What people may say that came of an alert; the engine alone knows of a transit or a clearing.
Verdict = Literal["confirmed", "false", "authorised", "duplicate", "expired"]
_AlertId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]

# Every act, and what its route says of it.
_ROUTES: Final[dict[ActName, str]] = {
    "ack": "Take an alert on.",
    "assign": "Give an alert to somebody (`assignee`), or take it oneself.",
    "dispatch": "Say that somebody is on the way.",
    "resolve": "Close an alert; `outcome` is what came of it, `of` the other of a duplicate.",
    "note": "Write something down; all notes are kept.",
    "undo": "Take back one's own last act, within 30 seconds; its note stays.",
}


class ActBody(BaseModel):
    """What goes with an act; what does not belong to the act is left out of account."""

    model_config = ConfigDict(extra="ignore")

    note: Annotated[str, Field(max_length=2000)] | None = None
    assignee: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    outcome: Verdict | None = None
    of: _AlertId | None = None


class Seen(BaseModel):
    """An alert, and the revision that the caller saw."""

    model_config = ConfigDict(extra="ignore")

    id: _AlertId
    revision: Annotated[int, Field(ge=1, le=999_999_999)]


class ActOnAll(ActBody):
    """One act on many alerts."""

    act: Literal["ack", "assign", "dispatch", "resolve", "note", "undo"]
    items: Annotated[list[Seen], Field(min_length=1, max_length=500)]


class Result(Struct, frozen=True, omit_defaults=True):
    """What became of one alert: 200 and its new revision, or 404 or 409 and why; 409 for somebody
    who was faster carries the revision that stands."""

    id: str
    status: int
    revision: int | None = None
    detail: str | None = None


class Results(Struct, frozen=True):
    """The results, in the order of the request."""

    items: list[Result]


def router(
    store: AlertStore, clock_ms: Callable[[], int], show: Callable[[str], Awaitable[Response]]
) -> APIRouter:
    """Return the routes; `show` answers with an alert."""
    routes = APIRouter(prefix="/v1", tags=["alerts"])

    @routes.post(
        "/alerts:act",
        response_class=Response,
        responses=answers(200, inline(Results), 401, 403, 422),
    )
    async def act_on_all(body: ActOnAll, grant: Actor, within: Within) -> Response:
        """Do the same with up to 500 alerts at once; each has a result of its own."""
        seen = [(one.id, one.revision) for one in body.items]
        deed = _deed(body.act, body)
        found = await store.act_on_all(
            seen, deed, grant.name, body.note, clock_ms(), grant.role, within
        )
        results = [_result(one.id, became) for one, became in zip(body.items, found, strict=True)]
        for became in found:
            ACTS.labels(body.act, _word(became)).inc()
        return Response(msgspec.json.encode(Results(results)), media_type="application/json")

    for name, says in _ROUTES.items():
        routes.add_api_route(
            f"/alerts/{{alert_id}}/{name}",
            _endpoint(store, clock_ms, show, name),
            methods=["POST"],
            name=name,
            description=f"{says} If-Match carries the revision that the caller saw.",
            response_class=Response,
            responses=answers(200, ALERT, 400, 401, 403, 404, 409, 422, 428),
        )
    return routes


def _endpoint(
    store: AlertStore,
    clock_ms: Callable[[], int],
    show: Callable[[str], Awaitable[Response]],
    name: ActName,
) -> Callable[..., Awaitable[Response]]:
    async def act(
        alert_id: str,
        grant: Actor,
        within: Within,
        body: ActBody | None = None,
        if_match: IfMatch = None,
    ) -> Response:
        revision = revision_of(if_match)
        body = body or ActBody()
        deed = _deed(name, body)
        [became] = await store.act_on_all(
            [(alert_id, revision)], deed, grant.name, body.note, clock_ms(), grant.role, within
        )
        ACTS.labels(name, _word(became)).inc()
        if isinstance(became, UnknownAlert):
            if became.alert_id == deed.of:
                raise rejected("there is no such alert", "of") from became
            raise HTTPException(404, "no such alert") from became
        if isinstance(became, StaleRevision):
            detail = f"somebody was faster: {became}"
            raise HTTPException(409, detail, headers=etag(became.current)) from became
        if isinstance(became, Refused):
            raise HTTPException(409, str(became)) from became
        return await show(alert_id)

    return act


def _deed(name: ActName, body: ActBody) -> Act:
    """Return the act of a request. Raises Rejected, naming the field that is wrong."""
    if name == "note" and not body.note:
        raise rejected("a note needs a text", "note")
    if name == "resolve":
        if body.outcome == "duplicate" and body.of is None:
            raise rejected("a duplicate names the other alert", "of")
        of = body.of if body.outcome == "duplicate" else None
        return Act(name=name, outcome=body.outcome, of=of)
    return Act(name=name, assignee=body.assignee if name == "assign" else None)


def _result(alert_id: str, became: int | UnknownAlert | StaleRevision | Refused) -> Result:
    if isinstance(became, int):
        return Result(alert_id, 200, became)
    if isinstance(became, UnknownAlert):
        return Result(alert_id, 404, detail=f"no such alert: {became.alert_id}")
    if isinstance(became, StaleRevision):
        return Result(alert_id, 409, became.current, f"somebody was faster: {became}")
    return Result(alert_id, 409, detail=str(became))


def _word(became: int | UnknownAlert | StaleRevision | Refused) -> str:
    if isinstance(became, int):
        return "done"
    return "stale" if isinstance(became, StaleRevision) else "refused"
