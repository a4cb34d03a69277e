"""The HTTP face of the API: which routes there are, and what every answer has in common."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from schemas.access import TokenFile
from services.api import acting, alerts, openapi, problems
from services.api.audit.reads import ReadLog
from services.api.body_limit import BodyLimit
from services.api.exports import alertmanager, csv_file
from services.api.feed import routes as feed
from services.api.feed.hub import Hub
from services.api.history import routes as history
from services.api.incidents import routes as incidents
from services.api.inhibitions import routes as inhibitions
from services.api.json_answers import json_answer
from services.api.metrics import REGISTRY
from services.api.people.areas import Areas, sees_alert
from services.api.session import Sessions
from services.api.silences import routes as silences
from services.api.store.database import Database
from services.api.store.store import AlertStore


def create_app(
    *,
    store: AlertStore,
    database: Database,
    hub: Hub,
    tokens: TokenFile,
    sessions: Sessions,
    clock_ms: Callable[[], int],
    ready: Callable[[], Mapping[str, bool]],
    routers: Sequence[APIRouter],
    max_body_bytes: int,
) -> FastAPI:
    """Return the application; `ready` names what the service needs and whether it is there.

    `routers` are those of all else, in their order: the console comes last.
    """
    app = FastAPI(
        title="Cordon API",
        version="1",
        description="Alerts, their live feed, and the registers.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        dependencies=[Depends(sees_alert)],
    )
    app.add_middleware(ReadLog, database=database, clock_ms=clock_ms)
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    app.state.tokens = tokens
    app.state.areas = Areas(database, clock_ms)
    app.state.store = store
    app.state.sessions = sessions
    problems.install(app)
    openapi.install(app)
    app.include_router(_service(ready))
    app.include_router(feed.router(store, hub, clock_ms))
    app.include_router(csv_file.router(store))
    app.include_router(alerts.router(store))
    app.include_router(acting.router(store, clock_ms, partial(alerts.shown, store)))
    app.include_router(history.router(database))
    app.include_router(incidents.router(store, database))
    app.include_router(silences.router(store, database, clock_ms))
    app.include_router(inhibitions.router(store, database, clock_ms))
    app.include_router(alertmanager.router(database, clock_ms, app.version))
    for router in routers:
        app.include_router(router)
    return app


def _service(ready: Callable[[], Mapping[str, bool]]) -> APIRouter:
    """Return the routes that need no login."""
    routes = APIRouter(tags=["service"])

    # Load balancers ask with HEAD.
    @routes.head("/healthz", include_in_schema=False)
    @routes.get("/healthz", response_class=Response)
    async def healthy() -> Response:
        """Whether the process answers."""
        return json_answer({"status": "ok"}, 200)

    @routes.head("/readyz", include_in_schema=False)
    @routes.get("/readyz", response_class=Response)
    async def readiness() -> Response:
        """Whether everything that the service needs is there; 503 while something is not."""
        parts = ready()
        complete = all(parts.values())
        state = "ready" if complete else "waiting"
        return json_answer({"status": state, "parts": parts}, 200 if complete else 503)

    @routes.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """The metrics of this process, for Prometheus."""
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return routes
