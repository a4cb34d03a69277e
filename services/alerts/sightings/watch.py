"""The look-backs of a running system: filings are read, waited for, answered and noted.

Each filing is looked back for once. What it has to see is what was accepted before it, so it waits
until the store has read as far as the event topics reached when the filing had been read. Its
record carries the filing's identity: written twice around a crash, it is one look-back.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

import duckdb
import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.joins import LookBack
from schemas.partition import partition_of
from schemas.registers import register_topic
from schemas.topics import HEADERS, JOINS
from services.alerts.sightings import metrics
from services.alerts.sightings.feed import Feed
from services.alerts.sightings.look_backs import REGISTERS, UNREADABLE, Due, LookBacks
from services.alerts.sightings.store import Store

# An event has its `recordedtime` a moment before the broker has it, so one that was accepted before
# a filing may arrive after it. After five seconds ingest does not accept it any more.
SETTLE_S: Final = 5.0
# So many are asked for at once: an import of thousands of entries costs a few queries.
AT_ONCE: Final = 500
_POLL_MS: Final = 500
_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class Watch:
    """Reads the registers that are looked back for, and writes what was found."""

    def __init__(
        self,
        bootstrap: str,
        partitions: int,
        store: Store,
        feed: Feed,
        *,
        timezone: str,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._store = store
        self._feed = feed
        self._settle_s = settle_s
        self._filings = LookBacks(timezone)
        self._due: deque[Due] = deque()
        self._places = [TopicPartition(register_topic(name), 0) for name in REGISTERS]
        # By topic: how far it has been read, and how far it has been looked back for.
        self._read_to = {place.topic: 0 for place in self._places}
        self._done: dict[str, int] = {}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id="cordon-sightings-registers",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_POLL_MS,
        )
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id="cordon-sightings",
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
        )
        self._arrived = asyncio.Event()

    async def start(self) -> None:
        """Connect; everything is read from its beginning, since versions tell what is new."""
        await self._consumer.start()
        await self._producer.start()
        self._consumer.assign(self._places)
        noted = self._store.manifest.filings
        for place, end in (await self._consumer.end_offsets(self._places)).items():
            done = noted.get(place.topic, 0)
            if done > end:
                # The topic was made anew: all that it holds now is new.
                _log.error("register_topic_shrank", topic=place.topic, noted=done, end=end)
                done = 0
            self._done[place.topic] = done

    async def stop(self) -> None:
        """Disconnect; `run` must have been cancelled."""
        await self._consumer.stop()
        await self._producer.stop()

    async def run(self) -> None:
        """Read and look back until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._look_back())

    async def _read(self) -> None:
        while True:
            for place, records in (await self._consumer.getmany(timeout_ms=_POLL_MS)).items():
                for record in records:
                    due = self._take(place.topic, record.value)
                    if due is not None and record.offset >= self._done[place.topic]:
                        self._due.append(due)
                self._read_to[place.topic] = await self._consumer.position(place)
            metrics.WAITING.set(len(self._due))
            if self._unnoted():
                self._arrived.set()

    def _take(self, topic: str, value: bytes | None) -> Due | None:
        try:
            return None if value is None else self._filings.file(value)
        except UNREADABLE as error:
            metrics.REGISTER_ERRORS.labels(topic).inc()
            _log.error("register_record_unreadable", topic=topic, error=str(error))
            return None

    def _unnoted(self) -> dict[str, int]:
        return {topic: at for topic, at in self._read_to.items() if at > self._done[topic]}

    async def _look_back(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            # What is read from here on is noted by the next round.
            reached, many = self._unnoted(), len(self._due)
            await self._answer_all(many, reached)
            self._done |= reached
            for _ in range(many):
                self._due.popleft()
            metrics.WAITING.set(len(self._due))

    async def _answer_all(self, many: int, reached: dict[str, int]) -> None:
        """Answer so many that are due and note it; what fails is tried again, from the first on."""
        while True:
            try:
                if many:
                    await asyncio.sleep(self._settle_s)
                    await self._feed.reached(await self._feed.ends())
                    await self._answer(list(islice(self._due, many)))
                await asyncio.to_thread(self._store.note_filings, reached)
                return
            except (KafkaError, OSError, duckdb.Error) as error:
                metrics.LOOK_BACK_FAILURES.inc()
                _log.warning("look_back_failed", waiting=many, error=repr(error))
            await asyncio.sleep(_RETRY_S)

    async def _answer(self, dues: Sequence[Due]) -> None:
        for first in range(0, len(dues), AT_ONCE):
            part = dues[first : first + AT_ONCE]
            asked = [each for due in part for each in due.asked]
            with metrics.QUERY_SECONDS.time():
                found = iter(await asyncio.to_thread(self._store.of_all, asked))
            results = [
                self._filings.result(due, list(islice(found, len(due.subjects)))) for due in part
            ]
            await self._write([each for each in results if each is not None])
            for due, result in zip(part, results, strict=True):
                metrics.LOOK_BACKS.labels(due.register, str(result is not None).lower()).inc()

    async def _write(self, results: Sequence[LookBack]) -> None:
        sent = [
            await self._producer.send(
                JOINS,
                _encode(each),
                key=each.subject.encode(),
                partition=partition_of(each.subject, self._partitions),
                headers=HEADERS,
            )
            for each in results
        ]
        for acknowledged in sent:
            await acknowledged
