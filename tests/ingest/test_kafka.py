"""The same, on the real broker."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.broker import Broker, BrokerSettings
from deploy.topics import apply
from schemas.partition import partition_of
from schemas.topics import CLOCK, DEFAULT_PARTITIONS, EVENT_TOPICS, HEADERS
from services.ingest.metrics import Metrics
from services.ingest.producer import KafkaProducer, Outgoing, PartitionMismatch, Undelivered
from tests.ingest.desk import Desk, hit, scan

TOPICS = (*EVENT_TOPICS, CLOCK)


@pytest.fixture
async def topics(kafka: str) -> str:
    """The broker with every topic of Cordon."""
    await apply(kafka, DEFAULT_PARTITIONS)
    return kafka


@asynccontextmanager
async def linked(bootstrap: str, **options: Any) -> AsyncIterator[KafkaProducer]:
    """A producer whose broker is there."""
    producer = KafkaProducer(bootstrap, TOPICS, DEFAULT_PARTITIONS, Metrics(), **options)
    link = asyncio.create_task(producer.run())
    try:
        await producer.linked.wait()
        yield producer
    finally:
        link.cancel()
        await asyncio.wait({link})
        await producer.stop()


async def written(bootstrap: str, source: str) -> list[Any]:
    """Return every record of a source that is on the event topics now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [
            TopicPartition(topic, partition)
            for topic in EVENT_TOPICS
            for partition in range(DEFAULT_PARTITIONS)
        ]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        records = []
        for place in places:
            while await consumer.position(place) < ends[place]:
                fetched = await consumer.getmany(place, timeout_ms=1000)
                records += [record for batch in fetched.values() for record in batch]
    finally:
        await consumer.stop()
    return [record for record in records if source.encode() in record.value]


async def test_a_scan_and_its_persons_are_there_when_it_is_answered(
    topics: str, tmp_path: Path, namespace: str
) -> None:
    async with linked(topics) as producer, Desk(tmp_path, broker=producer) as desk:
        answer = await desk.post_event(scan(persons=3, source=namespace))
        records = await written(topics, namespace)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert sorted(msgspec.json.decode(record.value)["id"] for record in records) == [
        "s1",
        "s1#1",
        "s1#2",
        "s1#3",
    ]
    for record in records:
        assert record.partition == partition_of(record.key.decode(), DEFAULT_PARTITIONS)
        assert record.headers == tuple(HEADERS)


async def test_big_requests_side_by_side_are_written_once_and_in_order(
    topics: str, tmp_path: Path, namespace: str
) -> None:
    """More than fits into one batch of a partition."""
    size, requests = 500, 8
    filler = "x" * 1500

    def events(request: int) -> list[Any]:
        return [hit(f"{request}-{n}", source=namespace, data_image_ref=filler) for n in range(size)]

    async with (
        linked(topics) as producer,
        Desk(tmp_path, broker=producer, max_body_bytes=1 << 21, in_flight_bytes=1 << 24) as desk,
    ):
        answers = await asyncio.gather(
            *(desk.post("/v1/plate-hits", events(request)) for request in range(requests))
        )
        records = await written(topics, namespace)
    assert [answer.json()["accepted"] for answer in answers] == [size] * requests
    idents = [msgspec.json.decode(record.value)["id"] for record in records]
    assert len(idents) == size * requests
    for request in range(requests):
        mine = [ident for ident in idents if ident.startswith(f"{request}-")]
        assert mine == [f"{request}-{n}" for n in range(size)]


async def test_a_clock_line_is_in_every_partition(
    topics: str, tmp_path: Path, namespace: str
) -> None:
    async with linked(topics) as producer:
        places = [TopicPartition(CLOCK, n) for n in range(DEFAULT_PARTITIONS)]
        consumer = AIOKafkaConsumer(bootstrap_servers=topics)
        await consumer.start()
        before = await consumer.end_offsets(places)
        async with Desk(tmp_path, broker=producer, events_clock=True) as desk:
            line = {"type": "cordon.clock.v1", "time": "2020-02-01T00:00:00Z"}
            assert (await desk.post("/v1/clock", line, token="replay")).status_code == 202
        after = await consumer.end_offsets(places)
        await consumer.stop()
    assert all(after[place] > before[place] for place in places)


async def test_without_a_broker_nothing_is_accepted(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    metrics = Metrics()
    producer = KafkaProducer(f"127.0.0.1:{port}", TOPICS, 4, metrics, probe_s=0.01)
    link = asyncio.create_task(producer.run())
    async with Desk(tmp_path, broker=producer) as desk:
        assert (await desk.http.get("/readyz")).status_code == 503
        answer = await desk.post_event(hit())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    with pytest.raises(Undelivered):
        await producer.submit([Outgoing(CLOCK, 0, b"", b"")])
    link.cancel()
    await asyncio.wait({link})
    await producer.stop()


async def test_it_is_ready_once_its_topics_are_there(kafka: str, namespace: str) -> None:
    producer = KafkaProducer(kafka, [f"{namespace}.late"], 4, Metrics(), probe_s=0.01)
    link = asyncio.create_task(producer.run())
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    assert not producer.up
    await admin.create_topics([NewTopic(f"{namespace}.late", 4, 1)])
    await producer.linked.wait()
    assert producer.up
    await admin.close()
    link.cancel()
    await asyncio.wait({link})
    await producer.stop()


async def test_another_number_of_partitions_is_fatal(kafka: str, namespace: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{namespace}.three", 3, 1)])
    await admin.close()
    producer = KafkaProducer(kafka, [f"{namespace}.three"], 4, Metrics())
    with pytest.raises(PartitionMismatch, match="has 3 partitions, CORDON_PARTITIONS says 4"):
        await producer.run()
    await producer.stop()


async def test_after_a_refused_record_it_goes_on_with_a_new_producer(
    topics: str, tmp_path: Path, namespace: str
) -> None:
    """The broker refuses a record over its limit, and after that all later numbers of the same
    producer; nobody may be left waiting."""
    async with linked(topics, probe_s=0.01) as producer:
        noise = random.Random(1).randbytes(5 << 20)
        with pytest.raises(Undelivered, match="MessageSizeTooLarge"):
            await producer.submit([Outgoing(CLOCK, 0, b"", noise)])
        await producer.linked.wait()
        async with Desk(tmp_path, broker=producer) as desk:
            events = [hit(str(n), source=namespace) for n in range(50)]
            answer = await desk.post("/v1/plate-hits", events)
            while answer.status_code == 503:  # As a device does, until the new producer is there.
                await producer.linked.wait()
                answer = await desk.post("/v1/plate-hits", events)
            assert answer.status_code == 202
        assert len(await written(topics, namespace)) == 50


@pytest.mark.fault
async def test_a_broker_that_goes_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    """Killed in mid-stream: 503 until it is back, then everything once, repeats included."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    broker = Broker(BrokerSettings(data_dir=tmp_path / "kafka", port=port))
    await broker.start()
    await apply(broker.bootstrap, DEFAULT_PARTITIONS)
    refusals = 0
    async with (
        linked(broker.bootstrap, probe_s=0.1) as producer,
        Desk(tmp_path / "window", broker=producer, delivery_timeout_s=1) as desk,
    ):
        half = asyncio.Event()

        async def device(name: int) -> None:
            nonlocal refusals
            for n in range(300):
                if n == 150:
                    half.set()
                while (answer := await desk.post_event(hit(f"{name}-{n}"))).status_code != 202:
                    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
                    refusals += 1
                    await producer.linked.wait()
                    # It may be linked and yet silent; the link must get its turn to see that.
                    await asyncio.sleep(0)

        devices = [asyncio.create_task(device(name)) for name in range(4)]
        await half.wait()
        await broker.kill()
        await broker.start()
        await asyncio.gather(*devices)
        records = await written(broker.bootstrap, "cam-1")
    await broker.stop()
    assert refusals > 0
    idents = [msgspec.json.decode(record.value)["id"] for record in records]
    assert sorted(idents) == sorted(f"{name}-{n}" for name in range(4) for n in range(300))
