"""The process as a whole: how it starts, ends, dies and comes back."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from deploy.topics import apply
from schemas.access import Grant, add_token
from schemas.topics import DEFAULT_PARTITIONS
from tests.ingest.desk import hit

PROGRAM = """
import asyncio
from schemas.settings import Settings
from services.ingest.main import serve
asyncio.run(serve(Settings(), ready=lambda port: print(port, flush=True)))
"""
HEADERS = {"Authorization": "Bearer token", "Content-Type": "application/json"}


@pytest.fixture
async def environment(kafka: str, tmp_path: Path) -> dict[str, str]:
    """The settings of a deployment whose topics are there."""
    await apply(kafka, DEFAULT_PARTITIONS)
    add_token(tmp_path / "tokens.json", "token", Grant("gate", "device"))
    return {
        **os.environ,
        "CORDON_KAFKA": kafka,
        "CORDON_DATA_DIR": str(tmp_path),
        "CORDON_INGEST_PORT": "0",
        "CORDON_PARTITIONS": str(DEFAULT_PARTITIONS),
    }


@asynccontextmanager
async def process(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running ingest, killed at the end if it is still there."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def address(child: asyncio.subprocess.Process) -> str:
    """Wait until the process tells its port, among the lines that it logs."""
    assert child.stdout is not None
    async for line in child.stdout:
        if line.strip().isdigit():
            return f"http://127.0.0.1:{int(line)}"
    raise AssertionError("it ended before it was ready")


async def ask_for_ever(url: str) -> None:
    """Get a page until nobody listens."""
    while True:
        async with httpx.AsyncClient() as http:
            await http.get(url)


async def test_after_kill_9_it_knows_what_it_had_answered(
    environment: dict[str, str], namespace: str
) -> None:
    events = [hit(str(n), source=namespace) for n in range(20)]
    async with httpx.AsyncClient(headers=HEADERS) as http:
        async with process(environment) as child:
            url = await address(child) + "/v1/plate-hits"
            assert (await http.post(url, json=events)).json()["accepted"] == 20
            child.kill()
            await child.wait()
        async with process(environment) as child:
            base = await address(child)
            assert (await http.get(f"{base}/readyz")).status_code == 200
            again = (await http.post(f"{base}/v1/plate-hits", json=events)).json()
            assert (again["accepted"], again["duplicates"]) == (0, 20)


async def test_sigterm_lets_a_request_in_flight_finish(
    environment: dict[str, str], namespace: str
) -> None:
    async with process(environment) as child, httpx.AsyncClient(headers=HEADERS) as http:
        base = await address(child)
        raw = msgspec.json.encode(hit(source=namespace))
        begun, closed = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield raw[:20]
            begun.set()
            await closed.wait()
            yield raw[20:]

        answer = asyncio.create_task(http.post(f"{base}/v1/plate-hits", content=slowly()))
        await begun.wait()
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):
            await ask_for_ever(f"{base}/healthz")
        closed.set()
        assert (await answer).json()["accepted"] == 1
        assert await child.wait() == 0
        assert time.monotonic() - began < 5


async def test_over_a_socket_a_body_of_64_mb_is_refused(environment: dict[str, str]) -> None:
    async with process(environment) as child, httpx.AsyncClient(headers=HEADERS) as http:
        base = await address(child)
        try:
            answer = await http.post(f"{base}/v1/plate-hits", content=b" " * (64 << 20))
        except httpx.TransportError:
            pass  # It was answered and closed before it was sent whole.
        else:
            assert answer.status_code == 413
        assert (await http.get(f"{base}/healthz")).status_code == 200


async def test_the_wrong_number_of_partitions_ends_it(environment: dict[str, str]) -> None:
    environment["CORDON_PARTITIONS"] = str(DEFAULT_PARTITIONS + 1)
    async with process(environment) as child:
        assert child.stdout is not None
        output = (await child.stdout.read()).decode()
        assert await child.wait() == 1
        assert f"CORDON_PARTITIONS says {DEFAULT_PARTITIONS + 1}" in output


async def test_two_processes_do_not_share_a_folder(environment: dict[str, str]) -> None:
    async with process(environment) as first:
        await address(first)
        async with process(environment) as second:
            assert second.stdout is not None
            output = (await second.stdout.read()).decode()
            assert await second.wait() == 1
            assert "another ingest uses" in output
