"""A unit that is handed records from another place than where it stands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from prometheus_client import REGISTRY

from deploy.topics import apply, wait_for_leaders
from rules.registers import Registers
from schemas.settings import Settings
from schemas.times import format_ms
from schemas.topics import DEFAULT_PARTITIONS, HEADERS, PLATE_HITS
from services.alerts.agents.registers_reader import RegistersReader
from services.alerts.agents.unit import Fetched, Surroundings, Unit
from services.alerts.engine.identities import identity
from tests.fault import records
from tests.fault.test_poison import hit
from tests.fault.traffic import START_MS

pytestmark = [pytest.mark.fault, pytest.mark.broker]
PARTITION = 3
COMMITTED_S = 30.0


@asynccontextmanager
async def unit_at_work(kafka: str, namespace: str, folder: Path) -> AsyncIterator[Unit]:
    """A unit that works on a partition of the run's broker."""
    registers = Registers()
    reader = RegistersReader(kafka, registers, asyncio.Event())
    around = Surroundings(
        bootstrap=kafka,
        deployment=namespace,
        folder=folder,
        registers=registers,
        reader=reader,
        history_since_ms=None,
        timezone=Settings().timezone,
        wall_ms=lambda: 0,
    )
    unit = Unit(PARTITION, around)
    failures: list[BaseException] = []

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failures.append(error)

    await reader.start()
    try:
        await unit.start()
        unit.run(ended)
        try:
            yield unit
        finally:
            await unit.stop()
    finally:
        await reader.stop()
    assert failures == []


async def written(kafka: str, namespace: str, count: int) -> list[ConsumerRecord]:
    """Write hits to the partition, and return them as a fetch brings them."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        offsets = []
        for number in range(count):
            value = hit(
                id=f"{number}", source=namespace, time=format_ms(START_MS),
                recordedtime=format_ms(START_MS + number),
            )  # fmt: skip
            sent = await producer.send_and_wait(
                PLATE_HITS, value, partition=PARTITION, headers=HEADERS
            )
            offsets.append(sent.offset)
    finally:
        await producer.stop()
    found: list[ConsumerRecord] = []
    place = TopicPartition(PLATE_HITS, PARTITION)
    async with records.consumer(kafka) as reader:
        reader.assign([place])
        reader.seek(place, offsets[0])
        while len(found) < count:
            found += (await reader.getmany(place, timeout_ms=500)).get(place, [])
    assert [record.offset for record in found] == offsets
    return found


def counted(name: str, **labels: str) -> float:
    """The value of a counter of this process."""
    return REGISTRY.get_sample_value(f"cordon_worker_{name}_total", labels) or 0.0


async def test_holes_are_read_first_and_repeats_are_skipped_short(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    await apply(kafka, DEFAULT_PARTITIONS)
    await wait_for_leaders(kafka)
    hits = await written(kafka, namespace, 40)
    end = hits[-1].offset + 1
    holes = counted("holes_repaired", topic=PLATE_HITS)
    replayed = counted("replayed_records", topic=PLATE_HITS)
    doubled = counted("events", what="duplicates")
    async with unit_at_work(kafka, namespace, tmp_path) as unit:
        for part in (hits[:10], hits[20:30], hits[5:25], hits[25:]):
            await unit.offer(Fetched({PLATE_HITS: part}, {PLATE_HITS: end}))
        assert unit.next_offsets[PLATE_HITS] == end
        states = await committed(kafka, end)
    seen = states.book(PARTITION).identities.seen
    assert all(identity(namespace, f"{number}") in seen for number in range(40))
    # One from 10 to 20, and one more where others have used this broker before.
    assert counted("holes_repaired", topic=PLATE_HITS) - holes >= 1
    assert counted("replayed_records", topic=PLATE_HITS) - replayed == 25
    assert counted("events", what="duplicates") == doubled


async def committed(kafka: str, end: int) -> records.States:
    """Return the state as soon as its marker stands at an offset."""
    async with asyncio.timeout(COMMITTED_S):
        while True:
            states = await asyncio.to_thread(records.States, kafka)
            if states.marker().get((PLATE_HITS, PARTITION)) == end:
                return states
