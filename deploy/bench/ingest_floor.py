"""The floor of the ingest benchmark: HTTP in, decode, write with acks=all, and no more."""

import asyncio
import os
import sys
import time
from typing import Any

import msgspec
import uvicorn
import uvloop
from aiokafka import AIOKafkaProducer

from deploy.bench import stage
from schemas.events import PLATE_HIT
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.settings import Settings
from schemas.topics import HEADERS, PLATE_HITS
from services.ingest.producer import MAX_BATCH_BYTES


class _Floor:
    """An ASGI application with one answer."""

    def __init__(self, producer: AIOKafkaProducer, partitions: int) -> None:
        self._producer = producer
        self._partitions = partitions
        self._decode = Intake(PseudonymKey.fixed_for_tests()).decode

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        lines = bytes(body).split(b"\n")
        for line in lines:
            self._decode(PLATE_HIT, line)
        acknowledged = []
        for partition in range(self._partitions):
            batch = self._producer.create_batch()
            for line in lines[partition :: self._partitions]:
                if not batch.append(key=b"floor", value=line, timestamp=None, headers=HEADERS):
                    raise RuntimeError("a batch is full: the benchmark's requests are too big")
            acknowledged.append(
                await self._producer.send_batch(batch, PLATE_HITS, partition=partition)
            )
        await asyncio.gather(*acknowledged)
        answer = msgspec.json.encode({"accepted": len(lines), "duplicates": 0})
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def _main(warm_up: int, requests: int) -> None:
    settings = Settings()
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=MAX_BATCH_BYTES,
    )
    await producer.start()
    config = uvicorn.Config(
        _Floor(producer, settings.partitions),
        port=0,
        log_config=None,
        access_log=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 — uvicorn tells it by a flag.
        await asyncio.sleep(0.01)
    port = str(server.servers[0].sockets[0].getsockname()[1])
    env = dict(os.environ)
    await stage.measured("deploy.bench.ingest_load", env, port, str(warm_up), "w")
    cpu = time.process_time()
    load = await stage.measured("deploy.bench.ingest_load", env, port, str(requests), "m")
    report = {"seconds": load["seconds"], "cpu_seconds": time.process_time() - cpu}
    server.should_exit = True
    await serving
    await producer.stop()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2])))
