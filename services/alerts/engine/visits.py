"""The stage of D18: which vehicles are new here, what their visits led to, and when they settle."""

from collections import Counter, defaultdict

from rules import first_seen_vehicle
from rules.facts import Read
from rules.match import Match
from rules.registers import Registers
from schemas.confusion import fold
from schemas.times import parse_ms
from schemas.versions import FOREVER
from services.alerts.engine import sightings
from services.alerts.engine.book import Book
from services.alerts.engine.calendar import DayOf
from services.alerts.engine.findings import Findings
from services.alerts.engine.sightings import Knowledge

_RULE = first_seen_vehicle.RULE
# The key of a group's deadline is this and its confusion-folded plate.
DEADLINE = "g/"


class Visits:
    """The vehicles of one partition: known ones as a day, new ones as groups of reads."""

    def __init__(
        self,
        book: Book,
        registers: Registers,
        findings: Findings,
        counts: Counter[str],
        history_since_ms: int | None,
        day_of: DayOf,
    ) -> None:
        self._book = book
        self._registers = registers
        self._findings = findings
        self._counts = counts
        self._since_ms = history_since_ms
        self._day_of = day_of
        # By source, so that a correction looks at few groups.
        self._read_by: dict[str, set[str]] = defaultdict(set)
        self._note_sources()

    def _note_sources(self) -> None:
        self._read_by.clear()
        for folded, group in self._book.groups.items():
            for read in group.reads:
                self._read_by[read.source].add(folded)

    def sight(self, read: Read) -> int:
        """Note that a vehicle was seen, look at its group where it may be new; return when next."""
        parameters, _ = self._registers.policy(_RULE.name, read.time_ms, read.recorded_ms)
        accepted = read.confidence >= parameters["min_confidence"]
        look_back_d = parameters["look_back_d"]
        table = self._book.region(read.region)
        day, noted = self._day_of(read.time_ms), table.days.get(read.plate)
        # Where the region is the deployment, a vehicle that any region knows is known.
        last = sightings.last_day(self._book.established, read.region, read.plate)
        folded = fold(read.plate)
        group = self._book.groups.get(folded)
        is_known = last is not None and day - last <= look_back_d
        if is_known or not sightings.is_warm(self._since_ms, read.time_ms, look_back_d):
            # No entrance at this time can open an alert, and for later ones it is just known.
            if not accepted or day <= (noted or 0):
                return FOREVER
            if group is None:
                table.note(read.plate, day)
                return FOREVER
            plates = sightings.plates_of(group.reads)
            table.note(read.plate, sightings.recognise(group, read, parameters, self._day_of))
        else:
            if group is None:
                group = self._book.groups[folded] = sightings.Group([])
            self._counts["reads-pushed-out"] += sightings.add(group, read)
            self._read_by[read.source].add(folded)
            plates = sightings.plates_of(group.reads)
            self._note_exempt(read)
        self._book.changed.add(("g", folded))
        due_ms = read.time_ms + sightings.SETTLED_MS
        due_ms = min(due_ms, self._assess(folded, parse_ms(self._book.clock), plates))
        key = f"{DEADLINE}{folded}"
        self._book.schedule(key, min(due_ms, self._book.deadlines.get(key, FOREVER)))
        return due_ms

    def _note_exempt(self, read: Read) -> None:
        at_ms, known_ms = read.time_ms, read.recorded_ms
        exempted = first_seen_vehicle.is_exempt(
            read.plate, read.site, at_ms, known_ms, self._registers
        )
        if exempted is not None:
            self._findings.suppress(
                _RULE, exempted.kind, read.source, read.id, read.time_ms, read.site
            )

    def _assess(self, folded: str, clock_ms: int, plates: set[tuple[str, str]]) -> int:
        """Look at the visits of a confusion group again; return when the clock changes one."""
        reads = self._book.groups[folded].reads
        found: dict[tuple[str, str], list[Match]] = {}
        due: list[int] = []
        if any(read.role == "boundary" and read.direction == "in" for read in reads):
            newest = max(reads, key=lambda read: (read.recorded_ms, read.time_ms))
            parameters, policy = self._registers.policy(
                _RULE.name, newest.time_ms, newest.recorded_ms
            )
            knowledge = Knowledge(
                reads,
                self._book.established,
                self._registers,
                self._since_ms,
                parameters,
                self._day_of,
            )
            plates = {each for each in plates if not knowledge.is_final(*each, clock_ms)}
            for visit in first_seen_vehicle.assess(reads, knowledge, parameters, policy, clock_ms):
                found.setdefault((visit.region, visit.plate), []).extend(visit.matches)
                if visit.due_ms is not None:
                    due.append(visit.due_ms)
        for region, plate in sorted(plates):
            # What came of reads that have settled since stands.
            oldest_ms = min(
                (each.time_ms for each in reads if (each.region, each.plate) == (region, plate)),
                default=0,
            )
            matches = found.get((region, plate), [])
            self._findings.replace(_RULE, f"{region}/{plate}", "vehicle", plate, matches, oldest_ms)
        return min(due, default=FOREVER)

    def take_out(self, source: str, ids: frozenset[str], clock_ms: int) -> None:
        """Take out the reading that an event was; a day on which a vehicle was known stands."""
        for folded in sorted(self._read_by.get(source, ())):
            group = self._book.groups.get(folded)
            if group is None:
                continue
            kept = [each for each in group.reads if each.source != source or each.id not in ids]
            if len(kept) < len(group.reads):
                plates = sightings.plates_of(group.reads)
                group.reads = kept
                self._book.changed.add(("g", folded))
                self._assess(folded, clock_ms, plates)

    def deadline(self, key: str, clock_ms: int) -> None:
        """A group's time has come: look at it again, and let go what has settled."""
        folded = key.removeprefix(DEADLINE)
        group = self._book.groups[folded]
        due_ms = self._assess(folded, clock_ms, sightings.plates_of(group.reads))
        parameters, _ = self._registers.policy(_RULE.name, clock_ms, clock_ms)
        settled, next_ms = sightings.graduates(group, clock_ms, parameters, self._day_of)
        for region, plate, day in settled:
            self._book.region(region).note(plate, day)
        self._book.changed.add(("g", folded))
        if next_ms is None:
            del self._book.groups[folded]
        else:
            self._book.schedule(key, min(due_ms, next_ms))

    def forget(self, clock_ms: int) -> None:
        """Forget vehicles that no look-back can reach, and sources of groups that are gone."""
        for table in self._book.established.values():
            table.expire(self._day_of(clock_ms))
        self._note_sources()
