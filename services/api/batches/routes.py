"""Verification batches over HTTP."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.persons import label
from schemas.times import format_ms
from services.api.batches import transactions
from services.api.batches.desk import BatchDesk, UnknownBatch
from services.api.batches.match import State
from services.api.batches.transactions import STATES, Judged, Viewer
from services.api.exports.csv_file import cell, encoded
from services.api.guard import Actor, Reader
from services.api.imports.headers import VERIFICATION
from services.api.imports.reading import FORMATS, Table
from services.api.json_answers import json_answer, location
from services.api.paging import PageSize
from services.api.people.areas import Within
from services.api.registers.routes import DeskRoute
from services.api.revisions import IfMatch, etag, revision_of


async def _viewer_of(grant: Reader, within: Within) -> Viewer | None:
    """Return what the caller is limited to, None = they see every name."""
    return None if within is None else Viewer(grant.name, within)


Sees = Annotated[Viewer | None, Depends(_viewer_of)]
_PLAIN: Final = r"^[^\x00]*$"
_HOUR_S: Final = 3_600.0
_PAGE: Final = 1_000
_COLUMNS: Final = (
    "batch", "row", "person", "label", "household", "grid", "plate", "task", "note",
)  # fmt: skip


class CreateBody(BaseModel):
    """A batch to begin."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[^/\s\x00]{1,64}$")]
    title: Annotated[str, Field(max_length=200, pattern=_PLAIN)] = ""
    source: Annotated[str, Field(max_length=200, pattern=_PLAIN)] = ""


class AssignBody(BaseModel):
    """Who is to go and look, and within how many hours; without a unit, who answers for it."""

    model_config = ConfigDict(extra="forbid")

    unit: Annotated[str, Field(pattern=r"^[^/\s\x00]{1,128}$")] | None = None
    within_h: Annotated[float, Field(gt=0, le=720)] = 24.0


class ResultBody(BaseModel):
    """What somebody found out."""

    model_config = ConfigDict(extra="forbid")

    result: State
    note: Annotated[str, Field(max_length=2000, pattern=_PLAIN)] | None = None


class _Route(DeskRoute):
    """Answers 404 for a batch or a row that there is not."""

    def get_route_handler(self) -> Any:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except UnknownBatch as error:
                raise HTTPException(404, "no such batch, or no such row in it") from error

        return answer


def router(desk: BatchDesk) -> APIRouter:
    """Return the routes of batches."""
    routes = APIRouter(prefix="/v1", tags=["batches"], route_class=_Route)

    @routes.post("/batches", response_class=Response, status_code=201)
    async def create(body: CreateBody, grant: Actor) -> Response:
        """Begin a batch; 409 where there is one of this id."""
        if not await desk.create(body.id, body.title, body.source, grant):
            raise HTTPException(409, "there is a batch of this id")
        return json_answer(await _one(body.id, None), 201, location("/v1/batches", body.id))

    @routes.get("/batches", response_class=Response)
    async def page(
        viewer: Sees, limit: PageSize = 100, cursor: Annotated[str, Query(max_length=64)] = ""
    ) -> Response:
        """Batches by id, each with how many of its names are found, not found, another's, or
        pending."""
        await desk.refresh()
        rows = await desk.database.read(lambda c: transactions.page(c, cursor, limit, viewer))
        ids = [row.id for row in rows]
        counts = await desk.database.read(lambda c: transactions.counts(c, ids, viewer))
        items = [_shown(row, counts.get(row.id)) for row in rows]
        return json_answer({"items": items, "next": ids[-1] if len(ids) == limit else None})

    @routes.get("/batches:summary", response_class=Response)
    async def summary(viewer: Sees) -> Response:
        """All batches together."""
        await desk.refresh()
        found = await desk.database.read(lambda c: transactions.counts(c, None, viewer))
        batches = await desk.database.read(lambda c: transactions.how_many(c, viewer))
        totals: dict[str, int] = {
            state: sum(each[state] for each in found.values()) for state in STATES
        }
        return json_answer(
            {
                "batches": batches,
                "names": sum(totals.values()),
                **totals,
                "open_batches": sum(each["PENDING"] > 0 for each in found.values()),
            }
        )

    @routes.get("/batches/{batch}", response_class=Response)
    async def get(batch: str, viewer: Sees) -> Response:
        """One batch with its counts."""
        await desk.refresh()
        return json_answer(await _one(batch, viewer))

    @routes.post("/batches/{batch}/rows", response_class=Response)
    async def take(batch: str, request: Request, grant: Actor, viewer: Sees) -> Response:
        """Add names (CSV, XLSX or NDJSON) and look each up at once; repeating has no effect."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in FORMATS:
            raise HTTPException(415, f"must be one of {', '.join(FORMATS)}")
        content = await request.body()
        table = Table(register=VERIFICATION, content=content, format=FORMATS[kind], batch=batch)
        return json_answer(await desk.take(batch, table, grant, viewer))

    @routes.get("/batches/{batch}/rows", response_class=Response)
    async def rows(
        batch: str,
        viewer: Sees,
        state: State | None = None,
        limit: PageSize = 100,
        cursor: Annotated[str | None, Query(pattern=r"^\d{1,9}$")] = None,
    ) -> Response:
        """The names of a batch, masked, with what was found of each."""
        await desk.refresh()
        await _one(batch, viewer)
        after = -1 if cursor is None else int(cursor)
        found = await desk.database.read(
            lambda c: transactions.rows_of(c, batch, state, after, limit, viewer)
        )
        following = str(found[-1].row) if len(found) == limit else None
        return json_answer({"items": [_row(each, viewer) for each in found], "next": following})

    @routes.post("/batches/{batch}/match", response_class=Response)
    async def match(batch: str, grant: Actor, viewer: Sees) -> Response:
        """Look up again what is pending and has no task."""
        return json_answer({"found": await desk.match_again(batch, grant, viewer)})

    @routes.post("/batches/{batch}/assign", response_class=Response)
    async def assign(
        batch: str, grant: Actor, viewer: Sees, body: AssignBody | None = None
    ) -> Response:
        """Make a task of every pending name that has none."""
        wish = body or AssignBody()
        made = await desk.assign(batch, wish.unit, wish.within_h * _HOUR_S, grant, viewer)
        return json_answer({"tasks": made})

    @routes.post("/batches/{batch}/rows/{row}/result", response_class=Response)
    async def result(
        batch: str,
        row: Annotated[int, Path(ge=0, le=999_999_999)],
        body: ResultBody,
        grant: Actor,
        viewer: Sees,
        if_match: IfMatch = None,
    ) -> Response:
        """Say what was found out about a name. If-Match carries the row's revision."""
        revision = revision_of(if_match)
        told = await desk.result(batch, row, revision, body.result, body.note, grant, viewer)
        return json_answer(_row(told, viewer), 200, etag(told.revision))

    @routes.get("/batches/{batch}/remainder.csv", response_class=Response)
    async def remainder(batch: str, viewer: Sees) -> Response:
        """What is still pending, as a file for spreadsheets; persons are masked."""
        await desk.refresh()
        await _one(batch, viewer)
        lines = [list(_COLUMNS)]
        after = -1
        while True:
            found = await desk.database.read(
                partial(
                    transactions.rows_of,
                    batch=batch,
                    state="PENDING",
                    after=after,
                    limit=_PAGE,
                    viewer=viewer,
                )
            )
            lines += [_line(batch, each) for each in found]
            if len(found) < _PAGE:
                break
            after = found[-1].row
        return Response(
            b"\xef\xbb\xbf" + encoded(lines),
            headers={"Content-Disposition": 'attachment; filename="remainder.csv"'},
            media_type="text/csv; charset=utf-8",
        )

    async def _one(batch: str, viewer: Viewer | None) -> dict[str, Any]:
        row = await desk.database.read(lambda c: transactions.get(c, batch, viewer))
        if row is None:
            raise UnknownBatch
        counts = await desk.database.read(lambda c: transactions.counts(c, [batch], viewer))
        return _shown(row, counts.get(batch))

    return routes


def _shown(row: Any, counts: dict[State, int] | None) -> dict[str, Any]:
    known: dict[str, int] = {state: (counts or {}).get(state, 0) for state in STATES}
    return {
        "id": row.id,
        "title": row.title,
        "source": row.source,
        "by": row.actor,
        "created": format_ms(row.created_ms),
        "names": sum(known.values()),
        **known,
    }


def _row(each: Judged, viewer: Viewer | None) -> dict[str, Any]:
    """Return a row as it is answered; by what somebody was found who lives elsewhere is for the
    desks there."""
    told = viewer is None or viewer.within.holds(each.name.person, each.name.grid)
    return {
        "row": each.row,
        "person": each.name.person,
        "label": label(each.name.person),
        "household": each.name.household,
        "grid": each.name.grid,
        "plate": each.name.plate,
        "result": each.state,
        "channel": each.channel,
        "found": each.found if told else (),
        "task": each.task,
        "note": each.note,
        "by": each.actor,
        "at": format_ms(each.at_ms),
        "revision": each.revision,
    }


def _line(batch: str, each: Judged) -> list[str]:
    name = each.name
    cells = (
        batch, each.row, name.person, label(name.person), name.household, name.grid, name.plate,
        each.task, each.note,
    )  # fmt: skip
    return [cell("" if value is None else str(value)) for value in cells]
