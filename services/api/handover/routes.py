"""The shift handover over HTTP: JSON, a page, and a PDF."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from sqlalchemy import Connection

from schemas.access import Grant
from schemas.problems import rejected
from schemas.times import DAY_MS, HOUR_MS
from services.api.alerts import instant_of
from services.api.audit.chain import Entry, record
from services.api.guard import CHECKERS, LEADERS, require
from services.api.handover.documents import html_of, pdf_of
from services.api.handover.gathering import Pages, happened_in, kept_of, registers_of
from services.api.handover.report import Handover, report_of
from services.api.handover.words import tables_of, title_of
from services.api.openapi import answers, inline, problems_of
from services.api.people.areas import Areas
from services.api.registers.link import Unavailable
from services.api.store.database import Database

LONGEST_MS: Final = 7 * DAY_MS
_SHIFT_MS: Final = 8 * HOUR_MS
_PROBLEMS: Final = (401, 403, 422, 503)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Teller = Annotated[Grant, Depends(require(*dict.fromkeys((*LEADERS, *CHECKERS, "dispatcher"))))]
Since = Annotated[str | None, Query(description="RFC 3339; unset: eight hours before the end")]
Until = Annotated[str | None, Query(description="RFC 3339, not with it; unset: now")]


def router(
    database: Database, pages: Pages, zone: ZoneInfo, clock_ms: Callable[[], int]
) -> APIRouter:
    """Return the routes; times in page and PDF are those of `zone`."""
    routes = APIRouter(prefix="/v1", tags=["handover"])
    areas = Areas(database, clock_ms)

    async def report(grant: Grant, since: str | None, until: str | None) -> Handover:
        now_ms = clock_ms()
        until_ms = instant_of(until, "until")
        until_ms = now_ms if until_ms is None else until_ms
        since_ms = instant_of(since, "since")
        since_ms = until_ms - _SHIFT_MS if since_ms is None else since_ms
        if not since_ms < until_ms:
            raise rejected("must lie after since", "until")
        if until_ms - since_ms > LONGEST_MS:
            raise rejected(f"must lie at most {LONGEST_MS // DAY_MS} days before until", "since")
        limit = await areas.limit_of(grant)
        try:
            registers = await registers_of(pages, min(until_ms, now_ms), limit)
        except Unavailable as error:
            raise HTTPException(503, str(error), {"Retry-After": "2"}) from error

        def read(connection: Connection) -> Handover:
            happened = happened_in(connection, since_ms, until_ms, limit)
            kept = kept_of(connection, happened, since_ms, until_ms, limit, registers)
            return report_of(happened, kept, since_ms, until_ms)

        found = await database.read(read)
        entry = Entry.by(grant, now_ms, "handover.read", f"{found.since}/{found.until}")
        await database.write(lambda c: record(c, entry))
        return found

    @routes.get(
        "/handover", response_class=Response, responses=answers(200, inline(Handover), *_PROBLEMS)
    )
    async def as_json(grant: Teller, since: Since = None, until: Until = None) -> Response:
        """What happened in a shift: counts, open items, who acted, waits, coverage, load."""
        found = await report(grant, since, until)
        return Response(msgspec.json.encode(found), media_type="application/json")

    @routes.get("/handover.html", response_class=Response, responses=_document("text/html"))
    async def as_page(grant: Teller, since: Since = None, until: Until = None) -> Response:
        """The same as a page, in English and Chinese."""
        found = await report(grant, since, until)
        text = html_of(title_of(found, zone), tables_of(found, zone))
        return Response(text, media_type="text/html; charset=utf-8", headers=_HEADERS)

    @routes.get("/handover.pdf", response_class=Response, responses=_document("application/pdf"))
    async def as_pdf(grant: Teller, since: Since = None, until: Until = None) -> Response:
        """The same as a PDF on A4."""
        found = await report(grant, since, until)
        title, tables = title_of(found, zone), tables_of(found, zone)
        content = await asyncio.to_thread(pdf_of, title, tables)
        named = 'attachment; filename="handover.pdf"'
        headers = {**_HEADERS, "Content-Disposition": named}
        return Response(content, media_type="application/pdf", headers=headers)

    return routes


def _document(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "Done.", "content": {kind: {}}}, **problems_of(*_PROBLEMS)}
