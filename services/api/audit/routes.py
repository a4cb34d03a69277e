"""The audit log over HTTP, for those who check what others did."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection, select

from schemas.times import format_ms
from services.api.alerts import instant_of
from services.api.audit.chain import Entry
from services.api.audit.tables import audit_entries
from services.api.guard import CHECKERS, require
from services.api.openapi import answers
from services.api.paging import Cursor, PageSize
from services.api.store.database import Database

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_ENTRY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["n", "at", "actor", "role", "action", "about", "detail", "seal"],
    "properties": {
        "n": {"type": "integer"},
        **dict.fromkeys(("at", "actor", "role", "action", "about", "seal"), _TEXT),
        "detail": {"type": "object"},
    },
}
_PAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": _ENTRY},
        "next": {"type": ["string", "null"]},
    },
}
_Text = Annotated[str | None, Query(max_length=200)]
_decode = msgspec.json.Decoder(Entry).decode


def router(database: Database) -> APIRouter:
    """Return the routes of the audit log."""
    routes = APIRouter(tags=["audit"])

    @routes.get(
        "/v1/audit",
        dependencies=[Depends(require(*CHECKERS))],
        response_class=Response,
        responses=answers(200, _PAGE, 401, 403, 422),
    )
    async def page(
        actor: _Text = None,
        action: Annotated[
            str | None, Query(max_length=64, description="`alert.ack`; `alert.` = all of alerts")
        ] = None,
        about: _Text = None,
        since: str | None = None,
        until: str | None = None,
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Entries, the newest first, with their seals."""
        table = audit_entries.c
        query = select(audit_entries).order_by(table.n.desc()).limit(limit + 1)
        if actor is not None:
            query = query.where(table.actor == actor)
        if action is not None:
            whole = not action.endswith(".")
            same = table.action == action
            query = query.where(same if whole else table.action.startswith(action, autoescape=True))
        if about is not None:
            query = query.where(table.about == about)
        since_ms, until_ms = instant_of(since, "since"), instant_of(until, "until")
        if since_ms is not None:
            query = query.where(table.at_ms >= since_ms)
        if until_ms is not None:
            query = query.where(table.at_ms < until_ms)
        if cursor is not None:
            query = query.where(table.n < int(cursor))

        def read(connection: Connection) -> list[Any]:
            return list(connection.execute(query).all())

        rows = await database.read(read)
        following = str(rows[limit - 1].n) if len(rows) > limit else None
        content = {"items": [_shown(row) for row in rows[:limit]], "next": following}
        return Response(msgspec.json.encode(content), media_type="application/json")

    return routes


def _shown(row: Any) -> dict[str, Any]:
    entry = _decode(row.body)
    return {
        "n": row.n,
        "at": format_ms(entry.at_ms),
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "about": entry.about,
        "detail": entry.detail,
        "seal": row.seal.hex(),
    }
