"""A temporary post: the site, the token of its handheld and the address of its page, in one go."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
import segno
from fastapi import APIRouter, HTTPException, Response
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from schemas.access import new_token
from schemas.times import HOUR_MS, format_ms
from services.api.guard import Leader
from services.api.json_answers import private_answer
from services.api.openapi import answers, inline
from services.api.people.areas import Within
from services.api.reach import within_reach
from services.api.registers.desk import Desk
from services.api.registers.routes import DeskRoute

LONGEST_H: Final = 7 * 24
_ID: Final = r"^[^/\s]{1,100}$"
_Id = Annotated[str, Field(pattern=_ID)]
_Longitude = Annotated[float, Field(ge=-180, le=180)]
_Latitude = Annotated[float, Field(ge=-90, le=90)]


class Place(BaseModel):
    """Where a post stands, in degrees of the datum `crs`."""

    model_config = ConfigDict(extra="forbid")

    lon: _Longitude
    lat: _Latitude
    crs: Literal["wgs84", "gcj02"]


class NewPost(BaseModel):
    """A post for some hours. With a `name` its site is new; without one `site` is filed already,
    and only a handheld is let in there."""

    model_config = ConfigDict(extra="forbid")

    site: _Id
    hours: Annotated[int, Field(ge=1, le=LONGEST_H)] = 12
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    role: Literal["boundary", "checkpoint", "inner", "community"] = "checkpoint"
    grid: _Id | None = None
    zones: Annotated[list[_Id], Field(max_length=50)] = []
    position: Place | None = None


class Post(Struct, frozen=True):
    """An open post. `token` is shown this once; `link` signs the handheld in, and `qr` is the same
    as a QR code: rows of 0 and 1, without a border."""

    site: str
    device: str
    expires: str
    token: str
    link: str
    qr: list[str]


def router(desk: Desk, pages: str, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the route; `pages` is the address at which handhelds reach ingest."""
    routes = APIRouter(prefix="/v1/posts", tags=["gates"], route_class=DeskRoute)

    @routes.post(
        "",
        status_code=201,
        response_class=Response,
        responses=answers(201, inline(Post), 400, 401, 403, 404, 409, 422, 503),
    )
    async def add(body: NewPost, leader: Leader, within: Within) -> Response:
        """Open a post. Its site and the token of its handheld end by themselves."""
        now_ms = clock_ms()
        expires = format_ms(now_ms + body.hours * HOUR_MS)
        known = await desk.get("site", body.site, None)
        entry = {
            "valid_to": expires,
            "source": "cordon/api",
            "reason": "a temporary post",
            "purpose": "outbreak-control",
        }
        if body.name is None:
            if known is None or not (within is None or within.covers(site=body.site)):
                raise HTTPException(404, "no such site; name it to file it")
        elif known is not None:
            raise HTTPException(409, "this site is filed already; leave out its name to use it")
        else:
            within_reach(leader, None if body.grid is None else [body.grid])
            if leader.areas is not None and body.grid is None:
                raise HTTPException(403, "name a grid that is yours")
            await desk.put("site", body.site, _encoded(_site(body) | entry), leader)
        token = new_token()
        device = f"{body.site}-{now_ms // 1000:x}"
        filed = {"site": body.site, "secret": token, "heartbeat_s": 0}
        # Devices are an admin's to let in; this one is bound to a site of the leader's, for days.
        await desk.put("device", device, _encoded(filed | entry), leader, settled=True)
        link = f"{pages.rstrip('/')}/#token={token}"
        post = Post(body.site, device, expires, token, link, _modules(link))
        return private_answer(post, 201)

    return routes


def _site(body: NewPost) -> dict[str, Any]:
    site: dict[str, Any] = {"name": body.name, "role": body.role, "zones": body.zones}
    if body.grid is not None:
        site["grid"] = body.grid
    if body.position is not None:
        site["position"] = body.position.model_dump()
    return site


def _encoded(data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(data)


def _modules(text: str) -> list[str]:
    made = segno.make_qr(text, error="m")
    return ["".join("1" if dark else "0" for dark in row) for row in made.matrix]
