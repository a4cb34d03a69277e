"""Imports over HTTP: a table in, its progress and what became of each row out."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response

from schemas.access import Grant
from schemas.problems import rejected
from schemas.registers import REGISTERS
from services.api.guard import Reader, require
from services.api.imports import record
from services.api.imports.reading import FORMATS, Table
from services.api.imports.record import Import, OutcomeName
from services.api.imports.work import Imports
from services.api.json_answers import json_answer, location
from services.api.paging import Cursor, PageSize, place_of
from services.api.registers.desk import Outcome
from services.api.registers.routes import DeskRoute
from services.api.registers.writers import WRITERS, check_writer
from services.api.store.database import Database

Writer = Annotated[Grant, Depends(require(*WRITERS))]
_Pairs = Annotated[list[str], Query(max_length=50)]
_PAIR: Final = 400


def router(imports: Imports, database: Database, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the routes of imports."""
    routes = APIRouter(prefix="/v1", tags=["imports"], route_class=DeskRoute)

    @routes.post(
        "/registers/{name}:import",
        response_class=Response,
        responses={202: {"description": "A job."}},
    )
    async def bring_in(
        name: str,
        request: Request,
        grant: Writer,
        dry_run: bool = False,
        batch: Annotated[str | None, Query(pattern=r"^[^/\s\x00]{1,64}$")] = None,
        sheet: Annotated[str | None, Query(max_length=100)] = None,
        map_: Annotated[_Pairs, Query(alias="map")] = [],  # noqa: B006 — FastAPI copies defaults.
        set_: Annotated[_Pairs, Query(alias="set")] = [],  # noqa: B006
        prefer: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        """File many entries of one register from CSV, XLSX or NDJSON.

        Up to 5,000 rows are answered at once (200); more, or with `Prefer: respond-async`, become a
        job (202) whose progress is at the Location. `map` = `column=field` for a header of another
        name, `set` = `field=value` for a field that is the same in every row.
        """
        if name not in REGISTERS:
            raise HTTPException(404, "no such register")
        # Before any identity of the table is kept.
        check_writer(grant, name)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in FORMATS:
            raise HTTPException(415, f"must be one of {', '.join(FORMATS)}")
        table = Table(
            register=name,
            content=await request.body(),
            format=FORMATS[kind],
            sheet=sheet,
            mapping=_pairs(map_, "map", last=True),
            constants=_pairs(set_, "set", last=False),
            batch=batch,
            dry_run=dry_run,
        )
        later = "respond-async" in (prefer or "")
        work, outcomes = await imports.take(table, grant, later=later)
        if work.state == "running":
            return json_answer(
                record.shown(work, clock_ms()), 202, location("/v1/imports", work.id)
            )
        return json_answer(_tally(work, outcomes), 200, location("/v1/imports", work.id))

    @routes.get("/imports", response_class=Response)
    async def page(
        grant: Reader,
        limit: PageSize = 100,
        cursor: Cursor = None,
    ) -> Response:
        """The imports of the last thirty days, the last begun first.

        Who is limited to areas sees their own.
        """
        before = place_of(cursor)
        found = await database.read(lambda c: record.newest(c, before, limit, _only(grant)))
        following = str(found[-1].started_ms) if len(found) == limit else None
        items = [record.shown(work, clock_ms()) for work in found]
        return json_answer({"items": items, "next": following})

    @routes.get("/imports/{import_id}", response_class=Response)
    async def get(import_id: str, grant: Reader) -> Response:
        """How far an import is, and what became of its rows in all."""
        return json_answer(record.shown(await _known(import_id, grant), clock_ms()))

    @routes.get("/imports/{import_id}/rows", response_class=Response)
    async def rows(
        import_id: str,
        grant: Reader,
        outcome: OutcomeName | None = None,
        limit: PageSize = 100,
        cursor: Annotated[str | None, Query(pattern=r"^\d{1,9}$")] = None,
    ) -> Response:
        """What became of each row: its number in the table, the entry, problems and repairs."""
        await _known(import_id, grant)
        after = -1 if cursor is None else int(cursor)
        found = await database.read(
            lambda connection: record.rows_of(connection, import_id, outcome, after, limit)
        )
        following = str(found[-1].place) if len(found) == limit else None
        return json_answer({"items": found, "next": following})

    async def _known(import_id: str, grant: Grant) -> Import:
        found = await database.read(lambda connection: record.get(connection, import_id))
        if found is None or _only(grant) not in (None, found.actor):
            raise HTTPException(404, "no such import")
        return found

    return routes


def _only(grant: Grant) -> str | None:
    """Return whose imports the caller sees, None = all: a table may hold rows of many areas."""
    return None if grant.areas is None else grant.name


def _tally(work: Import, outcomes: list[Outcome]) -> dict[str, Any]:
    """Return what became of all rows, and the problem of each that was rejected."""
    return {
        "import": work.id,
        "dry_run": work.dry_run,
        "accepted": work.created + work.changed,
        "created": work.created,
        "changed": work.changed,
        "unchanged": work.unchanged,
        "unused_columns": list(work.unused),
        "rejected": [
            {"index": index, "problem": outcome.problem}
            for index, outcome in enumerate(outcomes)
            if outcome.problem is not None
        ],
    }


def _pairs(texts: list[str], parameter: str, *, last: bool) -> dict[str, str]:
    """Return `name=value` texts as a dict; a header may hold `=` itself, a field does not."""
    pairs = {}
    for text in texts:
        name, equals, value = text.rpartition("=") if last else text.partition("=")
        if not equals or not name or len(text) > _PAIR:
            raise rejected(f"must be name=value of at most {_PAIR} characters", parameter)
        pairs[name] = value
    return pairs
