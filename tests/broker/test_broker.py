"""The real broker: it starts, keeps its data over a restart, and stops."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from deploy.broker import Broker, BrokerError, BrokerSettings, BrokerStartError, DataInUseError
from deploy.broker.probe import answers

_LIMIT_S = 30


async def _create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, compression_type="lz4"
    )
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _first_value(bootstrap: str, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), _LIMIT_S)
        value: bytes | None = record.value
        return value
    finally:
        await consumer.stop()


@pytest.mark.broker
async def test_a_record_survives_a_restart_on_another_port(tmp_path: Path) -> None:
    said: list[str] = []
    settings = BrokerSettings(data_dir=tmp_path, progress=said.append)
    async with Broker(settings) as broker:
        await _create_topic(broker.bootstrap, "kept")
        await _produce(broker.bootstrap, "kept", b"still here")
        first = broker.bootstrap
        assert broker.process_group is not None
    assert broker.process_group is None
    assert not await answers(first)

    async with Broker(settings) as broker:
        assert await _first_value(broker.bootstrap, "kept") == b"still here"

    # Formatting happened once, and the log was written where the operator is told to look.
    assert [line for line in said if line.startswith("preparing")] == [
        "preparing the data folder of kafka …"
    ]
    assert "Kafka Server started" in broker.log_path.read_text(encoding="utf-8")


@pytest.mark.broker
async def test_a_record_survives_a_kill(tmp_path: Path) -> None:
    settings = BrokerSettings(data_dir=tmp_path)
    broker = Broker(settings)
    await broker.start()
    await _create_topic(broker.bootstrap, "kept")
    await _produce(broker.bootstrap, "kept", b"still here")
    await broker.kill()
    assert not await answers(broker.bootstrap)
    async with Broker(settings) as again:
        assert await _first_value(again.bootstrap, "kept") == b"still here"


@pytest.mark.broker
async def test_a_second_broker_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with Broker(BrokerSettings(data_dir=tmp_path)) as first:
        second = Broker(BrokerSettings(data_dir=tmp_path, data_timeout_s=0.2))
        with pytest.raises(DataInUseError, match=str(tmp_path)):
            await second.start()
        assert second.process_group is None
        assert await answers(first.bootstrap)


@pytest.mark.broker
async def test_a_broker_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    # Kafka refuses data that another node wrote.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")
    broker = Broker(BrokerSettings(data_dir=tmp_path))
    with pytest.raises(BrokerStartError, match=r"broker\.log: .*Stored node id 7"):
        await broker.start()
    assert broker.process_group is None


async def test_the_address_is_unknown_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="not started"):
        _ = Broker(BrokerSettings(data_dir=tmp_path)).bootstrap


async def test_topics_are_not_created_by_writing(kafka: str, namespace: str) -> None:
    topic = f"{namespace}.unknown"
    producer = AIOKafkaProducer(bootstrap_servers=kafka, request_timeout_ms=500)
    await producer.start()
    try:
        with pytest.raises(UnknownTopicOrPartitionError):
            await producer.send_and_wait(topic, b"to nowhere")
    finally:
        await producer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert topic not in await admin.list_topics()
    finally:
        await admin.close()
