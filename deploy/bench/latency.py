"""The latency benchmark: how long from a POST at ingest until the alert is on the live feed.

Everything runs as `cordon up` starts it, on the machine that also makes the load: 2,000 plate
hits a second in small requests, and among them checks that break an order, each of another one.
Only what is sent after a warm-up at the same rate counts: in its first minute the broker's
Java compiles its own code on one of the cores, which a running deployment no longer does.
"""

import asyncio
import statistics
import time
from typing import Any

import aiohttp
import msgspec

from deploy.bench import stage, traffic
from deploy.caller import NDJSON
from schemas.events import HEALTH_CHECK, PLATE_HIT
from schemas.times import format_ms

RATE = 2_000
REQUEST_EVENTS = 20
CHECKS_PER_S = 20
WARM_UP_S = 60
LAST_ALERT_S = 20
_encode = msgspec.json.Encoder().encode


async def run(seconds: int = 30, warm_up_s: int = WARM_UP_S) -> dict[str, Any]:
    """Return p50 and p99 in ms of the events that raised alerts, and the rate that was kept."""
    connector = aiohttp.TCPConnector(limit=32)
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        stage.system() as system,
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
    ):
        await stage.file_orders(session, system, (warm_up_s + seconds) * CHECKS_PER_S)
        return await _measure(session, system, seconds, warm_up_s)


class _Feed:
    """The feed's reader: notes when the alert of each order came."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.open = asyncio.Event()

    async def read(self, session: aiohttp.ClientSession, system: stage.System) -> None:
        async with session.get(
            f"{system.api_url}/v1/alerts/stream",
            headers={"Authorization": f"Bearer {system.credentials.admin_token}"},
        ) as answer:
            async for line in answer.content:
                if line.startswith(b"data:"):
                    self.open.set()
                    alert = msgspec.json.decode(line[5:]).get("data") or {}
                    if "order" in alert:
                        self.came.setdefault(alert["order"], time.perf_counter())


async def _measure(
    session: aiohttp.ClientSession, system: stage.System, seconds: int, warm_up_s: int
) -> dict[str, Any]:
    feed = _Feed()
    reader = asyncio.create_task(feed.read(session, system))
    await feed.open.wait()
    sent: dict[str, float] = {}
    accepted = 0
    headers = {"Authorization": f"Bearer {system.credentials.device_token}"}
    requests_per_s = RATE // REQUEST_EVENTS
    processes = {"ingest": system.ingest, "worker": system.worker, "api": system.api}
    cpu_s = dict.fromkeys(processes, 0.0)
    began = time.perf_counter()
    pending: set[asyncio.Task[int]] = set()
    for number in range((warm_up_s + seconds) * requests_per_s):
        pause = began + number / requests_per_s - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        if number == warm_up_s * requests_per_s:
            cpu_s = {name: process.cpu_s for name, process in processes.items()}
        body = b"\n".join(_hit(number * REQUEST_EVENTS + n) for n in range(REQUEST_EVENTS))
        url = system.ingest_url + PLATE_HIT.path
        pending.add(asyncio.create_task(_post(session, url, body, headers)))
        if number % (requests_per_s // CHECKS_PER_S) == 0:
            check = len(sent)
            sent[f"order-{check:05d}"] = time.perf_counter()
            url = system.ingest_url + HEALTH_CHECK.path
            pending.add(asyncio.create_task(_post(session, url, _check(check), headers)))
        done = {task for task in pending if task.done()}
        accepted += sum(task.result() for task in done)
        pending -= done
    accepted += sum(await asyncio.gather(*pending))
    took = time.perf_counter() - began
    cpu_s = {name: process.cpu_s - cpu_s[name] for name, process in processes.items()}
    give_up = time.perf_counter() + LAST_ALERT_S
    while len(feed.came) < len(sent):
        if time.perf_counter() > give_up or reader.done():
            raise stage.Failed(f"{len(feed.came)} of {len(sent)} alerts came")
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
        # Says more than the times where others use the same cores.
        **{
            f"{name}_cpu_us_per_event": round(used_s / (seconds * RATE) * 1e6, 1)
            for name, used_s in cpu_s.items()
        },
    }


async def _post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]
) -> int:
    kind = NDJSON if b"\n" in body else "application/json"
    async with session.post(url, data=body, headers={**headers, "Content-Type": kind}) as answer:
        outcome = await answer.json()
        if answer.status != 202:
            raise stage.Failed(f"not accepted: {answer.status} {outcome}")
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
