"""The engine: ordered events of one partition in, findings and changes of state out."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from xxhash import xxh3_128_digest as digest

from rules import (
    first_seen_vehicle,
    quarantine_breach,
    quarantined_vehicle_moving,
)
from rules.catalogue import BY_NAME
from rules.facts import Check, Cover, Read, SiteFacts
from rules.registers import Registers
from rules.rule import Match, Rule
from schemas.alerts import FINDING_TYPES, FindingEvent
from schemas.confusion import fold
from schemas.times import DAY_MS, HOUR_MS, format_ms, parse_ms
from schemas.versions import FOREVER
from services.alerts.engine import episodes, sightings
from services.alerts.engine.book import Book, Change, Waiting, identity_key
from services.alerts.engine.decode import Event, Hit, PersonSeen, Scan, SeenPlate, Tick
from services.alerts.engine.identities import identity
from services.alerts.engine.sightings import Knowledge, calendar

# Histories are kept this long after their last match, for late events and late excuses.
KEEP_HISTORY_MS = 10 * DAY_MS
ARCHIVE_MS = 14 * DAY_MS
# Up to this lateness events are applied as if they had come in time.
LATE_MS = 72 * HOUR_MS
MOST_WAITING = 100_000
_END_OF_TIME = "9999-12-31T23:59:59.999Z"
_FIRST_SEEN = first_seen_vehicle.RULE
_encode = msgspec.json.Encoder().encode


class Output(Struct):
    """What a batch leads to; all of it belongs into one transaction."""

    findings: list[tuple[str, bytes]]
    state: list[Change]
    failed: list[tuple[Event, str]]
    counts: Counter[str]


class _Site(Struct):
    """A site whose facts hold from `since` to `until`, for events accepted from `filed` on."""

    since: str
    until: str
    filed: str
    days: dict[str, int]
    changed: set[str]
    facts: SiteFacts
    min_confidence: float
    look_back_d: int


class Engine:
    """Applies the rules to the events of one partition, in the order in which they are given."""

    def __init__(
        self,
        registers: Registers,
        book: Book,
        *,
        history_since_ms: int | None = None,
        timezone: str = "Asia/Shanghai",
    ) -> None:
        self.book = book
        self._registers = registers
        self._since_ms = history_since_ms
        self._day_of = calendar(timezone)
        self._inbox = registers.inbox()
        self._sites: dict[str, _Site | None] = {}
        self._linked = registers.linked_plates()
        self._days: dict[str, int] = {}
        self._fresh: list[bytes] = []
        self._touched: set[tuple[str, str]] = set()
        self._state: list[Change] = []
        self._failed: list[tuple[Event, str]] = []
        self._counts: Counter[str] = Counter()
        self._next_sweep_ms = 0
        self._today = 0
        self._stop = ""
        self._review_all()

    def close(self) -> None:
        """Stop listening to the registers."""
        self._registers.give_back(self._inbox)

    @property
    def pending(self) -> bool:
        """Tell whether some alert may have changed since the last flush."""
        return bool(self._touched)

    @property
    def unsaved(self) -> bool:
        """Tell whether anything but the clock has changed since the last flush."""
        return bool(self._touched or self._fresh or self._state or self.book.has_changed)

    def apply(self, batch: Sequence[Event]) -> None:
        """Apply events in the order given, which is that of acceptance."""
        if self._inbox:
            self._take_changes()
        book, sites, linked, days = self.book, self._sites, self._linked, self._days
        clock, stop = book.clock, self._stop
        for event in self._without_repeats(batch):
            recorded = event.recordedtime
            if recorded > clock:
                if recorded >= stop:
                    self._advance(recorded)
                    stop = self._stop
                clock = book.clock = recorded
            if isinstance(event, Hit):
                data = event.data
                plate = data.plate
                if plate is None or data.is_preview:
                    continue
                # The short way of a vehicle that is known: only a link to an order can match.
                site = sites.get(data.site)
                if site is not None and plate not in linked:
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
                            continue
                        # A read of an earlier day may put visits on record in another light.
                        if day - last <= site.look_back_d and hour == clock[:13]:
                            if data.confidence >= site.min_confidence:
                                site.days[plate] = day
                                site.changed.add(plate)
                            continue
            elif isinstance(event, Tick):
                continue
            self._judge(event)
            stop = self._stop
        self._counts["applied"] += len(batch)

    def _without_repeats(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Return the events that were not seen in the last 24 hours, and remember them."""
        seen = self.book.identities.seen
        # `identity` written out: the call would cost as much as the hash.
        fresh = [
            digest(f"{event.source}\0{event.id}".encode())
            for event in batch
            if not isinstance(event, Tick)
        ]
        unique = set(fresh)
        if len(unique) == len(fresh) and seen.isdisjoint(unique):
            seen |= unique
            self._fresh += fresh
            return batch
        kept: list[Event] = []
        for event in batch:
            if not isinstance(event, Tick):
                who = identity(event.source, event.id)
                if who in seen:
                    self._counts["duplicates"] += 1
                    continue
                seen.add(who)
                self._fresh.append(who)
            kept.append(event)
        return kept

    def flush(self, next_offsets: dict[str, int]) -> Output:
        """Return what came of all events applied since the last flush."""
        if self._inbox:
            self._take_changes()
        clock = self.book.clock
        findings: list[tuple[str, bytes]] = []
        for key in sorted(self._touched):
            history = self.book.histories[key]
            for finding in episodes.flush(history, BY_NAME[key[0]]):
                history.revision += 1
                self._counts[f"finding:{finding.rule}:{finding.verb}"] += 1
                event = FindingEvent(
                    specversion="1.0",
                    id=f"{finding.alert_id}/{history.revision}",
                    source="cordon/worker",
                    type=FINDING_TYPES[finding.verb],
                    time=clock,
                    recordedtime=clock,
                    data=finding,
                )
                findings.append((finding.alert_id, _encode(event)))
            self.book.changed.add(("h", *key))
        self._touched.clear()
        chunk = self.book.identities.close_batch(self._fresh, parse_ms(clock) if self._fresh else 0)
        if chunk is not None:
            self._state.append((identity_key(chunk[0]), chunk[1]))
            self._fresh.clear()
        state = [*self._state, *self.book.dump(next_offsets)]
        output = Output(findings, state, self._failed, self._counts)
        self._state, self._failed, self._counts = [], [], Counter()
        return output

    # Events, one by one.

    def _judge(self, event: Event) -> None:
        """Apply the rules to one event; one that a rule fails on is set aside, not lost."""
        try:
            self._apply_rules(event)
        except Exception as error:
            self._failed.append((event, f"{type(error).__name__}: {error}"))
            self._counts["rule-failed"] += 1
            if not isinstance(event, Tick):
                # It is not done, so it must not count as seen when it is sent again.
                who = identity(event.source, event.id)
                self.book.identities.seen.discard(who)
                self._fresh = [each for each in self._fresh if each != who]

    def _apply_rules(self, event: Event) -> None:
        if not isinstance(event, Hit | Scan | PersonSeen):
            self._counts["without-rule"] += 1
            return
        time_ms, recorded_ms = parse_ms(event.time), parse_ms(event.recordedtime)
        site = self._site(event, time_ms, recorded_ms)
        if site is None:
            self._wait(event)
            return
        if isinstance(event, PersonSeen):
            self._person(event, site, time_ms, recorded_ms)
        else:
            self._vehicle(event, site, time_ms, recorded_ms)

    def _person(self, event: PersonSeen, site: SiteFacts, time_ms: int, recorded_ms: int) -> None:
        seen = event.data.person
        if seen.person is None or not self._registers.may_be_ordered(seen.person):
            return
        if recorded_ms - time_ms > ARCHIVE_MS:
            self._counts["archived"] += 1
            return
        rule = quarantine_breach.RULE
        parameters, policy = self._registers.policy(rule.name, time_ms, recorded_ms)
        check = Check(
            source=event.source,
            id=event.id,
            type=event.type,
            time_ms=time_ms,
            recorded_ms=recorded_ms,
            person=seen.person,
            verified_by=seen.verified_by,
            has_pass=seen.pass_ is not None,
            site=site,
        )
        for found in quarantine_breach.detect(check, self._registers, parameters, policy):
            if isinstance(found, Cover):
                self._counts[f"suppressed:{rule.name}:{found.kind}"] += 1
            else:
                self._add(rule, found[0], "person", seen.person, found[1])

    def _vehicle(self, event: Hit | Scan, site: SiteFacts, time_ms: int, recorded_ms: int) -> None:
        data = event.data
        if data.plate is None:
            return
        confidence = data.confidence if isinstance(data, SeenPlate) else data.plate_confidence
        read = Read(
            time_ms,
            recorded_ms,
            event.source,
            event.id,
            event.type,
            data.plate,
            confidence,
            data.direction,
            site.id,
            site.region,
            site.grid,
            site.role,
            time_ms < site.warm_until_ms,
        )
        if recorded_ms - time_ms > ARCHIVE_MS:
            self._counts["archived"] += 1
            return
        if data.plate in self._linked:
            rule = quarantined_vehicle_moving.RULE
            parameters, policy = self._registers.policy(rule.name, time_ms, recorded_ms)
            for found in quarantined_vehicle_moving.detect(
                read, site, self._registers, parameters, policy
            ):
                if isinstance(found, Cover):
                    self._counts[f"suppressed:{rule.name}:{found.kind}"] += 1
                else:
                    self._add(rule, found[0], "vehicle", data.plate, found[1])
        self._sight(read)

    def _sight(self, read: Read) -> None:
        """Note that a vehicle was seen, and look at its group where it may be new."""
        parameters, _ = self._registers.policy(_FIRST_SEEN.name, read.time_ms, read.recorded_ms)
        accepted = read.confidence >= parameters["min_confidence"]
        look_back_d = parameters["look_back_d"]
        table = self.book.region(read.region)
        day, last = self._day_of(read.time_ms), table.days.get(read.plate)
        folded = fold(read.plate)
        group = self.book.groups.get(folded)
        is_known = last is not None and day - last <= look_back_d
        if is_known or not sightings.is_warm(self._since_ms, read.time_ms, look_back_d):
            # No entrance at this time can open an alert, and for later ones it is just known.
            if not accepted or day <= (last or 0):
                return
            if group is None:
                table.note(read.plate, day)
                return
            plates = sightings.plates_of(group.reads)
            table.note(read.plate, sightings.recognise(group, read, parameters, self._day_of))
        else:
            if group is None:
                group = self.book.groups[folded] = sightings.Group([])
            self._counts["reads-pushed-out"] += sightings.add(group, read)
            plates = sightings.plates_of(group.reads)
        self.book.changed.add(("g", folded))
        due_ms = read.time_ms + sightings.SETTLED_MS
        due_ms = min(due_ms, self._assess(folded, parse_ms(self.book.clock), plates))
        key = f"g/{folded}"
        self.book.schedule(key, min(due_ms, self.book.deadlines.get(key, FOREVER)))
        self._stop = min(self._stop, format_ms(due_ms))

    def _assess(self, folded: str, clock_ms: int, plates: set[tuple[str, str]]) -> int:
        """Look at the visits of a confusion group again; return when the clock changes one."""
        reads = self.book.groups[folded].reads
        found: dict[tuple[str, str], list[Match]] = {}
        due: list[int] = []
        if any(read.role == "boundary" and read.direction == "in" for read in reads):
            newest = max(reads, key=lambda read: (read.recorded_ms, read.time_ms))
            parameters, policy = self._registers.policy(
                _FIRST_SEEN.name, newest.time_ms, newest.recorded_ms
            )
            knowledge = Knowledge(
                reads,
                self.book.established,
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
            matches = found.get((region, plate), [])
            key = (_FIRST_SEEN.name, f"{region}/{plate}")
            if matches or key in self.book.histories:
                history = self.book.history(*key, "vehicle", plate)
                # What came of reads that have settled since stands.
                oldest_ms = min(
                    (
                        each.time_ms
                        for each in reads
                        if (each.region, each.plate) == (region, plate)
                    ),
                    default=0,
                )
                settled = [match for match in history.matches if match.first_ms < oldest_ms]
                if episodes.replace_all(history, [*settled, *matches], _FIRST_SEEN):
                    self._touched.add(key)
        return min(due, default=FOREVER)

    def _deadline(self, folded: str, clock_ms: int) -> None:
        """A group's time has come: look at it again, and let go what has settled."""
        group = self.book.groups[folded]
        due_ms = self._assess(folded, clock_ms, sightings.plates_of(group.reads))
        parameters, _ = self._registers.policy(_FIRST_SEEN.name, clock_ms, clock_ms)
        settled, next_ms = sightings.graduates(group, clock_ms, parameters, self._day_of)
        for region, plate, day in settled:
            self.book.region(region).note(plate, day)
        self.book.changed.add(("g", folded))
        if next_ms is None:
            del self.book.groups[folded]
        else:
            self.book.schedule(f"g/{folded}", min(due_ms, next_ms))

    def _add(self, rule: Rule, dedupe: str, kind: str, subject: str, match: Match) -> None:
        key = (rule.name, dedupe)
        history = self.book.history(rule.name, dedupe, kind, subject)
        if not episodes.add(history, match, rule):
            return
        self._touched.add(key)
        if match.order is not None:
            self.book.by_order[match.order].add(key)
        if self._registers.newest_ms > match.recorded_ms:
            self._review(key)

    def _wait(self, event: Waiting) -> None:
        self._counts["site-not-filed"] += 1
        if sum(map(len, self.book.waiting.values())) >= MOST_WAITING:
            self._counts["waiting-overflow"] += 1
            return
        who = identity(event.source, event.id).hex()
        self.book.wait(event.data.site, who, event)

    # Registers.

    def _site(self, event: Waiting, time_ms: int, recorded_ms: int) -> SiteFacts | None:
        site_id = event.data.site
        if site_id not in self._sites:
            self._sites[site_id] = self._steady_site(site_id)
        site = self._sites[site_id]
        if (
            site is not None
            and site.since <= event.time < site.until
            and site.filed <= event.recordedtime
        ):
            return site.facts
        return self._registers.site(site_id, time_ms, recorded_ms)

    def _steady_site(self, site_id: str) -> _Site | None:
        """Return a site of which one version is filed, under zones and a policy that stand."""
        versions = list(self._registers.versions("site").get(site_id, []))
        if len(versions) != 1 or versions[0].facts is None:
            return None
        for zone_id in versions[0].facts.zones:
            zone = self._registers.versions("zone").get(zone_id, [])
            if len(zone) > 1:
                return None
            versions += zone
        for policy in self._registers.versions("policy").values():
            versions += policy
        since_ms = max(version.from_ms for version in versions)
        until_ms = min(
            (version.to_ms for version in versions if version.to_ms > since_ms), default=FOREVER
        )
        filed_ms = max(version.recorded_ms for version in versions)
        facts = self._registers.site(site_id, since_ms, filed_ms)
        if facts is None:
            return None
        parameters, _ = self._registers.policy(_FIRST_SEEN.name, since_ms, filed_ms)
        table = self.book.region(facts.region)
        return _Site(
            format_ms(since_ms),
            _END_OF_TIME if until_ms == FOREVER else format_ms(until_ms),
            format_ms(filed_ms),
            table.days,
            table.changed,
            facts,
            parameters["min_confidence"],
            parameters["look_back_d"],
        )

    def _take_changes(self) -> None:
        changes, self._inbox[:] = list(self._inbox), []
        self._sites.clear()
        self._linked = self._registers.linked_plates()
        orders: set[str] = set()
        for change in changes:
            orders.update(change.orders)
            if change.register == "site" and change.id in self.book.waiting:
                self._judge_waiting(change.id)
        for order in sorted(orders):
            for key in sorted(self.book.by_order.get(order, ())):
                self._review(key)

    def _judge_waiting(self, site_id: str) -> None:
        for who in sorted(self.book.waiting.get(site_id, {})):
            event = self.book.waiting[site_id][who]
            facts = self._registers.site(
                site_id, parse_ms(event.time), parse_ms(event.recordedtime)
            )
            if facts is not None:
                self._judge(self.book.stop_waiting(site_id, who))

    def _review(self, key: tuple[str, str]) -> None:
        """Look whether what is filed by now excuses matches, or no longer does."""
        history, rule = self.book.histories[key], BY_NAME[key[0]]
        for index, match in enumerate(history.matches):
            if rule is quarantine_breach.RULE:
                person = history.subject.key
                excuse = quarantine_breach.excuse(match, person, self._registers)
            elif rule is quarantined_vehicle_moving.RULE:
                plate = history.subject.key.removeprefix("vehicle:")
                excuse = quarantined_vehicle_moving.excuse(match, plate, self._registers)
            else:
                continue
            if excuse != match.withdrawn:
                episodes.withdraw(history, index, excuse, rule)
                self._touched.add(key)

    def _review_all(self) -> None:
        """After a start: what was filed while nobody was on duty takes its effect."""
        for key in sorted(self.book.histories):
            self._review(key)
        for site_id in sorted(self.book.waiting):
            self._judge_waiting(site_id)

    # Time.

    def _advance(self, to: str) -> None:
        """Let the clock reach an instant: fire what is due by then, forget what is too old."""
        to_ms = parse_ms(to)
        while (due_ms := self.book.next_due_ms()) is not None and due_ms <= to_ms:
            key = self.book.pop_due()
            self._counts["deadlines-fired"] += 1
            try:
                self._deadline(key.removeprefix("g/"), due_ms)
            except Exception:  # One group that a rule fails on must not stop the partition.
                self._counts["deadline-failed"] += 1
        if to_ms >= self._next_sweep_ms:
            today = self._day_of(to_ms)
            new_day, self._today = today != self._today, today
            self._next_sweep_ms = to_ms - to_ms % HOUR_MS + HOUR_MS
            self._sweep(to_ms, new_day)
        due_ms = self.book.next_due_ms()
        # The instant at which the clock has something to do again, as text.
        self._stop = format_ms(min(self._next_sweep_ms, due_ms or FOREVER))

    def _sweep(self, clock_ms: int, new_day: bool) -> None:
        self._state += [
            (identity_key(number), None) for number in self.book.identities.expire(clock_ms)
        ]
        for site_id, events in list(self.book.waiting.items()):
            for who, event in list(events.items()):
                if parse_ms(event.recordedtime) + LATE_MS < clock_ms:
                    self._counts["waited-in-vain"] += 1
                    self.book.stop_waiting(site_id, who)
        if not new_day:
            return
        for key, history in list(self.book.histories.items()):
            last_ms = episodes.newest_ms(history)
            keep_ms = max(KEEP_HISTORY_MS, BY_NAME[key[0]].quiet_gap_ms + LATE_MS)
            if last_ms + keep_ms < clock_ms and key not in self._touched:
                self.book.forget_history(key)
        for table in self.book.established.values():
            table.expire(self._day_of(clock_ms))
        self._days.clear()
