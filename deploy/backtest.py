"""A timeline through the very engine and merge that the system runs, in one process."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.device_lines import read, read_sound
from deploy.looking_back import LookingBack, is_needed
from rules.registers import Registers
from schemas.alerts import AlertEvent, FindingEvent
from schemas.events import CLOCK_TYPE, KIND_BY_TYPE
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.joins import LookBack
from schemas.persons import PseudonymKey
from schemas.problems import Rejected
from schemas.registers import parse_register_type, unread_sort
from schemas.settings import Settings
from schemas.times import TimeProblem, format_ms, parse_ms
from schemas.topics import JOINS
from services.alerts.engine.book import Book, Change
from services.alerts.engine.decode import AHEAD, Dated, Event, Tick, ahead_of, lies_ahead, sort_out
from services.alerts.engine.engine import Engine
from services.api.merge import AlertBook
from services.api.rate_cap import RateCap

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


class Unkept(Book):
    """The state of a run that nobody continues: it keeps no records of what changed."""

    def dump(self, next_offsets: dict[str, int]) -> list[Change]:
        """Forget what changed since the last dump."""
        self.changed.clear()
        for table in self.established.values():
            table.changed.clear()
        return []


class Backtest:
    """One run: lines in, revisions of alerts out."""

    def __init__(
        self,
        key: PseudonymKey,
        *,
        grammar: str = "prc",
        history_since_ms: int | None = None,
        timezone: str = "Asia/Shanghai",
        cap: int = 0,
        looks_back: bool = True,
    ) -> None:
        self._intake = Intake(key, grammar)
        self._filing = Filing(self._intake)
        self._registers = Registers()
        self.book = Unkept()
        self.engine = Engine(
            self._registers, self.book, history_since_ms=history_since_ms, timezone=timezone
        )
        self.alerts = AlertBook(caps=RateCap(cap) if cap else None)
        self._pending: list[Dated] = []
        self._filed = False
        self._looking_back = LookingBack(timezone) if looks_back else None
        self._found: list[LookBack] = []
        self.refused: list[tuple[str, str]] = []
        self.passed_over: Counter[str] = Counter()

    def feed(self, line: bytes) -> list[AlertEvent]:
        """Take one line in; return the alert events that follow.

        Raises Malformed; such a line has no effect at all.
        """
        events = read_sound(self._intake, line)
        return self._look_closer(line) if events is None else self._take(events)

    def flush(self) -> list[AlertEvent]:
        """Apply what is pending; return the alert events that follow."""
        pending, self._pending, self._filed = self._pending, [], False
        events = [e if e.time <= e.recordedtime else self._sound(e) for e in pending]
        self.engine.apply(events)
        if self._looking_back is not None:
            self._looking_back.see(events)
        found, self._found = self._found, []
        self.engine.apply(found)
        while joined := self.engine.take_joins():
            # There is one partition, so every join comes back to it.
            joins, _ = sort_out(JOINS, [join.value for join in joined])
            self.engine.apply([join for join in joins if join is not None])
        told: list[AlertEvent] = []
        for _, value in self.engine.flush({}).findings:
            told += self.alerts.apply(_decode_finding(value))
        return told + self.alerts.settle()

    def _take(self, events: Sequence[Dated]) -> list[AlertEvent]:
        """Take in the events of one line."""
        # What was filed acts before anything else happens; filings in a row act at once.
        told = self.flush() if self._filed else []
        self._pending += events
        if len(self._pending) >= MOST_EVENTS:
            told += self.flush()
        return told

    def _file(self, change: bytes) -> list[AlertEvent]:
        """Let a register change; events before it have seen what was filed before."""
        told = self.flush() if self._pending else []
        self._registers.apply(change)
        self._filed = True
        found = self._looking_back.file(change) if self._looking_back is not None else None
        if found is not None:
            self._found.append(found)
        return told

    def _look_closer(self, line: bytes) -> list[AlertEvent]:
        """Take in a line that is no sound event of a device. Raises Malformed."""
        try:
            peeked = _peek(line)
            change, events = self._understood(line, peeked)
        except Rejected as error:
            where = f" at {error.problem.field}" if error.problem.field else ""
            raise Malformed(f"{error}{where}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, TimeProblem) as error:
            raise Malformed(str(error)) from error
        return self._take(events) if change is None else self._file(change)

    def _understood(self, line: bytes, peeked: Line) -> tuple[bytes | None, Sequence[Dated]]:
        """Return the register change that a line is, else its events."""
        if peeked.type == CLOCK_TYPE:
            return None, [Tick(format_ms(parse_ms(peeked.time)))]
        if parse_register_type(peeked.type) is not None:
            return self._filing.event(line).value, ()
        if (kind := KIND_BY_TYPE.get(peeked.type)) is not None:
            return None, read(self._intake, kind, line)
        if (sort := unread_sort(peeked.type)) is not None:
            clock = Tick(format_ms(parse_ms(peeked.recordedtime or peeked.time)))
            self.passed_over[peeked.type] += 1
            # As in a running system: no rule reads it, and an event moves the clock on.
            return None, [clock] if sort == "event" else ()
        raise Malformed(f"nothing takes events of type {peeked.type[:64]!r}")

    def _sound(self, event: Dated) -> Event:
        if not lies_ahead(event) or (ahead := ahead_of(event)) is None:
            return event
        self.refused.append((ahead.id, AHEAD))
        return ahead


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
    file: Path,
    *,
    policy: Path | None,
    from_warm: bool,
    data_dir: Path | None,
    strict: bool,
    cap: int = 0,
) -> int:
    """Run `cordon backtest`; `cap` is the rate cap of alerts, 0 = none."""
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
        cap=cap,
        looks_back=_looks_back(file),
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


def _looks_back(file: Path) -> bool:
    """Tell whether sightings must be kept; of what can be read only once nobody knows."""
    if not file.is_file():
        return True
    with file.open("rb") as lines:
        return is_needed(lines)
