"""What the routes of notifications have in common."""

from typing import Annotated, Any, Final

from fastapi import Query
from sqlalchemy import Connection

from schemas.access import Grant
from services.api.audit.chain import Entry, record

OBJECT: Final[dict[str, Any]] = {"type": "object"}
PAGE: Final[dict[str, Any]] = {"type": "object", "required": ["items", "next"]}
CHANGE: Final = (400, 401, 403, 404, 409, 422, 428)

Limit = Annotated[int, Query(ge=1, le=500)]


def note(connection: Connection, grant: Grant, at_ms: int, action: str, about: str) -> None:
    """Put what somebody did on record, in the transaction that does it."""
    entry = Entry.by(grant, at_ms, action, about)
    record(connection, entry)
