"""Health, readiness and metrics of a worker over HTTP."""

import time

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.alerts.agents import metrics
from services.alerts.agents.app import Units

# A unit that has records before it and has not moved for so long is stuck.
STUCK_S = 60.0


def create_app(units: Units) -> FastAPI:
    """Return the worker's HTTP application."""
    app = FastAPI(title="Cordon worker", docs_url=None, redoc_url=None, openapi_url=None)

    @app.head("/healthz")
    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, object]:
        now = time.monotonic()
        stuck = [
            partition
            for partition, unit in units.by_partition.items()
            if unit.lag > 0 and now - unit.moved_at > STUCK_S
        ]
        response.status_code = 503 if stuck else 200
        return {"status": "stuck" if stuck else "ok", "stuck": stuck}

    @app.head("/readyz")
    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, object]:
        response.status_code = 200 if units.assigned else 503
        return {
            "status": "ready" if units.assigned else "starting",
            "partitions": sorted(units.by_partition),
        }

    @app.get("/metrics")
    async def exposition() -> Response:
        for partition, unit in units.by_partition.items():
            metrics.LAG.labels(partition).set(unit.lag)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
