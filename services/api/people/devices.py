"""Tokens of devices: made once, shown once, bound to sites, with an end; the register is where
they are kept (services.ingest.devices reads it)."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.access import new_token
from schemas.registers import Device
from schemas.times import format_ms
from services.api.guard import Admin
from services.api.json_answers import private_answer
from services.api.openapi import answers
from services.api.paging import PageSize
from services.api.registers.desk import Desk
from services.api.registers.routes import DeskRoute
from services.api.registers.stored import StoredVersion

_ID: Final = r"^[^/\s]{1,128}$"
_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]+$")]
_DEVICE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "sites", "expires", "filed", "author"],
    "properties": {
        "id": {"type": "string"},
        "sites": {"type": "array", "items": {"type": "string"}},
        "expires": {"type": ["string", "null"]},
        "filed": {"type": "string"},
        "author": {"type": "string"},
        "token": {"type": "string"},
    },
}
_PAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": _DEVICE},
        "next": {"type": ["string", "null"]},
    },
}
_decode = msgspec.json.Decoder(Device).decode


class NewDevice(BaseModel):
    """A device to let in; `id` is the `source` of its events, `expires` the end of its token."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=_ID)]
    sites: Annotated[list[_Name], Field(min_length=1, max_length=100)]
    expires: Annotated[str, Field(max_length=40)]
    reason: Annotated[str, Field(min_length=1, max_length=2000)] = "a device of this deployment"
    lane: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    heartbeat_s: Annotated[int, Field(ge=0, le=86_400)] | None = None


def router(desk: Desk) -> APIRouter:
    """Return the routes of devices."""
    routes = APIRouter(prefix="/v1/devices", tags=["people"], route_class=DeskRoute)

    @routes.get("", response_class=Response, responses=answers(200, _PAGE, 401, 403, 422, 503))
    async def page(
        _: Admin,
        cursor: Annotated[str, Query(max_length=128)] = "",
        limit: PageSize = 100,
    ) -> Response:
        """Devices that are let in, by id; no answer holds a token."""
        items, following = await desk.page("device", None, limit, cursor)
        return private_answer({"items": [_shown(item) for item in items], "next": following}, 200)

    @routes.post(
        "",
        status_code=201,
        response_class=Response,
        responses=answers(201, _DEVICE, 400, 401, 403, 409, 422, 503),
    )
    async def add(body: NewDevice, admin: Admin) -> Response:
        """Let a device in. The answer holds its token, which is shown this once."""
        token = new_token()
        first, *others = body.sites
        data = {
            "site": first,
            "sites": others or None,
            "secret": token,
            "valid_to": body.expires,
            "source": "cordon/api",
            "reason": body.reason,
            "purpose": "outbreak-control",
            "lane": body.lane,
            "heartbeat_s": body.heartbeat_s,
        }
        filed = {name: value for name, value in data.items() if value is not None}
        if await desk.get("device", body.id, None) is not None:
            raise HTTPException(409, "this device is let in already; shut it out first")
        answer = await desk.put("device", body.id, msgspec.json.encode(filed), admin)
        return private_answer({**_shown(answer.version), "token": token}, 201)

    @routes.delete(
        "/{device_id}",
        status_code=204,
        response_class=Response,
        responses={**answers(200, _DEVICE, 401, 403, 404, 422, 503), 204: {}},
    )
    async def remove(device_id: Annotated[str, Path(max_length=128)], admin: Admin) -> Response:
        """Shut a device out: within moments no ingest takes its token."""
        if not await desk.delete("device", device_id, admin, "its token was revoked"):
            raise HTTPException(404, "no such device")
        return Response(status_code=204)

    return routes


def _shown(version: StoredVersion) -> dict[str, Any]:
    device = _decode(version.body.encode())
    return {
        "id": device.id,
        "sites": [device.site, *(device.sites or ())],
        "expires": device.valid_to,
        "filed": format_ms(version.recorded_ms),
        "author": device.author,
    }
