"""The page and its parts: static files, held in memory, under a policy that allows no other."""

import hashlib
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response
from msgspec import Struct

STATIC: Final = Path(__file__).parent / "static"
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # A new version shows at the next load; until then the ETag saves the transfer.
    "Cache-Control": "no-cache",
}


class _Asset(Struct, frozen=True):
    body: bytes
    kind: str
    etag: str


def router() -> APIRouter:
    """Return the routes of the page. Files are read once, so no path reaches the disk."""
    assets = {path.name: _asset(path) for path in STATIC.iterdir() if path.suffix in _KINDS}
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def page(request: Request) -> Response:
        return _answer(assets["index.html"], request)

    @routes.get("/page/{name}")
    async def part(name: str, request: Request) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise HTTPException(404, "no such part of the page")
        return _answer(asset, request)

    return routes


def _asset(path: Path) -> _Asset:
    body = path.read_bytes()
    return _Asset(body, _KINDS[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def _answer(asset: _Asset, request: Request) -> Response:
    headers = {**HEADERS, "ETag": asset.etag}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.kind)
