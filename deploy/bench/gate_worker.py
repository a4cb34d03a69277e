"""A worker that measures itself: from its first fetch until `count` events are committed, and the
clock of every partition has come to an instant, ms UTC."""

import asyncio
import os
import resource
import signal
import sys
import time

import msgspec
import uvloop

from schemas.settings import Settings
from schemas.times import SECOND_MS
from services.alerts.agents import metrics
from services.alerts.agents.main import serve


def _value(metric: object) -> float:
    return float(metric._value.get())  # type: ignore[attr-defined]  # noqa: SLF001


async def _watch(count: int, until_ms: int, partitions: int) -> None:
    # It looks from outside, as often as costs nothing: the worker itself is left as it is.
    while _value(metrics.UNITS) < partitions:  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    began, cpu = time.perf_counter(), time.process_time()
    applied = metrics.EVENTS.labels("applied")
    clocks = [metrics.CLOCK.labels(partition) for partition in range(partitions)]
    while (  # noqa: ASYNC110
        _value(applied) < count or min(map(_value, clocks)) * SECOND_MS < until_ms
    ):
        await asyncio.sleep(0.005)
    report = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "applied": _value(applied),
        "duplicates": _value(metrics.EVENTS.labels("duplicates")),
    }
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGTERM)


async def _main(count: int, until_ms: int) -> None:
    settings = Settings()
    watch = asyncio.create_task(_watch(count, until_ms, settings.partitions))
    await serve(settings)
    watch.cancel()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2])))
