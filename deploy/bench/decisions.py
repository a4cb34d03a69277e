"""The decisions benchmark: how long an officer waits for a verdict, at 200 scans a second.

Broker, ingest, worker and API run as `cordon up` starts them, with ten thousand orders filed, on
the machine that also makes the load. Every scan is new, has a plate and two persons, and is stored
before it is answered. Scans of persons under order are among them, and each of them must be held.
"""

import asyncio
import statistics
import time
from typing import Any, Final

import aiohttp
import msgspec

from deploy.bench import stage, traffic
from schemas.events import CHECKPOINT_SCAN
from schemas.times import format_ms

RATE: Final = 200
# Meanwhile the broker's Java compiles its own code on one of the cores.
WARM_UP_S: Final = 30
ORDERS: Final = 10_000
# One scan in so many has a person under order.
HELD_EVERY: Final = 20
_encode = msgspec.json.Encoder().encode


async def run(seconds: int = 30, warm_up_s: int = WARM_UP_S) -> dict[str, Any]:
    """Return p50 and p99 in ms of what was sent after the warm-up, and what was said."""
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=64)
    async with (
        stage.system() as system,
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
    ):
        await stage.file_orders(session, system, ORDERS)
        url = f"{system.ingest_url}/v1/decisions"
        headers = {"Authorization": f"Bearer {system.credentials.device_token}"}
        cpu_s = system.ingest.cpu_s
        figures = await _measure(session, url, headers, seconds, warm_up_s)
        cpu_s = system.ingest.cpu_s - cpu_s
        cpu_ms = round(cpu_s * 1000 / ((warm_up_s + seconds) * RATE), 2)
        return {**figures, "cpu_ms_per_decision": cpu_ms}


async def _measure(
    session: aiohttp.ClientSession,
    url: str,
    headers: dict[str, str],
    seconds: int,
    warm_up_s: int,
) -> dict[str, Any]:
    began = time.perf_counter()
    asked = []
    for number in range((warm_up_s + seconds) * RATE):
        pause = began + number / RATE - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        asked.append(asyncio.create_task(_ask(session, url, headers, number)))
    answers = await asyncio.gather(*asked)
    took = time.perf_counter() - began
    wrong = [verdict for number, (_, verdict) in enumerate(answers) if verdict != _expected(number)]
    if wrong:
        raise stage.Failed(f"{len(wrong)} verdicts are wrong, such as {wrong[0]!r}")
    waits = sorted(wait_s * 1000 for wait_s, _ in answers[warm_up_s * RATE :])
    return {
        "decisions_per_s": round(len(answers) / took),
        "decisions": len(waits),
        "p50_ms": round(statistics.median(waits), 1),
        "p99_ms": round(waits[int(len(waits) * 0.99)], 1),
        "max_ms": round(waits[-1], 1),
    }


async def _ask(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], number: int
) -> tuple[float, str]:
    body = _scan(number)
    began = time.perf_counter()
    async with session.post(
        url, data=body, headers={**headers, "Content-Type": "application/json"}
    ) as answer:
        decision = await answer.json()
        if answer.status != 200:
            raise stage.Failed(f"no decision: {answer.status} {decision}")
    return time.perf_counter() - began, str(decision["verdict"])


def _expected(number: int) -> str:
    return "hold" if number % HELD_EVERY == 0 else "pass"


def _scan(number: int) -> bytes:
    person = number // HELD_EVERY if _expected(number) == "hold" else ORDERS + number
    return _encode(
        {
            "specversion": "1.0",
            "id": f"scan-{number}",
            "source": f"gate-{number % 50:03d}",
            "type": CHECKPOINT_SCAN.type,
            "time": format_ms(time.time_ns() // 1_000_000),
            "data": {
                "site": f"site-{10 + number % 50:03d}",
                "direction": "in",
                "plate": traffic.plate(number % traffic.VEHICLES),
                "persons": [
                    {**traffic.person(each), "verified_by": "document", "temperature": 36.5}
                    for each in (person, 2 * ORDERS + number)
                ],
            },
        }
    )
