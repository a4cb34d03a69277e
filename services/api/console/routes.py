"""The console as it is served: built files, held in memory, under a policy that allows no other."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from msgspec import Struct

from services.api.console.building import DIST

# The first parts of the console's own paths (src/app/views.ts): each of them gives the page.
VIEWS: Final = ("board", "alerts", "map", "charts", "quiet", "gates", "desk", "phone")
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
    ".pbf": "application/x-protobuf",
}
# Vite puts a digest into these names: what they hold never changes.
_HASHED: Final = "assets/"
_PAGE: Final = "index.html"
_FOREVER: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Cordon</title>
<h1>The console is not built</h1>
<p>Run <code>make console</code> and start the API again. Everything else works without it.</p>
<p lang="zh-CN">指挥台页面尚未构建：请运行 <code>make console</code> 后重启 API。</p></html>
"""
_Endpoint = Callable[[Request], Awaitable[Response]]
_log = structlog.get_logger(__name__)


class _File(Struct, frozen=True):
    body: bytes
    packed: bytes | None
    kind: str
    etag: str
    cached: str


def policy(elsewhere: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers of each file. `elsewhere` are origins that tiles of the map may come from;
    without any the page cannot ask anybody but the API."""
    others = "".join(f" {origin}" for origin in elsewhere)
    return {
        "Content-Security-Policy": (
            "default-src 'self'; script-src 'self'; style-src 'self'; worker-src 'self'; "
            f"connect-src 'self'{others}; img-src 'self' data: blob:{others}; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": "Accept-Encoding",
    }


def router(folder: Path | None = None, elsewhere: Iterable[str] = ()) -> APIRouter:
    """Return the routes. Files are read once, so that no path of a request reaches the disk."""
    files = _read(folder or DIST)
    headers = policy(elsewhere)
    routes = APIRouter(include_in_schema=False)

    def served(name: str) -> _Endpoint:
        """Return what answers with the file of the path, where it names one, else with this one."""

        async def answer(request: Request) -> Response:
            found = files.get(request.url.path.removeprefix("/")) or files.get(name)
            if found is None:
                missing = {**headers, "Cache-Control": "no-store"}
                return Response(_NOT_BUILT, 503, missing, "text/html; charset=utf-8")
            return _answer(found, request, headers)

        return answer

    @routes.get("/assets/{name}")
    async def asset(name: str, request: Request) -> Response:
        found = files.get(_HASHED + name)
        if found is None:
            raise HTTPException(404, "no such part of the console")
        return _answer(found, request, headers)

    for name in files:
        if "/" not in name and name != _PAGE:
            routes.add_api_route(f"/{name}", served(name))
    routes.add_api_route("/", served(_PAGE))
    for view in VIEWS:
        routes.add_api_route(f"/{view}", served(_PAGE))
        # What is built for one view alone, such as its service worker, lies beside its paths.
        routes.add_api_route(f"/{view}/{{rest:path}}", served(_PAGE))
    return routes


def _read(folder: Path) -> dict[str, _File]:
    """Return every file of a folder by its path, with its packed form where there is one."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = _KINDS.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        packed = path.with_name(f"{path.name}.gz")
        body = path.read_bytes()
        found[name] = _File(
            body=body,
            packed=packed.read_bytes() if packed.is_file() else None,
            kind=kind,
            etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
            cached=_FOREVER if name.startswith(_HASHED) else "no-cache",
        )
    if _PAGE not in found:
        _log.warning("console_not_built", folder=str(folder), do="make console")
    return found


def _answer(file: _File, request: Request, headers: dict[str, str]) -> Response:
    headers = {**headers, "ETag": file.etag, "Cache-Control": file.cached}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    body = file.body
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = file.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=file.kind)
