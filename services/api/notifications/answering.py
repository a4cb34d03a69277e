"""What the routes of notifications have in common."""

from typing import Annotated, Any, Final

from fastapi import Depends, Query
from sqlalchemy import Connection

from schemas.access import Grant
from services.api.audit.chain import Entry, record
from services.api.guard import LEADERS, require

OBJECT: Final[dict[str, Any]] = {"type": "object"}
PAGE: Final[dict[str, Any]] = {"type": "object", "required": ["items", "next"]}
CHANGE: Final = (400, 401, 403, 404, 409, 422, 428)

Leader = Annotated[Grant, Depends(require(*LEADERS))]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")]
Limit = Annotated[int, Query(ge=1, le=500)]


def note(connection: Connection, grant: Grant, at_ms: int, action: str, about: str) -> None:
    """Put what somebody did on record, in the transaction that does it."""
    entry = Entry(at_ms=at_ms, actor=grant.name, role=grant.role, action=action, about=about)
    record(connection, entry)
