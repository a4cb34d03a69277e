"""The registers over HTTP."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.routing import APIRoute

from schemas.access import Grant
from schemas.problems import rejected
from schemas.registers import REGISTERS
from schemas.times import TimeProblem, format_ms, parse_ms
from services.api.guard import ACTORS, READERS, require
from services.api.registers.desk import Desk, Tally
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion

MAX_ROWS: Final = 5_000
_MAX_ENTRY_BYTES: Final = 1 << 20
_RETRY_AFTER_S: Final = 2

Reader = Annotated[Grant, Depends(require(*READERS))]
Writer = Annotated[Grant, Depends(require(*ACTORS, "replay"))]
Replayer = Annotated[Grant, Depends(require("replay"))]
Limit = Annotated[int, Query(ge=1, le=1000)]


class _Route(APIRoute):
    """Answers 503 with Retry-After for what the desk cannot do at the moment."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Unavailable as error:
                headers = {"Retry-After": str(_RETRY_AFTER_S)}
                raise HTTPException(503, str(error), headers) from error

        return answer


def router(desk: Desk) -> APIRouter:
    """Return the routes of the registers."""
    routes = APIRouter(prefix="/v1", tags=["registers"], route_class=_Route)

    # The routes with a verb come first: `{name}` would match them too.
    @routes.post("/registers:replay")
    async def replay(request: Request, _: Replayer) -> Response:
        """File register events of a timeline (NDJSON) with the times that they carry."""
        if not desk.takes_replays:
            raise HTTPException(403, "only a system started with --clock events takes replays")
        return _tally(await desk.replay(await _rows(request)))

    @routes.post("/registers/{name}:import")
    async def bring_in(name: str, request: Request, grant: Writer) -> Response:
        """File many entries of one register: NDJSON, one entry with its id in each line."""
        _check_name(name)
        return _tally(await desk.bring_in(name, await _rows(request), grant.name))

    @routes.put("/registers/{name}/{entry_id}")
    async def put(name: str, entry_id: str, request: Request, grant: Writer) -> Response:
        """File an entry; the body is its data. 201 = new, 200 = changed, or as it was."""
        _check_name(name)
        body = await request.body()
        if len(body) > _MAX_ENTRY_BYTES:
            raise HTTPException(413, f"an entry has at most {_MAX_ENTRY_BYTES} bytes")
        answer = await desk.put(name, entry_id, body, grant.name)
        return _json(_shown(answer.version), 201 if answer.outcome == "created" else 200)

    @routes.delete("/registers/{name}/{entry_id}", status_code=204)
    async def delete(
        name: str,
        entry_id: str,
        grant: Writer,
        reason: Annotated[str | None, Query(max_length=2000)] = None,
    ) -> Response:
        """End an entry's validity now; its versions stay on record."""
        _check_name(name)
        if not await desk.delete(name, entry_id, grant.name, reason):
            raise HTTPException(404, f"no such entry in the register {name}")
        return Response(status_code=204)

    @routes.get("/registers/{name}/{entry_id}/history")
    async def history(name: str, entry_id: str, _: Reader, limit: Limit = 100) -> Response:
        """Return the newest versions of an entry, the last filed first."""
        _check_name(name)
        versions = await desk.history(name, entry_id, limit)
        if not versions:
            raise HTTPException(404, f"no such entry in the register {name}")
        return _json({"items": [_shown(version) for version in versions]})

    @routes.get("/registers/{name}/{entry_id}")
    async def get(name: str, entry_id: str, _: Reader, as_of: str | None = None) -> Response:
        """Return an entry as it governs now, or at an instant as it was known then."""
        _check_name(name)
        version = await desk.get(name, entry_id, _instant(as_of))
        if version is None:
            raise HTTPException(404, f"no entry of the register {name} governs under this id")
        return _json(_shown(version))

    @routes.get("/registers/{name}")
    async def page(
        name: str,
        _: Reader,
        as_of: str | None = None,
        limit: Limit = 100,
        cursor: str | None = None,
    ) -> Response:
        """Return the entries of a register that govern, by id, a page at a time."""
        _check_name(name)
        items, last_id = await desk.page(name, _instant(as_of), limit, _id_of(cursor))
        return _json({"items": [_shown(version) for version in items], "next": _cursor_of(last_id)})

    return routes


async def _rows(request: Request) -> list[bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-ndjson":
        raise HTTPException(415, "must be application/x-ndjson")
    rows = [row for row in (await request.body()).splitlines() if row.strip()]
    if len(rows) > MAX_ROWS:
        raise HTTPException(413, f"at most {MAX_ROWS} rows a request")
    return rows


def _shown(version: StoredVersion) -> dict[str, Any]:
    """Return a version as it is answered: its data, when it was filed, whether it is an end."""
    shown = msgspec.json.decode(version.body, type=dict[str, Any])
    shown["recordedtime"] = format_ms(version.recorded_ms)
    if version.deleted:
        shown["deleted"] = True
    return shown


def _check_name(name: str) -> None:
    if name not in REGISTERS:
        raise HTTPException(404, "no such register")


def _instant(as_of: str | None) -> int | None:
    try:
        return None if as_of is None else parse_ms(as_of)
    except TimeProblem as error:
        raise rejected(str(error), "as_of") from error


def _cursor_of(last_id: str | None) -> str | None:
    return None if last_id is None else urlsafe_b64encode(last_id.encode()).decode()


def _id_of(cursor: str | None) -> str:
    try:
        return b64decode(cursor or "", altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise rejected("not a cursor of this list", "cursor") from error


def _tally(tally: Tally) -> Response:
    return _json(tally)


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
