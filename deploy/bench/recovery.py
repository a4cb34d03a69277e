"""The recovery benchmark: how soon a worker without its local cache has all of its state again.

The state topic is as a real worker wrote it: a record of each vehicle, the identities of the day
and their deletions, not compacted. The floor reads the same records with aiokafka and keeps none.
"""

import shutil
from typing import Any

from deploy.bench import known, stage


async def run(vehicles: int = 1_000_000) -> dict[str, Any]:
    """Return the seconds from the worker's start until it is ready: without its cache, with it."""
    async with stage.broker() as settings:
        env = known.environment(settings)
        async with stage.service("worker", env) as worker:
            await known.introduce(settings, worker, vehicles)
        shutil.rmtree(settings.worker_path)
        async with stage.service("worker", env) as worker:
            rebuilt_s, rebuilt_cpu_s = worker.start_s, worker.cpu_s
            restored = await worker.values("cordon_worker_restore_seconds")
        async with stage.service("worker", env) as worker:
            cached_s = worker.start_s
        floor = await stage.measured("deploy.bench.recovery_floor", env)
    return {
        "subjects": vehicles,
        "rebuild_s": round(rebuilt_s, 2),
        "restore_s": round(max(restored.values()), 2),
        "rebuild_cpu_s": round(rebuilt_cpu_s, 2),
        "start_with_cache_s": round(cached_s, 2),
        "floor_records": floor["records"],
        "floor_s": round(floor["seconds"], 2),
        "times_floor": round(max(restored.values()) / floor["seconds"], 2),
    }
