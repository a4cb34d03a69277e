"""The registers at the barrier, read from their topics; says when they may lack what was filed.

Who arrived by a transfer is read beside them, since it moves people's orders (arrivals.py).

A decision may rest on them only when they hold everything that was filed before it was asked for
(contracts: Registers), so each asks the broker where the topics end. Those who ask while the broker
is being asked share the next question, so that hundreds of decisions a second cost a few dozen.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from rules.registers import UNREADABLE, Registers
from schemas.registers import register_topic
from schemas.topics import ARRIVALS, DEFAULT_PARTITIONS
from services.ingest.arrivals import Arrivals
from services.ingest.judgement import JUDGED_BY
from services.ingest.metrics import Metrics

PROBE_S: Final = 1.0
# So long without an answer means that the broker is away; then nobody waits for it any more.
STALL_S: Final = 5.0
# At most fifty questions a second; more would cost the broker and this process more than the
# verdicts themselves.
ASK_EVERY_S: Final = 0.02
# A question need not wait until the one before it is answered; a slow broker gets no more at once.
OPEN_QUESTIONS: Final = 2
# A few milliseconds of work; decisions wait while a batch is taken in.
BATCH_RECORDS: Final = 200
SET_ASIDE_RECORDS: Final = 1_000
_Question = asyncio.Task[dict[TopicPartition, int]]
_log = structlog.get_logger(__name__)


class _Replaced(Exception):
    """A topic is shorter than what was read of it: the broker has lost its data or is another."""


class RegistersReader:
    """Reads all registers from their beginning and on, through any absence of the broker."""

    def __init__(
        self,
        bootstrap: str,
        metrics: Metrics,
        *,
        names: Sequence[str] = JUDGED_BY,
        partitions: int = DEFAULT_PARTITIONS,
        probe_s: float = PROBE_S,
        stall_s: float = STALL_S,
        set_aside: Callable[[], None] = lambda: None,
    ) -> None:
        """`partitions` is how many an event topic has; `set_aside` is called whenever many records
        more have been read (garbage.tended)."""
        self._bootstrap = bootstrap
        self._metrics = metrics
        self._probe_s = probe_s
        self._stall_s = stall_s
        self._set_aside = set_aside
        self._partitions = [
            *(TopicPartition(register_topic(name), 0) for name in names),
            *(TopicPartition(ARRIVALS, number) for number in range(partitions)),
        ]
        self._names = tuple(names)
        self._registers = Registers(self._names)
        self._arrivals = Arrivals(self._registers)
        self._read: dict[TopicPartition, int] = {}
        self._moved = asyncio.Condition()
        self._asker: Any = None
        # The question that is yet to be asked, all that are not answered, and when the last began.
        self._next: _Question | None = None
        self._open: set[_Question] = set()
        self._room = asyncio.Semaphore(OPEN_QUESTIONS)
        self._asked_at = 0.0
        self._confirmed_at: float | None = None
        # Who asks before the first connection was tried waits for that.
        self._tried = asyncio.Event()
        self._lost = False
        self._complete = False
        metrics.registers_age.set_function(self._age_s)

    @property
    def registers(self) -> Registers:
        """What has been read by now; a new object after the broker was replaced."""
        return self._registers

    @property
    def complete(self) -> bool:
        """Whether they have been read once to their ends, whatever was filed since."""
        return self._complete

    async def confirm(self, wait_s: float) -> bool:
        """Return True when everything that was filed before this call has been read.

        False when that cannot be known within `wait_s` seconds: the broker is away, or the
        registers are being read for the first time. Once that is known nobody waits for it.
        """
        if self._lost:
            return False
        try:
            async with asyncio.timeout(wait_s):
                await self._tried.wait()
                await self._confirm()
        except (KafkaError, OSError, TimeoutError, _Replaced) as error:
            self._failed(error)
            return False
        return True

    async def run(self) -> None:
        """Read until cancelled. After a failure everything is read anew."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TimeoutError, _Replaced) as error:
                self._lose(error)
            await asyncio.sleep(self._probe_s)

    async def _follow(self) -> None:
        # Long enough to cost nothing while idle: a fetch ends as soon as something comes.
        consumer = self._consumer(fetch_max_wait_ms=500)
        # The broker answers the requests of one connection in turn: a question asked over the
        # consumer's own would wait until its long fetch ends.
        asker = self._consumer(request_timeout_ms=int(self._stall_s * 1000))
        tasks: set[asyncio.Task[None]] = set()
        try:
            async with asyncio.timeout(self._stall_s):
                await consumer.start()
                await asker.start()
                self._registers = Registers(self._names)
                self._arrivals = Arrivals(self._registers)
                consumer.assign(self._partitions)
                self._read = await consumer.beginning_offsets(self._partitions)
            self._asker = asker
            self._tried.set()
            tasks = {
                asyncio.create_task(self._take_in(consumer)),
                asyncio.create_task(self._keep_confirming()),
            }
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._asker = None
            self._confirmed_at = None
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
            for question in self._open:
                question.cancel()
            if self._open:
                await asyncio.wait(self._open)
            self._next = None
            await consumer.stop()
            await asker.stop()

    def _consumer(self, **options: Any) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="cordon-ingest-registers",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **options,
        )

    async def _take_in(self, consumer: Any) -> None:
        fresh = 0
        while True:
            records = await consumer.getmany(timeout_ms=1000, max_records=BATCH_RECORDS)
            for partition, batch in records.items():
                fresh += len(batch)
                for record in batch:
                    self._apply(partition.topic, record.value)
            async with self._moved:
                for partition in records:
                    self._read[partition] = await consumer.position(partition)
                self._moved.notify_all()
            if fresh >= SET_ASIDE_RECORDS:
                fresh = 0
                self._set_aside()
            # A long import comes in many batches, and none of them waits for the loop by itself.
            await asyncio.sleep(0)

    async def _keep_confirming(self) -> None:
        """Notice by itself that the broker is away, back, or another one."""
        while True:
            try:
                async with asyncio.timeout(self._stall_s):
                    await self._confirm()
            except (KafkaError, OSError, TimeoutError) as error:
                # The consumer finds its way back by itself, and keeps what it has read.
                self._lose(error)
            await asyncio.sleep(self._probe_s)

    async def _confirm(self) -> None:
        question = self._ask()
        # Not awaited by itself, because others go on waiting for it when this call gives up.
        await asyncio.wait({question})
        if question.cancelled():
            raise ConnectionError("the registers are read anew")
        ends = question.result()
        if self._behind(ends):
            async with self._moved:
                await self._moved.wait_for(lambda: not self._behind(ends))
        self._confirmed_at = time.monotonic()
        self._complete = True
        self._lost = False

    def _ask(self) -> _Question:
        """Return a question, where the topics end, that is put to the broker after this call.

        An answer that is on its way could miss what the call must see; whoever comes before the
        next question is put shares it.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._question())
            self._open.add(self._next)
            self._next.add_done_callback(self._heard)
        return self._next

    async def _question(self) -> dict[TopicPartition, int]:
        async with self._room:
            await asyncio.sleep(self._asked_at + ASK_EVERY_S - time.monotonic())
            self._next = None
            self._asked_at = time.monotonic()
            if self._asker is None:
                raise ConnectionError("there is no connection")
            # More may be read while the answer is on its way.
            read = dict(self._read)
            ends: dict[TopicPartition, int] = await self._asker.end_offsets(self._partitions)
        if any(read[partition] > end for partition, end in ends.items()):
            raise _Replaced("a register topic is shorter than what was read")
        return ends

    def _heard(self, question: _Question) -> None:
        """Take note of a failure for which nobody waits any more; who still waits counts it."""
        self._open.discard(question)
        if not question.cancelled():
            question.exception()

    def _behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any(self._read[partition] < end for partition, end in ends.items())

    def _age_s(self) -> float:
        return float("inf") if self._confirmed_at is None else time.monotonic() - self._confirmed_at

    def _lose(self, error: Exception) -> None:
        self._failed(error)
        self._lost = True
        self._tried.set()

    def _failed(self, error: Exception) -> None:
        self._metrics.register_errors.labels(type(error).__name__).inc()
        _log.debug("registers_not_confirmed", error=repr(error))

    def _apply(self, topic: str, value: bytes | None) -> None:
        if value is None:
            return
        try:
            if topic == ARRIVALS:
                self._arrivals.apply(value)
            else:
                self._registers.apply(value)
        except UNREADABLE as error:
            self._metrics.register_errors.labels(type(error).__name__).inc()
            _log.error("register_record_unreadable", topic=topic, error=str(error))
