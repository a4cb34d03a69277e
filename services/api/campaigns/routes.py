"""Campaigns over HTTP: their kinds, items, counts, beds and arrivals. Items are done as tasks."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from schemas.access import Grant
from schemas.alerts import Reason, Severity
from schemas.events import IdType
from schemas.problems import rejected
from services.api.campaigns.beds import Room
from services.api.campaigns.campaign import (
    ArrivalsTold,
    CampaignKind,
    CampaignPage,
    CampaignState,
    ItemResults,
    Occupancy,
    Placements,
    Shown,
)
from services.api.campaigns.desk import CampaignDesk, Closed, NewItem
from services.api.campaigns.kinds import KINDS, KindsShown, shown
from services.api.campaigns.transactions import BedTaken, UnknownCampaign
from services.api.guard import READERS, Actor, Leader, Reader, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.paging import Cursor, PageSize, place_of
from services.api.revisions import IfMatch, etag, revision_of
from services.api.tasks.routes import LongText, ShortText, Text, Word, due_of
from services.api.tasks.texts import plain
from services.api.tasks.transactions import Stale

_MOST_ITEMS: Final = 1_000
_SHOWN: Final = inline(Shown)
_PROBLEMS_OF_BEDS: Final = answers(200, {}, 401, 403, 404, 422)
del _PROBLEMS_OF_BEDS[200]
CampaignId = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]


class Identity(BaseModel):
    """Who: an identifier, which becomes a pseudonym before it is kept, or the pseudonym."""

    model_config = ConfigDict(extra="forbid")

    id_type: IdType | None = None
    id_number: Annotated[str, Field(max_length=64)] | None = None
    person: Annotated[str, Field(max_length=64)] | None = None


class Item(BaseModel):
    """One item: `key` names what it is about, `person` whom."""

    model_config = ConfigDict(extra="forbid")

    key: ShortText | None = None
    person: Identity | None = None
    unit: ShortText | None = None
    household: ShortText | None = None
    grid: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")] | None = None
    order: ShortText | None = None
    severity: Severity = "medium"
    facts: Annotated[dict[str, JsonValue], Field(max_length=64)] = {}


class Items(BaseModel):
    """Items to add."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Item], Field(min_length=1, max_length=_MOST_ITEMS)]


class NewCampaign(BaseModel):
    """A campaign to begin; `units` begins it with one item for each of them (an instruction)."""

    model_config = ConfigDict(extra="forbid")

    kind: CampaignKind
    title: LongText | Text
    about: ShortText | None = None
    unit: ShortText | None = None
    due: Annotated[str, Field(max_length=40)] | None = None
    units: Annotated[list[ShortText], Field(max_length=_MOST_ITEMS)] = []


class RoomGiven(BaseModel):
    """A room with the names of its beds."""

    model_config = ConfigDict(extra="forbid")

    facility: ShortText
    room: ShortText
    beds: Annotated[list[ShortText], Field(min_length=1, max_length=64)]


class Rooms(BaseModel):
    """The rooms that may be used; `keep` false shows a plan without giving any bed away."""

    model_config = ConfigDict(extra="forbid")

    rooms: Annotated[list[RoomGiven], Field(min_length=1, max_length=_MOST_ITEMS)]
    keep: bool = False


class Arrivals(BaseModel):
    """Who got off."""

    model_config = ConfigDict(extra="forbid")

    persons: Annotated[list[Identity], Field(min_length=1, max_length=500)]


class _Route(APIRoute):
    """Answers for what campaigns refuse."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except UnknownCampaign as error:
                raise HTTPException(404, "no such campaign") from error
            except Stale as error:
                raise HTTPException(
                    409, f"somebody was faster: {error}", headers=etag(error.current)
                ) from error
            except (Closed, BedTaken) as error:
                raise HTTPException(409, str(error)) from error

        return answer


def router(desk: CampaignDesk) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["campaigns"], route_class=_Route)

    @routes.get(
        "/campaigns/kinds",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(KindsShown), 401, 403),
    )
    async def kinds() -> Response:
        """Every kind of campaign, with what is known and what is asked of an item."""
        return json_answer(KindsShown([shown(name) for name in get_args(CampaignKind)]))

    @routes.post(
        "/campaigns",
        status_code=201,
        response_class=Response,
        responses=answers(201, _SHOWN, 400, 401, 403, 422),
    )
    async def create(body: NewCampaign, grant: Leader) -> Response:
        """Begin a campaign; an instruction goes out to its `units` at once."""
        if isinstance(body.title, str):
            title = Reason(plain(body.title, "title"), body.title)
        else:
            title = Reason(plain(body.title.en, "title.en"), plain(body.title.zh, "title.zh"))
        due_ms = due_of(body.due, desk.tasks.clock_ms())
        if body.units and KINDS[body.kind].about != "unit":
            raise rejected("only an instruction goes out to units", "units")
        made = await desk.create(
            body.kind, title, grant, about=body.about, unit=body.unit, due_ms=due_ms
        )
        if body.units:
            await desk.add(made.id, [NewItem(key=unit) for unit in body.units], grant)
        return await _one(desk, made.id, grant, 201)

    @routes.get(
        "/campaigns",
        response_class=Response,
        responses=answers(200, inline(CampaignPage), 401, 403, 422),
    )
    async def page(
        grant: Reader,
        kind: CampaignKind | None = None,
        state: CampaignState | None = None,
        about: Word = None,
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Campaigns, the last created first, each with the counts of its items in `totals`."""
        before = place_of(cursor)
        wanted = {"kind": kind, "state": state, "about": about}
        items = await desk.page(wanted, before, limit + 1, grant)
        more = str(items[limit - 1].n) if len(items) > limit else None
        totals = await desk.totals([each.id for each in items[:limit]], grant)
        return json_answer(CampaignPage(items[:limit], totals, more))

    @routes.get(
        "/campaigns/{campaign_id}",
        response_class=Response,
        responses=answers(200, _SHOWN, 401, 403, 404, 422),
    )
    async def get(campaign_id: CampaignId, grant: Reader) -> Response:
        """One campaign with the counts of its items, in all and by unit, and what they add up to.

        The items themselves, and the remainder: `GET /v1/tasks?campaign=…`.
        """
        return await _one(desk, campaign_id, grant)

    @routes.post(
        "/campaigns/{campaign_id}/items",
        response_class=Response,
        responses=answers(200, inline(ItemResults), 400, 401, 403, 404, 409, 422),
    )
    async def add(campaign_id: CampaignId, body: Items, grant: Actor) -> Response:
        """Add items; one that is there already stays as it is, so a repeat has no effect."""
        items = [
            NewItem(
                key=item.key,
                person=None if item.person is None else item.person.model_dump(),
                unit=item.unit,
                household=item.household,
                grid=item.grid,
                order=item.order,
                severity=item.severity,
                facts=item.facts,
            )
            for item in body.items
        ]
        return json_answer(ItemResults(await desk.add(campaign_id, items, grant)))

    @routes.post(
        "/campaigns/{campaign_id}/close",
        response_class=Response,
        responses=answers(200, _SHOWN, 400, 401, 403, 404, 409, 422, 428),
    )
    async def close(campaign_id: CampaignId, grant: Leader, if_match: IfMatch = None) -> Response:
        """End a campaign; what is still to be done is cancelled."""
        _everywhere(grant)
        await desk.close(campaign_id, revision_of(if_match), grant)
        return await _one(desk, campaign_id, grant)

    @routes.post(
        "/campaigns/{campaign_id}/plan",
        response_class=Response,
        responses=answers(200, inline(Placements), 400, 401, 403, 404, 409, 422),
    )
    async def plan(campaign_id: CampaignId, body: Rooms, grant: Actor) -> Response:
        """Plan beds for those of a placement who have none: households together, strangers of
        different sex apart, no bed twice, no facility beyond its capacity."""
        _everywhere(grant)
        rooms = [Room(room.facility, room.room, tuple(room.beds)) for room in body.rooms]
        return json_answer(await desk.plan(campaign_id, rooms, grant, keep=body.keep))

    @routes.post(
        "/campaigns/{campaign_id}/arrivals",
        response_class=Response,
        responses=answers(200, inline(ArrivalsTold), 400, 401, 403, 404, 409, 422),
    )
    async def arrive(campaign_id: CampaignId, body: Arrivals, grant: Actor) -> Response:
        """Note who got off a coach; who was not on its manifest is told as `extra`."""
        _everywhere(grant)
        persons = [one.model_dump() for one in body.persons]
        return json_answer(await desk.arrive(campaign_id, persons, grant))

    @routes.get(
        "/facilities/{facility}/beds",
        response_class=Response,
        responses=answers(200, inline(Occupancy), 401, 403, 422),
    )
    async def occupancy(facility: ShortText, grant: Reader) -> Response:
        """Which beds of a facility are given away."""
        return json_answer(await desk.occupancy(facility, grant))

    @routes.delete(
        "/facilities/{facility}/beds/{bed}",
        status_code=204,
        response_class=Response,
        responses=_PROBLEMS_OF_BEDS,
    )
    async def free(facility: ShortText, bed: ShortText, grant: Actor) -> Response:
        """Take a bed back, because whoever had it has left."""
        _everywhere(grant)
        if not await desk.free(facility, bed, grant):
            raise HTTPException(404, "nobody has this bed")
        return Response(status_code=204)

    return routes


def _everywhere(grant: Grant) -> None:
    """Refuse whoever is limited to areas what touches items of all of them."""
    if grant.areas is not None:
        raise HTTPException(403, "only for somebody who is not limited to areas")


async def _one(desk: CampaignDesk, id_: str, grant: Grant, status: int = 200) -> Response:
    shown = await desk.shown(id_, grant)
    answer = json_answer(shown, status)
    answer.headers.update(etag(shown.campaign.revision))
    return answer
