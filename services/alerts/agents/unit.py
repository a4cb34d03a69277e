"""The unit of work: one partition number over all event topics, with its state and its lock."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from rules.registers import Registers
from schemas.events import KIND_BY_TYPE
from schemas.joins import Join
from schemas.parsed import Parsed, as_parsed
from schemas.times import SECOND_MS, parse_ms
from schemas.topics import CLOCK, JOINS, UNIT_TOPICS
from services.alerts.agents import metrics
from services.alerts.agents.registers_reader import RegistersReader
from services.alerts.agents.state import LocalStore, restore
from services.alerts.agents.transaction import Letter, Transactions
from services.alerts.engine.book import Book
from services.alerts.engine.decode import Event, sort_out
from services.alerts.engine.engine import Engine, Output
from services.alerts.engine.ordering import Lanes

log = structlog.get_logger()

MOST_EVENTS = 10_000
# Without findings a batch is committed at this size or age, so that transactions stay rare: one
# that is under way makes the next finding wait. With something to tell other partitions: sooner.
COMMIT_EVENTS = 10_000
COMMIT_S = 1.0
TELL_S = 0.2
# Ticks alone move only the clock; their position may wait.
IDLE_COMMIT_S = 5.0
# Beyond this many fetched events a partition is not fetched until some are applied.
MOST_WAITING = 10_000
# Offsets of these topics may jump: joins are transactional, clock records expire early.
MAY_JUMP = frozenset((JOINS, CLOCK))


class Fetched(Struct, frozen=True):
    """What one fetch brought for a partition number: records by topic, and where each ends."""

    records: Mapping[str, Sequence[Parsed]]
    ends: Mapping[str, int]


class Surroundings(Struct, frozen=True):
    """What the units of a worker share."""

    bootstrap: str
    deployment: str
    folder: Path
    registers: Registers
    reader: RegistersReader
    history_since_ms: int | None
    timezone: str
    wall_ms: Callable[[], int]


class Unit:
    """One partition: fetched records come in by `offer`, and leave applied and committed."""

    def __init__(self, partition: int, around: Surroundings) -> None:
        self.partition = partition
        self.moved_at = time.monotonic()
        self._around = around
        self._transactions = Transactions(around.bootstrap, around.deployment, partition)
        self._local = LocalStore(around.folder, partition)
        self._ends: dict[str, int] = {}
        self._letters: list[Letter] = []
        self._since_commit = 0
        self._dirty_at: float | None = None
        self._idle_at: float | None = None
        self._committed: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Fence the forerunner, restore the state, and stand at the marker."""
        began = time.monotonic()
        await self._transactions.start()
        partitions = await self._transactions.partitions()
        records = await restore(self._around.bootstrap, self.partition, self._local)
        book = Book()
        marker = book.load(records.items())
        offsets = marker.next_offsets if marker else {}
        # What expired while nobody was on duty can't be read any more; its lane must not wait.
        self._lanes = Lanes(
            {
                topic: max(begin, offsets.get(topic, 0))
                for topic, begin in (await self._beginnings()).items()
            }
        )
        self._committed = self._lanes.next_offsets
        self._engine = Engine(
            self._around.registers,
            book,
            history_since_ms=self._around.history_since_ms,
            timezone=self._around.timezone,
            partition=self.partition,
            partitions=partitions,
        )
        metrics.RESTORED.labels(self.partition).set(time.monotonic() - began)
        log.info(
            "unit ready",
            partition=self.partition,
            records=len(records),
            seconds=round(time.monotonic() - began, 3),
        )

    async def _beginnings(self) -> dict[str, int]:
        places = [TopicPartition(topic, self.partition) for topic in UNIT_TOPICS]
        async with self._plain_consumer() as consumer:
            starts = await consumer.beginning_offsets(places)
        return {place.topic: start for place, start in starts.items()}

    def _plain_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._around.bootstrap,
            enable_auto_commit=False,
            isolation_level="read_committed",
            value_deserializer=as_parsed,
        )

    def run(self, on_end: Callable[["asyncio.Task[None]"], None]) -> None:
        """Begin or resume work; `on_end` is told when it ends by failure or by fencing."""
        self._stopping = False
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"unit-{self.partition}")
            self._task.add_done_callback(on_end)

    async def rest(self) -> None:
        """Finish the batch at hand and pause; `run` resumes with the same state."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task = None

    async def stop(self) -> None:
        """Finish the batch at hand and let the partition go."""
        await self.rest()
        self._engine.close()
        await self._transactions.stop()
        self._local.close()

    # What comes in.

    @property
    def next_offsets(self) -> dict[str, int]:
        """Where fetching has to go on, by topic."""
        return {topic: lane.fetched_offset for topic, lane in self._lanes.by_topic.items()}

    def wants_more(self, topic: str) -> bool:
        """Tell whether there is room for another fetch of a topic.

        Room is counted by topic: a full lane may wait for another one that must go on then.
        """
        return len(self._lanes.by_topic[topic].events) < MOST_WAITING

    @property
    def lag(self) -> int:
        """How many records lie between what is applied and the ends as last seen."""
        return sum(
            max(0, self._ends.get(topic, 0) - offset)
            for topic, offset in self._lanes.next_offsets.items()
        )

    def wake(self) -> None:
        """Look for work: the registers have changed."""
        self._wake.set()

    async def offer(self, fetched: Fetched) -> None:
        """Take in what was fetched. Holes are filled first, replays are skipped."""
        # A commit marker may be the last thing in the joins, so their end says nothing; they need
        # no waiting for either, since what they tell is the same whenever it is read.
        self._ends.update({topic: end for topic, end in fetched.ends.items() if topic != JOINS})
        for topic, records in fetched.records.items():
            lane = self._lanes.by_topic[topic]
            first = records[0].offset
            if first > lane.fetched_offset and topic not in MAY_JUMP:
                metrics.HOLES.labels(topic).inc()
                log.error("hole", topic=topic, partition=self.partition, at=lane.fetched_offset)
                self._accept(topic, await self._missing(topic, lane.fetched_offset, first))
            elif first < lane.fetched_offset:
                fresh = [record for record in records if record.offset >= lane.fetched_offset]
                metrics.REPLAYED.labels(topic).inc(len(records) - len(fresh))
                records = fresh
            self._accept(topic, records)
        self._wake.set()

    def _accept(self, topic: str, records: Sequence[Parsed]) -> None:
        if not records:
            return
        events, refused = sort_out(topic, [record.value for record in records])
        for each in refused:
            record = records[each.index]
            self._letters.append(
                Letter(
                    each.held,
                    each.reason,
                    topic,
                    self.partition,
                    record.offset,
                    record.key,
                    record.value or b"",
                )
            )
            metrics.DEAD_LETTERS.labels(topic, "held" if each.held else "dead").inc()
        first, last = records[0].offset, records[-1].offset
        if last - first + 1 == len(records):
            self._lanes.by_topic[topic].offer(events, range(first, last + 1))
        else:
            self._lanes.by_topic[topic].offer(events, [record.offset for record in records])

    async def _missing(self, topic: str, begin: int, end: int) -> list[Parsed]:
        """Read the records from `begin` up to `end`, as far as they still exist."""
        place = TopicPartition(topic, self.partition)
        found: list[Parsed] = []
        async with self._plain_consumer() as consumer:
            consumer.assign([place])
            starts = await consumer.beginning_offsets([place])
            consumer.seek(place, max(begin, starts[place]))
            while await consumer.position(place) < end:
                batch = await consumer.getmany(place, timeout_ms=500)
                found += [record for record in batch.get(place, ()) if record.offset < end]
        return found

    # What goes on inside: one batch after the other, and nothing else touches the state.

    async def _run(self) -> None:
        while True:
            await self._wait_for_work()
            if self._stopping:
                # What is applied and not committed is left to whoever comes next.
                return
            self._wake.clear()
            # Whatever was fetched was accepted before now, so the registers are read up to now.
            await self._around.reader.catch_up()
            while batch := self._lanes.take(MOST_EVENTS, self._ends):
                self._apply(batch)
                if self._due():
                    await self._commit()
                if self._stopping:
                    return
                await asyncio.sleep(0)
            self._engine.apply(())
            if self._due():
                await self._commit()

    async def _wait_for_work(self) -> None:
        due_at = self._commit_at()
        timeout = None if due_at is None else max(0.0, due_at - time.monotonic())
        with contextlib.suppress(TimeoutError):  # Then a commit is due, which is work too.
            await asyncio.wait_for(self._wake.wait(), timeout)

    def _apply(self, batch: list[Event]) -> None:
        began = time.perf_counter()
        self._engine.apply(batch)
        metrics.ENGINE_SECONDS.observe(time.perf_counter() - began)
        metrics.BATCH_SIZE.observe(len(batch))
        self._since_commit += len(batch)
        self.moved_at = time.monotonic()
        if self._engine.unsaved:
            if self._dirty_at is None:
                self._dirty_at = time.monotonic()
        elif self._idle_at is None:
            self._idle_at = time.monotonic()

    def _due(self) -> bool:
        if self._engine.pending or self._since_commit >= COMMIT_EVENTS:
            return True
        if any(self._passed(letter) for letter in self._letters):
            return True
        due_at = self._commit_at()
        return due_at is not None and time.monotonic() >= due_at

    def _commit_at(self) -> float | None:
        """Return when what is applied has waited long enough, None = nothing waits."""
        dues = []
        if self._dirty_at is not None:
            dues.append(self._dirty_at + (TELL_S if self._engine.telling else COMMIT_S))
        if self._idle_at is not None:
            dues.append(self._idle_at + IDLE_COMMIT_S)
        return min(dues, default=None)

    async def _commit(self) -> None:
        began_at = self._committed
        self._committed = self._lanes.next_offsets
        output = self._engine.flush(self._committed)
        due = [letter for letter in self._letters if self._passed(letter)]
        self._letters = [letter for letter in self._letters if not self._passed(letter)]
        letters = [*due, *await self._failed(output, began_at)]
        for reason in output.broken:
            # Counted as dossier-failed; what it found before stands.
            log.error("a rule failed", dossier=reason)
        began = time.perf_counter()
        offset = await self._transactions.commit(
            [*output.findings, *output.suppressed], output.joins, output.state, letters
        )
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - began)
        metrics.CLOCK.labels(self.partition).set(self._engine.book.clock_ms / SECOND_MS)
        if output.findings:
            delay_ms = self._around.wall_ms() - parse_ms(self._engine.book.clock)
            metrics.END_TO_END_SECONDS.observe(max(0, delay_ms) / 1000)
        self._local.save(output.state, offset)
        self._since_commit, self._dirty_at, self._idle_at = 0, None, None
        _count(output)

    def _passed(self, letter: Letter) -> bool:
        """Tell whether the next offsets lie behind a refused record: then its letter goes out."""
        return letter.offset < self._lanes.by_topic[letter.topic].next_offset

    async def _failed(self, output: Output, began_at: Mapping[str, int]) -> list[Letter]:
        """Return letters for the events on which a rule failed, with their bytes as they came."""
        letters = []
        for event, reason in output.failed:
            topic = JOINS if isinstance(event, Join) else KIND_BY_TYPE[event.type].topic
            log.error("a rule failed", topic=topic, reason=reason)
            begin, end = began_at.get(topic, 0), self._committed[topic]
            for record in await self._missing(topic, begin, end):
                if event in sort_out(topic, [record.value])[0]:
                    letters.append(
                        Letter(
                            False,
                            reason,
                            topic,
                            self.partition,
                            record.offset,
                            record.key,
                            record.value or b"",
                        )
                    )
                    metrics.DEAD_LETTERS.labels(topic, "failed").inc()
        return letters


def _count(output: Output) -> None:
    for what, count in output.counts.items():
        kind, _, rest = what.partition(":")
        name, _, detail = rest.partition(":")
        if kind == "finding":
            metrics.FINDINGS.labels(name, detail).inc(count)
        elif kind == "suppressed":
            metrics.SUPPRESSED.labels(name, detail).inc(count)
        else:
            metrics.EVENTS.labels(kind).inc(count)
