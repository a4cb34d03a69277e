"""The whole process on a real broker: a finding reaches an SSE reader, and SIGTERM ends it all."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from deploy import topics
from schemas.access import Grant, add_token
from schemas.settings import Settings
from schemas.times import MINUTE_MS
from schemas.topics import FINDINGS, HEADERS
from services.api.main import serve, wall_clock_ms
from tests.api.examples import finding


@pytest.fixture
async def settings(kafka: str, tmp_path: Path) -> Settings:
    await topics.apply(kafka, 4)
    settings = Settings(data_dir=tmp_path, kafka=kafka, api_port=0)
    add_token(settings.tokens_path, "secret", Grant("li", "dispatcher"))
    return settings


async def test_a_finding_reaches_a_reader_and_sigterm_ends_all(
    settings: Settings, namespace: str
) -> None:
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    process = asyncio.create_task(serve(settings, ready=listening.set_result))
    async with asyncio.timeout(60):
        either: list[asyncio.Future[Any]] = [process, listening]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        url = f"http://127.0.0.1:{listening.result()}"
        headers = {"Authorization": "Bearer secret"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            assert (await client.get("/readyz")).status_code == 200
            parameters = {"order": namespace}
            async with client.stream("GET", "/v1/alerts/stream", params=parameters) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                lines = stream.aiter_lines()
                assert await anext(lines) != ""
                await send(settings.kafka, namespace)
                async for line in lines:
                    if line == "event: cordon.alert.raised.v1":
                        break
                event = msgspec.json.decode((await anext(lines)).removeprefix("data: "))
                assert event["data"]["order"] == namespace
                alert_id = event["data"]["id"]
                answer = await client.post(
                    f"/v1/alerts/{alert_id}/ack", headers={"If-Match": "1"}, json={"note": "ok"}
                )
                assert answer.status_code == 200
                async for line in lines:
                    if line == "event: cordon.alert.acked.v1":
                        break
                os.kill(os.getpid(), signal.SIGTERM)
                async with asyncio.timeout(5):
                    assert [line async for line in lines][-1] == ""
                    await process


@pytest.mark.parametrize("clock", ["wall", "events"])
async def test_who_is_waited_for_escalates_but_not_in_a_replay(
    settings: Settings, namespace: str, clock: Literal["wall", "events"]
) -> None:
    live = clock == "wall"
    settings = settings.model_copy(update={"clock": clock})
    ahead_ms = [0]
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    process = asyncio.create_task(
        serve(
            settings,
            ready=listening.set_result,
            clock_ms=lambda: wall_clock_ms() + ahead_ms[0],
        )
    )
    async with asyncio.timeout(60):
        either: list[asyncio.Future[Any]] = [process, listening]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        url = f"http://127.0.0.1:{listening.result()}"
        headers = {"Authorization": "Bearer secret"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            path = f"/v1/alerts/stream.jsonl?order={namespace}"
            async with client.stream("GET", path) as stream:
                lines = stream.aiter_lines()
                assert "cordon.feed.open.v1" in await anext(lines)
                await send(settings.kafka, namespace)
                assert msgspec.json.decode(await anext(lines))["data"]["revision"] == 1
                ahead_ms[0] = 2 * MINUTE_MS
                if live:
                    event = msgspec.json.decode(await anext(lines))
                    assert event["type"] == "cordon.alert.escalated.v1"
                    assert event["data"]["escalation"] == 1
            if not live:
                # Whoever looks says how many are overdue, be it none.
                assert "cordon_api_overdue{" not in (await client.get("/metrics")).text
        process.cancel()
        await asyncio.gather(process, return_exceptions=True)


async def send(kafka: str, namespace: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=namespace)
    await producer.start()
    async with producer.transaction():
        raw = msgspec.json.encode(finding(f"alert-{namespace}", order=namespace))
        await producer.send(FINDINGS, raw, key=namespace.encode(), headers=HEADERS)
    await producer.stop()


async def test_a_wrong_folder_is_told_at_once(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    broken = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/file/x"})
    with pytest.raises(OSError, match="file"):
        await serve(broken)
