"""The stage of counts: what one partition has to tell of each source, so that its owner can judge.

The events of a source are spread over all partitions (a plate hit goes to its vehicle's). So each
partition counts, cheaply, and tells portions: of every minute how late online events came (D33), of
every hour how many readings were poor (D34), and when watched sites and devices were heard (D32).
Rules add the portions up (rules/tallies.py, rules/source_silent.py), so that neither batches nor
the number of partitions can change what is found. What is not told yet is kept in the book.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from msgspec import Struct
from xxhash import xxh64_hexdigest

from rules import clock_skew, inflow_surge, plate_quality, source_silent
from rules.plate_quality import GOOD, POOR
from rules.registers import Change, Registers
from rules.tallies import Slots, offset_bin, pack
from schemas.events import HEARTBEAT
from schemas.joins import Fact, source_key
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_ms, parse_ms
from services.alerts.engine.book import Book
from services.alerts.engine.counted import Life, Tally, shard_of
from services.alerts.engine.decode import Ahead, Event, Hit, PersonSeen, Reported, Scan, SeenPlate

_SILENT = source_silent.RULE.name
_SKEWED = clock_skew.RULE.name
_POOR = plate_quality.NAME
# A reading below this says little: it counts as poor (domain: confidence of D01).
LOW_CONFIDENCE: Final = 0.85
_SURGED = inflow_surge.RULE.name
# New entries are told no more often than this.
_ENTRIES_EVERY_MS: Final = 30 * SECOND_MS
# Entries that are remembered so as not to be looked at again; to look again does no harm.
_MOST_SEEN: Final = 100_000
_ON_THE_MINUTE: Final = ":00.000Z"


class Teller(Protocol):
    """What brings a fact to the owner of its key."""

    def hand(self, rule: str, key: str, fact: Fact) -> None:
        """Bring a fact to its dossier, here or in the partition of its key."""

    def owns(self, key: str) -> bool:
        """Tell whether a key belongs to this partition."""


class _Seconds(dict[str, int]):
    """Instants as seconds, by their text without what comes after the second."""

    def __missing__(self, text: str) -> int:
        seconds = self[text] = parse_ms(f"{text}.000Z") // SECOND_MS
        return seconds


class _Portion(Struct):
    """Counts of one span that are told together: as of when, of which site, by slot and bin."""

    at_ms: int
    site: str
    slots: Slots


class Tallies:
    """The counts of one partition."""

    def __init__(
        self,
        book: Book,
        registers: Registers,
        teller: Teller,
        counts: Counter[str],
        history_since_ms: int | None = None,
    ) -> None:
        self._book = book
        self._registers = registers
        self._teller = teller
        self._counts = counts
        self._sites: dict[str, Life] = {}
        self._sources: dict[str, Life] = {}
        self._since_ms = history_since_ms
        self._entrances: set[str] = set()
        self._seen: set[tuple[str, str, str]] = set()
        self._told_ms = 0
        self._is_heard = False
        # All minutes before this one are told, but for what was counted since (`_is_late`).
        self._told_minute = ""
        self._is_late = True
        self._seconds = _Seconds()
        self._stale = True
        self._ahead: dict[str, str] = {}
        self._portions: dict[tuple[str, str, int], _Portion] = {}

    # Who is watched.

    def review(self, changes: Iterable[Change]) -> None:
        """Note that other sites and devices may have to report from now on."""
        self._stale = self._stale or any(each.register in ("site", "device") for each in changes)

    def _watch(self) -> None:
        self._stale = False
        self._entrances = {
            site_id
            for site_id, versions in self._registers.versions("site").items()
            if any(each.facts and each.facts.role == "boundary" for each in versions)
        }
        self._sites = self._watched("site", "site:")
        self._sources = self._watched("device", "source:")

    def _watched(self, register: str, kind: str) -> dict[str, Life]:
        """Return the life of each that ever had to report, and the least break to be minded."""
        found: dict[str, Life] = {}
        for name, versions in self._registers.versions(register).items():
            every = [v.facts.heartbeat_s for v in versions if v.facts and v.facts.heartbeat_s]
            if not every:
                continue
            life = found[name] = self._book.counted.life(kind + name)
            least_ms = source_silent.LEAST_MISSED * min(every) * SECOND_MS
            if least_ms != life.least_ms:
                life.least_ms, life.limit = least_ms, ""
        return found

    # What is counted.

    def count(self, batch: Sequence[Event]) -> None:
        """Count the events of a batch; repeats are not among them."""
        if self._stale:
            self._watch()
        self._is_heard = True
        tallies, sites, sources = self._book.counted.tallies, self._sites, self._sources
        entrances, tally_of, low = self._entrances, tallies.get, LOW_CONFIDENCE
        told_minute = self._told_minute
        for event in batch:
            try:
                if type(event) is not Hit:
                    self._count_other(event)
                    continue
                # This is the way of nearly all events: it must cost next to nothing.
                data, recorded = event.data, event.recordedtime
                tally = tally_of(event.source)
                minute = recorded[:16]
                if tally is None or tally.minute != minute:
                    tally = self._turn(event.source, data.site, recorded)
                if minute < told_minute:
                    self._is_late = True
                if (
                    event.time[:18] == recorded[:18]
                    and data.confidence >= low
                    and data.plate is not None
                    and not data.is_preview
                    and data.capture_mode == "online"
                ):
                    tally.plain += 1
                else:
                    self._count_unusual(tally, data, event.time, recorded)
                if data.direction == "in" and data.site in entrances:
                    self._note_entry(event, data.confidence)
                if sites and (life := sites.get(data.site)) is not None:
                    if life.last < recorded <= life.limit:
                        life.last = recorded
                    else:
                        self._heard(life, data.site, recorded)
                if sources:
                    life = sources.get(event.source)
                    if life is not None:
                        self._heard(life, data.site, recorded)
            except Exception:
                # Its instants or fields mean nothing. It is judged next, which sets it aside.
                self._counts["not-counted"] += 1
        self._hand_portions()

    def _count_unusual(self, tally: Tally, data: SeenPlate, time: str, recorded: str) -> None:
        if data.capture_mode == "online":
            self._note_offset(tally, time, recorded)
        if not data.is_preview:
            if data.plate is None or data.confidence < LOW_CONFIDENCE:
                tally.poor += 1
            else:
                tally.good += 1

    def _note_entry(self, event: Hit | Scan, confidence: float) -> None:
        """Note that a vehicle came into a region, once in some minutes."""
        plate = event.data.plate
        if plate is None or confidence < LOW_CONFIDENCE:
            return
        if isinstance(event, Hit) and event.data.is_preview:
            return
        seen = (plate, event.data.site, event.time[:15])
        if seen in self._seen:
            return
        self._seen.add(seen)
        time_ms, recorded_ms = parse_ms(event.time), parse_ms(event.recordedtime)
        site = self._registers.site(event.data.site, time_ms, recorded_ms)
        if site is None or site.role != "boundary" or recorded_ms - time_ms > inflow_surge.LATE_MS:
            return
        exempt = self._registers.exemptions(plate, site, time_ms, recorded_ms)
        if any(each.kind in ("green-channel", "fleet") for each in exempt):
            return
        key = f"{site.region or inflow_surge.NO_REGION}\n{time_ms - time_ms % inflow_surge.SPAN_MS}"
        digits = xxh64_hexdigest(plate.encode())[: inflow_surge.DIGITS]
        self._book.counted.enter(key, recorded_ms, digits)
        self._book.changed.add(("n", str(shard_of(key))))

    def _count_other(self, event: Event) -> None:
        if isinstance(event, Ahead):
            self._tell_ahead(event)
        elif isinstance(event, Reported):
            site, status = event.data.get("site") or "", event.data.get("status") or ""
            # Other reports are written by people, some time after.
            self._count_life(event, site, status, dated=event.type == HEARTBEAT.type)
        elif isinstance(event, Scan | PersonSeen):
            data = event.data
            # The checks of a scan are no events of their own.
            alone = not isinstance(event, PersonSeen) or event.partof is None
            self._count_life(event, data.site, "", dated=alone and data.capture_mode == "online")
            if isinstance(event, Scan) and data.direction == "in" and data.site in self._entrances:
                self._note_entry(event, event.data.plate_confidence)

    def _count_life(
        self, event: Scan | PersonSeen | Reported, site: str, status: str, *, dated: bool
    ) -> None:
        recorded = event.recordedtime
        if dated:
            tally = self._book.counted.tallies.get(event.source)
            if tally is None or not recorded.startswith(tally.minute):
                tally = self._turn(event.source, site, recorded)
            self._is_late = self._is_late or recorded < self._told_minute
            self._note_offset(tally, event.time, recorded)
        if not site and event.source in self._sources:
            at_ms = parse_ms(recorded)
            device = self._registers.device(event.source, at_ms, at_ms)
            site = device.site if device else ""
        for life in (self._sites.get(site), self._sources.get(event.source)):
            if life is not None:
                self._heard(life, site, recorded, status)

    def _note_offset(self, tally: Tally, time: str, recorded: str) -> None:
        seconds = self._seconds
        offset_s = offset_bin(SECOND_MS * (seconds[recorded[:19]] - seconds[time[:19]]))
        if offset_s:
            tally.offsets[offset_s] = tally.offsets.get(offset_s, 0) + 1
        else:
            tally.punctual += 1

    def _turn(self, source: str, site: str, recorded: str) -> Tally:
        """Begin another minute of a source."""
        tally = self._book.counted.tally(source, recorded[:16])
        if not recorded.startswith(tally.minute):
            self._tell_minute(tally)
            if not recorded.startswith(tally.minute[:13]):
                self._tell_hour(tally)
            tally.minute = recorded[:16]
        tally.site = site or tally.site
        return tally

    def _heard(self, life: Life, site: str, recorded: str, status: str = "") -> None:
        """Note a sign of life; where it comes after a break, a new time of life begins."""
        at_ms = parse_ms(recorded)
        said = f"{recorded}/{status}" if status else ""
        if recorded <= life.last:
            if at_ms < life.first_ms:
                # It was accepted before the others and came over another way.
                self._tell_life(life, at_ms, at_ms, said)
            elif said > life.status:
                life.status, life.told, life.saved = said, "", ""
            return
        if not life.last:
            life.first_ms = at_ms
        elif at_ms - (last_ms := parse_ms(life.last)) > life.least_ms:
            self._tell_life(life, life.first_ms, last_ms, life.status)
            life.first_ms, life.told, life.status = at_ms, "", ""
        life.last, life.limit = recorded, format_ms(at_ms + life.least_ms)
        life.site, life.status = site or life.site, max(life.status, said)

    def _tell_ahead(self, event: Ahead) -> None:
        """Tell the first event of a source in each hour that claims to come from the future."""
        hour = event.recordedtime[:13]
        if self._ahead.get(event.source) == hour:
            return
        self._ahead[event.source] = hour
        fact = clock_skew.ahead(
            event.source, event.id, event.type, parse_ms(event.time), parse_ms(event.recordedtime)
        )
        self._teller.hand(_SKEWED, source_key(event.source), fact)

    # What is told.

    def save(self) -> None:
        """See to it that what is not told is kept."""
        changed = self._book.changed
        for tally in self._book.counted.tallies.values():
            count = tally.count
            if count != tally.saved:
                tally.saved = count
                changed.add(("n", str(shard_of(tally.source))))

    def tell(self, clock: str, clock_ms: int) -> None:
        """Tell what the clock has closed."""
        changed, minute = self._book.changed, clock[:16]
        if self._is_late or minute != self._told_minute:
            self._is_late, self._told_minute = False, minute
            for tally in self._book.counted.tallies.values():
                if tally.minute < minute:
                    self._tell_minute(tally)
                    if tally.minute < clock[:13]:
                        self._tell_hour(tally)
        for life in (*self._sites.values(), *self._sources.values()):
            if life.last != life.told:
                # Long before anybody could miss it, and no more often than that takes.
                if not life.told or clock_ms - parse_ms(life.told) >= life.least_ms // 4:
                    self._tell_life(life, life.first_ms, parse_ms(life.last), life.status)
                    life.told = life.last
            if life.saved != life.last:
                life.saved = life.last
                changed.add(("n", str(shard_of(life.key))))

        self._hand_portions()
        if clock_ms - self._told_ms >= _ENTRIES_EVERY_MS:
            self._told_ms = clock_ms
            self._tell_entries()

    def tell_own_lives(self) -> None:
        """Tell all lives that are judged here, so that no deadline is met in ignorance of them."""
        if not self._is_heard:
            return
        self._is_heard = False
        for life in (*self._sites.values(), *self._sources.values()):
            if life.last != life.told and self._teller.owns(life.key):
                self._tell_life(life, life.first_ms, parse_ms(life.last), life.status)
                life.told = life.last

    def _tell_entries(self) -> None:
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        if len(self._seconds) > _MOST_SEEN:
            self._seconds.clear()
        for key, entries in sorted(self._book.counted.take_entries().items()):
            region, _, span_ms = key.partition("\n")
            fact = inflow_surge.entries(
                region, int(span_ms), entries.recorded_ms, self._since_ms, "".join(entries.digits)
            )
            self._teller.hand(_SURGED, f"region:{region}", fact)
            self._book.changed.add(("n", str(shard_of(key))))

    def _tell_minute(self, tally: Tally) -> None:
        """Close a minute. It is told at once where something was late in this hour, and otherwise
        with the rest of the hour: of a clock that is right there is nothing to say sooner."""
        tally.punctual, tally.good = tally.punctual + tally.plain, tally.good + tally.plain
        tally.plain = 0
        if not tally.punctual and not tally.offsets:
            return
        bins = {0: tally.punctual, **tally.offsets} if tally.punctual else tally.offsets
        tally.held[int(tally.minute[14:16])] = bins
        tally.late = tally.late or bool(tally.offsets)
        tally.punctual, tally.offsets, tally.saved = 0, {}, -1
        if tally.late:
            self._tell_held(tally)

    def _tell_held(self, tally: Tally) -> None:
        if tally.held:
            hour_ms = parse_ms(tally.minute[:13] + ":00" + _ON_THE_MINUTE)
            at_ms = hour_ms + max(tally.held) * MINUTE_MS
            self._tell(_SKEWED, tally, hour_ms, at_ms, tally.held)
            tally.held, tally.saved = {}, -1

    def _tell_hour(self, tally: Tally) -> None:
        self._tell_held(tally)
        tally.late = False
        if not tally.good and not tally.poor:
            return
        at_ms = parse_ms(tally.minute[:13] + ":00" + _ON_THE_MINUTE)
        day_ms = at_ms - at_ms % DAY_MS
        slots = {(at_ms - day_ms) // HOUR_MS: {GOOD: tally.good, POOR: tally.poor}}
        self._tell(_POOR, tally, day_ms, at_ms, slots)
        tally.good, tally.poor, tally.saved = 0, 0, -1

    def _tell(self, rule: str, tally: Tally, span_ms: int, at_ms: int, slots: Slots) -> None:
        name = (rule, tally.source, span_ms)
        at_hand = self._portions.get(name)
        if at_hand is None:
            self._portions[name] = _Portion(at_ms, tally.site, slots)
            return
        at_hand.at_ms, at_hand.site = at_ms, tally.site
        for slot, bins in slots.items():
            there = at_hand.slots.setdefault(slot, {})
            for which, count in bins.items():
                there[which] = there.get(which, 0) + count

    def _hand_portions(self) -> None:
        """Hand over what was told since the last call, one portion of a span."""
        for (rule, source, span_ms), portion in self._portions.items():
            fact = Fact(
                span_ms, source, "", portion.at_ms, "", portion.site, what=pack(portion.slots)
            )
            self._teller.hand(rule, source_key(source), fact)
        self._portions.clear()

    def _tell_life(self, life: Life, first_ms: int, last_ms: int, status: str) -> None:
        fact = source_silent.life(life.key, life.site, first_ms, last_ms, life.least_ms, status)
        self._teller.hand(_SILENT, life.key, fact)

    # What is forgotten.

    def forget(self, clock_ms: int) -> None:
        """Forget sources that were not heard for a day and have nothing left to tell."""
        oldest = format_ms(clock_ms - DAY_MS)[:16]
        self._ahead.clear()
        self._seen.clear()
        counted = self._book.counted
        for tally in list(counted.tallies.values()):
            if tally.minute < oldest and tally.count == 0:
                self._book.changed.add(("n", str(shard_of(tally.source))))
                counted.drop(tally.source)
