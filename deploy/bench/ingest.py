"""The ingest benchmark: NDJSON of 500 plate hits a request into one ingest process.

Every event is new, is checked and is written to a real broker with acks=all before its request is
answered. The floor is the least that could be called an ingest: the same web server decodes the
same lines and writes them as they came, with acks=all too; it checks nothing, replaces nothing
and remembers nothing. The load comes from a light process of its own, over as many connections
for both.
"""

from typing import Any

from deploy.bench import stage
from deploy.credentials import ensure_credentials
from deploy.system import Places
from schemas.persons import PseudonymKey

REQUEST_EVENTS = 500
CONNECTIONS = 8


async def run(requests: int = 600, warm_up: int = 60) -> dict[str, Any]:
    """Return events/s accepted and CPU per event, of ingest and of the floor."""
    async with stage.broker() as settings:
        credentials = ensure_credentials(Places(settings.data_dir).secrets, settings.tokens_path)
        PseudonymKey.load_or_create(settings.pseudonym_key_path)
        env = {**stage.environment(settings), "CORDON_BENCH_TOKEN": credentials.device_token}
        async with stage.service("ingest", env) as ingest:
            await _load(env, ingest.port, warm_up, "w")
            cpu_s = ingest.cpu_s
            load = await _load(env, ingest.port, requests, "m")
            cpu_s = ingest.cpu_s - cpu_s
            rss_bytes = ingest.rss_bytes
        floor = await stage.measured("deploy.bench.ingest_floor", env, str(warm_up), str(requests))
    events = requests * REQUEST_EVENTS
    rate, floor_rate = events / load["seconds"], events / floor["seconds"]
    return {
        "events": events,
        "events_per_s": round(rate),
        "cpu_us_per_event": round(cpu_s / events * 1e6, 2),
        "request_p50_ms": round(load["p50_ms"], 1),
        "request_p99_ms": round(load["p99_ms"], 1),
        "memory_mb": round(rss_bytes / (1 << 20)),
        "floor_events_per_s": round(floor_rate),
        "floor_cpu_us_per_event": round(floor["cpu_seconds"] / events * 1e6, 2),
        "ratio_to_floor": round(rate / floor_rate, 3),
    }


async def _load(env: dict[str, str], port: int, requests: int, series: str) -> dict[str, Any]:
    return await stage.measured("deploy.bench.ingest_load", env, str(port), str(requests), series)
