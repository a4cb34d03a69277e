"""The consumer of what workers found and suppressed: from Kafka into the store, each once."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from schemas.alerts import FindingEvent
from schemas.suppressions import SUPPRESSED_TYPE, SuppressedEvent
from schemas.times import TimeProblem, parse_ms
from schemas.topics import DEAD_LETTERS, FINDINGS
from services.api.ending import stopped
from services.api.metrics import (
    ALERTS_CAPPED,
    ALERTS_RAISED,
    BROKER_UP,
    END_TO_END_SECONDS,
    FINDINGS_APPLIED,
    FINDINGS_DEAD,
    FINDINGS_FAILURES,
    FINDINGS_LAG,
    FINDINGS_LOST,
    FINDINGS_REPEATED,
    STORE_SECONDS,
    SUPPRESSIONS_TAKEN,
)
from services.api.publisher import BACKOFF_S, Outgoing, Publisher
from services.api.store.store import AlertStore
from services.api.store.transactions import Applied, Sourced

_BATCH = 500
_POLL_MS = 1_000
_PROBE_S = 1.0
_PROBE_TIMEOUT_S = 5.0
_decode = msgspec.json.Decoder(FindingEvent).decode
_decode_suppressed = msgspec.json.Decoder(SuppressedEvent).decode
_log = structlog.get_logger(__name__)


class _Typed(msgspec.Struct):
    type: str


_peek = msgspec.json.Decoder(_Typed).decode


class StoreFailed(Exception):
    """The store has not taken a batch for so long that the process must end."""


class FindingsConsumer:
    """Reads all partitions from where the store stands.

    A failing broker is waited for; a store that fails for `give_up_s` ends `run` with StoreFailed,
    with nothing lost: the position moves only with what it stands for.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        store: AlertStore,
        publisher: Publisher,
        clock_ms: Callable[[], int],
        topic: str = FINDINGS,
        dead_letters: str = DEAD_LETTERS,
        give_up_s: float = 30.0,
        live: bool = False,
    ) -> None:
        self.assigned = asyncio.Event()
        self.broker_up = False
        self._bootstrap = bootstrap
        self._store = store
        self._publisher = publisher
        self._clock_ms = clock_ms
        self._topic = topic
        self._dead_letters = dead_letters
        self._give_up_s = give_up_s
        # Live, the engine's clock goes with the wall's, also while nothing is found.
        self._live = live
        self._calm_ms = 0
        _tell_nothing()

    async def run(self) -> None:
        """Consume until cancelled; it may run again later. Raises StoreFailed."""
        try:
            await self._retry()
        finally:
            self.assigned.clear()
            self.broker_up = False
            _tell_nothing()

    async def _retry(self) -> None:
        failures = 0
        while True:
            try:
                await self._connected()
            except (KafkaError, OSError, TimeoutError) as error:
                failures = 0 if self.broker_up else failures + 1
                self._set_broker(False)
                FINDINGS_FAILURES.labels("broker").inc()
                _log.warning("findings_broker_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    async def _connected(self) -> None:
        # One fetch covers all partitions and ends with the first byte on any of them; a batch is
        # taken off at once, so no partition waits for the long poll of another.
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=200,
            fetch_min_bytes=1,
        )
        try:
            await consumer.start()
            await self._seek(consumer)
            self._set_broker(True)
            self.assigned.set()
            probe = asyncio.create_task(self._probe(consumer))
            try:
                await self._read(consumer)
            finally:
                probe.cancel()
        finally:
            if not await stopped(consumer):
                FINDINGS_FAILURES.labels("stop").inc()

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        parts = sorted(consumer.assignment())
        starts = await consumer.beginning_offsets(parts)
        ends = await consumer.end_offsets(parts)
        stored = await self._stored_positions()
        for part in parts:
            position = stored.get(part.partition, 0)
            if position > ends[part]:
                # The topic was made anew: what it holds was never seen under these offsets.
                FINDINGS_FAILURES.labels("topic").inc()
                _log.error("findings_topic_shrank", part=str(part), read=position, end=ends[part])
                await self._store.reset_position(self._topic, part.partition)
                position = 0
            elif position < starts[part]:
                if position:
                    FINDINGS_LOST.inc(starts[part] - position)
                    _log.error("findings_lost", part=str(part), read=position, start=starts[part])
                position = starts[part]
            consumer.seek(part, position)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
            if fetched:
                await self._take(fetched)
            elif self._live and self._clock_ms() >= self._calm_ms:
                # A summary of the rate cap may be over, and nobody else will say so.
                self._measure(await self._applied([], {}, self._clock_ms()))

    async def _take(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        told_here: list[Sourced] = []
        dead: list[Outgoing] = []
        for records in fetched.values():
            for record in records:
                try:
                    told = decoded(record.value)
                except ValueError as error:
                    dead.append(self._dead_letter(record, str(error)))
                else:
                    told_here.append(Sourced(record.partition, record.offset, told))
        if dead:
            # Before the position moves past them; a crash in between writes them twice.
            FINDINGS_DEAD.inc(len(dead))
            await self._publisher.send(dead)
        offsets = {part.partition: records[-1].offset + 1 for part, records in fetched.items()}
        applied = await self._applied(told_here, offsets)
        self._measure(applied)

    async def _applied(
        self, records: Sequence[Sourced], offsets: Mapping[int, int], engine_ms: int = 0
    ) -> Applied:
        loop = asyncio.get_running_loop()
        began = loop.time()
        failures = 0
        while True:
            try:
                with STORE_SECONDS.time():
                    return await self._store.apply(self._topic, records, offsets, engine_ms)
            except SQLAlchemyError as error:
                FINDINGS_FAILURES.labels("store").inc()
                _log.error("findings_store_failed", findings=len(records), error=repr(error))
                if loop.time() - began > self._give_up_s:
                    raise StoreFailed(f"no batch taken for {self._give_up_s} s") from error
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def _stored_positions(self) -> dict[int, int]:
        try:
            return await self._store.positions(self._topic)
        except SQLAlchemyError as error:
            raise StoreFailed("the positions cannot be read") from error

    async def _probe(self, consumer: AIOKafkaConsumer) -> None:
        """Ask the broker every second where the topic ends: is it there, and how far behind we are.

        aiokafka itself is silent about a broker that has gone; it tries again for ever.
        """
        while True:
            parts = list(consumer.assignment())
            try:
                async with asyncio.timeout(_PROBE_TIMEOUT_S):
                    ends = await consumer.end_offsets(parts)
                    lag = sum([ends[part] - await consumer.position(part) for part in parts])
            except Exception as error:
                if self.broker_up:
                    FINDINGS_FAILURES.labels("broker").inc()
                    _log.warning("findings_broker_away", error=repr(error))
                self._set_broker(False)
            else:
                self._set_broker(True)
                FINDINGS_LAG.set(max(lag, 0))
            await asyncio.sleep(_PROBE_S)

    def _dead_letter(self, record: ConsumerRecord, reason: str) -> Outgoing:
        """The original bytes; the headers, as a worker writes them, say why and from where."""
        _log.warning(
            "finding_dead", partition=record.partition, offset=record.offset, reason=reason
        )
        headers = (
            ("reason", reason.encode()),
            ("source-topic", record.topic.encode()),
            ("source-partition", str(record.partition).encode()),
            ("source-offset", str(record.offset).encode()),
        )
        return Outgoing(self._dead_letters, record.key, record.value, headers)

    def _measure(self, applied: Applied) -> None:
        FINDINGS_APPLIED.inc(applied.findings)
        FINDINGS_REPEATED.inc(applied.repeats)
        SUPPRESSIONS_TAKEN.inc(applied.suppressed)
        self._calm_ms = applied.calm_ms
        now_ms = self._clock_ms()
        for one in applied.published:
            alert = one.change.data
            if one.change.type == "cordon.alert.raised.v1":
                ALERTS_RAISED.labels(alert.rule, alert.severity).inc()
                if alert.capped_by is not None:
                    ALERTS_CAPPED.labels(alert.rule).inc()
                if not alert.historical:
                    age_ms = now_ms - parse_ms(one.change.recordedtime)
                    END_TO_END_SECONDS.observe(max(age_ms, 0) / 1000)

    def _set_broker(self, up: bool) -> None:
        self.broker_up = up
        BROKER_UP.set(up)


def _tell_nothing() -> None:
    """While another process consumes, it alone tells how that goes."""
    for gauge in (BROKER_UP, FINDINGS_LAG):
        gauge.set(math.nan)


def decoded(value: bytes | None) -> FindingEvent | SuppressedEvent:
    """Return what a worker told in a record: a finding, or what kept events from being one.

    Raises ValueError with the reason for a record that is neither.
    """
    value = value or b""
    try:
        of_type = _peek(value).type
        told = _decode_suppressed(value) if of_type == SUPPRESSED_TYPE else _decode(value)
        for time in (told.time, told.data.first_seen, told.data.last_seen):
            parse_ms(time)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeProblem) as error:
        raise ValueError(str(error)) from error
    return told
