"""One worker process: registers, units, the Faust app, the ticker and the health page."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn

from rules.registers import Registers
from schemas.settings import Settings
from schemas.times import format_ms, parse_ms
from services.alerts.agents.app import Units, make_app
from services.alerts.agents.health import create_app
from services.alerts.agents.registers_reader import RegistersReader
from services.alerts.agents.ticker import Ticker
from services.alerts.agents.unit import Surroundings

log = structlog.get_logger()

DEPLOYMENT = "cordon"
FOREVER_MS = -(1 << 62)


def wall_ms() -> int:
    """Return the wall clock's time."""
    return time.time_ns() // 1_000_000


def history_since_ms(settings: Settings) -> int | None:
    """Return since when history is complete (contracts: Clock, history, timelines).

    Unset and live: this deployment's first start, which is kept in its data folder. Unset under
    a timeline's clock: never.
    """
    if settings.history_since == "forever":
        return FOREVER_MS
    if settings.history_since:
        return parse_ms(settings.history_since)
    if settings.clock == "events":
        return None
    path = settings.data_dir / "history-since"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(format_ms(wall_ms()) + "\n")
    return parse_ms(path.read_text().strip())


async def serve(settings: Settings, *, ready: Callable[[int], None] | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT; `ready` is told the port of its health page.

    Raises whatever ended a unit: the process then ends with an error and nothing uncommitted
    counts as done.
    """
    stop = asyncio.Event()
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    registers, changed = Registers(), asyncio.Event()
    reader = RegistersReader(settings.kafka, registers, changed)
    folder = _folder(settings)
    around = Surroundings(
        settings.kafka,
        DEPLOYMENT,
        folder,
        registers,
        reader,
        history_since_ms(settings),
        settings.timezone,
        wall_ms,
    )
    units = Units(around, fail)
    app = make_app(settings.kafka, f"{DEPLOYMENT}-worker", str(folder / "faust"), units)
    ticker = Ticker(settings.kafka, lambda: units.by_partition, wall_ms)
    server, listener = _health_server(settings, units)
    await reader.start()
    tasks = [asyncio.create_task(server.serve(sockets=[listener]), name="health")]
    tasks.append(asyncio.create_task(_wake_on_change(changed, units), name="wake"))
    await app.start()
    if settings.clock == "wall":
        await ticker.start()
    # What exists now stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    if ready is not None:
        ready(listener.getsockname()[1])
    try:
        await stop.wait()
    finally:
        if settings.clock == "wall":
            await ticker.stop()
        await units.quiesce()
        await app.stop()
        await units.release_all()
        await reader.stop()
        server.should_exit = True
        tasks[1].cancel()
        await asyncio.wait(tasks)
    if failures:
        raise failures[0]


def _folder(settings: Settings) -> Path:
    """Return the worker's folder, which Faust expects to be there."""
    folder = settings.worker_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _wake_on_change(changed: asyncio.Event, units: Units) -> None:
    while True:
        await changed.wait()
        changed.clear()
        units.wake()


def _health_server(settings: Settings, units: Units) -> tuple[uvicorn.Server, socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.worker_port))
    application = create_app(units)
    config = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off")
    return _QuietServer(config), listener


class _QuietServer(uvicorn.Server):
    """A server that leaves the signals to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
