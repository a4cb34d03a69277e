"""One service in this process: `cordon ingest`, `cordon worker` and so on, or a child of `up`."""

import contextlib
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Final, Literal

import structlog
import uvloop

from deploy.trails import Trails
from schemas.settings import Settings

Service = Literal["ingest", "worker", "sightings", "api"]
Serve = Callable[..., Coroutine[Any, Any, None]]

MODULES: Final[dict[Service, str]] = {
    "ingest": "services.ingest.main",
    "worker": "services.alerts.agents.main",
    "sightings": "services.alerts.sightings.main",
    "api": "services.api.main",
}
_log = structlog.get_logger(__name__)


def load(service: Service) -> Serve:
    """Import a service and return its `serve`; this is most of the time that a start takes."""
    serve: Serve = import_module(MODULES[service]).serve
    return serve


async def _serving(
    service: Service, settings: Settings, ready: Callable[[int], None] | None
) -> None:
    """Serve; the API is handed the sightings, which it must not import."""
    if service != "api":
        await load(service)(settings, ready=ready)
        return
    with contextlib.closing(Trails(settings.sightings_path)) as trails:
        await load(service)(settings, ready=ready, sightings=trails)


def run(service: Service, settings: Settings, ready: Callable[[int], None] | None = None) -> int:
    """Run a service until it is told to stop; return the exit code.

    `ready` is called once with the port of its health endpoint.
    """
    try:
        uvloop.run(_serving(service, settings, ready))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # A port or a file: the text says all, and a traceback would hide it.
        _log.error("service_failed", service=service, error=str(error))
        return 1
    except Exception:
        _log.exception("service_failed", service=service)
        return 1
    return 0
