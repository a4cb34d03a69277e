"""The latency benchmark: how long from a POST at ingest until the alert is on the live feed.

Everything runs as `cordon up` starts it, on the machine that also makes the load: 2,000 plate
hits a second in small requests, and among them checks that break an order, each of another one.
Only what is sent after a warm-up at the same rate counts: in its first half minute the broker's
Java compiles its own code on one of the cores, which a running deployment no longer does.
"""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from deploy.bench import traffic
from deploy.caller import NDJSON
from deploy.ready_file import Ready
from schemas.events import HEALTH_CHECK, PLATE_HIT
from schemas.times import DAY_MS, format_ms

RATE = 2_000
REQUEST_EVENTS = 20
CHECKS_PER_S = 20
START_TIMEOUT_S = 120
WARM_UP_S = 30
LAST_ALERT_S = 20
_encode = msgspec.json.Encoder().encode


async def run(seconds: int = 30, warm_up_s: int = WARM_UP_S) -> dict[str, Any]:
    """Return p50 and p99 in ms of the events that raised alerts, and the rate that was kept."""
    folder = Path(tempfile.mkdtemp(prefix="cordon-latency-"))
    ready_file = folder / "ready.json"
    environment = {
        **os.environ,
        "CORDON_API_PORT": "0",
        "CORDON_INGEST_PORT": "0",
        "CORDON_KAFKA_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.cli",
        "up",
        "--data-dir",
        str(folder / "data"),
        "--ready-file",
        str(ready_file),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        ready = await _ready(process, ready_file)
        connector = aiohttp.TCPConnector(limit=32)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await _file_registers(session, ready, (warm_up_s + seconds) * CHECKS_PER_S)
            return await _measure(session, ready, seconds, warm_up_s)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, path: Path) -> Ready:
    async with asyncio.timeout(START_TIMEOUT_S):
        while not path.exists():  # noqa: ASYNC240 — a file is all that tells it.
            if process.returncode is not None:
                raise RuntimeError(f"cordon up ended with {process.returncode}")
            await asyncio.sleep(0.1)
    return Ready.load(path)


async def _file_registers(session: aiohttp.ClientSession, ready: Ready, orders: int) -> None:
    since_ms = time.time_ns() // 1_000_000 - 2 * DAY_MS
    entries: dict[str, list[dict[str, object]]] = {}
    for name, data in traffic.entries(orders=orders, cars=0, since_ms=since_ms):
        entries.setdefault(name, []).append(data)
    for name, filed in entries.items():
        body = b"\n".join(_encode(entry) for entry in filed)
        async with session.post(
            f"{ready.api}/v1/registers/{name}:import",
            data=body,
            headers={"Authorization": f"Bearer {ready.admin_token}", "Content-Type": NDJSON},
        ) as answer:
            outcome = await answer.json()
            if answer.status != 200 or outcome["rejected"]:
                raise RuntimeError(f"registers were refused: {answer.status} {outcome}")


class _Feed:
    """The feed's reader: notes when the alert of each order came."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.open = asyncio.Event()

    async def read(self, session: aiohttp.ClientSession, ready: Ready) -> None:
        async with session.get(
            f"{ready.api}/v1/alerts/stream",
            headers={"Authorization": f"Bearer {ready.admin_token}"},
        ) as answer:
            async for line in answer.content:
                if line.startswith(b"data:"):
                    self.open.set()
                    alert = msgspec.json.decode(line[5:]).get("data") or {}
                    if "order" in alert:
                        self.came.setdefault(alert["order"], time.perf_counter())


async def _measure(
    session: aiohttp.ClientSession, ready: Ready, seconds: int, warm_up_s: int
) -> dict[str, Any]:
    feed = _Feed()
    reader = asyncio.create_task(feed.read(session, ready))
    await feed.open.wait()
    sent: dict[str, float] = {}
    accepted = 0
    headers = {"Authorization": f"Bearer {ready.device_token}"}
    requests_per_s = RATE // REQUEST_EVENTS
    began = time.perf_counter()
    pending: set[asyncio.Task[int]] = set()
    for number in range((warm_up_s + seconds) * requests_per_s):
        pause = began + number / requests_per_s - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        body = b"\n".join(_hit(number * REQUEST_EVENTS + n) for n in range(REQUEST_EVENTS))
        url = ready.ingest + PLATE_HIT.path
        pending.add(asyncio.create_task(_post(session, url, body, headers)))
        if number % (requests_per_s // CHECKS_PER_S) == 0:
            check = len(sent)
            sent[f"order-{check:05d}"] = time.perf_counter()
            url = ready.ingest + HEALTH_CHECK.path
            pending.add(asyncio.create_task(_post(session, url, _check(check), headers)))
        done = {task for task in pending if task.done()}
        accepted += sum(task.result() for task in done)
        pending -= done
    accepted += sum(await asyncio.gather(*pending))
    took = time.perf_counter() - began
    give_up = time.perf_counter() + LAST_ALERT_S
    while len(feed.came) < len(sent):
        if time.perf_counter() > give_up or reader.done():
            raise RuntimeError(f"{len(feed.came)} of {len(sent)} alerts came")
        await asyncio.sleep(0.05)
    reader.cancel()
    counted = list(sent.items())[warm_up_s * CHECKS_PER_S :]
    waits = sorted((feed.came[order] - at) * 1000 for order, at in counted)
    return {
        "events_per_s": round(accepted / took),
        "alerts": len(waits),
        "p50_ms": round(statistics.median(waits), 1),
        "p99_ms": round(waits[int(len(waits) * 0.99)], 1),
        "max_ms": round(waits[-1], 1),
    }


async def _post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]
) -> int:
    kind = NDJSON if b"\n" in body else "application/json"
    async with session.post(url, data=body, headers={**headers, "Content-Type": kind}) as answer:
        outcome = await answer.json()
        if answer.status != 202:
            raise RuntimeError(f"not accepted: {answer.status} {outcome}")
        return int(outcome["accepted"])


def _hit(number: int) -> bytes:
    return _encode(
        {
            "specversion": "1.0",
            "id": f"hit-{number}",
            "source": f"camera-{number % 50:03d}",
            "type": PLATE_HIT.type,
            "time": format_ms(time.time_ns() // 1_000_000),
            "data": {
                "site": f"site-{10 + number % 50:03d}",
                "direction": "internal",
                "plate": traffic.plate(number % traffic.VEHICLES),
                "confidence": 0.97,
                "lane": "2",
                "speed_kmh": 48.5,
            },
        }
    )


def _check(number: int) -> bytes:
    return _encode(
        {
            "specversion": "1.0",
            "id": f"check-{number}",
            "source": "handheld-1",
            "type": HEALTH_CHECK.type,
            "time": format_ms(time.time_ns() // 1_000_000),
            "data": {
                "site": "site-012",
                "person": {**traffic.person(number), "verified_by": "document"},
            },
        }
    )
