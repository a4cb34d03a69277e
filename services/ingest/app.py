"""The HTTP face of ingest: the routes, who may call them, and what they answer."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.access import Grant, Role, TokenFile
from schemas.events import EVENT_KINDS, EventKind
from schemas.problems import Rejected
from services.ingest import answers
from services.ingest.answers import Refused, away
from services.ingest.body import Body, InFlight
from services.ingest.clock import ClockDesk
from services.ingest.items import items_of
from services.ingest.metrics import Metrics
from services.ingest.outcome import Outcome
from services.ingest.producer import Producer
from services.ingest.reception import Reception

Handler = Callable[[Request, Grant], Awaitable[Response]]
MAY_POST: Final[tuple[Role, ...]] = ("device", "replay", "admin")
MAY_SET_CLOCK: Final[tuple[Role, ...]] = ("replay",)
IN_FLIGHT_BYTES: Final = 64 << 20
_encode = msgspec.json.Encoder().encode


def create_app(
    *,
    reception: Reception,
    clock: ClockDesk,
    producer: Producer,
    tokens: TokenFile,
    metrics: Metrics,
    events_clock: bool,
    max_body_bytes: int,
    max_items: int,
    in_flight_bytes: int = IN_FLIGHT_BYTES,
) -> Starlette:
    """Return the application of one process.

    `events_clock` = the deployment takes its time from a replayed timeline: then a token of the
    role replay keeps recorded times and may set the clock.
    """
    in_flight = InFlight(in_flight_bytes, metrics)

    def body_of(request: Request) -> Body:
        if not producer.up:
            raise away("the broker is away")
        return Body(request, max_body_bytes, in_flight)

    def events(kind: EventKind) -> Handler:
        async def post(request: Request, grant: Grant) -> Response:
            keep = events_clock and grant.role == "replay"
            with body_of(request) as body:
                items = items_of(request.headers, await body.read(), max_items)
                outcome = await reception.take(kind, items.raws, keep=keep)
            if items.single and outcome.rejected:
                raise Rejected(outcome.rejected[0].problem)
            return _accepted(outcome)

        return post

    async def set_clock(request: Request, grant: Grant) -> Response:
        if not events_clock:
            raise Refused(403, "the clock of this deployment is the wall's")
        with body_of(request) as body:
            items = items_of(request.headers, await body.read(), max_items)
            outcome = await clock.take(items.raws)
        if items.single and outcome.rejected:
            raise Rejected(outcome.rejected[0].problem)
        return _accepted(outcome)

    def guarded(path: str, roles: Sequence[Role], handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            status = 500
            try:
                response = await _answer(request, tokens, roles, handler)
                status = response.status_code
                return response
            except Exception:
                metrics.defects.inc()
                raise
            finally:
                seconds = time.perf_counter() - began
                metrics.requests.labels(path, status).observe(seconds)

        return Route(path, endpoint, methods=["POST"])

    async def healthy(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Response:
        if not producer.up:
            raise away("the broker is away, or its topics are not there yet")
        return JSONResponse({"status": "ready"})

    async def show_metrics(request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(
        routes=[
            *(guarded(kind.path, MAY_POST, events(kind)) for kind in EVENT_KINDS),
            guarded("/v1/clock", MAY_SET_CLOCK, set_clock),
            Route("/healthz", healthy),
            Route("/readyz", ready),
            Route("/metrics", show_metrics),
        ],
        exception_handlers={
            Refused: answers.refused_read,
            HTTPException: answers.http_error,
            Exception: answers.defect,
        },
    )
    # A device that misses the path by a slash is told so; many lose the body of a redirected post.
    app.router.redirect_slashes = False
    return app


async def _answer(
    request: Request, tokens: TokenFile, roles: Sequence[Role], handler: Handler
) -> Response:
    """Let in who may, and turn what is refused into its problem."""
    try:
        grant = tokens.grant_of_header(request.headers.get("authorization"))
        if grant is None:
            raise Refused(401, "a valid token is needed", {"WWW-Authenticate": "Bearer"})
        if grant.role not in roles:
            raise Refused(403, f"the role {grant.role} may not do this")
        return await handler(request, grant)
    except Refused as error:
        return answers.refused(error)
    except Rejected as error:
        return answers.problem_response(error.problem)


def _accepted(outcome: Outcome) -> Response:
    return Response(_encode(outcome), 202, media_type="application/json")
