"""Whether the ports that a start needs can be had, found out before anything is started."""

import socket
from collections.abc import Iterable

from schemas.settings import Settings


class PortTaken(Exception):
    """Another process listens on a port; the text names the setting to change."""


def reachable(host: str) -> str:
    """Return the address under which this machine reaches what binds to `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def address(host: str, port: int) -> str:
    """Return the http address of a service for callers on this machine."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def check_ports(settings: Settings) -> None:
    """Raise PortTaken for the first service port that something else has."""
    for host, port, setting in _wanted(settings):
        if port == 0:
            continue
        try:
            # As the services open it, so that what they could not have is found here.
            socket.create_server((host, port)).close()
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {host}:{port} ({error.strerror}); stop what uses it or set "
                f"{setting} to another port (0 = any free one)"
            ) from error


def _wanted(settings: Settings) -> Iterable[tuple[str, int, str]]:
    yield settings.host, settings.api_port, "CORDON_API_PORT"
    yield settings.host, settings.ingest_port, "CORDON_INGEST_PORT"
    yield settings.host, settings.worker_port, "CORDON_WORKER_PORT"
    yield settings.host, settings.sightings_port, "CORDON_SIGHTINGS_PORT"
