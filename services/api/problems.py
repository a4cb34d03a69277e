"""Every error of the API as a problem document (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.problems import CONTENT_TYPE, Problem, Rejected
from services.api.metrics import ERRORS

_RETRY_AFTER_S = 2
# How Python calls half of a surrogate pair.
_SURROGATE = "surrogates not allowed"
_log = structlog.get_logger(__name__)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem as an answer."""
    return Response(
        msgspec.json.encode(problem), problem.status, headers=headers, media_type=CONTENT_TYPE
    )


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the refusal of a request as an answer."""
    title = HTTPStatus(status).phrase
    return problem_response(Problem(title=title, status=status, detail=detail), headers)


def install(app: FastAPI) -> None:
    """Let the application answer every error as a problem, a WebSocket's handshake too."""
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(WebSocketRequestValidationError, _invalid)
    app.add_exception_handler(UnicodeEncodeError, _no_text)
    app.add_exception_handler(SQLAlchemyError, _no_store)
    app.add_exception_handler(Exception, _defect)


async def _rejected(request: Request, error: Exception) -> Response:
    assert isinstance(error, Rejected)
    return problem_response(error.problem)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, str(error.detail), error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """Name the first value that is wrong; its place is given without `query`, `body` and so on."""
    assert isinstance(error, RequestValidationError | WebSocketRequestValidationError)
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"][1:])
    return problem_response(
        Problem(title="Invalid value", status=422, detail=str(first["msg"]), field=path or None)
    )


async def _no_text(request: Request, error: Exception) -> Response:
    """Refuse half of a surrogate pair, which JSON can name, and which is no character."""
    assert isinstance(error, UnicodeEncodeError)
    if error.reason != _SURROGATE:
        # A text that is sound, in a place that cannot hold it: that is a fault of the service.
        raise error
    return problem_response(
        Problem(title="Invalid value", status=422, detail="a text in it is not valid Unicode")
    )


async def _no_store(request: Request, error: Exception) -> Response:
    ERRORS.inc()
    _log.error("store_failed", path=request.url.path, error=repr(error))
    return refusal(503, "the store does not answer", {"Retry-After": str(_RETRY_AFTER_S)})


async def _defect(request: Request, error: Exception) -> Response:
    """Answer a fault of the service; the server writes the traceback to the log."""
    ERRORS.inc()
    return refusal(500, "a fault of the service; it is in the log")
