"""What the topics of a running system hold, read by plain consumers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.topics import JOINS, UNIT_TOPICS, WORKER_STATE
from services.alerts.engine.book import MARKER, Book, Marker

_POLL_S = 0.003


@asynccontextmanager
async def consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of its own, without a group, that sees only what is committed."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=50,
    )
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


def read(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Return the committed records of a topic up to its present end, partition by partition."""

    async def all_of() -> list[ConsumerRecord]:
        async with consumer(bootstrap) as reader:
            return await _read(reader, topic)

    return asyncio.run(all_of())


async def _read(reader: AIOKafkaConsumer, topic: str) -> list[ConsumerRecord]:
    places = await _places(reader, topic)
    ends = await reader.end_offsets(places)
    reader.assign(places)
    await reader.seek_to_beginning(*places)
    found: dict[TopicPartition, list[ConsumerRecord]] = {place: [] for place in places}
    while any([await reader.position(place) < ends[place] for place in places]):
        for place, batch in (await reader.getmany(timeout_ms=200)).items():
            found[place] += [record for record in batch if record.offset < ends[place]]
    return [record for place in places for record in found[place]]


async def _places(reader: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    # The client learns of topics only by and by; asking for the metadata is immediate.
    metadata = await reader._client.fetch_all_metadata()  # noqa: SLF001 — no public way.
    partitions = metadata.partitions_for_topic(topic)
    assert partitions, f"no topic {topic}"
    return [TopicPartition(topic, number) for number in sorted(partitions)]


def ends(bootstrap: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Return the end offsets of topics by topic and partition."""

    async def asked() -> dict[tuple[str, int], int]:
        async with consumer(bootstrap) as reader:
            places = [place for topic in topics for place in await _places(reader, topic)]
            offsets = await reader.end_offsets(places)
            return {(place.topic, place.partition): end for place, end in offsets.items()}

    return asyncio.run(asked())


class States:
    """The state of every partition as the state topic tells it."""

    def __init__(self, bootstrap: str) -> None:
        newest: dict[int, dict[bytes, bytes]] = {}
        for record in read(bootstrap, WORKER_STATE):
            pieces = newest.setdefault(record.partition, {})
            if record.value is None:
                pieces.pop(record.key, None)
            else:
                pieces[record.key] = record.value
        self._pieces = newest

    def marker(self) -> dict[tuple[str, int], int]:
        """Return up to where each topic and partition has been applied."""
        return {
            (topic, partition): offset
            for partition, pieces in self._pieces.items()
            if MARKER in pieces
            for topic, offset in _marker(pieces[MARKER]).next_offsets.items()
        }

    def book(self, partition: int) -> Book:
        """Return a partition's state, rebuilt as a worker would rebuild it."""
        book = Book()
        book.load(self._pieces.get(partition, {}).items())
        return book


def _marker(value: bytes) -> Marker:
    return msgspec.msgpack.decode(value, type=Marker)


def unapplied(bootstrap: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Return where the workers' markers are short of the ends of the topics: (marker, end)."""
    marker = States(bootstrap).marker()
    expected = ends(bootstrap, set(UNIT_TOPICS) - {JOINS})
    # Joins are written in transactions, whose markers take places of their own behind the last.
    expected |= {(JOINS, each.partition): each.offset + 1 for each in read(bootstrap, JOINS)}
    return {
        place: (marker.get(place, 0), end)
        for place, end in expected.items()
        if marker.get(place, 0) < end
    }


def wait_for_commit(bootstrap: str, deadline_s: float) -> None:
    """Return as soon as some worker commits anything from now on; raises TimeoutError."""

    async def committed() -> None:
        async with consumer(bootstrap) as reader, asyncio.timeout(deadline_s):
            places = await _places(reader, WORKER_STATE)
            before = await reader.end_offsets(places)
            # The broker tells nobody when something is committed.
            while await reader.end_offsets(places) == before:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)

    asyncio.run(committed())


def decoded(record: ConsumerRecord) -> dict[str, Any]:
    """Return a record's event."""
    event: dict[str, Any] = msgspec.json.decode(record.value)
    return event
