"""From the topics to the disk: what fails is tried again, and what is gone is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.alerts.sightings import feed as module
from services.alerts.sightings import metrics
from services.alerts.sightings.feed import Feed
from services.alerts.sightings.sighting import TOPICS
from services.alerts.sightings.store import Store
from tests.sightings.records import VEHICLE, hit, scan
from tests.sightings.system import PARTITIONS, produce

pytestmark = pytest.mark.broker


@asynccontextmanager
async def running(broker: str, store: Store) -> AsyncIterator[Feed]:
    """Run a feed that gathers for a minute, so that only who waits makes it write."""
    feed = Feed(broker, PARTITIONS, store, flush_s=60)
    await feed.start()
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        feed.finish()
        await task
        await feed.stop()


def value(metric: Any) -> float:
    """Return what a counter shows."""
    return float(metric._value.get())  # noqa: SLF001


async def test_who_waits_makes_it_write_and_a_full_disk_is_tried_again(
    broker: str, tmp_path: Path, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0)
    store = Store(tmp_path / "sightings", retention_d=30)
    write, failures = store.write, ["no space left", "still none"]

    def failing(*arguments: Any) -> Any:
        if failures:
            raise OSError(failures.pop())
        return write(*arguments)

    monkeypatch.setattr(store, "write", failing)
    before = value(metrics.WRITE_FAILURES)
    async with running(broker, store) as feed:
        async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
            await produce(producer, [*hit("h1", now_ms), *scan("s1", now_ms + 1)])
        ends = await feed.ends()
        assert sum(ends.values()) == 3
        async with asyncio.timeout(30):
            await feed.reached(ends)
        assert [each.id for each in store.of(VEHICLE, 0)] == ["h1", "s1"]
        assert feed.lag == dict.fromkeys(TOPICS, 0)
    assert value(metrics.WRITE_FAILURES) == before + 2
    store.close()


async def test_a_position_that_a_topic_does_not_have_is_told_and_all_is_read_anew(
    broker: str, tmp_path: Path, now_ms: int
) -> None:
    store = Store(tmp_path / "sightings", retention_d=30)
    store.write({}, {TOPICS[0]: dict.fromkeys(range(PARTITIONS), 99)})
    lost = metrics.LOST.labels(TOPICS[0])
    before = value(lost)
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        await produce(producer, hit("h1", now_ms))
    async with running(broker, store) as feed, asyncio.timeout(30):
        await feed.reached(await feed.ends())
    assert value(lost) == before + PARTITIONS
    assert [each.id for each in store.of(VEHICLE, 0)] == ["h1"]
    assert sum(store.manifest.positions[TOPICS[0]].values()) == 1
    store.close()
