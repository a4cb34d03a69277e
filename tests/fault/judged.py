"""What `cordon backtest` makes of a timeline: its final alerts, and its state by partition."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from deploy.backtest import FOREVER_MS, Backtest
from rules import retrospective_hit
from rules.catalogue import CATALOGUE
from rules.registers import Registers
from schemas.alerts import Alert, Finding
from schemas.events import CLOCK_TYPE, KIND_BY_TYPE
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.partition import partition_of
from schemas.persons import PseudonymKey
from schemas.registers import parse_register_type
from schemas.times import format_ms, parse_ms
from schemas.topics import JOINS
from services.alerts.engine.book import Book
from services.alerts.engine.decode import Event, Tick, sort_out
from services.alerts.engine.engine import Engine, Joined
from services.alerts.engine.identities import identity
from services.alerts.engine.visits import DEADLINE

_CHUNK = 1_000
# What rests on more than its subject's own events may be found for a moment, until the partition
# that knows better has spoken, and is taken back then. Whether such an alert was ever told depends
# on batches and on how far apart the partitions are; that none of them stands does not.
TOLD_BY_CHANCE = frozenset(
    {"fever", *(rule.name for rule in CATALOGUE if rule.dossiers is not None)}
)


class Verdict(Struct, frozen=True):
    """What has to be the same of an alert whoever judged it, however often and in what batches.

    A duplicate tells its last count, which is that of the moment at which its matches went over
    to the survivor; whether a paper that excuses one of them was filed just before or just after
    that moment is an accident, so the count of duplicates is left out.
    """

    rule: str
    severity: str
    state: str
    outcome: str | None
    count: int
    historical: bool


def verdict(alert: dict[str, Any]) -> Verdict:
    """Return the verdict of an alert as the API lists it."""
    return _of(msgspec.convert(alert, Alert))


def backtest(lines: Iterable[bytes], key: PseudonymKey, *, from_warm: bool) -> dict[str, Verdict]:
    """Return the final alerts of a timeline by id, without what was told by chance."""
    run = Backtest(key, history_since_ms=FOREVER_MS if from_warm else None)
    for line in lines:
        for _ in run.feed(line):
            pass
    for _ in run.flush():
        pass
    assert run.refused == []
    return certain({ident: _of(record.alert) for ident, record in run.alerts.records.items()})


def certain(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Return the verdicts but for what was taken back and told by chance."""
    return {
        ident: each
        for ident, each in verdicts.items()
        if each.rule not in TOLD_BY_CHANCE or each.state != "retracted"
    }


def _of(alert: Alert) -> Verdict:
    count = 0 if alert.outcome == "duplicate" else alert.count
    return Verdict(alert.rule, alert.severity, alert.state, alert.outcome, count, alert.historical)


class Partitioned:
    """A backtest split over partitions as a deployment splits it: one engine and one book each."""

    def __init__(self, key: PseudonymKey, partitions: int, *, from_warm: bool) -> None:
        registers = Registers()
        since_ms = FOREVER_MS if from_warm else None
        self.books = [Book() for _ in range(partitions)]
        self._engines = [
            Engine(
                registers,
                book,
                history_since_ms=since_ms,
                partition=number,
                partitions=partitions,
            )
            for number, book in enumerate(self.books)
        ]
        self._registers = registers
        self._intake = Intake(key)
        self._filing = Filing(self._intake)
        self._pending: list[list[Event]] = [[] for _ in range(partitions)]
        self._newest = ""

    def run(self, lines: Iterable[bytes]) -> None:
        """Judge a timeline, and let the clock of all partitions reach its newest instant."""
        for number, line in enumerate(lines, 1):
            self._feed(line)
            if number % _CHUNK == 0:
                self._flush()
        for pending in self._pending:
            pending.append(Tick(self._newest))
        self._flush()

    def _feed(self, line: bytes) -> None:
        head = msgspec.json.decode(line)
        if head["type"] == CLOCK_TYPE:
            self._tick(format_ms(parse_ms(head["time"])))
        elif parse_register_type(head["type"]) is not None:
            self._flush()
            self._registers.apply(self._filing.event(line).value)
            self._flush()
        else:
            kind = KIND_BY_TYPE[head["type"]]
            for record in self._intake.accept(kind, line, 0, keep=True).records:
                events, refused = sort_out(record.topic, [record.value])
                assert not refused
                (event,) = events
                assert event is not None
                self._newest = max(self._newest, event.recordedtime)
                self._pending[partition_of(record.subject, len(self.books))].append(event)

    def _tick(self, time: str) -> None:
        self._newest = max(self._newest, time)
        for pending in self._pending:
            pending.append(Tick(time))

    def _flush(self) -> None:
        while True:
            joins: list[Joined] = []
            for place, engine in enumerate(self._engines):
                engine.apply(self._pending[place])
                self._pending[place] = []
                joins += engine.flush({}).joins
            if not joins:
                return
            self._send(joins)

    def _send(self, joins: Sequence[Joined]) -> None:
        count = len(self.books)
        for join in joins:
            events, refused = sort_out(JOINS, [join.value])
            assert not refused
            for place in range(count) if join.everywhere else [partition_of(join.key, count)]:
                self._pending[place] += [event for event in events if event is not None]


def essence(book: Book) -> dict[str, Any]:
    """Return what of a state may not depend on batches, which counters do.

    Of the identities see `forgotten`: when a whole batch of them leaves depends on the batch.
    """
    return {
        "clock": book.clock,
        "established": {region: table.days for region, table in book.established.items()
                        if table.days},
        "groups": {
            fold: sorted(group.reads, key=lambda read: (read.time_ms, read.source, read.id))
            for fold, group in book.groups.items()
        },
        "matches": {
            key: history.matches
            for key, history in book.histories.items()
            # Look-backs come from the sighting store; `backtest` has one, a `Partitioned` has none.
            if history.matches and history.rule != retrospective_hit.RULE.name
        },
        "told": {
            key: {ident: _standing(finding) for ident, finding in history.told.items()}
            for key, history in book.histories.items()
            if history.rule not in TOLD_BY_CHANCE
        },
        "deadlines": {key: at for key, at in book.deadlines.items() if key.startswith(DEADLINE)},
        "waiting": book.waiting,
    }  # fmt: skip


def _standing(finding: Finding) -> Finding | str:
    if finding.outcome == "duplicate":
        return "duplicate"  # See Verdict.
    # Which of two batches opened an alert and which only added to it is the batches' affair.
    verb = "matched" if finding.verb == "opened" else finding.verb
    return msgspec.structs.replace(finding, verb=verb)


def differences(mine: Any, theirs: Any, path: str = "", most: int = 8) -> list[str]:
    """Return where two states differ, the first few places."""
    if mine == theirs:
        return []
    if isinstance(mine, dict) and isinstance(theirs, dict):
        found: list[str] = []
        for key in sorted({*mine, *theirs}, key=repr):
            if key not in mine or key not in theirs:
                whose, value = ("theirs", theirs[key]) if key in theirs else ("mine", mine[key])
                found.append(f"{path}/{key}: only {whose}: {value!r}")
            else:
                found += differences(mine[key], theirs[key], f"{path}/{key}", most)
            if len(found) >= most:
                break
        return found[:most]
    return [f"{path}: {mine!r} != {theirs!r}"]


def forgotten(book: Book, events: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the events of the last 24 hours that a partition does not remember as seen."""
    return [each for each in events if identity(*each) not in book.identities.seen]
