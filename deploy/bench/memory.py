"""The memory benchmark: what a known vehicle costs a worker.

A real worker reads each vehicle once, commits, and forgets the events' identities as it does after
a day. Another one reads each of them twice at sites of which it is known where they are, and keeps
these readings in tracks. The floor is a plain dict of the same plates and days in a process of its
own.
"""

from typing import Any, Final

from msgspec import Struct

from deploy.bench import known, stage
from schemas.settings import Settings

_MIB: Final = 1 << 20


TRACKED_READS: Final = 2


class _Sizes(Struct, frozen=True):
    """Bytes of a worker: before it knows a vehicle, when it knows all, and when started anew."""

    empty: int
    learned: int
    restarted: int


async def run(vehicles: int = 1_000_000) -> dict[str, Any]:
    """Return bytes a vehicle: of the worker that learned them, of one started anew, of a dict; and
    of workers that keep tracks."""
    async with stage.broker() as settings:
        env = known.environment(settings)
        plain = await _sizes(settings, vehicles)
        floor = await stage.measured("deploy.bench.memory_floor", env, str(vehicles))
    async with stage.broker() as settings:
        tracked = await _sizes(settings, vehicles, reads=TRACKED_READS, placed=True)
    return {
        "vehicles": vehicles,
        "bytes_per_vehicle": round((plain.learned - plain.empty) / vehicles, 1),
        "bytes_per_vehicle_restarted": round((plain.restarted - plain.empty) / vehicles, 1),
        "bytes_per_tracked_vehicle": round((tracked.learned - tracked.empty) / vehicles, 1),
        "bytes_per_tracked_vehicle_restarted": round(
            (tracked.restarted - tracked.empty) / vehicles, 1
        ),
        "floor_bytes_per_vehicle": round(floor["bytes"] / vehicles, 1),
        "empty_worker_mb": round(plain.empty / _MIB),
        "worker_mb": round(plain.learned / _MIB),
        "restarted_worker_mb": round(plain.restarted / _MIB),
    }


async def _sizes(
    settings: Settings, vehicles: int, *, reads: int = 1, placed: bool = False
) -> _Sizes:
    env = known.environment(settings)
    async with stage.service("worker", env) as worker:
        empty = worker.rss_bytes
        await known.introduce(settings, worker, vehicles, reads=reads, placed=placed)
        learned = worker.rss_bytes
    async with stage.service("worker", env) as worker:
        return _Sizes(empty, learned, worker.rss_bytes)
