"""The gate benchmark: a million plate hits through one worker, beside its floor and stock Faust."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy import topics
from deploy.bench import traffic
from deploy.broker import Broker, BrokerSettings
from schemas.events import CLOCK_TYPE
from schemas.intake import Record
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.times import DAY_MS, format_ms
from schemas.topics import CLOCK, HEADERS, PLATE_HITS

PARTITIONS = 4
CHILD_TIMEOUT_S = 300


async def run(count: int = 1_000_000, stock: int = 20_000) -> dict[str, Any]:
    """Return the figures of all three, and their ratios."""
    folder = Path(tempfile.mkdtemp(prefix="cordon-bench-"))
    broker = Broker(BrokerSettings(data_dir=folder / "kafka", port=0))
    await broker.start()
    try:
        settings = Settings(kafka=broker.bootstrap, data_dir=folder, partitions=PARTITIONS)
        await topics.apply(settings.kafka, settings.partitions)
        environment = {
            **os.environ,
            "CORDON_KAFKA": broker.bootstrap,
            "CORDON_DATA_DIR": str(folder),
            "CORDON_CLOCK": "events",
            "CORDON_HISTORY_SINCE": "forever",
            "CORDON_PARTITIONS": str(PARTITIONS),
            "CORDON_WORKER_PORT": "0",
            "CORDON_BENCH_STOCK_EVENTS": str(stock),
        }
        producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=256 << 10,
            linger_ms=5,
        )
        await producer.start()
        for topic, key, value in traffic.registers():
            await producer.send(topic, value, key)
        await _produce(producer, traffic.warm_up())
        for at_ms in (traffic.START_MS - 2 * DAY_MS, traffic.START_MS - DAY_MS):
            await _tick(producer, at_ms)
        warm = traffic.VEHICLES + 2 * PARTITIONS
        await _child("deploy.bench.gate_worker", environment, str(warm))
        offsets = await _ends(broker.bootstrap)
        await _produce(producer, traffic.hits(count))
        await producer.stop()
        worker = await _child("deploy.bench.gate_worker", environment, str(count))
        floor = await _child(
            "deploy.bench.gate_floor", environment, str(count), ",".join(map(str, offsets))
        )
        faust = await _child("deploy.bench.stock_faust", environment, "worker") if stock else None
    finally:
        await broker.stop()
    return _report(count, worker, floor, faust)


def _report(
    count: int, worker: dict[str, Any], floor: dict[str, Any], faust: dict[str, Any] | None
) -> dict[str, Any]:
    rate, floor_rate = count / worker["seconds"], count / floor["seconds"]
    report = {
        "events": count,
        "events_per_s": round(rate),
        "cpu_us_per_event": round(worker["cpu_seconds"] / count * 1e6, 2),
        "peak_mb": round(worker["peak_mb"]),
        "floor_events_per_s": round(floor_rate),
        "floor_cpu_us_per_event": round(floor["cpu_seconds"] / count * 1e6, 2),
        "ratio_to_floor": round(rate / floor_rate, 3),
    }
    if faust is not None:
        stock_rate = faust["events"] / faust["seconds"]
        report["stock_faust_events_per_s"] = round(stock_rate)
        report["times_stock_faust"] = round(rate / stock_rate, 1)
    return report


async def _produce(producer: AIOKafkaProducer, records: Iterable[Record]) -> None:
    batches: dict[int, Any] = {}
    for record in records:
        number = partition_of(record.subject, PARTITIONS)
        batch = batches.get(number) or batches.setdefault(number, producer.create_batch())
        fields = {"key": record.subject.encode(), "value": record.value, "timestamp": None}
        if batch.append(**fields, headers=HEADERS) is None:
            await producer.send_batch(batch, record.topic, partition=number)
            batches[number] = batch = producer.create_batch()
            batch.append(**fields, headers=HEADERS)
    for number, batch in batches.items():
        await producer.send_batch(batch, PLATE_HITS, partition=number)
    await producer.flush()


async def _tick(producer: AIOKafkaProducer, at_ms: int) -> None:
    tick = msgspec.json.encode({"type": CLOCK_TYPE, "time": format_ms(at_ms)})
    for number in range(PARTITIONS):
        await producer.send_and_wait(CLOCK, tick, b"clock", partition=number, headers=HEADERS)


async def _ends(bootstrap: str) -> list[int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    places = [TopicPartition(PLATE_HITS, number) for number in range(PARTITIONS)]
    ends = await consumer.end_offsets(places)
    await consumer.stop()
    return [ends[place] for place in places]


async def _child(module: str, environment: dict[str, str], *args: str) -> dict[str, Any]:
    """Run a measuring process and return the figures that it prints."""
    log = Path(environment["CORDON_DATA_DIR"]) / f"{module}.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *args,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), CHILD_TIMEOUT_S)
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise RuntimeError(f"{module} took too long; its log is {log}") from error
    lines = [line for line in out.splitlines() if line.startswith(b"{")]
    if not lines:
        raise RuntimeError(f"{module} gave no figures; its log is {log}")
    figures: dict[str, Any] = msgspec.json.decode(lines[0])
    return figures
