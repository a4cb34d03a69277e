"""The benchmark of the sighting store: a backlog of plate hits from a real broker into Parquet."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from deploy.bench import stage, traffic
from schemas.partition import VEHICLE
from schemas.settings import Settings
from services.alerts.sightings.store import Reader

# The goal: so many a second. The backlog is what comes in the seconds that are asked for.
GOAL_PER_S: Final = 50_000
QUERIES: Final = 50
_ROWS: Final = "cordon_sightings_rows_written_total"
_SENT_AT_ONCE: Final = 200_000


async def run(seconds: float = 60) -> dict[str, Any]:
    """Return the figures of a backlog of 50,000 sightings for each of so many seconds."""
    count = round(seconds * GOAL_PER_S)
    async with stage.broker() as settings:
        await _backlog(settings, count)
        env = stage.environment(settings, clock="events")
        async with stage.service("sightings", env) as store:
            began, cpu = time.perf_counter(), store.cpu_s
            await _until_written(store, count)
            taken_s, cpu = time.perf_counter() - began, store.cpu_s - cpu
            peak_mb = store.rss_bytes / (1 << 20)
        floor = await stage.measured("deploy.bench.sightings_floor", env, str(count))
        files, stored, queries_s = await asyncio.to_thread(_look, settings)
    rate, floor_rate = count / taken_s, count / floor["seconds"]
    return {
        "sightings": count,
        "sightings_per_s": round(rate),
        "seconds": round(taken_s, 1),
        "cpu_us_per_sighting": round(cpu / count * 1e6, 2),
        "bytes_per_sighting": round(stored / count, 1),
        "files": files,
        "rss_mb": round(peak_mb),
        "query_p50_ms": round(queries_s[len(queries_s) // 2] * 1000, 1),
        "query_max_ms": round(queries_s[-1] * 1000, 1),
        "floor_sightings_per_s": round(floor_rate),
        "floor_cpu_us_per_sighting": round(floor["cpu_seconds"] / count * 1e6, 2),
        "ratio_to_floor": round(rate / floor_rate, 3),
    }


async def _backlog(settings: Settings, count: int) -> None:
    async with stage.producer(settings.kafka) as producer:
        made = iter(traffic.hits(count))
        for first in range(0, count, _SENT_AT_ONCE):
            many = min(_SENT_AT_ONCE, count - first)
            await stage.produce(producer, [next(made) for _ in range(many)])


async def _until_written(store: stage.Running, count: int) -> None:
    """Wait until all of it is on the disk."""
    while sum((await store.values(_ROWS)).values()) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


def _look(settings: Settings) -> tuple[int, int, list[float]]:
    """Return how many files there are, their bytes, and the sorted times of some queries."""
    folder: Path = settings.sightings_path
    paths = list(folder.glob("day=*/*.parquet"))
    reader, times_s, found = Reader(folder), [], 0
    for number in range(QUERIES):
        plate = traffic.plate(number * (traffic.VEHICLES // QUERIES))
        began = time.perf_counter()
        found += len(reader.of(VEHICLE + plate, traffic.START_MS))
        times_s.append(time.perf_counter() - began)
    reader.close()
    if not found:
        raise stage.Failed("none of the vehicles that were asked for was ever seen")
    return len(paths), sum(path.stat().st_size for path in paths), sorted(times_s)
