"""The desk's link to the register topics: the one place of the registers that awaits Kafka.

The topics are the truth. A change is filed when the broker has acknowledged it, and seen when it
has been read back: the same reader serves this process' own changes, those of other replicas and
those from before the start.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from schemas.filing import Filed
from schemas.registers import REGISTERS, register_topic
from schemas.topics import HEADERS
from services.api.ending import stopped
from services.api.registers.ledger import Ledger, Span
from services.api.registers.metrics import LATE_VIEWS, LINK_FAILURES, REBUILDS, UNREADABLE
from services.api.registers.stored import StoredVersion, version_of

_ACK_S = 10
_VIEW_S = 5
_STOP_S = 2
_POLL_MS = 200
_RECORDS_A_BATCH = 5_000
_BACKOFF_S = (0.2, 0.5, 1, 2, 5)

_log = structlog.get_logger(__name__)


class Unavailable(Exception):
    """Nothing can be filed, or nothing be looked up, at the moment; try again shortly."""


class Link:
    """Writes changes and reads them back into the ledger; makes itself anew when it breaks."""

    def __init__(self, bootstrap: str, ledger: Ledger, seen: Callable[[int], None]) -> None:
        """`seen` is told the latest time of filing of every batch that is read."""
        self._bootstrap = bootstrap
        self._ledger = ledger
        self._seen = seen
        self._names = {TopicPartition(register_topic(name), 0): name for name in REGISTERS}
        self._producer: AIOKafkaProducer | None = None
        self._stopping = asyncio.Event()
        self._broken = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._applied: dict[str, int] = dict.fromkeys(REGISTERS, 0)
        # For each register, who waits until it has been read to an offset; the lowest comes first.
        self._waiting: dict[str, list[tuple[int, int, asyncio.Future[None]]]] = {
            name: [] for name in REGISTERS
        }
        self._waiters = itertools.count()
        self._task: asyncio.Task[None] | None = None

    @property
    def caught_up(self) -> bool:
        """Whether the topics have been read once to where they ended at the time."""
        return self._caught_up.is_set()

    @property
    def connected(self) -> bool:
        """Whether the broker takes what is filed."""
        return self._producer is not None

    def start(self) -> None:
        """Begin to connect and to read; a broker that is away is waited for."""
        self._task = asyncio.create_task(self._run(), name="register-link")

    async def stop(self) -> None:
        """End the link; changes that are not acknowledged yet fail."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_STOP_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait_caught_up(self) -> None:
        """Return once the topics have been read to their ends."""
        await self._caught_up.wait()

    async def file(self, changes: Sequence[Filed]) -> dict[str, int]:
        """Write changes in their order; return when they are acknowledged and can be looked up.

        What is returned is where each register's topic now ends: one beyond its last change.

        Raises Unavailable when the broker does not acknowledge; some may be written all the same.
        """
        if not changes:
            return {}
        ends = await self._written(changes)
        try:
            async with asyncio.timeout(_VIEW_S):
                for name, end in ends.items():
                    await self._read_to(name, end)
        except TimeoutError:
            # It is filed: the answer may say so, though the next look-up may not show it yet.
            LATE_VIEWS.inc()
            _log.warning("register_view_late", ends=ends)
        return ends

    async def _written(self, changes: Sequence[Filed]) -> dict[str, int]:
        producer = self._producer
        if producer is None:
            raise Unavailable("the broker is away")
        acknowledgements: list[asyncio.Future[RecordMetadata]] = []
        try:
            async with asyncio.timeout(_ACK_S):
                for change in changes:
                    acknowledgement = await producer.send(
                        change.topic,
                        change.value,
                        key=change.id.encode(),
                        partition=0,
                        headers=HEADERS,
                    )
                    acknowledgement.add_done_callback(_retrieve)
                    acknowledgements.append(acknowledgement)
                written = await asyncio.gather(*acknowledgements)
        except (KafkaError, TimeoutError) as error:
            # An idempotent producer whose batch expired cannot go on: its numbering has a gap.
            self._broken.set()
            LINK_FAILURES.labels("write").inc()
            _log.warning("register_write_failed", error=repr(error))
            raise Unavailable("the broker did not acknowledge") from error
        ends: dict[str, int] = {}
        for change, metadata in zip(changes, written, strict=True):
            ends[change.name] = max(ends.get(change.name, 0), metadata.offset + 1)
        return ends

    async def _read_to(self, name: str, end: int) -> None:
        if self._applied[name] < end:
            moved = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting[name], (end, next(self._waiters), moved))
            await moved

    def _moved_to(self, name: str, position: int) -> None:
        self._applied[name] = position
        waiting = self._waiting[name]
        while waiting and waiting[0][0] <= position:
            moved = heapq.heappop(waiting)[2]
            if not moved.done():
                moved.set_result(None)

    async def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._broken.clear()
            try:
                await self._serve()
            except Exception as error:
                # Whatever it was, the position is in the ledger: begin again from there.
                LINK_FAILURES.labels("read").inc()
                _log.warning("register_link_failed", error=repr(error))
            failures = 0 if self._producer is not None else failures + 1
            self._producer = None
            delay_s = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            try:
                await asyncio.wait_for(self._stopping.wait(), delay_s)
            except TimeoutError:
                continue

    async def _serve(self) -> None:
        """Connect, then read until the link breaks or is to stop."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=256 << 10,
            request_timeout_ms=5_000,
        )
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            await producer.start()
            ends = await self._seek(consumer)
            while not (self._stopping.is_set() or self._broken.is_set()):
                if all([await consumer.position(at) >= end for at, end in ends.items()]):
                    self._producer = producer
                    self._caught_up.set()
                    ends = {}
                await self._read(consumer)
        finally:
            ended = await asyncio.gather(stopped(consumer), stopped(producer))
            LINK_FAILURES.labels("stop").inc(ended.count(False))

    async def _seek(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Place the reader where the ledger stands; return where the topics end now."""
        consumer.assign(list(self._names))
        async with asyncio.timeout(_ACK_S):
            starts = await consumer.beginning_offsets(list(self._names))
            ends: dict[TopicPartition, int] = await consumer.end_offsets(list(self._names))
        positions = await self._ledger.positions()
        for at, name in self._names.items():
            position = positions.get(name, 0)
            if position > ends[at]:
                REBUILDS.labels(name).inc()
                _log.error("register_topic_shrank", register=name, read=position, end=ends[at])
                await self._ledger.forget(name)
                position = 0
            if position < starts[at]:
                # The topic has lost its beginning; there is nothing to read before its start.
                await self._ledger.apply({}, {name: Span(position, starts[at])})
                position = starts[at]
            self._moved_to(name, position)
            consumer.seek(at, position)
        return ends

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        batch = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_A_BATCH)
        if not batch:
            return
        versions: dict[str, list[StoredVersion]] = {}
        spans: dict[str, Span] = {}
        for at, records in batch.items():
            name = self._names[at]
            versions[name] = list(_versions(name, records))
            spans[name] = Span(self._applied[name], records[-1].offset + 1)
        await self._ledger.apply(versions, spans)
        times = (version.recorded_ms for filed in versions.values() for version in filed)
        self._seen(max(times, default=0))
        for name, span in spans.items():
            self._moved_to(name, span.end)


def _versions(name: str, records: Sequence[ConsumerRecord]) -> Iterator[StoredVersion]:
    """Return what records file; one that this register cannot hold is counted and skipped."""
    for record in records:
        try:
            yield version_of(name, record.value or b"", record.offset)
        except (ValueError, msgspec.DecodeError) as error:
            UNREADABLE.labels(name).inc()
            _log.error(
                "register_record_unreadable",
                register=name,
                offset=record.offset,
                error=repr(error),
            )


def _retrieve(acknowledgement: asyncio.Future[RecordMetadata]) -> None:
    """Take note of a failure that nobody waits for any more; its batch has been reported."""
    if not acknowledgement.cancelled():
        acknowledgement.exception()
