"""The import benchmark: 29,170 names in 637 batches over HTTP into a running system, and again.

Broker, ingest, worker and API run as `cordon up` starts them, on the machine that also sends. Each
batch is a CSV in GB18030 with Chinese headers, a name a row, households of one to four, some rows
of which are wrong. What is told of every row is read and checked; a repeat must change nothing.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

import aiohttp

from deploy.bench import stage
from deploy.county.numbers import resident_id

NAMES: Final = 29_170
BATCHES: Final = 637
# One name in so many has a number whose check character is wrong.
WRONG_EVERY: Final = 500
_HEADER: Final = "户号,姓名,证件号码,联系电话,家庭住址,来源地代码,停留开始,停留结束,抵达日期"
_HOUSEHOLDS: Final = (3, 1, 4, 2)
_WAIT_S: Final = 600


async def run(names: int = NAMES, batches: int = BATCHES) -> dict[str, Any]:
    """Return how long the batches took, the first time and again, and what became of the rows."""
    timeout = aiohttp.ClientTimeout(total=_WAIT_S)
    async with stage.system() as system, aiohttp.ClientSession(timeout=timeout) as session:
        tables = list(_tables(names, batches))
        cpu_s = system.api.cpu_s
        first_s, waits, told = await _send(session, system, tables)
        cpu_s = system.api.cpu_s - cpu_s
        again_s, _, repeated = await _send(session, system, tables)
    wrong = len(range(0, names, WRONG_EVERY))
    if told != {"created": names - wrong, "changed": 0, "unchanged": 0, "rejected": wrong}:
        raise stage.Failed(f"the rows became {told}")
    if repeated != {"created": 0, "changed": 0, "unchanged": names - wrong, "rejected": wrong}:
        raise stage.Failed(f"a repeat had an effect: {repeated}")
    waits.sort()
    return {
        "names": names,
        "batches": batches,
        "seconds": round(first_s, 1),
        "seconds_again": round(again_s, 1),
        "names_per_s": round(names / first_s),
        "batch_p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "batch_p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 1),
        "api_cpu_ms_per_name": round(cpu_s * 1000 / names, 2),
        "rejected": wrong,
    }


async def _send(
    session: aiohttp.ClientSession, system: stage.System, tables: list[tuple[str, bytes]]
) -> tuple[float, list[float], dict[str, int]]:
    """Import every batch and read what became of its rows, one after the other as a clerk does."""
    headers = {"Authorization": f"Bearer {system.credentials.admin_token}"}
    posting = {**headers, "Content-Type": "text/csv"}
    url = f"{system.api_url}/v1/registers/arrival-notice:import"
    counts = dict.fromkeys(("created", "changed", "unchanged", "rejected"), 0)
    waits: list[float] = []
    began = time.perf_counter()
    for batch, content in tables:
        asked = time.perf_counter()
        async with session.post(
            url, params={"batch": batch}, data=content, headers=posting
        ) as answer:
            tally = await answer.json()
            if answer.status != 200:
                raise stage.Failed(f"{batch} was refused: {answer.status} {tally}")
        rows_url = f"{system.api_url}/v1/imports/{tally['import']}/rows?limit=1000"
        async with session.get(rows_url, headers=headers) as answer:
            rows = (await answer.json())["items"]
        waits.append(time.perf_counter() - asked)
        for row in rows:
            counts[row["outcome"]] += 1
    return time.perf_counter() - began, waits, counts


def _tables(names: int, batches: int) -> Iterator[tuple[str, bytes]]:
    """Yield each batch by name; their sizes differ by one row at most."""
    first = 0
    for number in range(batches):
        end = names * (number + 1) // batches
        rows = [_row(name) for name in range(first, end)]
        yield f"notice-{number:03d}", "\r\n".join([_HEADER, *rows]).encode("gb18030")
        first = end


def _row(name: int) -> str:
    identity = resident_id(name)
    if name % WRONG_EVERY == 0:
        identity = identity[:-1] + ("1" if identity[-1] != "1" else "2")
    household, place = divmod(name, sum(_HOUSEHOLDS))
    of_cycle = 0
    while place >= _HOUSEHOLDS[of_cycle]:
        place -= _HOUSEHOLDS[of_cycle]
        of_cycle += 1
    return (
        f"h-{household}-{of_cycle},王某{name},{identity},139{name:08d},姚庄镇新村 {name} 号,"
        "330300,2020/1/10,2020年1月22日,2020-01-23 10:00"
    )
