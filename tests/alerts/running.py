"""A deployment in one process: its partitions, their stored records, and the store of alerts."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from rules.registers import Registers
from schemas.alerts import Alert, FindingEvent
from schemas.partition import partition_of
from schemas.topics import JOINS
from services.alerts.engine.book import Book
from services.alerts.engine.decode import Event, sort_out
from services.alerts.engine.engine import Engine, Joined, Output
from services.api.merge import AlertBook
from tests.alerts.build import (
    COUNTY,
    FOREVER_MS,
    Line,
    events,
    filed,
    is_register,
    recorded_ms,
)

_decode_finding = msgspec.json.Decoder(FindingEvent).decode


class Step(Struct, frozen=True):
    """One thing that arrives: a register record, or an event of a subject ("" = a tick)."""

    recorded_ms: int
    record: bytes | None = None
    subject: str = ""
    event: Event | None = None


class Turn(Struct, frozen=True):
    """A partition applies so many of the events that wait for it, and first, or not yet, what
    others have told it."""

    partition: int
    events: int
    hears: bool


def steps(lines: Iterable[Line]) -> list[Step]:
    """Return what arrives, in order; a scan is several events."""
    found: list[Step] = []
    for line in lines:
        at_ms = recorded_ms(line)
        if is_register(line):
            found.append(Step(at_ms, record=filed(line)))
        else:
            found += [Step(at_ms, subject=who, event=event) for who, event in events(line)]
    return found


_COUNTY = steps(COUNTY)


class Deployment:
    """Workers of some partitions that share the registers, and the alerts that come of them."""

    def __init__(
        self,
        *,
        partitions: int = 1,
        since_ms: int | None = FOREVER_MS,
        county: Sequence[Step] = _COUNTY,
    ) -> None:
        self._since_ms = since_ms
        self._records: list[bytes] = []
        self._registers = Registers()
        self._stored: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]
        self._waiting: list[list[Event]] = [[] for _ in range(partitions)]
        self._uncommitted: list[list[Event]] = [[] for _ in range(partitions)]
        self._told: list[list[Event]] = [[] for _ in range(partitions)]
        self.alerts = AlertBook()
        self.findings: list[FindingEvent] = []
        self.failed: list[tuple[Event, str]] = []
        self.broken: list[str] = []
        self.counts: dict[str, int] = {}
        for step in county:
            self.take(step)
        self.engines = [self._engine(partition) for partition in range(partitions)]

    def _engine(self, partition: int) -> Engine:
        book, count = Book(), len(self._stored)
        book.load(self._stored[partition].items())
        return Engine(
            self._registers,
            book,
            history_since_ms=self._since_ms,
            partition=partition,
            partitions=count,
        )

    def take(self, step: Step) -> None:
        """Bring in one step; a register is read at once, an event waits for its batch."""
        if step.record is not None:
            self._records.append(step.record)
            self._registers.apply(step.record)
            return
        assert step.event is not None
        count = len(self._waiting)
        to = [partition_of(step.subject, count)] if step.subject else range(count)
        for partition in to:
            self._waiting[partition].append(step.event)

    def apply(self) -> None:
        """Apply what waits, without committing it."""
        for partition, engine in enumerate(self.engines):
            engine.apply(self._waiting[partition])
            self._uncommitted[partition] += self._waiting[partition]
            self._waiting[partition] = []

    def commit(self) -> None:
        """Apply what waits and commit what came of it."""
        self.apply()
        for partition, engine in enumerate(self.engines):
            self._uncommitted[partition] = []
            output = engine.flush({"t": 1})
            self._keep(partition, output)
            self._send(output.joins, self._waiting)

    def _send(self, joins: Sequence[Joined], to: list[list[Event]]) -> None:
        """Bring joins to where they belong; they are taken up with a batch to come there."""
        count = len(self._waiting)
        for join in joins:
            events, refused = sort_out(JOINS, [join.value])
            assert not refused, refused
            for partition in range(count) if join.everywhere else [partition_of(join.key, count)]:
                to[partition] += [event for event in events if event is not None]

    def _keep(self, partition: int, output: Output) -> None:
        stored = self._stored[partition]
        for key, value in output.state:
            if value is None:
                stored.pop(key, None)
            else:
                stored[key] = value
        for alert_id, value in output.findings:
            finding = _decode_finding(value)
            assert finding.data.alert_id == alert_id
            self.findings.append(finding)
            self.alerts.apply(finding)
        self.failed += output.failed
        self.broken += output.broken
        for name, count in output.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def crash(self) -> None:
        """Lose all that is in memory; come back at the markers and do again what was lost."""
        self._registers = Registers()
        for record in self._records:
            self._registers.apply(record)
        self.engines = [self._engine(partition) for partition in range(len(self._stored))]
        self._waiting = [
            lost + waiting for lost, waiting in zip(self._uncommitted, self._waiting, strict=True)
        ]
        self._uncommitted = [[] for _ in self._uncommitted]

    def run(
        self,
        arriving: Iterable[Step],
        *,
        commits: Collection[int] | None = None,
        crashes: Collection[int] = (),
    ) -> "Deployment":
        """Bring steps in; commit after each (None) or after the ones numbered, and at the end."""
        for number, step in enumerate(arriving):
            self.take(step)
            if number in crashes:
                self.apply()
                self.crash()
            if commits is None or number in commits:
                self.commit()
        self.commit()
        while any(self._waiting):
            self.commit()
        return self

    def run_apart(self, arriving: Iterable[Step], turns: Iterable[Turn]) -> "Deployment":
        """Bring steps in, and let the partitions go on by themselves, turn by turn.

        After that one after the other is done with its events, before it hears of what is left.
        """
        for step in arriving:
            self.take(step)
        count = len(self.engines)
        for turn in turns:
            self._turn(turn.partition % count, turn.events, hears=turn.hears)
        for partition in range(count):
            self._turn(partition, len(self._waiting[partition]), hears=False)
        while any(self._told):
            for partition in range(count):
                self._turn(partition, 0, hears=True)
        return self

    def _turn(self, partition: int, events: int, *, hears: bool) -> None:
        waiting, told = self._waiting[partition], self._told[partition]
        batch = [*(told if hears else ()), *waiting[:events]]
        del waiting[:events]
        if hears:
            told.clear()
        engine = self.engines[partition]
        engine.apply(batch)
        output = engine.flush({"t": 1})
        self._keep(partition, output)
        self._send(output.joins, self._told)

    @property
    def final(self) -> list[Alert]:
        """The alerts as they stand, in order of their ids."""
        assert self.broken == []
        records = sorted(self.alerts.records.items())
        return [record.alert for _, record in records]

    def alert(self, **fields: Any) -> Alert:
        """Return the one alert that has these values."""
        (found,) = [
            alert
            for alert in self.final
            if all(getattr(alert, name) == value for name, value in fields.items())
        ]
        return found


def after(*lines: Line, since_ms: int | None = FOREVER_MS) -> Deployment:
    """Return the deployment after these lines, each of them a batch of its own."""
    return Deployment(since_ms=since_ms).run(steps(lines))
