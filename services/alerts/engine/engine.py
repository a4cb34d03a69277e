"""The engine: ordered events of one partition in, findings, joins and changes of state out."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from xxhash import xxh3_128_digest as digest

from rules import retrospective_hit, transfers
from rules.catalogue import CATALOGUE
from rules.dossier import Passing, Report
from rules.facts import ARCHIVE_MS, Check, Cover, Read, SiteFacts
from rules.registers import Registers
from schemas.events import KIND_BY_TYPE
from schemas.joins import (
    MOST_PERSONS,
    ClockTold,
    ConditionTold,
    Corrected,
    DeviceBias,
    FactTold,
    Join,
    LookBack,
    TemperatureRead,
    source_key,
)
from schemas.partition import partition_of
from schemas.times import HOUR_MS, format_ms, parse_ms
from schemas.versions import FOREVER
from services.alerts.engine import conditions
from services.alerts.engine.book import Book, Change, Waiting, identity_key
from services.alerts.engine.calendar import LocalDays
from services.alerts.engine.clocks import Clocks
from services.alerts.engine.decode import (
    UNMARKED,
    Ahead,
    Event,
    Hit,
    Other,
    PersonSeen,
    Reported,
    Scan,
    ScannedPlate,
    SeenPlate,
    Tick,
)
from services.alerts.engine.dossiers import DEADLINE as OF_A_DOSSIER
from services.alerts.engine.dossiers import Dossiers
from services.alerts.engine.findings import LATE_MS, Findings
from services.alerts.engine.identities import corrected, counted, forestalled, identity
from services.alerts.engine.passages import Passages
from services.alerts.engine.persons import Persons
from services.alerts.engine.sites import Sites
from services.alerts.engine.tallies import Tallies
from services.alerts.engine.thermometers import Thermometers
from services.alerts.engine.tracks import chunk_key
from services.alerts.engine.visits import Visits

MOST_WAITING = 100_000
_ASKED_OF_READS = tuple(rule for rule in CATALOGUE if rule.on_read is not None)
_encode = msgspec.json.Encoder().encode


class Joined(Struct, frozen=True):
    """A join to write under its key: to the partition of the key, or to every partition."""

    key: str
    value: bytes
    everywhere: bool


class Output(Struct):
    """What a batch leads to; all of it belongs into one transaction."""

    findings: list[tuple[str, bytes]]
    joins: list[Joined]
    state: list[Change]
    failed: list[tuple[Event, str]]
    broken: list[str]
    suppressed: list[tuple[str, bytes]]
    counts: Counter[str]


class Engine:
    """Applies the rules to the events of one partition, in the order in which they are given."""

    def __init__(
        self,
        registers: Registers,
        book: Book,
        *,
        history_since_ms: int | None = None,
        timezone: str = "Asia/Shanghai",
        partition: int = 0,
        partitions: int = 1,
    ) -> None:
        """`partition` is the number of this one, from 0, of so many `partitions`."""
        self.book = book
        self._clocks = Clocks(book, partition, partitions)
        self._registers = registers
        days = LocalDays(timezone)
        self._day_of = days.day
        self._inbox = registers.inbox()
        self._counts: Counter[str] = Counter()
        self._findings = Findings(book, registers, self._counts, days)
        self._visits = Visits(
            book, registers, self._findings, self._counts, history_since_ms, self._day_of
        )
        self._persons = Persons(book, registers, self._findings, self._counts)
        self._thermometers = Thermometers(book, registers, self._findings)
        self._dossiers = Dossiers(
            book,
            registers,
            self._findings,
            self._counts,
            lambda key: partition_of(key, partitions) == partition,
            days,
        )
        self._tallies = Tallies(book, registers, self._dossiers, self._counts, history_since_ms)
        self._passages = Passages(book, registers, self._dossiers, self._counts)
        self._sites = Sites(registers, book, self._passages.tracks_at)
        self._named = registers.named_plates() | self._passages.named
        self._days: dict[str, int] = {}
        self._fresh: list[bytes] = []
        self._joins: list[Joined] = []
        self._state: list[Change] = []
        self._failed: list[tuple[Event, str]] = []
        self._next_sweep_ms = 0
        self._today = self._joint_day = 0
        self._stop = ""
        for kind, subject in sorted(book.conditions):
            if kind == transfers.ARRIVED:
                self._take_arrival(subject)
        # What was filed while nobody was on duty takes its effect.
        self._findings.review_all()
        for site_id in sorted(book.waiting):
            self._judge_waiting(site_id)

    def close(self) -> None:
        """Stop listening to the registers."""
        self._registers.give_back(self._inbox)

    @property
    def pending(self) -> bool:
        """Tell whether some alert may have changed since the last flush."""
        return self._findings.pending

    @property
    def unsaved(self) -> bool:
        """Tell whether anything but the clock has changed since the last flush."""
        return bool(
            self.pending
            or self._fresh
            or self._joins
            or self._dossiers.joins
            or self._state
            or self.book.has_changed
        )

    @property
    def telling(self) -> bool:
        """Tell whether another partition waits for something that was found here."""
        return bool(self._joins or self._dossiers.joins)

    def apply(self, batch: Sequence[Event]) -> None:
        """Apply events in the order given, which is that of acceptance."""
        if self._inbox:
            self._take_changes()
        book, sites, named, days = self.book, self._sites.steady, self._named, self._days
        clock, stop = book.clock, self._stop
        fresh = self._without_repeats(batch)
        self._tallies.count(fresh)
        passed: list[Hit] = []
        for event in fresh:
            recorded = event.recordedtime
            if recorded > clock:
                if recorded >= stop:
                    self._advance(recorded)
                    stop = self._stop
                clock = book.clock = recorded
            if isinstance(event, Hit):
                data = event.data
                plate = data.plate
                if data.is_preview and event.corrects is None:
                    continue
                # The short way of a vehicle that is known: only a register that names it can match.
                site = sites.get(data.site)
                if (
                    site is not None
                    and plate is not None
                    and plate not in named
                    and event.corrects is None
                ):
                    time = event.time
                    last = site.days.get(plate)
                    if (
                        last is not None
                        and site.since <= time < site.until
                        and site.filed <= recorded
                    ):
                        hour = time[:13]
                        day = days.get(hour)
                        if day is None:
                            day = days[hour] = self._day_of(parse_ms(time))
                        if day <= last:
                            if site.tracked:
                                passed.append(event)
                            continue
                        # A read of an earlier day may put visits on record in another light.
                        if day - last <= site.look_back_d and hour == clock[:13]:
                            if data.confidence >= site.min_confidence:
                                site.days[plate] = day
                                site.changed.add(plate)
                            if site.tracked:
                                passed.append(event)
                            continue
            elif isinstance(event, Tick | Ahead):
                continue
            self._judge(event)
            stop = self._stop
        if passed:
            self._pass(passed)
        self._settle()

    def _settle(self) -> None:
        """Ask about what changed, as soon as there is a clock to ask by."""
        if self.book.clock_ms:
            self._tallies.tell(self.book.clock, self.book.clock_ms)
            self._dossiers.settle(self.book.clock_ms)

    def _without_repeats(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Return the events that were not seen in the last 24 hours, and remember them."""
        seen = self.book.identities.seen
        for event in batch:
            # Joins come before the events: what was corrected before it came never counts.
            if not isinstance(event, Join):
                break
            if isinstance(event, Corrected):
                self._forestall(event)
        # `identity` written out: the call would cost as much as the hash.
        fresh = [
            digest(f"{event.source}\0{event.id}".encode())
            for event in batch
            if not isinstance(event, UNMARKED)
        ]
        self._counts["applied"] += len(fresh)
        self._counts["joins-and-ticks"] += len(batch) - len(fresh)
        unique = set(fresh)
        if len(unique) == len(fresh) and seen.isdisjoint(unique):
            seen |= unique
            self._fresh += fresh
            return batch
        kept: list[Event] = []
        for event in batch:
            if not isinstance(event, UNMARKED):
                who = identity(event.source, event.id)
                if who in seen:
                    self._counts["duplicates"] += 1
                    self._count_forestalled(event)
                    continue
                seen.add(who)
                self._fresh.append(who)
            kept.append(event)
        return kept

    def _count_forestalled(self, event: Hit | Scan | PersonSeen | Reported | Other) -> None:
        """Count an event whose correction came before it: its source lived, as in any order."""
        seen, mark = self.book.identities.seen, counted(event.source, event.id)
        if forestalled(event.source, event.id) in seen and mark not in seen:
            self.book.mark(self.book.clock_ms, mark)
            self._tallies.count((event,))

    def flush(self, next_offsets: dict[str, int]) -> Output:
        """Return what came of all events applied since the last flush."""
        if self._inbox:
            self._take_changes()
        clock = self.book.clock
        joins = self.take_joins()
        findings = self._findings.flush(clock)
        chunk = self.book.identities.close_batch(self._fresh, self.book.clock_ms)
        if chunk is not None:
            self._state.append((identity_key(chunk[0]), chunk[1]))
            self._fresh.clear()
        chunk = self.book.tracks.close_batch(self.book.clock_ms)
        if chunk is not None:
            self._state.append((chunk_key(chunk[0]), chunk[1]))
        state = [*self._state, *self.book.dump(next_offsets)]
        output = Output(
            findings,
            joins,
            state,
            self._failed,
            self._dossiers.broken,
            self._findings.take_suppressed(clock),
            self._counts.copy(),
        )
        self._state, self._failed = [], []
        self._dossiers.broken = []
        self._counts.clear()
        return output

    def take_joins(self) -> list[Joined]:
        """Return the joins since the last flush and forget them.

        Where there is one partition they can be applied before the flush, as if they were quick.
        """
        if self.book.clock_ms:
            self._tallies.tell(self.book.clock, self.book.clock_ms)
            self._tallies.save()
            self._dossiers.settle(self.book.clock_ms)
            # What was found may wait for an instant that comes before all others.
            due_ms = self.book.next_due_ms()
            if due_ms is not None:
                self._stop = min(self._stop, format_ms(due_ms))
        told, self._dossiers.joins = self._dossiers.joins, []
        told += self._findings.tell()
        for key, join in told:
            self._join(key or "", join, everywhere=key is None)
        clock = self._clocks.tell(self.book.clock_ms) if self.book.clock_ms else None
        if clock is not None:
            # Behind all that was told before it.
            self._join(f"clock:{clock.partition}", clock, everywhere=True)
        joins, self._joins = self._joins, []
        return joins

    def _pass(self, events: Sequence[Hit]) -> None:
        """Put the readings that took the short way into tracks."""
        try:
            self._passages.take(events)
        except Exception:  # One of them fails: the long way sets it aside, and changes no other.
            for event in events:
                self._judge(event)

    # Events, one by one.

    def _judge(self, event: Event) -> None:
        """Apply the rules to one event; one that a rule fails on is set aside, not lost."""
        try:
            self._apply_rules(event)
        except Exception as error:
            self._failed.append((event, f"{type(error).__name__}: {error}"))
            self._counts["rule-failed"] += 1
            if not isinstance(event, UNMARKED):
                # It is not done, so it must not count as seen when it is sent again.
                who = identity(event.source, event.id)
                self.book.identities.seen.discard(who)
                self._fresh = [each for each in self._fresh if each != who]

    def _apply_rules(self, event: Event) -> None:
        if isinstance(event, Join):
            self._take_join(event)
            return
        if not isinstance(event, Hit | Scan | PersonSeen | Reported):
            self._counts["without-rule"] += 1
            return
        if event.corrects is not None and event.corrects != event.id:
            self._counts["corrections"] += 1
            persons = MOST_PERSONS if isinstance(event, Scan) else 0
            replaced = Corrected(
                source=event.source,
                id=event.corrects,
                persons=persons,
                recorded_ms=parse_ms(event.recordedtime),
            )
            self._join(source_key(event.source), replaced, everywhere=True)
            # Here at once: the two must not become one passage.
            self._take_out(replaced)
        if isinstance(event, Hit) and event.data.is_preview:
            return
        time_ms, recorded_ms = parse_ms(event.time), parse_ms(event.recordedtime)
        if isinstance(event, Reported):
            self._report(event, time_ms, recorded_ms)
            return
        site = self._sites.find(event, time_ms, recorded_ms)
        if site is None:
            self._wait(event)
        elif recorded_ms - time_ms > ARCHIVE_MS:
            self._counts["archived"] += 1
        elif isinstance(event, PersonSeen):
            seen = self._persons.seen(event, site)
            self._dossiers.gather(seen, event.type)
            self._look_back(seen.person, seen)
            read = self._persons.judge(event, site, time_ms, recorded_ms)
            if read is not None:
                self._join(source_key(read.source), read, everywhere=False)
        else:
            self._vehicle(event, site, time_ms, recorded_ms)

    def _vehicle(self, event: Hit | Scan, site: SiteFacts, time_ms: int, recorded_ms: int) -> None:
        data = event.data
        confidence = data.confidence if isinstance(data, SeenPlate) else data.plate_confidence
        read = Read(
            time_ms,
            recorded_ms,
            event.source,
            event.id,
            event.type,
            data.plate or "",
            confidence,
            data.direction,
            site.id,
            site.region,
            site.grid,
            site.role,
            time_ms < site.warm_until_ms,
        )
        self._dossiers.gather(_passing(event, read, site), event.type)
        if data.plate is None:
            return
        self._passages.take((event,))
        if data.plate in self._named:
            self._ask(read, site)
            self._look_back(data.plate, read)
        due_ms = self._visits.sight(read)
        if due_ms != FOREVER:
            self._stop = min(self._stop, format_ms(due_ms))

    def _report(self, event: Reported, time_ms: int, recorded_ms: int) -> None:
        if recorded_ms - time_ms > ARCHIVE_MS:
            self._counts["archived"] += 1
            return
        data = msgspec.convert(event.data, KIND_BY_TYPE[event.type].data)
        report = Report(time_ms, recorded_ms, event.source, event.id, event.type, data)
        self._dossiers.gather(report, event.type)

    def _ask(self, read: Read, site: SiteFacts) -> None:
        for rule in _ASKED_OF_READS:
            assert rule.on_read is not None
            parameters, policy = self._registers.policy(rule.name, read.time_ms, read.recorded_ms)
            for found in rule.on_read(read, site, self._registers, parameters, policy):
                if isinstance(found, Cover):
                    self._findings.suppress(
                        rule, found.kind, read.source, read.id, read.time_ms, read.site
                    )
                elif found[1] is not None:
                    self._findings.add(rule, found[0], "vehicle", read.plate, found[1])

    def _look_back(self, subject: str, seen: Check | Read) -> None:
        """Keep what was on its way when a watch entry about it was filed."""
        for entry_id in self._registers.about("watch-entry", subject):
            versions = self._registers.versions_of("watch-entry", entry_id)
            for key, fact in retrospective_hit.overtaken(seen, entry_id, versions):
                self._dossiers.hand(retrospective_hit.NAME, key, fact)

    def _take_join(self, join: Join) -> None:
        if isinstance(join, TemperatureRead):
            if self._is_corrected(join.source, join.id):
                return
            bias = self._thermometers.take(join)
            if bias is not None:
                self._join(source_key(bias.source), bias, everywhere=True)
        elif isinstance(join, DeviceBias):
            self._persons.take_bias(join)
        elif isinstance(join, FactTold):
            fact = join.fact
            if join.gone or not self._is_corrected(fact.source, fact.id):
                self._dossiers.take(join)
        elif isinstance(join, ConditionTold):
            self._dossiers.take(join)
            self._findings.doubt(join.kind, join.subject)
            if join.kind in (transfers.ARRIVED, transfers.KNOWN):
                self._take_arrival(join.subject)
        elif isinstance(join, Corrected):
            self._take_out(join)
        elif isinstance(join, LookBack):
            self._dossiers.gather(join, join.type)
        elif isinstance(join, ClockTold):
            self._clocks.take(join)

    def _take_arrival(self, subject: str) -> None:
        """Let somebody's arrival by a transfer change where they have to be."""
        told = self.book.conditions
        arrived = told.get((transfers.ARRIVED, subject))
        known = told.get((transfers.KNOWN, subject))
        when = (arrived[0][0], known[0][0]) if arrived and known else None
        transfer, person = transfers.told(subject)
        changes = self._registers.arrive(person, transfer, when)
        self._findings.forgo(change.id for change in changes)
        self._findings.review_concerned(changes)
        self._dossiers.review(changes)
        self._persons.ask_anew(person)

    def _forestall(self, replaced: Corrected) -> None:
        marks: list[bytes] = []
        for event_id in sorted(replaced.ids):
            who = identity(replaced.source, event_id)
            if who not in self.book.identities.seen:
                marks += (who, forestalled(replaced.source, event_id))
        if marks:
            # This partition may be days behind the one that corrects.
            self.book.mark(max(self.book.clock_ms, replaced.recorded_ms), *marks)

    def _is_corrected(self, source: str, event_id: str) -> bool:
        """Tell whether what another partition tells of an event was overtaken by its correction."""
        # The checks of a scan are numbered, and so are several facts of one event.
        names = {event_id, event_id.rpartition("#")[0]}
        return any(corrected(source, name) in self.book.identities.seen for name in names)

    def _take_out(self, replaced: Corrected) -> None:
        """Let an event count no more: whatever came of it goes."""
        source, ids, clock_ms = replaced.source, replaced.ids, self.book.clock_ms
        self.book.mark(max(clock_ms, replaced.recorded_ms), corrected(source, replaced.id))
        for site_id, waiting in list(self.book.waiting.items()):
            for who in [identity(source, event_id).hex() for event_id in ids]:
                if who in waiting:
                    self.book.stop_waiting(site_id, who)
        self._dossiers.take_out(source, ids)
        self.book.tracks.take_out(source, replaced.id, clock_ms)
        self._visits.take_out(source, ids, clock_ms)
        bias = self._thermometers.take_out(source, ids)
        if bias is not None:
            self._join(source_key(source), bias, everywhere=True)
        self._findings.take_out(source, ids, "corrected")
        self._persons.take_out(source, replaced.id, ids)

    def _join(self, key: str, join: Join, *, everywhere: bool) -> None:
        self._joins.append(Joined(key, _encode(join), everywhere))

    def _wait(self, event: Waiting) -> None:
        self._counts["site-not-filed"] += 1
        if sum(map(len, self.book.waiting.values())) >= MOST_WAITING:
            self._counts["waiting-overflow"] += 1
            return
        who = identity(event.source, event.id).hex()
        self.book.wait(event.data.site, who, event)

    # Registers.

    def _take_changes(self) -> None:
        changes, self._inbox[:] = list(self._inbox), []
        self._sites.steady.clear()
        self._passages.review(changes)
        self._named = self._registers.named_plates() | self._passages.named
        for change in changes:
            if change.register == "site" and change.id in self.book.waiting:
                self._judge_waiting(change.id)
        self._findings.review_concerned(changes)
        self._dossiers.review(changes)
        self._tallies.review(changes)

    def _judge_waiting(self, site_id: str) -> None:
        for who in sorted(self.book.waiting.get(site_id, {})):
            event = self.book.waiting[site_id][who]
            facts = self._registers.site(
                site_id, parse_ms(event.time), parse_ms(event.recordedtime)
            )
            if facts is not None:
                self._judge(self.book.stop_waiting(site_id, who))

    # Time.

    def _advance(self, to: str) -> None:
        """Let the clock reach an instant: fire what is due by then, forget what is too old."""
        to_ms = parse_ms(to)
        # What this batch brought may set deadlines, and bring facts to those that are due.
        self._tallies.tell_own_lives()
        self._dossiers.settle(self.book.clock_ms or to_ms)
        while (due_ms := self.book.next_due_ms()) is not None and due_ms <= to_ms:
            # A clock that leaps over days does what it would have done on the way.
            self._sweep(due_ms - due_ms % HOUR_MS)
            key = self.book.pop_due()
            self._counts["deadlines-fired"] += 1
            try:
                if key.startswith(OF_A_DOSSIER):
                    self._dossiers.deadline(key, due_ms)
                else:
                    self._visits.deadline(key, due_ms)
            except Exception as error:  # One group must not stop the partition.
                self._counts["deadline-failed"] += 1
                self._dossiers.broken.append(f"deadline {key}: {type(error).__name__}: {error}")
        self._sweep(to_ms)
        due_ms = self.book.next_due_ms()
        # The instant at which the clock has something to do again, as text.
        self._stop = format_ms(min(self._next_sweep_ms, due_ms or FOREVER))

    def _sweep(self, clock_ms: int) -> None:
        """Forget what is too old, once in an hour: what only this partition speaks of by its own
        clock, and what others may speak of by the joint one."""
        if clock_ms < self._next_sweep_ms:
            return
        self._next_sweep_ms = clock_ms - clock_ms % HOUR_MS + HOUR_MS
        self._clocks.advance(clock_ms)
        joint_ms = self.book.joint_ms
        self._state += [
            (identity_key(number), None) for number in self.book.identities.expire(clock_ms)
        ]
        for site_id, events in list(self.book.waiting.items()):
            for who, event in list(events.items()):
                if parse_ms(event.recordedtime) + LATE_MS < clock_ms:
                    self._counts["waited-in-vain"] += 1
                    self.book.stop_waiting(site_id, who)
        self._state += [(chunk_key(number), None) for number in self._passages.forget(clock_ms)]
        self.book.forget_marks(joint_ms)
        self._persons.forget(joint_ms)
        self._thermometers.forget(joint_ms)
        if (joint_day := self._day_of(joint_ms)) != self._joint_day:
            self._joint_day = joint_day
            self._dossiers.forget(clock_ms)
            conditions.forget(self.book, self._registers, joint_ms)
            self._findings.forget(joint_ms)
            self._persons.forget_cold()
        if (today := self._day_of(clock_ms)) != self._today:
            self._today = today
            self._tallies.forget(clock_ms)
            self._visits.forget(clock_ms)
            self._days.clear()


def _passing(event: Hit | Scan, read: Read, site: SiteFacts) -> Passing:
    data = event.data
    body = data.vehicle
    scan = data if isinstance(data, ScannedPlate) else None
    return Passing(
        read,
        site,
        lane=data.lane,
        plate_colour=data.plate_colour,
        aux_plate=data.aux_plate,
        vehicle_type=body.type if body else None,
        vehicle_colour=body.colour if body else None,
        occupants=scan.occupants if scan else None,
        stays=tuple((stay.area, stay.from_, stay.to) for stay in (scan and scan.stays) or ()),
        destination_grid=scan.destination.grid if scan and scan.destination else None,
        is_online=data.capture_mode == "online",
    )
