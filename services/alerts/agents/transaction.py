"""One transaction per batch: findings, joins, state, marker and dead letters, or nothing of it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import cast

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from msgspec import Struct

from schemas.partition import partition_of
from schemas.topics import DEAD_LETTERS, FINDINGS, HEADERS, HELD, JOINS, WORKER_STATE
from services.alerts.agents import metrics
from services.alerts.engine.book import Change
from services.alerts.engine.engine import Joined

log = structlog.get_logger()

# After a commit the broker writes its markers; a new transaction that comes too early is sent
# back, and aiokafka then waits this long. Its own 20 ms is the greater part of a commit's time.
BACKOFF_S = 0.004
sender.BACKOFF_OVERRIDE = BACKOFF_S
PATIENCE_S = 30.0


class Letter(Struct, frozen=True):
    """A record set aside: its bytes as they came, why, and where it stood."""

    held: bool
    reason: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes


class GivenUp(RuntimeError):
    """The broker did not take a transaction for too long; the process has to end."""


class Transactions:
    """The transactional producer of one partition number; starting it fences its forerunner."""

    def __init__(self, bootstrap: str, deployment: str, partition: int) -> None:
        self.partition = partition
        self._bootstrap = bootstrap
        self._id = f"{deployment}-{partition}"
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Take the partition over: whatever a forerunner had open is aborted now."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            transactional_id=self._id,
            # A dead worker's open transaction holds every reader back for this long.
            transaction_timeout_ms=10_000,
            acks="all",
            # No compression: identities, the greater part, are random bytes.
            compression_type=None,
            max_batch_size=1 << 20,
            max_request_size=8 << 20,
            retry_backoff_ms=10,
        )
        await producer.start()
        self._producer = producer

    async def stop(self) -> None:
        """End the producer; an open transaction is aborted."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def partitions(self) -> int:
        """Return how many partitions the deployment has; `start` has been called."""
        assert self._producer is not None, "started"
        return len(await self._producer.partitions_for(JOINS))

    async def commit(
        self,
        findings: list[tuple[str, bytes]],
        joins: list[Joined],
        state: list[Change],
        letters: list[Letter],
    ) -> int:
        """Commit a batch and return the state topic's next offset.

        Tries again while the broker is away; raises ProducerFenced when another worker owns the
        partition, GivenUp after 30 s.
        """
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self._attempt(findings, joins, state, letters)
            except ProducerFenced:
                raise
            except (KafkaError, OSError) as error:
                metrics.RETRIES.inc()
                if time.monotonic() > give_up_at:
                    raise GivenUp(f"partition {self.partition}: {error}") from error
                log.warning("commit failed", partition=self.partition, error=str(error))
                await self.stop()
                await asyncio.sleep(0.2)
                await self._start_again(give_up_at)

    async def _start_again(self, give_up_at: float) -> None:
        while True:
            try:
                await self.start()
            except (KafkaError, OSError) as error:
                if time.monotonic() > give_up_at:
                    raise GivenUp(f"partition {self.partition}: {error}") from error
                await asyncio.sleep(0.5)
            else:
                return

    async def _attempt(
        self,
        findings: list[tuple[str, bytes]],
        joins: list[Joined],
        state: list[Change],
        letters: list[Letter],
    ) -> int:
        producer = self._producer
        assert producer is not None, "started"
        await producer.begin_transaction()
        sends = []
        told = len(await producer.partitions_for(FINDINGS))
        by_place: dict[tuple[str, int], list[Change]] = defaultdict(list)
        for alert, value in findings:
            by_place[FINDINGS, partition_of(alert, told)].append((alert.encode(), value))
        count = await self.partitions()
        for join in joins:
            to = range(count) if join.everywhere else (partition_of(join.key, count),)
            for partition in to:
                by_place[JOINS, partition].append((join.key.encode(), join.value))
        # The marker is in the last batch.
        by_place[WORKER_STATE, self.partition] = state
        for letter in letters:
            sends.append(
                await producer.send(
                    HELD if letter.held else DEAD_LETTERS,
                    letter.value,
                    letter.key,
                    headers=[
                        *HEADERS,
                        ("reason", letter.reason.encode()),
                        ("source-topic", letter.topic.encode()),
                        ("source-partition", str(letter.partition).encode()),
                        ("source-offset", str(letter.offset).encode()),
                    ],
                )
            )
        # One record sent by itself costs ten times as much as one put into a batch.
        for (topic, partition), records in by_place.items():
            headers = HEADERS if topic == FINDINGS else []
            for batch in _batches(producer, records, headers):
                sends.append(await producer.send_batch(batch, topic, partition=partition))
        # Every future is awaited, so that no failure goes unseen; the first one is raised.
        delivered = await asyncio.gather(*sends, return_exceptions=True)
        for result in delivered:
            if isinstance(result, BaseException):
                raise result
        await producer.commit_transaction()
        # The cache may read the last batch of the state again, which changes nothing.
        return int(cast(RecordMetadata, delivered[-1]).offset)


def _batches(
    producer: AIOKafkaProducer, records: Iterable[Change], headers: list[tuple[str, bytes]]
) -> Iterator[BatchBuilder]:
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            yield batch
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    yield batch
