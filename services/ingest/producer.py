"""The one place of ingest that talks to Kafka.

Records are put into batches of our own, one open batch for each partition, and a partition sends
one batch at a time: what arrives in the meantime makes the next one. So single events under load
are batched without a linger, big requests pass at the speed of `send_batch`, and records keep the
order in which they were handed over.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import Struct

from schemas.topics import HEADERS
from services.ingest.metrics import Metrics

# Well under a broker's usual limit of 1 MiB for a batch.
MAX_BATCH_BYTES: Final = 512 * 1024
PROBE_S: Final = 1.0
# No acknowledgement for so long means that the broker is away, whatever its connection says.
STALL_S: Final = 5.0
# How long a request waits for the acknowledgement of its records.
DELIVERY_TIMEOUT_S: Final = 5.0
_STOP_S: Final = 2.0
_log = structlog.get_logger(__name__)


class Undelivered(Exception):
    """Records were not acknowledged; whether they were written is not known."""


class PartitionMismatch(Exception):
    """A topic has another number of partitions than the deployment; nothing may be written."""


class Outgoing(Struct, frozen=True, gc=False):
    """One record to write."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class Producer(Protocol):
    """What the rest of ingest needs of Kafka."""

    @property
    def up(self) -> bool:
        """Whether the broker takes records; while it does not, nothing is submitted."""

    def submit(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        """Hand over records at once; the future ends when ALL of them are acknowledged by all
        in-sync replicas, or fails with Undelivered."""


class _Ticket:
    """One submission: how many batches hold a part of it."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.batches = 0

    def delivered(self) -> None:
        self.batches -= 1
        if self.batches == 0 and not self.future.done():
            self.future.set_result(None)

    def failed(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(Undelivered(repr(error)))


class _Batch:
    """A batch and the submissions that have records in it."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.tickets: list[_Ticket] = []

    def append(self, record: Outgoing, ticket: _Ticket) -> bool:
        """Add a record; False when the batch is full."""
        added = self.builder.append(
            timestamp=None, key=record.key, value=record.value, headers=HEADERS
        )
        if added is None:
            return False
        if not self.tickets or self.tickets[-1] is not ticket:
            self.tickets.append(ticket)
            ticket.batches += 1
        return True


class _Lane:
    """What waits for one partition. `sent_at` is when the batch under way was sent."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.waiting: deque[_Batch] = deque()
        self.sent_at: float | None = None
        self.task: asyncio.Task[None] | None = None


class KafkaProducer:
    """One idempotent producer (acks=all, lz4), made anew after an error it can't survive."""

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        partitions: int,
        metrics: Metrics,
        *,
        probe_s: float = PROBE_S,
        stall_s: float = STALL_S,
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._partitions = partitions
        self._metrics = metrics
        self._probe_s = probe_s
        self._stall_s = stall_s
        self._producer: Any = None
        self._retired: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self.linked = asyncio.Event()
        metrics.broker_up.set_function(lambda: self.up)
        self._lanes = {
            (topic, partition): _Lane(topic, partition)
            for topic in topics
            for partition in range(partitions)
        }

    @property
    def up(self) -> bool:
        """Whether the broker answers, holds the topics and acknowledges in time."""
        if not self.linked.is_set():
            return False
        oldest = time.monotonic() - self._stall_s
        return all(lane.sent_at is None or lane.sent_at > oldest for lane in self._lanes.values())

    def submit(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        """Hand over records; see Producer."""
        ticket = _Ticket(asyncio.get_running_loop().create_future())
        producer = self._producer
        if producer is None:
            ticket.failed(ConnectionError("there is no connection"))
            return ticket.future
        for record in records:
            lane = self._lanes[record.topic, record.partition]
            if not lane.waiting or not lane.waiting[-1].append(record, ticket):
                batch = _Batch(producer.create_batch())
                added = batch.append(record, ticket)
                assert added, "the first record of a batch always fits"
                lane.waiting.append(batch)
            if lane.task is None:
                lane.task = asyncio.create_task(self._send(lane))
        return ticket.future

    async def _send(self, lane: _Lane) -> None:
        """Send what waits for a partition, one batch after the other."""
        while lane.waiting:
            batch = lane.waiting.popleft()
            producer = self._producer
            lane.sent_at = time.monotonic()
            try:
                if producer is None:
                    raise ConnectionError("there is no connection")
                acknowledged = await producer.send_batch(
                    batch.builder, lane.topic, partition=lane.partition
                )
                await acknowledged
            except Exception as error:
                for ticket in batch.tickets:
                    ticket.failed(error)
                self._retire(producer, error)
            else:
                for ticket in batch.tickets:
                    ticket.delivered()
        lane.sent_at = None
        lane.task = None

    def _retire(self, producer: Any, error: Exception) -> None:
        """Give up a producer: after a failed batch the broker takes no later one of its numbers."""
        self._metrics.broker_errors.labels(type(error).__name__).inc()
        if producer is None or producer is not self._producer:
            return
        _log.error("producer_failed", error=repr(error))
        self._producer = None
        self._link(False)
        retired = asyncio.create_task(producer.stop())
        self._retired.add(retired)
        retired.add_done_callback(self._retired.discard)
        self._wake.set()

    def _link(self, linked: bool) -> None:
        if linked is not self.linked.is_set():
            _log.info("broker_up" if linked else "broker_away", bootstrap=self._bootstrap)
        if linked:
            self.linked.set()
        else:
            self.linked.clear()

    async def run(self) -> None:
        """Connect, check the topics and go on looking whether the broker is there.

        Raises PartitionMismatch; ends otherwise only when it is cancelled.
        """
        reported: list[str] = []
        while True:
            self._wake.clear()
            try:
                async with asyncio.timeout(self._stall_s):
                    if self._producer is None:
                        self._producer = await self._connect()
                    metadata = await self._producer.client.fetch_all_metadata()
                missing = self._missing(metadata)
                if missing and missing != reported:
                    _log.warning("topics_missing", topics=missing)
                reported = missing
                self._link(not missing)
            except (KafkaError, OSError, TimeoutError) as error:
                self._metrics.broker_errors.labels(type(error).__name__).inc()
                _log.debug("broker_unreachable", error=repr(error))
                self._link(False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._probe_s):
                    await self._wake.wait()

    async def stop(self) -> None:
        """Wait a moment for what is under way, then close the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                lanes = [lane.task for lane in self._lanes.values() if lane.task is not None]
                if lanes:
                    await asyncio.wait(lanes)
                self.linked.clear()
                producer, self._producer = self._producer, None
                if producer is not None:
                    await producer.stop()
                if self._retired:
                    await asyncio.wait(self._retired)

    async def _connect(self) -> Any:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="cordon-ingest",
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=MAX_BATCH_BYTES,
            linger_ms=0,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    def _missing(self, metadata: Any) -> list[str]:
        """Return the topics that are not there. Raises PartitionMismatch."""
        missing = []
        for topic in self._topics:
            found = metadata.partitions_for_topic(topic)
            if found is None:
                missing.append(topic)
            elif len(found) != self._partitions:
                raise PartitionMismatch(
                    f"topic {topic} has {len(found)} partitions, CORDON_PARTITIONS says "
                    f"{self._partitions}: the number is fixed for the life of a deployment"
                )
        return missing
