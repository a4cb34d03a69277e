"""The import benchmark: 29,170 names in 637 batches over HTTP into a running system, and again.

Broker, ingest, worker and API run as `cordon up` starts them, on the machine that also sends. What
is told of every row is read and checked; a repeat must change nothing. After that as many names are
looked up in verification batches, half of which nobody knows, so that they become tasks; and 30,000
names come in one table, as a job whose progress is followed.
"""

import asyncio
import io
import time
from collections.abc import Sequence
from typing import Any, Final

import aiohttp

from deploy.bench import stage
from deploy.bench.names import BATCHES, NAMES, batch_of, table, wrong

ONE_TABLE: Final = 30_000
_WAIT_S: Final = 600
_LOOK_S: Final = 0.2
_OUTCOMES: Final = ("created", "changed", "unchanged", "rejected")


async def run(
    names: int = NAMES, batches: int = BATCHES, one_table: int = ONE_TABLE
) -> dict[str, Any]:
    """Return how long each part took, and what became of the rows."""
    timeout = aiohttp.ClientTimeout(total=_WAIT_S)
    async with stage.system() as system:
        headers = {"Authorization": f"Bearer {system.credentials.admin_token}"}
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            return await _measured(session, system, names, batches, one_table)


async def _measured(
    session: aiohttp.ClientSession, system: stage.System, names: int, batches: int, one_table: int
) -> dict[str, Any]:
    desk = Clerk(session, system.api_url)
    parts = [batch_of(number, names, batches) for number in range(batches)]
    cpu_s = system.api.cpu_s
    first_s, told = await desk.import_all(parts)
    cpu_s = system.api.cpu_s - cpu_s
    waits = sorted(desk.waits)
    again_s, repeated = await desk.import_all(parts)
    # Half of these were imported above.
    others = [range(part.start + names // 2, part.stop + names // 2) for part in parts]
    verify_s, found = await desk.verify_all(others)
    one_s, looks, one = await desk.import_one(range(2 * names, 2 * names + one_table))
    bad = sum(map(wrong, parts))
    _require(told, {"created": names - bad, "changed": 0, "unchanged": 0, "rejected": bad})
    _require(repeated, {"created": 0, "changed": 0, "unchanged": names - bad, "rejected": bad})
    unknown = [name for part in others for name in part if name >= names]
    _require(found, {"rejected": sum(map(wrong, others)), "tasks": _right(unknown)})
    refused = wrong(range(2 * names, 2 * names + one_table))
    counts = (one_table - refused, 0, 0, refused)
    _require(one, dict(zip(_OUTCOMES, counts, strict=True)))
    return {
        "names": names,
        "batches": batches,
        "seconds": round(first_s, 1),
        "seconds_again": round(again_s, 1),
        "names_per_s": round(names / first_s),
        "batch_p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "batch_p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 1),
        "api_cpu_ms_per_name": round(cpu_s * 1000 / names, 2),
        "rejected": bad,
        "verified_seconds": round(verify_s, 1),
        "verified_to_tasks": found["tasks"],
        "one_table_rows": one_table,
        "one_table_seconds": round(one_s, 1),
        "one_table_looks": looks,
    }


class Clerk:
    """Somebody who sends one table after the other, and reads what became of each."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str) -> None:
        self.waits: list[float] = []
        self._session = session
        self._api = f"{api_url}/v1"

    async def import_all(self, parts: Sequence[range]) -> tuple[float, dict[str, int]]:
        """Import every batch; return how long that took, and what became of all rows."""
        counts = dict.fromkeys(_OUTCOMES, 0)
        began = time.perf_counter()
        for number, part in enumerate(parts):
            asked = time.perf_counter()
            params = {"batch": f"notice-{number:03d}"}
            tally = await self._post("registers/arrival-notice:import", table(part), params)
            rows = await self._get(f"imports/{tally['import']}/rows?limit=1000")
            self.waits.append(time.perf_counter() - asked)
            for row in rows["items"]:
                counts[row["outcome"]] += 1
        return time.perf_counter() - began, counts

    async def verify_all(self, parts: Sequence[range]) -> tuple[float, dict[str, int]]:
        """Look every batch up, and make tasks of what nobody knows; return how long that took, how
        many rows were refused and how many tasks were made."""
        counts = {"rejected": 0, "tasks": 0}
        began = time.perf_counter()
        for number, part in enumerate(parts):
            batch = f"letter-{number:03d}"
            await self._post("batches", {"id": batch})
            taken = await self._post(f"batches/{batch}/rows", table(part))
            counts["rejected"] += len(taken["rejected"])
            counts["tasks"] += (await self._post(f"batches/{batch}/assign", {}))["tasks"]
        return time.perf_counter() - began, counts

    async def import_one(self, names: range) -> tuple[float, int, dict[str, int]]:
        """Import one long table; return how long that took, at how many looks it was part of the
        way, and what became of its rows."""
        began, looks = time.perf_counter(), 0
        params = {"batch": "register"}
        job = await self._post(
            "registers/arrival-notice:import", table(names), params, "respond-async"
        )
        while job["state"] == "running":
            await asyncio.sleep(_LOOK_S)
            job = await self._get(f"imports/{job['id']}")
            looks += 0 < job["done"] < job["total"]
        if job["state"] != "done":
            raise stage.Failed(f"the long table: {job}")
        return time.perf_counter() - began, looks, {name: job[name] for name in _OUTCOMES}

    async def _post(
        self,
        path: str,
        body: bytes | dict[str, Any],
        params: dict[str, str] | None = None,
        prefer: str = "",
    ) -> Any:
        what: dict[str, Any] = {"json": body}
        if isinstance(body, bytes):
            # aiohttp sends a file in parts, and a long text in one go.
            headers = {"Content-Type": "text/csv", "Prefer": prefer}
            what = {"data": io.BytesIO(body), "headers": headers}
        async with self._session.post(f"{self._api}/{path}", params=params, **what) as answer:
            told = await answer.json()
            if answer.status >= 300:
                raise stage.Failed(f"{path} was refused: {answer.status} {told}")
            return told

    async def _get(self, path: str) -> Any:
        async with self._session.get(f"{self._api}/{path}") as answer:
            if answer.status != 200:
                raise stage.Failed(f"{path}: {answer.status} {await answer.text()}")
            return await answer.json()


def _right(names: Sequence[int]) -> int:
    return len(names) - sum(wrong(range(name, name + 1)) for name in names)


def _require(told: dict[str, int], expected: dict[str, int]) -> None:
    if told != expected:
        raise stage.Failed(f"the rows became {told}, and not {expected}")
