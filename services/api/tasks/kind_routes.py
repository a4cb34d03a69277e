"""The kinds of tasks over HTTP, with the results that each may have: what a form offers."""

from typing import Final

from fastapi import APIRouter, Depends
from msgspec import Struct
from starlette.responses import Response

from schemas.alerts import Reason
from services.api.guard import READERS, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.tasks.kinds import KINDS_OF
from services.api.tasks.task import TaskKind


class KindShown(Struct, frozen=True):
    """A kind of task: its names, and the results of which `done` has to give one."""

    kind: TaskKind
    name: Reason
    results: tuple[str, ...]


class KindsShown(Struct, frozen=True):
    """All kinds of tasks."""

    items: list[KindShown]


_KINDS: Final = KindsShown(
    [KindShown(kind, one.name, one.results) for kind, one in KINDS_OF.items()]
)


def router() -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1", tags=["tasks"])

    @routes.get(
        "/task-kinds",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(KindsShown), 401, 403),
    )
    async def kinds() -> Response:
        """What kinds of tasks there are, and what each may come to."""
        return json_answer(_KINDS)

    return routes
