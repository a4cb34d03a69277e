"""What the doctor finds, well and ill."""

import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy import doctor, topics
from deploy.ready_file import Ready
from schemas.settings import Settings

LAG = 'cordon_worker_lag_events{partition="0"} 12.0\ncordon_worker_lag_events{partition="1"} 0.0\n'


class Handler(BaseHTTPRequestHandler):
    """A service that is ready unless its server says otherwise."""

    def do_GET(self) -> None:
        server: Any = self.server
        body = LAG if self.path == "/metrics" else server.body
        self.send_response_only(200 if self.path == "/metrics" else server.status)
        self.send_header("Date", format_datetime(datetime.now(UTC) + server.skew, usegmt=True))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class Service(ThreadingHTTPServer):
    """A service whose answer a test chooses."""

    status = 200
    skew = timedelta()
    body = "ready"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def service() -> Iterator[Service]:
    """A running service."""
    with Service(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def states(service: Service, *, workers: int = 0) -> dict[str, str]:
    """What is found of services that all are this one."""
    ready = Ready(service.url, service.url, "k", "a", "d", "r", [service.url] * workers)
    return {each.what: each.state for each in doctor.services(ready)}


def test_services_that_are_well(service: Service) -> None:
    found = states(service, workers=1)
    assert found == {"ingest": "ok", "api": "ok", "worker 1": "ok", "worker 1 lag": "ok"} | found
    assert set(found.values()) == {"ok"}


def test_a_service_that_is_not_ready(service: Service) -> None:
    service.status, service.body = 503, "no broker"
    assert states(service) == {"ingest": "bad", "api": "bad"}


def test_a_clock_that_differs(service: Service) -> None:
    service.skew = timedelta(seconds=10)
    assert states(service) == {"ingest": "bad", "api": "bad"}


def test_a_service_that_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        url = f"http://127.0.0.1:{once.getsockname()[1]}"
    ready = Ready(url, url, "k", "a", "d", "r")
    assert [each.state for each in doctor.services(ready)] == ["bad", "bad"]


def test_a_worker_that_is_far_behind_is_noted() -> None:
    assert doctor.lag("worker", LAG).detail.endswith("0: 12, 1: 0")
    assert doctor.lag("worker", LAG.replace("12.0", "12000.0")).state == "note"
    assert doctor.lag("worker", "").detail.endswith("none owned")


def test_the_machine_has_java_and_room(tmp_path: Path) -> None:
    assert doctor.java().state == "ok"
    assert doctor.disk(tmp_path / "not" / "there").detail.endswith(str(tmp_path))


def test_jars_that_are_not_there_yet_are_no_illness(tmp_path: Path) -> None:
    assert doctor.jars(tmp_path).state == "note"


async def test_where_nothing_runs_the_ports_matter(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data_dir=tmp_path, api_port=port, ingest_port=0, kafka="127.0.0.1:1")
        found = {each.what: each.state for each in await doctor.examine(settings)}
    assert found["ports"] == "bad"
    assert found["broker"] == "note"


async def test_topics_that_are_there_are_well(kafka: str) -> None:
    await topics.apply(kafka, 4)
    assert (await doctor.topics_on(kafka, 4)).state == "ok"
    assert "not 9" in (await doctor.topics_on(kafka, 9)).detail


def test_what_is_bad_is_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ready = Ready("http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1", "a", "d", "r")
    ready.write(tmp_path / "ready.json")
    assert doctor.main(Settings(data_dir=tmp_path)) == 1
    assert "nothing answers at 127.0.0.1:1" in capsys.readouterr().out


# The database.


async def test_a_database_that_answers_is_told_without_its_password(postgres_url: str) -> None:
    found = await doctor.database(postgres_url)
    assert found.state == "ok", found
    version = re.search(r"version (\d+)", found.detail)
    assert version is not None
    assert int(version[1]) >= doctor.OLDEST_POSTGRESQL


async def test_a_database_that_does_not_answer_is_bad() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = await doctor.database(f"postgresql://cordon:geheim@127.0.0.1:{port}/cordon")
    assert found.state == "bad"
    assert f"127.0.0.1:{port}" in found.detail
    assert "geheim" not in found.detail


async def test_a_database_that_is_too_old_is_bad(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "OLDEST_POSTGRESQL", 99)
    found = await doctor.database(postgres_url)
    assert found.state == "bad"
    assert "not 99" in found.detail


async def test_what_is_no_database_is_bad() -> None:
    assert (await doctor.database("mysql://somewhere/cordon")).state == "bad"


async def test_a_file_is_a_database_too(tmp_path: Path) -> None:
    found = await doctor.database(f"sqlite:///{tmp_path / 'alerts.db'}")
    assert found.state == "ok"
