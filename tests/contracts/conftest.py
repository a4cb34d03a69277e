"""API and ingest as they run: each in a thread, with the real broker, and the API with a store."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy import topics
from schemas.access import Grant, Role, add_token
from schemas.settings import Settings
from services.api.main import serve as serve_api
from services.ingest.main import serve as serve_ingest

_START_S = 60.0
Serve = Callable[[Settings, Callable[[int], None]], Coroutine[Any, Any, None]]


@dataclass
class Running:
    """Where a service answers, and what it says of itself."""

    url: str
    document: dict[str, Any]


@contextlib.contextmanager
def running(settings: Settings, serve: Serve, role: Role) -> Iterator[Running]:
    """Run a service in a thread; the token `secret` has the role."""
    add_token(settings.tokens_path, "secret", Grant("fuzz", role))
    ready = threading.Event()
    ports: list[int] = []
    begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    failures: list[BaseException] = []

    def told(port: int) -> None:
        ports.append(port)
        ready.set()

    async def run() -> None:
        await topics.apply(settings.kafka, settings.partitions)
        task = asyncio.ensure_future(serve(settings, told))
        begun.append((asyncio.get_running_loop(), task))
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    service = threading.Thread(target=thread, name="service")
    service.start()
    try:
        assert ready.wait(_START_S)
        assert not failures, failures
        url = f"http://127.0.0.1:{ports[0]}"
        # To make the document takes a second, and more on a machine that is busy.
        answer = httpx.get(f"{url}/v1/openapi.json", timeout=_START_S)
        yield Running(url, answer.json())
    finally:
        if begun and service.is_alive():
            loop, task = begun[0]
            loop.call_soon_threadsafe(task.cancel)
        service.join(_START_S)
    assert not failures, failures


@pytest.fixture(scope="module")
def api(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One API for the tests of a module, and an ingest that takes the reports it hands on."""
    folder = _folder(tmp_path_factory)
    beside = Settings(data_dir=folder, kafka=kafka, ingest_port=0)
    with running(beside, lambda s, told: serve_ingest(s, ready=told), "admin") as ingest:
        settings = Settings(data_dir=folder, kafka=kafka, api_port=0, ingest_url=ingest.url)
        with running(settings, lambda s, told: serve_api(s, ready=told), "admin") as service:
            yield service


@pytest.fixture(scope="module", params=["admin", "replay"])
def ingest(
    request: pytest.FixtureRequest, kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One ingest for the tests of a module: a live one, and one that is replayed into."""
    replayed = request.param == "replay"
    settings = Settings(
        data_dir=_folder(tmp_path_factory),
        kafka=kafka,
        ingest_port=0,
        clock="events" if replayed else "wall",
    )
    with running(settings, lambda s, told: serve_ingest(s, ready=told), request.param) as service:
        yield service


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("service")
