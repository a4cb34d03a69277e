"""The HTTP face of ingest: the routes, who may call them, and what they answer."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.access import Grant, Role, TokenFile, digest
from schemas.events import CLOCK_TYPE, KINDS_BY_PATH, EventKind
from schemas.jsonschema import posted
from schemas.problems import Rejected, rejected
from services.ingest import answers, openapi
from services.ingest.answers import RETRY_AWAY_S, Refused, away
from services.ingest.body import Body, InFlight
from services.ingest.clock import ClockDesk
from services.ingest.decisions import DecisionDesk
from services.ingest.devices import DeviceTokens
from services.ingest.items import items_of
from services.ingest.metrics import Metrics
from services.ingest.outcome import Outcome
from services.ingest.page.routes import add_page
from services.ingest.producer import Producer
from services.ingest.reception import Reception

Handler = Callable[[Request, Grant], Awaitable[Response]]
MAY_POST: Final[tuple[Role, ...]] = ("device", "replay", "admin")
MAY_SET_CLOCK: Final[tuple[Role, ...]] = ("replay",)
IN_FLIGHT_BYTES: Final = 64 << 20
_encode = msgspec.json.Encoder().encode


class _RawRoute(APIRoute):
    """Hands a request to its endpoint as it is: there are no parameters to solve or to validate
    and nothing is left open, and to look for them would cost a single event much of its time."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = _raw(endpoint)


def _raw(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


def create_app(
    *,
    reception: Reception,
    clock: ClockDesk,
    decisions: DecisionDesk,
    producer: Producer,
    tokens: TokenFile,
    devices: DeviceTokens,
    metrics: Metrics,
    events_clock: bool,
    max_body_bytes: int,
    max_items: int,
    in_flight_bytes: int = IN_FLIGHT_BYTES,
) -> FastAPI:
    """Return the application of one process.

    `events_clock` = the deployment takes its time from a replayed timeline: then a token of the
    role replay keeps recorded times and may set the clock.
    """
    in_flight = InFlight(in_flight_bytes, metrics)

    def body_of(request: Request) -> Body:
        if not producer.up:
            raise away("the broker is away")
        return Body(request, max_body_bytes, in_flight)

    def events(kinds: Mapping[str, EventKind]) -> Handler:
        async def post(request: Request, grant: Grant) -> Response:
            keep = events_clock and grant.role == "replay"
            with body_of(request) as body:
                items = items_of(request.headers, await body.read(), max_items)
                outcome = await reception.take(
                    kinds, items.raws, keep=keep, device=grant.name, sites=grant.sites
                )
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

    async def decide(request: Request, grant: Grant) -> Response:
        # Not `body_of`: an officer needs a verdict while the broker is away, too.
        with Body(request, max_body_bytes, in_flight) as body:
            items = items_of(request.headers, await body.read(), max_items)
            if not items.single:
                raise rejected("must be one checkpoint scan", "$")
            keep = events_clock and grant.role == "replay"
            raw = bytes(items.raws[0])
            answer = await decisions.decide(raw, keep=keep, device=grant.name, sites=grant.sites)
        headers = {} if answer.stored else {"Retry-After": str(RETRY_AWAY_S)}
        return Response(answer.body, headers=headers, media_type="application/json")

    async def offline_list(request: Request, grant: Grant) -> Response:
        token = request.headers["authorization"].partition(" ")[2].strip()
        made = await decisions.offline_list(digest(token))
        return Response(
            _encode(made), headers={"Cache-Control": "no-store"}, media_type="application/json"
        )

    app = FastAPI(
        title="Cordon ingest",
        version="1",
        description="Where checkpoints and cameras post their events.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        # A device that misses the path by a slash is told so; many lose the body of a
        # redirected post.
        redirect_slashes=False,
        exception_handlers={
            Refused: answers.refused_read,
            HTTPException: answers.http_error,
            Exception: answers.defect,
        },
    )
    app.router.route_class = _RawRoute

    def guarded(
        path: str, roles: Sequence[Role], handler: Handler, method: str = "POST", **described: Any
    ) -> None:
        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            status = 500
            try:
                response = await _answer(request, tokens, devices, roles, handler)
                status = response.status_code
                return response
            except Exception:
                metrics.defects.inc()
                raise
            finally:
                seconds = time.perf_counter() - began
                metrics.requests.labels(path, status).observe(seconds)

        app.add_api_route(
            path,
            endpoint,
            methods=[method],
            name=method.lower(),
            response_class=Response,
            response_model=None,
            **described,
        )

    async def healthz(request: Request) -> Response:
        """Whether the process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        """Whether events can be written; 503 while they cannot."""
        if not producer.up:
            raise away("the broker is away, or its topics are not there yet")
        return JSONResponse({"status": "ready"})

    async def show_metrics(request: Request) -> Response:
        """The metrics of this process, for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    for path, kinds in KINDS_BY_PATH.items():
        described = openapi.items(path, [posted(kind) for kind in kinds], max_items)
        guarded(path, MAY_POST, events(kinds), **described)
    described = openapi.items("/v1/clock", [CLOCK_TYPE], max_items)
    guarded("/v1/clock", MAY_SET_CLOCK, set_clock, **described)
    guarded("/v1/decisions", MAY_POST, decide, **openapi.decision())
    guarded("/v1/decisions/list", MAY_POST, offline_list, "GET", **openapi.offline_list())
    add_page(app)
    for path, endpoint in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", show_metrics)):
        app.add_api_route(
            path,
            endpoint,
            response_class=Response,
            response_model=None,
            responses={503: openapi.problem(503)} if endpoint is readyz else {},
            openapi_extra=openapi.OPEN,
        )
        # Load balancers ask with HEAD.
        app.add_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    openapi.install(app)
    return app


async def _answer(
    request: Request,
    tokens: TokenFile,
    devices: DeviceTokens,
    roles: Sequence[Role],
    handler: Handler,
) -> Response:
    """Let in who may, and turn what is refused into its problem."""
    try:
        header = request.headers.get("authorization")
        grant = tokens.grant_of_header(header) or devices.grant_of_header(header)
        if grant is None and header is not None and not devices.complete:
            # It may be a device's; one that is told 401 may never try again.
            raise away("the register of devices has not been read yet")
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
