"""What was seen before somebody knew: the look-backs of new watch entries and back-dated orders.

Pure: records of registers in, what is due out; what is due and sightings in, one join record out.
The same filing and the same history give the same record, however often it is made.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from rules.entries import end_of, facts_of, subject_of
from rules.facts import WatchFacts, known_by
from schemas.joins import LookBack, SeenBefore
from schemas.partition import VEHICLE
from schemas.persons import is_person_key
from schemas.registers import (
    Deletion,
    Order,
    RegisterEvent,
    WatchEntry,
    parse_register_type,
)
from schemas.times import DAY_MS, parse_ms
from schemas.versions import FOREVER, Version, governing, insert, newest
from services.alerts.sightings.sighting import FUTURE_MS, Sighting
from services.alerts.sightings.tables import Asked, Sightings

REGISTERS: Final = ("watch-entry", "order")
REACH_MS: Final = 14 * DAY_MS
# The newest; more would make a record that no one reads.
MOST_SIGHTINGS: Final = 200
# What `LookBacks.file` raises for a record that is no register event.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)

_decode_event = msgspec.json.Decoder(RegisterEvent).decode
_decode_deletion = msgspec.json.Decoder(Deletion).decode
_decode_entry = msgspec.json.Decoder(WatchEntry).decode
_decode_order = msgspec.json.Decoder(Order).decode


class Due(Struct, frozen=True):
    """A look-back that is due for a version of an entry.

    `subjects` are the key of the entry's own subject and those of an order's vehicles; `facts` say
    what a watch entry covers, None = it is an order.
    """

    register: str
    entry: str
    filed_ms: int
    from_ms: int
    subjects: tuple[str, ...]
    facts: WatchFacts | None = None

    @property
    def asked(self) -> list[Asked]:
        """What the store is asked.

        Only what was accepted before the filing: what came later is judged with the entry known.
        A device's clock may be ahead by as much as an event is not held aside for.
        """
        to_ms = self.filed_ms + FUTURE_MS
        return [Asked(each, self.from_ms, to_ms, self.filed_ms) for each in self.subjects]


class _Ordered(Struct, frozen=True):
    """What of an order makes a look-back worth while again when it is filed anew."""

    subject: str
    vehicles: frozenset[str]
    since_ms: int


class LookBacks:
    """The versions of the entries that may be looked back for; days are those of `timezone`."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._entries: dict[str, list[Version[WatchFacts]]] = {}
        self._orders: dict[str, list[Version[_Ordered]]] = {}

    def file(self, value: bytes) -> Due | None:
        """Take in a record of a register topic; return the look-back that it asks for, if any.

        A watch entry asks for one unless it is over, or the version before says the same of the
        same subject; an order asks for one where it starts before it is filed. Other registers'
        records are passed over. Raises one of UNREADABLE for what is no register event.
        """
        event = _decode_event(value)
        name, verb = parse_register_type(event.type) or ("", "")
        if name not in REGISTERS:
            return None
        filed_ms = parse_ms(event.recordedtime or event.time)
        if verb == "delete":
            gone = _decode_deletion(event.data).id
            versions: list[Version[Any]] = self._versions(name).setdefault(gone, [])
            insert(versions, Version(filed_ms, filed_ms, FOREVER, None))
            return None
        if name == "order":
            return self._order(_decode_order(event.data), filed_ms)
        return self._watch(_decode_entry(event.data), filed_ms)

    def _versions(self, name: str) -> dict[str, list[Version[Any]]]:
        return self._orders if name == "order" else self._entries

    def _watch(self, entry: WatchEntry, filed_ms: int) -> Due | None:
        facts: WatchFacts = facts_of(entry)
        versions = self._entries.setdefault(entry.id, [])
        before = newest(versions, filed_ms)
        starts_ms, ends_ms = parse_ms(entry.valid_from), end_of(entry.valid_to)
        fresh = insert(versions, Version(filed_ms, starts_ms, ends_ms, facts))
        told = before is not None and before.facts == facts and filed_ms < before.to_ms
        if not fresh or told or ends_ms <= filed_ms:
            return None
        subject = subject_of(entry)
        key = subject if is_person_key(subject) else VEHICLE + subject
        from_ms = max(starts_ms, filed_ms) - REACH_MS
        return Due("watch-entry", entry.id, filed_ms, from_ms, (key,), facts) if subject else None

    def _order(self, order: Order, filed_ms: int) -> Due | None:
        start_ms, person = parse_ms(order.start), order.subject.person
        since_ms = max(filed_ms - REACH_MS, min(start_ms, self._exposed_ms(order, start_ms)))
        vehicles = frozenset(VEHICLE + plate for plate in order.vehicles or ())
        facts = _Ordered(person or "", vehicles, start_ms)
        versions = self._orders.setdefault(order.id, [])
        before = newest(versions, filed_ms)
        version = Version(filed_ms, parse_ms(order.valid_from), end_of(order.valid_to), facts)
        fresh = insert(versions, version)
        told = before is not None and before.facts == facts
        if not fresh or told or start_ms >= filed_ms or not person:
            return None
        return Due("order", order.id, filed_ms, since_ms, (person, *sorted(vehicles)))

    def _exposed_ms(self, order: Order, otherwise_ms: int) -> int:
        """Return when the day of the exposure begins."""
        try:
            day = date.fromisoformat(order.exposure_date[:10])
        except ValueError:
            return otherwise_ms  # Filed before such dates were checked: the start says enough.
        return int(datetime.combine(day, time.min, self._zone).timestamp() * 1000)

    def result(self, due: Due, found: Sequence[Sequence[Sighting]]) -> LookBack | None:
        """Return the join record for what was found (one list a subject), None for nothing.

        Of a watch entry it holds what the entry covers and did not accuse: where an earlier
        version did, there is an alert already.
        """
        sightings = sorted(
            (each for sightings in found for each in sightings if self._belongs(due, each)),
            key=lambda each: (each.time_ms, each.source, each.id, each.subject),
        )
        if not sightings:
            return None
        return LookBack(
            id=f"{due.register}/{due.entry}/{due.filed_ms}",
            register=due.register,
            entry=due.entry,
            filed_ms=due.filed_ms,
            subject=due.subjects[0],
            from_ms=due.from_ms,
            count=len(sightings),
            first_ms=sightings[0].time_ms,
            last_ms=sightings[-1].time_ms,
            sightings=[_seen(each, due.subjects[0]) for each in sightings[-MOST_SIGHTINGS:]],
        )

    def _belongs(self, due: Due, sighting: Sighting) -> bool:
        if due.facts is None:
            return True
        known_ms = known_by(sighting.time_ms, sighting.recorded_ms)
        accusing = governing(self._entries[due.entry], sighting.time_ms, known_ms)
        return _covers(due.facts, sighting) and not _covers(accusing, sighting)


def look_back(due: Due, filings: LookBacks, sightings: Sightings) -> LookBack | None:
    """Look back in a store that holds everything that was accepted before the filing."""
    return filings.result(due, sightings.of_all(due.asked))


def _covers(facts: WatchFacts | None, sighting: Sighting) -> bool:
    """Tell whether an entry names who was seen, the site and the direction (as D01 does)."""
    return (
        facts is not None
        and sighting.subject in (facts.subject, VEHICLE + facts.subject)
        and (not facts.sites or sighting.site in facts.sites)
        and facts.direction in (None, sighting.direction)
    )


def _seen(sighting: Sighting, subject: str) -> SeenBefore:
    return SeenBefore(
        source=sighting.source,
        id=sighting.id,
        type=sighting.type,
        time_ms=sighting.time_ms,
        recorded_ms=sighting.recorded_ms,
        site=sighting.site,
        direction=sighting.direction,
        evidence_class=sighting.evidence,  # type: ignore[arg-type]
        confidence=sighting.confidence,
        subject=None if sighting.subject == subject else sighting.subject,
    )
