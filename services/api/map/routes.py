"""The background of the console's map over HTTP: nothing, raster tiles, or a PMTiles file."""

from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from starlette.responses import FileResponse, Response

from services.api.guard import READERS, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline, problems_of

_FILE: Final = "/v1/map/tiles.pmtiles"
_SCHEMES: Final = ("https", "http")


class Background(Struct, frozen=True):
    """What lies below the outlines: `tiles` is a path or URL with {z}, {x} and {y}, `archive` the
    path of a PMTiles file, and `crs` the datum of either. Where both are null there is nothing."""

    tiles: str | None
    archive: str | None
    crs: Literal["wgs84", "gcj02"]


def router(tiles: str | None, crs: Literal["wgs84", "gcj02"]) -> APIRouter:
    """Return the routes. Raises ValueError for tiles that are neither a path or URL of tiles nor a
    PMTiles file, FileNotFoundError for a file that is not there."""
    file = _file(tiles)
    background = Background(tiles if file is None else None, None if file is None else _FILE, crs)
    routes = APIRouter(prefix="/v1/map", tags=["console"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Background), 401, 403),
    )
    async def shown() -> Response:
        """What the map is drawn on."""
        return json_answer(background)

    @routes.get(
        "/tiles.pmtiles",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses={
            200: {"content": {"application/octet-stream": {}}},
            206: {"content": {"application/octet-stream": {}}},
            **problems_of(401, 403, 404),
        },
    )
    async def archive() -> Response:
        """The PMTiles file; readers ask for ranges of it."""
        if file is None:
            raise HTTPException(404, "the map has no file of tiles")
        return FileResponse(file, media_type="application/octet-stream")

    return routes


def origins(tiles: str | None) -> list[str]:
    """Return the origins besides the API's own that the page has to ask for tiles."""
    parts = urlsplit(tiles or "")
    return [f"{parts.scheme}://{parts.netloc}"] if parts.scheme in _SCHEMES else []


def _file(tiles: str | None) -> Path | None:
    if tiles is None or "{z}" in tiles and tiles.startswith(("/", *(f"{s}://" for s in _SCHEMES))):
        return None
    if not tiles.endswith(".pmtiles"):
        raise ValueError(
            "CORDON_MAP_TILES must be a PMTiles file, or a path or URL with {z}, {x} and {y}"
        )
    file = Path(tiles)
    if not file.is_file():
        raise FileNotFoundError(f"CORDON_MAP_TILES names no file: {tiles}")
    return file
