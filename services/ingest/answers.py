"""Answers that are no success, all as problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.problems import CONTENT_TYPE, Problem

RETRY_BUSY_S = 1
RETRY_AWAY_S = 2


class Refused(Exception):
    """A whole request is refused with this status; `headers` go with the answer."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def busy() -> Refused:
    """Return the refusal of a request for which there is no room."""
    return Refused(429, "too many requests in flight", {"Retry-After": str(RETRY_BUSY_S)})


def away(detail: str) -> Refused:
    """Return the refusal of a request that could not be written; it may be sent again."""
    return Refused(503, detail, {"Retry-After": str(RETRY_AWAY_S)})


def too_large(detail: str) -> Refused:
    """Return the refusal of a body over a limit; the rest of the body is not read."""
    return Refused(413, detail, {"Connection": "close"})


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem as an answer."""
    return Response(
        msgspec.json.encode(problem), problem.status, headers=headers, media_type=CONTENT_TYPE
    )


def _plain(status: int, detail: str, headers: Mapping[str, str] | None) -> Response:
    title = HTTPStatus(status).phrase
    return problem_response(Problem(title=title, status=status, detail=detail), headers)


def refused(error: Refused) -> Response:
    """Return a refused request's answer."""
    return _plain(error.status, error.detail, error.headers)


async def http_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    return _plain(error.status_code, f"{request.method} {request.url.path}", error.headers)


async def refused_read(request: Request, error: Exception) -> Response:
    """Answer a refusal outside of the routes that take events."""
    assert isinstance(error, Refused)
    return refused(error)


async def defect(request: Request, error: Exception) -> Response:
    """Answer what is our own fault; the server logs its trace."""
    return _plain(500, "a defect of the service; the event was not accepted", None)
