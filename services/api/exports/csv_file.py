"""Alerts as CSV for spreadsheets, a page at a time.

A cell that a spreadsheet would take for a formula begins with an apostrophe instead; the file
begins with a byte order mark, so that Chinese is read as such.
"""

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from schemas.alerts import Alert
from services.api.alerts import filters_of
from services.api.filters import Filters
from services.api.guard import READERS, require
from services.api.openapi import answers
from services.api.store.store import AlertStore

_ALERT = msgspec.json.Decoder(Alert)
_PAGE: Final = 1_000
# What Excel, LibreOffice and others begin to calculate at; full-width forms are taken likewise.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS: Final = (
    "id",
    "revision",
    "rule",
    "severity",
    "state",
    "outcome",
    "evidence_class",
    "subject_kind",
    "subject_label",
    "site",
    "grid",
    "order",
    "incident",
    "assignee",
    "note",
    "first_seen",
    "last_seen",
    "count",
    "historical",
    "escalation",
    "silenced_by",
    "inhibited_by",
    "related",
    "reason_en",
    "reason_zh",
)


def router(store: AlertStore) -> APIRouter:
    """Return the route; it must be included before `/v1/alerts/{id}`."""
    routes = APIRouter(prefix="/v1", tags=["alerts"])
    described = answers(200, {"type": "string"}, 401, 403, 422)
    described[200]["content"] = {"text/csv": {"schema": {"type": "string"}}}

    @routes.get(
        "/alerts.csv",
        dependencies=[Depends(require(*READERS))],
        response_class=StreamingResponse,
        responses=described,
    )
    async def export(filters: Annotated[Filters, Depends(filters_of)]) -> StreamingResponse:
        """All alerts that match, the last raised first, as a file for spreadsheets."""
        headers = {"Content-Disposition": 'attachment; filename="alerts.csv"'}
        return StreamingResponse(
            _lines(store, filters), headers=headers, media_type="text/csv; charset=utf-8"
        )

    return routes


async def _lines(store: AlertStore, filters: Filters) -> AsyncIterator[bytes]:
    yield b"\xef\xbb\xbf" + encoded([list(COLUMNS)])
    before: int | None = None
    while True:
        page = await store.page(filters, before, _PAGE)
        if page.bodies:
            yield encoded([row(_ALERT.decode(body)) for body in page.bodies])
        if page.next is None:
            return
        before = page.next


def row(alert: Alert) -> list[str]:
    """Return the cells of an alert, in the order of COLUMNS, as they are safe to open."""
    values = (
        alert.id,
        alert.revision,
        alert.rule,
        alert.severity,
        alert.state,
        alert.outcome,
        alert.evidence_class,
        alert.subject.kind,
        alert.subject.label,
        alert.site,
        alert.grid,
        alert.order,
        alert.incident,
        alert.assignee,
        alert.note,
        alert.first_seen,
        alert.last_seen,
        alert.count,
        "yes" if alert.historical else "no",
        alert.escalation,
        " ".join(alert.silenced_by or ()),
        " ".join(alert.inhibited_by or ()),
        " ".join(alert.related or ()),
        alert.reason.en,
        alert.reason.zh,
    )
    return [cell("" if value is None else str(value)) for value in values]


def cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; NUL is left out."""
    text = text.replace("\x00", "")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def encoded(rows: list[list[str]]) -> bytes:
    """Return rows as lines (RFC 4180)."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\r\n").writerows(rows)
    return target.getvalue().encode()
