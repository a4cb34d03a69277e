"""Findings in, alerts out: the consumer and the outbox on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import Connection

from deploy import topics
from schemas.alerts import AlertEvent, FindingEvent
from schemas.times import format_ms
from schemas.topics import HEADERS, Topic
from services.api.feed.hub import Hub
from services.api.findings import FindingsConsumer, StoreFailed
from services.api.outbox import Outbox
from services.api.publisher import Publisher
from services.api.rate_cap import CALM_MS
from services.api.store.database import Database
from services.api.store.store import AlertStore
from tests.api.examples import AT, finding

PARTITIONS = 3


class Scene:
    """Topics of the test's own, and ways to write and read them."""

    def __init__(self, kafka: str, namespace: str, producer: AIOKafkaProducer) -> None:
        self.kafka = kafka
        self.findings = f"{namespace}.findings"
        self.dead = f"{namespace}.dead"
        self.log = f"{namespace}.alerts"
        self.state = f"{namespace}.state"
        self.publisher = Publisher(kafka, lambda: None)
        self._producer = producer

    async def write(self, *values: FindingEvent | bytes, partition: int = 0) -> None:
        """Write findings, or bytes as they are, in one transaction."""
        async with self._producer.transaction():
            for value in values:
                raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
                await self._producer.send(
                    self.findings, raw, key=b"key", partition=partition, headers=HEADERS
                )

    async def read(self, topic: str, count: int) -> list[Any]:
        """Return the first records of a topic, by partition and offset."""
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self.kafka, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async with asyncio.timeout(20):
                records = [await anext(consumer) for _ in range(count)]
        finally:
            await consumer.stop()
        return sorted(records, key=lambda record: (record.partition, record.offset))

    async def size(self, topic: str) -> int:
        """Return how many records a topic holds."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        await consumer.start()
        parts = [TopicPartition(topic, part) for part in range(PARTITIONS)]
        ends = await consumer.end_offsets(parts)
        await consumer.stop()
        return sum(ends.values())


@pytest.fixture
async def scene(kafka: str, namespace: str) -> AsyncIterator[Scene]:
    names = [f"{namespace}.{name}" for name in ("findings", "dead", "alerts", "state")]
    own = [Topic(name, "id", "", None, "delete") for name in names]
    await topics.apply(kafka, PARTITIONS, topics=own)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=namespace)
    await producer.start()
    scene = Scene(kafka, namespace, producer)
    yield scene
    await scene.publisher.stop()
    await producer.stop()


@asynccontextmanager
async def running(*parts: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run parts of the service until the end of the block."""
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        async with asyncio.timeout(60):
            yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def consumer_of(scene: Scene, store: AlertStore, **options: Any) -> FindingsConsumer:
    return FindingsConsumer(
        bootstrap=scene.kafka,
        store=store,
        publisher=scene.publisher,
        clock_ms=lambda: AT,
        topic=scene.findings,
        dead_letters=scene.dead,
        **options,
    )


async def committed(store: AlertStore, hub: Hub, n: int) -> None:
    """Wait until the store has events up to `n`."""
    while store.last_n < n:
        await hub.news()


async def test_findings_become_alerts_once(scene: Scene, store: AlertStore, hub: Hub) -> None:
    await scene.write(finding("a"), finding("a", "matched", count=2))
    first = consumer_of(scene, store)
    async with running(first.run):
        await committed(store, hub, 2)
        await scene.write(finding("b"), partition=2)
        await committed(store, hub, 3)
        assert first.assigned.is_set()
        assert first.broker_up
    # A second one goes on where the store stands, and reads nothing twice.
    await scene.write(finding("c"), partition=1)
    async with running(consumer_of(scene, store).run):
        await committed(store, hub, 4)
    events = [msgspec.json.decode(e.body, type=AlertEvent) for e in await store.events_after(0, 9)]
    assert [event.id for event in events] == ["a/1", "a/2", "b/1", "c/1"]


async def test_a_storm_that_is_over_is_told_though_nothing_comes(
    scene: Scene, database: Database, hub: Hub
) -> None:
    store = await AlertStore.open(database, hub.publish, lambda: AT, 1)
    began_ms = AT - CALM_MS
    low: dict[str, Any] = {"severity": "low", "grid": "g1", "at_ms": began_ms}
    await scene.write(finding("a", **low), finding("b", **low))
    async with running(consumer_of(scene, store, live=True).run):
        await committed(store, hub, 4)
    *_, last = await store.events_after(0, 9)
    event = msgspec.json.decode(last.body, type=AlertEvent)
    assert (event.data.subject.kind, event.data.outcome) == ("group", "expired")
    assert event.time == format_ms(AT)


async def test_findings_of_an_aborted_transaction_are_not_seen(
    scene: Scene, store: AlertStore, hub: Hub
) -> None:
    with pytest.raises(RuntimeError):
        await abort(scene)
    await scene.write(finding("good"))
    async with running(consumer_of(scene, store).run):
        await committed(store, hub, 1)
    (event,) = await store.events_after(0, 9)
    assert event.alert_id == "good"


async def abort(scene: Scene) -> None:
    producer = scene._producer  # noqa: SLF001
    async with producer.transaction():
        raw = msgspec.json.encode(finding("bad"))
        await producer.send_and_wait(scene.findings, raw, partition=0)
        raise RuntimeError


async def test_what_cannot_be_read_goes_to_the_dead_letters(
    scene: Scene, store: AlertStore, hub: Hub
) -> None:
    odd = msgspec.json.encode(finding("x")).replace(b"2021-12-20T", b"not a time ")
    await scene.write(b"\xff{", finding("a"), odd, b"", b"x" * 700_000)
    consumer = consumer_of(scene, store)
    async with running(consumer.run):
        await committed(store, hub, 1)
        letters = await scene.read(scene.dead, 4)
    places = {dict(one.headers)["source-offset"]: one.value for one in letters}
    assert places == {b"0": b"\xff{", b"2": odd, b"3": b"", b"4": b"x" * 700_000}
    for one in letters:
        headers = dict(one.headers)
        assert one.key == b"key"
        assert headers["source-topic"] == scene.findings.encode()
        assert headers["source-partition"] == b"0"
        assert headers["reason"]
    assert await store.positions(scene.findings) == {0: 5}


async def test_a_store_that_stays_broken_ends_the_consumer(
    scene: Scene, store: AlertStore, database: Database, hub: Hub
) -> None:
    def break_it(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE alerts RENAME TO gone")

    await database.write(break_it)
    await scene.write(finding("a"))
    with pytest.raises(StoreFailed):
        await consumer_of(scene, store, give_up_s=0).run()

    def repair(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO alerts")

    await database.write(repair)
    async with running(consumer_of(scene, store).run):
        await committed(store, hub, 1)


async def test_a_position_behind_the_end_of_the_topic_begins_anew(
    scene: Scene, store: AlertStore, hub: Hub
) -> None:
    await store.apply(scene.findings, [], {0: 1_000})
    await scene.write(finding("a"))
    async with running(consumer_of(scene, store).run):
        await committed(store, hub, 1)


async def test_the_outbox_publishes_in_order_and_resumes(
    scene: Scene, store: AlertStore, hub: Hub
) -> None:
    def outbox() -> tuple[Outbox, Publisher]:
        publisher = Publisher(scene.kafka, lambda: None)
        box = Outbox(
            store=store, hub=hub, publisher=publisher, keep=2, log=scene.log, state=scene.state
        )
        return box, publisher

    await scene.write(finding("a"), finding("b"), finding("a", "matched", count=2))
    box, publisher = outbox()
    async with running(consumer_of(scene, store).run, box.run):
        first = await scene.read(scene.log, 3)
        # The position is in the database, which tells nobody of a change.
        while await store.outbox_position() < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await publisher.stop()
    box, publisher = outbox()
    await scene.write(finding("b", "matched", count=2), finding("b", "cleared"))
    async with running(consumer_of(scene, store).run, box.run):
        log = await scene.read(scene.log, 5)
        state = await scene.read(scene.state, 3)
    await publisher.stop()
    assert [record.value for record in first] == [r.value for r in log if r in first]
    assert await scene.size(scene.log) == 5
    events = [msgspec.json.decode(record.value, type=AlertEvent) for record in log]
    by_alert = {
        name: [event.id for event in events if event.data.id == name] for name in ("a", "b")
    }
    assert by_alert == {"a": ["a/1", "a/2"], "b": ["b/1", "b/2", "b/3"]}
    assert {event.cursor for event in events} == {store.cursor(n) for n in range(1, 6)}
    assert {(record.key, record.headers) for record in log} == {
        (name, tuple(HEADERS)) for name in (b"a", b"b")
    }
    newest = {r.key: msgspec.json.decode(r.value, type=AlertEvent) for r in state}
    assert newest[b"a"].data.revision == 2
    assert newest[b"b"].data.state == "resolved"
    assert newest[b"b"].cursor == store.cursor(5)
