"""Answers in JSON, of whatever msgspec encodes."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from starlette.responses import Response


def json_answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return content as an answer."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def private_answer(content: object, status: int = 200) -> Response:
    """Return content that nobody on the way may keep."""
    return json_answer(content, status, {"Cache-Control": "no-store"})


def location(collection: str, entry_id: str) -> dict[str, str]:
    """Return the header that says where something new is; an id may hold what no header may."""
    return {"Location": f"{collection}/{quote(entry_id, safe='')}"}
