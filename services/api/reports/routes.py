"""Reports over HTTP: check-ins, visits, tips and duty sign-ins of people with a session.

A handheld without a network keeps its reports and sends them later. The id of a report is made
once, on the handheld, and is its author's own: one that comes again is a duplicate, as at ingest.
"""

from collections.abc import Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from schemas.problems import rejected
from services.api.audit.chain import Entry, record
from services.api.guard import Actor
from services.api.json_answers import json_answer
from services.api.metrics import REPORTS
from services.api.openapi import answers, inline
from services.api.people.areas import Within
from services.api.people.limit import Limit
from services.api.reports.relay import Away, Relay, Taken, author_of
from services.api.store.database import Database
from services.api.tasks.texts import plain

MOST_AT_ONCE: Final = 50
# What is written in words, where a number could slip in.
_TEXTS: Final = ("text", "address", "symptoms")

ReportType = Literal[
    "cordon.check-in.v1", "cordon.visit.v1", "cordon.tip.v1", "cordon.duty-sign-in.v1"
]


class Report(BaseModel):
    """One report; `id` is the author's own, `time` when it happened, `data` as ingest takes it."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,128}$")]
    type: ReportType
    time: Annotated[str, Field(max_length=40)]
    data: Annotated[dict[str, JsonValue], Field(max_length=16)]


class Reports(BaseModel):
    """Reports, the oldest first."""

    model_config = ConfigDict(extra="forbid")

    reports: Annotated[list[Report], Field(min_length=1, max_length=MOST_AT_ONCE)]


def router(relay: Relay, database: Database, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1", tags=["reports"])

    @routes.post(
        "/field-reports",
        status_code=202,
        response_class=Response,
        responses=answers(202, inline(Taken), 401, 403, 422, 503),
    )
    async def take(body: Reports, grant: Actor, within: Within) -> Response:
        """Hand reports on to ingest as their author's; the answer is ingest's, an item each.

        One that was taken before counts as a duplicate. Whoever is limited to areas reports of
        orders in them; an order elsewhere is refused as one that there is not.
        """
        for place, report in enumerate(body.reports):
            _check(report, within, f"reports[{place}].data")
        source = author_of(grant)
        events = [
            {"specversion": "1.0", "source": source, **report.model_dump()}
            for report in body.reports
        ]
        try:
            taken = await relay.post(events)
        except Away as error:
            raise HTTPException(503, str(error), {"Retry-After": error.retry_after_s}) from error
        REPORTS.labels("accepted").inc(taken.accepted)
        REPORTS.labels("duplicate").inc(taken.duplicates)
        REPORTS.labels("rejected").inc(len(taken.rejected))
        if taken.accepted:
            ids = [report.id for report in body.reports]
            entry = Entry.by(
                grant,
                clock_ms(),
                "report.file",
                f"source:{source}",
                {"accepted": taken.accepted, "ids": ids},
            )
            await database.write(lambda connection: record(connection, entry))
        return json_answer(taken, 202)

    return routes


def _check(report: Report, within: Limit | None, place: str) -> None:
    """Raise Rejected for a text that names somebody's number, or an order of another area."""
    for name in _TEXTS:
        value = report.data.get(name)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                plain(text, f"{place}.{name}")
    order = report.data.get("order")
    if within is not None and isinstance(order, str) and not within.covers(order=order):
        raise rejected("no such order", f"{place}.order")
