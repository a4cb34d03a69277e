"""What the console has to know of the deployment before anybody signs in."""

from typing import Literal

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from schemas.settings import Settings
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline

Way = Literal["password", "oidc"]


class Deployment(Struct, frozen=True):
    """`timezone` is the zone in which days are counted; `ways` are those to sign in beside tokens
    and one-time links."""

    timezone: str
    ways: list[Way]


def router(settings: Settings) -> APIRouter:
    """Return the route, which needs no login: it tells nothing about anybody."""
    routes = APIRouter(prefix="/v1/console", tags=["service"])
    ways: list[Way] = ["password"]
    if settings.oidc_issuer is not None:
        ways.append("oidc")
    told = Deployment(settings.timezone, ways)

    @routes.get("", response_class=Response, responses=answers(200, inline(Deployment)))
    async def deployment() -> Response:
        """The zone of the deployment, and how people may sign in."""
        return json_answer(told)

    return routes
