"""The process of the sighting store: what is read, written, merged, looked back for and shown."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable
from typing import Final

import duckdb
import structlog
import uvicorn

from schemas.settings import Settings
from services.alerts.sightings import metrics
from services.alerts.sightings.feed import Feed
from services.alerts.sightings.health import Server, create_app
from services.alerts.sightings.store import Store
from services.alerts.sightings.watch import Watch

_SWEEP_S: Final = 5.0
_log = structlog.get_logger(__name__)


async def serve(settings: Settings, *, ready: Callable[[int], None] | None = None) -> None:
    """Run the store until SIGTERM or SIGINT; `ready` is told the port of its health page.

    Raises InUse where another process writes to the folder, ManifestProblem where the folder cannot
    be read, and whatever ended a part: the process ends with an error then, and goes on from its
    files at the next start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = Store(
        settings.sightings_path,
        retention_d=settings.sightings_retention_d,
        now_ms=_wall_ms if settings.clock == "wall" else _no_wall_ms,
    )
    try:
        await _serve(settings, store, stop, ready)
    finally:
        store.close()


async def _serve(
    settings: Settings,
    store: Store,
    stop: asyncio.Event,
    ready: Callable[[int], None] | None,
) -> None:
    feed = Feed(
        settings.kafka,
        settings.partitions,
        store,
        flush_s=settings.sightings_flush_ms / 1000,
    )
    watch = Watch(settings.kafka, settings.partitions, store, feed, timezone=settings.timezone)
    listener = socket.create_server((settings.host, settings.sightings_port))
    config = uvicorn.Config(
        create_app(store, feed), log_config=None, access_log=False, lifespan="off"
    )
    server = Server(config)
    await asyncio.gather(feed.start(), watch.start())
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    page = asyncio.create_task(server.serve(sockets=[listener]), name="health")
    reading = asyncio.create_task(feed.run(), name="feed")
    others = [
        asyncio.create_task(watch.run(), name="look-backs"),
        asyncio.create_task(_keep_swept(store), name="sweep"),
    ]
    stopped = asyncio.create_task(stop.wait())
    if ready is not None:
        ready(listener.getsockname()[1])
    try:
        await asyncio.wait({stopped, reading, *others}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, *others):
            task.cancel()
        feed.finish()
        ended = await asyncio.gather(reading, *others, stopped, return_exceptions=True)
        await asyncio.gather(feed.stop(), watch.stop())
        server.should_exit = True
        await page
    for result in ended[:-1]:
        if isinstance(result, Exception):
            raise result


async def _keep_swept(store: Store) -> None:
    while True:
        try:
            swept = await asyncio.to_thread(store.sweep)
            while swept.merged:
                metrics.MERGED.inc(swept.merged)
                metrics.DAYS_DROPPED.inc(swept.days)
                swept = await asyncio.to_thread(store.sweep)
            metrics.DAYS_DROPPED.inc(swept.days)
        except (OSError, duckdb.Error) as error:
            # The files that there are stay live; small ones only make queries slower.
            metrics.SWEEP_FAILURES.inc()
            _log.error("sweep_failed", error=repr(error))
        await asyncio.sleep(_SWEEP_S)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _no_wall_ms() -> int:
    """In a replay the newest event tells the time: a timeline of last year is not yet over."""
    return 0
