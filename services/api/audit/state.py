"""Whether the audit log is whole, over HTTP: the chain is walked when somebody asks."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends, Response

from schemas.times import format_ms
from services.api.audit.anchors import BrokenAnchors, read_anchors
from services.api.audit.verification import Intact, entries, verify
from services.api.guard import CHECKERS, require
from services.api.json_answers import private_answer
from services.api.metrics import AUDIT_FAILURES
from services.api.openapi import answers
from services.api.store.database import Database

_STATE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["intact", "at", "entries", "anchored", "broken_at", "why"],
    "properties": {
        "intact": {"type": "boolean"},
        "at": {"type": "string"},
        "entries": {"type": ["integer", "null"]},
        "anchored": {"type": ["integer", "null"]},
        "broken_at": {"type": ["integer", "null"]},
        "why": {"type": ["string", "null"]},
    },
}
_log = structlog.get_logger(__name__)


def router(database: Database, anchors: Path, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the route; `anchors` is the file of seals that were noted outside of the database."""
    routes = APIRouter(prefix="/v1", tags=["audit"])
    # A long log takes seconds to walk: two who ask at once do not do it twice at once.
    walking = asyncio.Lock()

    @routes.get(
        "/audit:verify",
        dependencies=[Depends(require(*CHECKERS))],
        response_class=Response,
        responses=answers(200, _STATE, 401, 403),
    )
    async def state() -> Response:
        """Walk the whole log: is every entry as it was written, and none gone?

        `anchored` entries are held to seals that were noted elsewhere; later ones to the chain.
        """
        async with walking:
            try:
                noted = await asyncio.to_thread(read_anchors, anchors)
            except BrokenAnchors as error:
                AUDIT_FAILURES.inc()
                _log.error("audit_anchors_broken", error=repr(error))
                return private_answer(_told(clock_ms(), why=str(error)))
            found = await database.read(lambda connection: verify(entries(connection), noted))
        if isinstance(found, Intact):
            return private_answer(_told(clock_ms(), found))
        return private_answer(_told(clock_ms(), broken_at=found.n, why=found.why))

    return routes


def _told(
    now_ms: int,
    intact: Intact | None = None,
    *,
    broken_at: int | None = None,
    why: str | None = None,
) -> dict[str, Any]:
    return {
        "intact": intact is not None,
        "at": format_ms(now_ms),
        "entries": None if intact is None else intact.last_n,
        "anchored": None if intact is None else intact.anchored_n,
        "broken_at": broken_at,
        "why": why,
    }
