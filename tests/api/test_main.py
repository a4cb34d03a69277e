"""The whole process on a real broker: a finding reaches an SSE reader, and SIGTERM ends it all."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from deploy import topics
from schemas.access import Grant, add_token
from schemas.settings import Settings
from schemas.topics import FINDINGS, HEADERS
from services.api.main import serve
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
