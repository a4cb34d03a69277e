"""A timeline through the very engine and merge that the system runs, in one process."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from rules.registers import Registers
from schemas.alerts import AlertEvent, FindingEvent
from schemas.events import CLOCK_TYPE, KIND_BY_TYPE
from schemas.filing import Filing
from schemas.intake import Intake, Record
from schemas.persons import PseudonymKey
from schemas.problems import Rejected
from schemas.registers import parse_register_type, unread_sort
from schemas.settings import Settings
from schemas.times import TimeProblem, format_ms, parse_ms
from schemas.topics import JOINS
from services.alerts.engine.book import Book
from services.alerts.engine.decode import Event, Tick, sort_out
from services.alerts.engine.engine import Engine
from services.api.merge import AlertBook

MOST_EVENTS = 5_000
FOREVER_MS = -(1 << 62)


class Line(Struct):
    """What has to be known of a line to send it the right way."""

    type: str
    time: str
    recordedtime: str | None = None


class Malformed(ValueError):
    """A line of a timeline means nothing."""


_peek = msgspec.json.Decoder(Line).decode
_decode_finding = msgspec.json.Decoder(FindingEvent).decode
_encode = msgspec.json.Encoder().encode


class Backtest:
    """One run: lines in, revisions of alerts out."""

    def __init__(
        self,
        key: PseudonymKey,
        *,
        grammar: str = "prc",
        history_since_ms: int | None = None,
        timezone: str = "Asia/Shanghai",
    ) -> None:
        self._intake = Intake(key, grammar)
        self._filing = Filing(self._intake)
        self._registers = Registers()
        self.book = Book()
        self.engine = Engine(
            self._registers, self.book, history_since_ms=history_since_ms, timezone=timezone
        )
        self.alerts = AlertBook()
        self._pending: list[Tick | Record] = []
        self._filed = False
        self.refused: list[tuple[str, str]] = []
        self.passed_over: Counter[str] = Counter()

    def feed(self, line: bytes) -> Iterator[AlertEvent]:
        """Take one line in; yield the alert events that follow. Raises Malformed."""
        try:
            peeked = _peek(line)
            if peeked.type == CLOCK_TYPE:
                yield from self._flush_filed()
                self._pending.append(Tick(format_ms(parse_ms(peeked.time))))
            elif parse_register_type(peeked.type) is not None:
                filed = self._filing.event(line)
                if self._pending:
                    yield from self.flush()
                self._registers.apply(filed.value)
                self._filed = True
            elif (kind := KIND_BY_TYPE.get(peeked.type)) is not None:
                yield from self._flush_filed()
                self._pending += self._intake.accept(kind, line, 0, keep=True).records
            elif (sort := unread_sort(peeked.type)) is not None:
                recorded_ms = parse_ms(peeked.recordedtime or peeked.time)
                yield from self._flush_filed()
                self.passed_over[peeked.type] += 1
                if sort == "event":
                    # As in a running system: no rule reads it, and the clock moves on.
                    self._pending.append(Tick(format_ms(recorded_ms)))
            else:
                raise Malformed(f"nothing takes events of type {peeked.type[:64]!r}")
        except Rejected as error:
            where = f" at {error.problem.field}" if error.problem.field else ""
            raise Malformed(f"{error}{where}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, TimeProblem) as error:
            raise Malformed(str(error)) from error
        if len(self._pending) >= MOST_EVENTS:
            yield from self.flush()

    def flush(self) -> Iterator[AlertEvent]:
        """Apply what is pending; yield the alert events that follow."""
        events, self._filed = self._sorted_out(), False
        self.engine.apply(events)
        while joined := self.engine.take_joins():
            # There is one partition, so every join comes back to it.
            joins, _ = sort_out(JOINS, [join.value for join in joined])
            self.engine.apply([join for join in joins if join is not None])
        for _, value in self.engine.flush({}).findings:
            yield from self.alerts.apply(_decode_finding(value))

    def _flush_filed(self) -> Iterator[AlertEvent]:
        """Let what was filed act before anything else happens; filings in a row act at once."""
        if self._filed:
            yield from self.flush()

    def _sorted_out(self) -> list[Event]:
        """Return what is pending in its order, each topic decoded as a whole, as workers do."""
        pending, self._pending = self._pending, []
        events: list[Event | None] = [each if isinstance(each, Tick) else None for each in pending]
        places: dict[str, list[int]] = {}
        for place, each in enumerate(pending):
            if isinstance(each, Record):
                places.setdefault(each.topic, []).append(place)
        for topic, found in places.items():
            records = [each for place in found if isinstance(each := pending[place], Record)]
            decoded, refused = sort_out(topic, [record.value for record in records])
            for place, event in zip(found, decoded, strict=True):
                events[place] = event
            self.refused += [(records[each.index].id, each.reason) for each in refused]
        return [event for event in events if event is not None]


def run(lines: Iterable[bytes], backtest: Backtest, *, strict: bool) -> int:
    """Write the alert log of a timeline to standard output; return the exit code."""
    write = sys.stdout.buffer.write
    malformed = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            for event in backtest.feed(line):
                write(_encode(event) + b"\n")
        except Malformed as error:
            malformed += 1
            sys.stderr.write(f"line {number}: {error}\n")
    for event in backtest.flush():
        write(_encode(event) + b"\n")
    for event_id, reason in backtest.refused:
        sys.stderr.write(f"event {event_id}: set aside: {reason}\n")
    for event_type, count in sorted(backtest.passed_over.items()):
        sys.stderr.write(f"{event_type}: {count} passed over, nothing reads them yet\n")
    sys.stdout.flush()
    return 1 if strict and malformed else 0


def main(
    file: Path, *, policy: Path | None, from_warm: bool, data_dir: Path | None, strict: bool
) -> int:
    """Run `cordon backtest`."""
    settings = Settings() if data_dir is None else Settings(data_dir=data_dir)
    if data_dir is not None or settings.pseudonym_key_file is not None:
        path = settings.pseudonym_key_path
        if not path.exists():
            sys.stderr.write(f"no pseudonym key at {path}\n")
            return 2
        key = PseudonymKey.load_or_create(path)
    else:
        key = PseudonymKey.fixed_for_tests()
        sys.stderr.write("using the fixed test key for pseudonyms (no --data-dir)\n")
    backtest = Backtest(
        key,
        grammar=settings.plate_grammar,
        timezone=settings.timezone,
        history_since_ms=FOREVER_MS if from_warm else None,
    )
    code = 0
    for source in (policy, file) if policy is not None else (file,):
        try:
            with source.open("rb") as lines:
                code |= run(lines, backtest, strict=strict)
        except OSError as error:
            sys.stderr.write(f"cannot read {source}: {error.strerror}\n")
            return 2
    return code
