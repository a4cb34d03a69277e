"""The registers over HTTP."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.routing import APIRoute

from schemas.access import Grant
from schemas.plates import PlateProblem
from schemas.problems import rejected
from schemas.registers import REGISTERS
from schemas.times import format_ms
from services.api.alerts import instant_of
from services.api.guard import Reader, require
from services.api.json_answers import json_answer
from services.api.paging import PageSize
from services.api.people.areas import Within
from services.api.people.personal import sees_entry
from services.api.registers.desk import Desk, Stale, Tally
from services.api.registers.keys import Kind
from services.api.registers.ledger import Wanted
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion
from services.api.registers.writers import WRITERS
from services.api.revisions import IfMatch, etag, revision_of

_MAX_LINES: Final = 5_000
_MAX_ENTRY_BYTES: Final = 1 << 20
_RETRY_AFTER_S: Final = 2

Writer = Annotated[Grant, Depends(require(*WRITERS))]
Replayer = Annotated[Grant, Depends(require("replay"))]
Named = Annotated[str | None, Query(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]


class DeskRoute(APIRoute):
    """Answers what the desk cannot do: 503 with Retry-After, or 409 where somebody was first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Unavailable as error:
                headers = {"Retry-After": str(_RETRY_AFTER_S)}
                raise HTTPException(503, str(error), headers) from error
            except Stale as error:
                headers = etag(error.current)
                raise HTTPException(409, f"somebody was faster: {error}", headers) from error

        return answer


def router(desk: Desk) -> APIRouter:
    """Return the routes of the registers; those of imports lie with the imports."""
    routes = APIRouter(prefix="/v1", tags=["registers"], route_class=DeskRoute)

    # The routes with a verb come first: `{name}` would match them too.
    @routes.post("/registers:replay")
    async def replay(request: Request, grant: Replayer) -> Response:
        """File register events of a timeline (NDJSON) with the times that they carry."""
        if not desk.takes_replays:
            raise HTTPException(403, "only a system started with --clock events takes replays")
        lines = await _rows(request)
        await desk.note(grant, "register.replay", "registers", {"lines": len(lines)})
        return _tally(await desk.replay(lines))

    @routes.put("/registers/{name}/{entry_id}", responses={201: {"description": "New."}})
    async def put(
        name: str, entry_id: str, request: Request, grant: Writer, if_match: IfMatch = None
    ) -> Response:
        """File an entry; the body is its data. 201 = new, 200 = changed, or as it was.

        With If-Match the entry must still be as its ETag says; else 409.
        """
        _check_name(name)
        body = await request.body()
        if len(body) > _MAX_ENTRY_BYTES:
            raise HTTPException(413, f"an entry has at most {_MAX_ENTRY_BYTES} bytes")
        answer = await desk.put(name, entry_id, body, grant, place_of(if_match))
        return one(answer.version, 201 if answer.outcome == "created" else 200)

    @routes.delete("/registers/{name}/{entry_id}", status_code=204)
    async def delete(
        name: str,
        entry_id: str,
        grant: Writer,
        reason: Annotated[str | None, Query(max_length=2000)] = None,
        if_match: IfMatch = None,
    ) -> Response:
        """End an entry's validity now; its versions stay on record."""
        _check_name(name)
        if not await desk.delete(name, entry_id, grant, reason, place_of(if_match)):
            raise HTTPException(404, f"no such entry in the register {name}")
        return Response(status_code=204)

    @routes.get("/registers/{name}/{entry_id}/history")
    async def history(
        name: str, entry_id: str, _: Reader, within: Within, limit: PageSize = 100
    ) -> Response:
        """Return the newest versions of an entry, the last filed first."""
        _check_name(name)
        versions = await desk.history(name, entry_id, limit)
        versions = [version for version in versions if _seen(within, name, version)]
        if not versions:
            raise HTTPException(404, f"no such entry in the register {name}")
        return json_answer({"items": [shown(version) for version in versions]})

    @routes.get("/registers/{name}/{entry_id}")
    async def get(
        name: str, entry_id: str, _: Reader, within: Within, as_of: str | None = None
    ) -> Response:
        """Return an entry as it governs now, or at an instant as it was known then."""
        _check_name(name)
        version = await desk.get(name, entry_id, instant_of(as_of, "as_of"))
        if version is None or not _seen(within, name, version):
            raise HTTPException(404, f"no entry of the register {name} governs under this id")
        return one(version)

    @routes.get("/registers/{name}")
    async def page(
        name: str,
        _: Reader,
        within: Within,
        as_of: str | None = None,
        limit: PageSize = 100,
        cursor: str | None = None,
        subject: Named = None,
        order: Named = None,
        plate: Named = None,
        grid: Named = None,
        household: Named = None,
        batch: Named = None,
        q: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    ) -> Response:
        """Return the entries of a register that govern, by id, a page at a time.

        They name the person (`subject`), order, plate, grid, household and batch that are given,
        and their data holds the text `q`.
        """
        _check_name(name)
        asked: dict[Kind, str | None] = {
            "person": subject,
            "order": order,
            "plate": _plate(desk, plate),
            "grid": grid,
            "household": household,
            "batch": batch,
        }
        keys = frozenset((kind, value) for kind, value in asked.items() if value is not None)
        wanted = Wanted(keys, q or "")
        items, last_id = await desk.page(
            name, instant_of(as_of, "as_of"), limit, id_of(cursor), wanted
        )
        seen = [shown(version) for version in items if _seen(within, name, version)]
        return json_answer({"items": seen, "next": cursor_of(last_id)})

    return routes


async def _rows(request: Request) -> list[bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-ndjson":
        raise HTTPException(415, "must be application/x-ndjson")
    rows = [row for row in (await request.body()).splitlines() if row.strip()]
    if len(rows) > _MAX_LINES:
        raise HTTPException(413, f"at most {_MAX_LINES} rows a request")
    return rows


def one(version: StoredVersion, status: int = 200) -> Response:
    """Return a version as an answer; its ETag is the place for If-Match."""
    return json_answer(shown(version), status, etag(version.place))


def place_of(if_match: str | None) -> int | None:
    """Return the place that If-Match names, None where it is absent; raises HTTPException."""
    return None if if_match is None else revision_of(if_match)


def shown(version: StoredVersion) -> dict[str, Any]:
    """Return a version as it is answered: its data, when it was filed, whether it is an end."""
    shown = msgspec.json.decode(version.body, type=dict[str, Any])
    shown["recordedtime"] = format_ms(version.recorded_ms)
    if version.deleted:
        shown["deleted"] = True
    return shown


def _seen(within: Within, name: str, version: StoredVersion) -> bool:
    """Return whether the caller may see a version; a deletion tells no more than its id."""
    return version.deleted or sees_entry(
        within, name, version.id, msgspec.json.decode(version.body)
    )


def _check_name(name: str) -> None:
    if name not in REGISTERS:
        raise HTTPException(404, "no such register")


def cursor_of(last_id: str | None) -> str | None:
    return None if last_id is None else urlsafe_b64encode(last_id.encode()).decode()


def id_of(cursor: str | None) -> str:
    try:
        return b64decode(cursor or "", altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise rejected("not a cursor of this list", "cursor") from error


def _plate(desk: Desk, plate: str | None) -> str | None:
    if plate is None:
        return None
    try:
        return desk.intake.plate(plate)
    except PlateProblem as error:
        raise rejected(str(error), "plate") from error


def _tally(tally: Tally) -> Response:
    return json_answer(tally)
