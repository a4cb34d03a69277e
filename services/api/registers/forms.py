"""What the data of each register looks like, for whoever makes a form of it."""

from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, Response

from schemas.jsonschema import body, documents
from schemas.registers import REGISTERS, register_type
from services.api.guard import READERS, require
from services.api.json_answers import json_answer


def router() -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1", tags=["registers"])

    @routes.get(
        "/register-forms",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
    )
    async def forms() -> Response:
        """The JSON Schema (2020-12) of what a PUT of each register takes, by the register's name,
        in the order of the registers."""
        return json_answer({"registers": _forms()}, headers={"Cache-Control": "private, no-cache"})

    return routes


@cache
def _forms() -> dict[str, Any]:
    made = documents()
    return {name: made[body(register_type(name, "put"))] for name in REGISTERS}
