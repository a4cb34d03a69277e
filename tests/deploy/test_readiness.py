"""The health check of the image."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Handler(BaseHTTPRequestHandler):
    """A service that is as ready as its server says."""

    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response_only(server.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class Service(ThreadingHTTPServer):
    """A service whose state a test chooses."""

    status = 200


@pytest.fixture
def service() -> Iterator[Service]:
    """A running service."""
    with Service(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[str]:
    """A port on which nobody listens, and nobody else will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield str(held.getsockname()[1])


def check(*ports: object) -> int:
    """Run the check as Docker does; return its exit code."""
    command = [sys.executable, "-m", "deploy.readiness", *map(str, ports)]
    return subprocess.run(command, check=False, timeout=60).returncode


def test_one_ready_service_among_the_ports_is_enough(service: Service, closed_port: str) -> None:
    assert check(closed_port, service.server_address[1]) == 0


def test_a_service_that_is_not_ready_is_not_healthy(service: Service, closed_port: str) -> None:
    service.status = 503
    assert check(closed_port, service.server_address[1]) == 1


def test_no_service_is_not_healthy(closed_port: str) -> None:
    assert check(closed_port) == 1
