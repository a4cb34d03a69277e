"""Health, readiness and metrics of the sighting store over HTTP."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.alerts.sightings import metrics
from services.alerts.sightings.feed import Feed
from services.alerts.sightings.store import Store

# With records before it and nothing written for so long, the store is stuck.
STUCK_S = 60.0


class Server(uvicorn.Server):
    """A server that leaves the signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def create_app(store: Store, feed: Feed) -> FastAPI:
    """Return the HTTP application; the store is ready as soon as it answers."""
    app = FastAPI(title="Cordon sightings", docs_url=None, redoc_url=None, openapi_url=None)

    @app.head("/healthz")
    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, object]:
        stuck = any(feed.lag.values()) and time.monotonic() - feed.moved_at > STUCK_S
        response.status_code = 503 if stuck else 200
        return {"status": "stuck" if stuck else "ok", "lag": feed.lag}

    @app.head("/readyz")
    @app.get("/readyz")
    async def readyz() -> dict[str, object]:
        return {"status": "ready", "files": len(store.manifest.files)}

    @app.get("/metrics")
    async def exposition() -> Response:
        for topic, lag in feed.lag.items():
            metrics.LAG.labels(topic).set(lag)
        files = store.manifest.files
        metrics.FILES.set(len(files))
        metrics.BYTES.set(sum(file.bytes for file in files))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
