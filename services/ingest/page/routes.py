"""The page and its parts: static files, held in memory, under a policy that allows no other.

`forms.js` is made here, so that the page knows the provinces and types of document of the intake
and says the reasons of the decisions in the same words.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from schemas.persons import ID_TYPES
from schemas.prefixes import PROVINCES
from services.ingest.answers import Refused
from services.ingest.reasons import TEXTS

STATIC: Final = Path(__file__).parent / "static"
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
# What the browser asks for by these names; a service worker governs only the paths below its own.
_AT_THE_ROOT: Final = {"/": "index.html", "/worker.js": "worker.js"}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
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


def add_page(app: FastAPI) -> None:
    """Add the routes of the page. Files are read once, so no path reaches the disk."""
    assets = {
        path.name: _asset(path.read_bytes(), path.suffix)
        for path in STATIC.iterdir()
        if path.suffix in _KINDS
    }
    assets["forms.js"] = _asset(_forms(), ".js")
    assets["worker.js"] = _asset(_worker(assets), ".js")

    async def part(request: Request) -> Response:
        """One part of the page."""
        name = _AT_THE_ROOT.get(request.url.path) or request.path_params.get("name", "")
        asset = assets.get(name)
        if asset is None:
            raise Refused(404, "no such part of the page")
        headers = {**HEADERS, "ETag": asset.etag}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, headers=headers, media_type=asset.kind)

    for path in (*_AT_THE_ROOT, "/page/{name}"):
        app.add_api_route(path, part, include_in_schema=False, response_model=None)


def _forms() -> bytes:
    values = {
        "PROVINCES": "".join(PROVINCES),
        "ID_TYPES": ID_TYPES,
        "REASONS": {kind: {"en": text.en, "zh": text.zh} for kind, text in TEXTS.items()},
    }
    lines = (
        f"export const {name} = {json.dumps(value, ensure_ascii=False)};\n"
        for name, value in values.items()
    )
    return "".join(lines).encode()


def _worker(assets: dict[str, _Asset]) -> bytes:
    """Return the service worker with what it keeps; a changed part makes it another worker."""
    parts = [
        "/",
        *(f"/page/{name}" for name in sorted(assets) if name not in _AT_THE_ROOT.values()),
    ]
    version = hashlib.sha256("".join(each.etag for each in assets.values()).encode()).hexdigest()
    head = f"const VERSION = {json.dumps(version[:12])};\nconst PARTS = {json.dumps(parts)};\n"
    return head.encode() + assets["worker.js"].body


def _asset(body: bytes, suffix: str) -> _Asset:
    return _Asset(body, _KINDS[suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')
