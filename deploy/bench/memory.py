"""The memory benchmark: what a known vehicle costs a worker.

A real worker reads each vehicle once, commits, and forgets the events' identities as it does after
a day. The floor is a plain dict of the same plates and days in a process of its own.
"""

from typing import Any, Final

from deploy.bench import known, stage

_MIB: Final = 1 << 20


async def run(vehicles: int = 1_000_000) -> dict[str, Any]:
    """Return bytes a vehicle: of the worker that learned them, of one started anew, of a dict."""
    async with stage.broker() as settings:
        env = known.environment(settings)
        async with stage.service("worker", env) as worker:
            empty = worker.rss_bytes
            await known.introduce(settings, worker, vehicles)
            learned = worker.rss_bytes
        async with stage.service("worker", env) as worker:
            restarted = worker.rss_bytes
        floor = await stage.measured("deploy.bench.memory_floor", env, str(vehicles))
    return {
        "vehicles": vehicles,
        "bytes_per_vehicle": round((learned - empty) / vehicles, 1),
        "bytes_per_vehicle_restarted": round((restarted - empty) / vehicles, 1),
        "floor_bytes_per_vehicle": round(floor["bytes"] / vehicles, 1),
        "empty_worker_mb": round(empty / _MIB),
        "worker_mb": round(learned / _MIB),
        "restarted_worker_mb": round(restarted / _MIB),
    }
