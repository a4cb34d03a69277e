"""kill -9 at any point: nothing is lost and nothing is there twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from schemas.intake import Record
from schemas.partition import VEHICLE
from schemas.times import DAY_MS, HOUR_MS
from services.alerts.sightings.sighting import TOPICS
from tests.sightings.records import NUMBER, check, hit, scan
from tests.sightings.system import StoreProcess, ends_of, produce, rows

_BATCH = 150


def batch(number: int, now_ms: int) -> list[Record]:
    """Return the records of one moment: of three days, all three topics and many subjects."""
    records: list[Record] = []
    for place in range(_BATCH):
        id_, at_ms = f"{number:04d}-{place:03d}", now_ms - HOUR_MS - place % 3 * DAY_MS
        plate = f"浙F{number * _BATCH + place:05d}"
        if place % 10 == 0:
            records += scan(id_, at_ms, plate=plate)
        elif place % 10 == 1:
            who = {"id_type": "resident_id", "id_number": NUMBER, "verified_by": "officer"}
            records += check(id_, at_ms, person=who)
        else:
            records += hit(id_, at_ms, plate=plate)
    return records


@pytest.mark.fault
@pytest.mark.broker
@pytest.mark.parametrize("kills", [pytest.param(4, id="short"), pytest.param(20, id="long")])
async def test_killed_at_any_point_it_loses_and_doubles_nothing(
    broker: str, tmp_path: Path, now_ms: int, kills: int
) -> None:
    sent: Counter[tuple[str, str, str]] = Counter()
    enough = asyncio.Event()

    async def feed() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
            number = 0
            while not enough.is_set():
                records = batch(number, now_ms)
                await produce(producer, records)
                sent.update(
                    (record.source, record.id, record.subject)
                    for record in records
                    if record.subject.startswith((VEHICLE, "person:"))
                )
                number += 1

    feeding = asyncio.create_task(feed())
    try:
        with StoreProcess(broker, tmp_path / "sightings", sightings_flush_ms="50") as store:
            for number in range(kills):
                # Long and short lives: some merge, some have hardly begun to write.
                await asyncio.to_thread(store.until_flushed, 1 + number * 7 % 23)
                store.kill()
                store.start()
            enough.set()
            await feeding
            ends = await ends_of(broker, TOPICS)
            await asyncio.to_thread(store.until_stored, ends)
            assert await asyncio.to_thread(store.stop) == 0
            assert any(file.level for file in store.manifest.files)
            assert rows(store.folder) == sent
            assert set(sent.values()) == {1}
    finally:
        enough.set()
        await feeding
