"""From the event topics into the store: the one place that awaits the broker for sightings.

Where each partition goes on stands in the store, beside what was read from it. The group's
committed offsets play no part, so there is no group.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import duckdb
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.parsed import as_parsed
from services.alerts.sightings import metrics
from services.alerts.sightings.sighting import TOPICS
from services.alerts.sightings.store import Store

# As many make a file of a few megabytes; a second batch is gathered while one is written.
FLUSH_RECORDS: Final = 100_000
_POLL_MS: Final = 100
# A compressed fetch may hold far more than is good to have at once.
_POLL_RECORDS: Final = 20_000
_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


class Feed:
    """Reads the event topics and writes what they bring; `reached` tells when it is on the disk."""

    def __init__(self, bootstrap: str, partitions: int, store: Store, *, flush_s: float) -> None:
        self._store = store
        self._flush_s = flush_s
        self._places = [
            TopicPartition(topic, number) for topic in TOPICS for number in range(partitions)
        ]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id="cordon-sightings",
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_POLL_MS,
            check_crcs=False,
            value_deserializer=as_parsed,
        )
        # The broker answers the requests of one connection in turn: a question asked over the
        # consumer's own would wait until its fetch ends.
        self._asker = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        self._gathered: dict[str, list[bytes | None]] = {}
        self._count = 0
        self._since = 0.0
        self._read: dict[TopicPartition, int] = {}
        self._stored: dict[TopicPartition, int] = {}
        self._moved = asyncio.Condition()
        # Who waits, and for what: what is gathered is written early when it is all there.
        self._wanted: list[Mapping[TopicPartition, int]] = []
        self._writing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.moved_at = time.monotonic()

    async def start(self) -> None:
        """Connect, and go to where the store stands."""
        await self._consumer.start()
        await self._asker.start()
        self._consumer.assign(self._places)
        # It reads nothing; but what it is assigned it learns of at once, and of any other topic
        # only one in every tenth of a second.
        self._asker.assign(self._places)
        self._asker.pause(*self._places)
        starts = await self._asker.beginning_offsets(self._places)
        ends = await self._asker.end_offsets(self._places)
        noted = self._store.manifest.positions
        for place in self._places:
            position = noted.get(place.topic, {}).get(place.partition, starts[place])
            if not starts[place] <= position <= ends[place]:
                # Older than the topic's retention, or of a topic that was made anew. What is in
                # the store stays, and what comes again counts once.
                metrics.LOST.labels(place.topic).inc(max(1, starts[place] - position))
                _log.error(
                    "sightings_lost",
                    topic=place.topic,
                    partition=place.partition,
                    position=position,
                    start=starts[place],
                    end=ends[place],
                )
                position = starts[place]
            self._consumer.seek(place, position)
            self._read[place] = self._stored[place] = position

    async def stop(self) -> None:
        """Disconnect; `run` must have ended."""
        await self._consumer.stop()
        await self._asker.stop()

    def finish(self) -> None:
        """Let `run` write what it has and end."""
        self._stopping.set()

    @property
    def lag(self) -> dict[str, int]:
        """How many offsets lie between what is stored and the end as last seen, by topic."""
        behind = dict.fromkeys(TOPICS, 0)
        for place, stored in self._stored.items():
            behind[place.topic] += max(0, (self._consumer.highwater(place) or 0) - stored)
        return behind

    async def ends(self) -> dict[TopicPartition, int]:
        """Return where the event topics end now. Raises KafkaError."""
        ends: dict[TopicPartition, int] = await self._asker.end_offsets(self._places)
        return ends

    async def reached(self, ends: Mapping[TopicPartition, int]) -> None:
        """Return when everything before these offsets is on the disk."""
        self._wanted.append(ends)
        try:
            async with self._moved:
                await self._moved.wait_for(lambda: _covers(self._stored, ends))
        finally:
            self._wanted.remove(ends)

    async def run(self) -> None:
        """Read and write until `finish`, then write what is left. Raises KafkaError."""
        try:
            while not self._stopping.is_set():
                if self._writing is not None and self._writing.done():
                    self._writing.result()
                    self._writing = None
                await self._gather(
                    await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
                )
                if self._due():
                    await self._flush()
                elif not self._count and self._writing is None and self._stored != self._read:
                    # Only the markers of transactions were read.
                    await self._now_stored(dict(self._read))
            await self._flush()
        finally:
            if self._writing is not None:
                await asyncio.wait([self._writing])

    async def _gather(self, records: Mapping[TopicPartition, list[Any]]) -> None:
        for place, batch in records.items():
            self._gathered.setdefault(place.topic, []).extend([record.value for record in batch])
            if not self._count:
                self._since = time.monotonic()
            self._count += len(batch)
        for place in self._places:
            self._read[place] = await self._consumer.position(place)

    def _due(self) -> bool:
        if not self._count:
            return False
        if self._writing is not None:
            return self._count >= FLUSH_RECORDS
        waited_for = any(_covers(self._read, ends) for ends in self._wanted)
        old = time.monotonic() - self._since >= self._flush_s
        return self._count >= FLUSH_RECORDS or old or waited_for

    async def _flush(self) -> None:
        """Begin to write what is gathered, after what is being written."""
        if self._writing is not None:
            await self._writing
            self._writing = None
        if not self._count:
            return
        gathered, self._gathered, self._count = self._gathered, {}, 0
        self._writing = asyncio.create_task(self._write(gathered, dict(self._read)))
        if self._stopping.is_set():
            await self._writing

    async def _write(
        self, gathered: dict[str, list[bytes | None]], read: dict[TopicPartition, int]
    ) -> None:
        positions: dict[str, dict[int, int]] = {}
        for place, offset in read.items():
            positions.setdefault(place.topic, {})[place.partition] = offset
        while True:
            try:
                with metrics.FLUSH_SECONDS.time():
                    written = await asyncio.to_thread(self._store.write, gathered, positions)
                break
            except (OSError, duckdb.Error) as error:
                # Nothing of it counts as done, and nothing is given up: the disk may have room
                # again. Meanwhile no more is gathered than one more batch.
                metrics.WRITE_FAILURES.inc()
                _log.error(
                    "sightings_not_written",
                    records=sum(map(len, gathered.values())),
                    error=repr(error),
                )
                if self._stopping.is_set():
                    return  # It is read again at the next start.
                await asyncio.sleep(_RETRY_S)
        for what, count in written.counts.items():
            metrics.RECORDS.labels(what).inc(count)
        metrics.ROWS.inc(written.rows)
        await self._now_stored(read)

    async def _now_stored(self, read: dict[TopicPartition, int]) -> None:
        self.moved_at = time.monotonic()
        async with self._moved:
            self._stored = read
            self._moved.notify_all()


def _covers(reached: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> bool:
    return all(reached[place] >= end for place, end in ends.items())
