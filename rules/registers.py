"""The registers in memory, with every version of the last 30 days: the `World` of the rules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from rules.catalogue import BY_NAME
from rules.entries import Exempt, Link, Ordered, Span, end_of, facts_of, subject_of
from rules.facts import (
    Cover,
    Exempted,
    LinkFacts,
    OrderFacts,
    Parameters,
    SiteFacts,
    WatchFacts,
)
from schemas import policy
from schemas.registers import (
    REGISTERS,
    Deletion,
    Device,
    Entry,
    Exemption,
    Order,
    Permit,
    Policy,
    RegisterEvent,
    ResidentVehicle,
    Site,
    Transfer,
    VehicleLink,
    WatchEntry,
    parse_register_type,
)
from schemas.times import MINUTE_MS, TimeProblem, format_ms, parse_ms
from schemas.versions import FOREVER, Version, first_filed, governing, in_force, insert

SITE_PATIENCE_MS = 72 * 60 * MINUTE_MS

# What `Registers.apply` raises for a record that is no register event.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeProblem)
_decode_event = msgspec.json.Decoder(RegisterEvent).decode
_decoders = {name: msgspec.json.Decoder(struct).decode for name, struct in REGISTERS.items()}
_decode_deletion = msgspec.json.Decoder(Deletion).decode


class Change(Struct, frozen=True):
    """A register entry changed; what is on record for `orders` or about `subjects` may change.

    Subjects are plates and persons.
    """

    register: str
    id: str
    recorded_ms: int
    orders: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


class Registers:
    """All entries of all registers that the rules read."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, list[Version[Any]]]] = {name: {} for name in REGISTERS}
        self._orders_of_person: dict[str, set[str]] = defaultdict(set)
        self._orders_of_plate: dict[str, set[str]] = defaultdict(set)
        self._links_of_plate: dict[str, set[str]] = defaultdict(set)
        self._covers_of_order: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._covers_of_person: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._watched: dict[str, set[str]] = defaultdict(set)
        self._exempt: dict[str, set[str]] = defaultdict(set)
        self._residents_of_plate: dict[str, set[str]] = defaultdict(set)
        self._inboxes: list[list[Change]] = []
        self.newest_ms = 0

    def inbox(self) -> list[Change]:
        """Return a new list to which every later change is added, until it is given back."""
        fresh: list[Change] = []
        self._inboxes.append(fresh)
        return fresh

    def give_back(self, inbox: list[Change]) -> None:
        """Stop adding changes to a list."""
        self._inboxes = [each for each in self._inboxes if each is not inbox]

    def apply(self, value: bytes) -> Change | None:
        """Take in one record of a register topic; return None where it changes nothing.

        Raises one of UNREADABLE for a record that is no register event.
        """
        event = _decode_event(value)
        what = parse_register_type(event.type)
        if what is None:
            return None
        name, verb = what
        recorded_ms = parse_ms(event.recordedtime or event.time)
        if verb == "delete":
            gone = _decode_deletion(event.data)
            version: Version[Any] = Version(recorded_ms, recorded_ms, FOREVER, None)
            return self._file(name, gone.id, version)
        entry: Entry = _decoders[name](event.data)
        if isinstance(entry, Policy) and policy.problem(entry.rules):
            raise msgspec.ValidationError("a policy beyond its bounds")
        version = Version(
            recorded_ms,
            parse_ms(entry.valid_from),
            end_of(entry.valid_to),
            facts_of(entry),
        )
        self._index(entry)
        return self._file(name, entry.id, version)

    def _file(self, name: str, entry_id: str, version: Version[Any]) -> Change | None:
        versions = self._entries[name].setdefault(entry_id, [])
        if not insert(versions, version):
            return None
        self.newest_ms = max(self.newest_ms, version.recorded_ms)
        change = Change(
            name,
            entry_id,
            version.recorded_ms,
            self._concerned(name, entry_id),
            self._subjects(name, entry_id),
        )
        for inbox in self._inboxes:
            inbox.append(change)
        return change

    def _concerned(self, name: str, entry_id: str) -> tuple[str, ...]:
        if name == "order":
            return (entry_id,)
        orders: set[str] = set()
        for version in self._entries[name][entry_id]:
            facts = version.facts
            if isinstance(facts, Span):
                orders |= facts.orders
                for person in facts.persons:
                    orders |= self._orders_of_person.get(person, set())
            elif isinstance(facts, Link):
                orders |= self._orders_of_person.get(facts.facts.person, set())
        return tuple(sorted(orders))

    def _subjects(self, name: str, entry_id: str) -> tuple[str, ...]:
        subjects = {
            version.facts.subject
            for version in self._entries[name][entry_id]
            if isinstance(version.facts, WatchFacts | Exempt)
        }
        return tuple(sorted(subjects))

    def _index(self, entry: Entry) -> None:
        if isinstance(entry, Order):
            self._orders_of_person[entry.subject.person or ""].add(entry.id)
            for plate in entry.vehicles or ():
                self._orders_of_plate[plate].add(entry.id)
        elif isinstance(entry, VehicleLink):
            self._links_of_plate[entry.plate].add(entry.id)
        elif isinstance(entry, ResidentVehicle):
            self._residents_of_plate[entry.plate].add(entry.id)
        elif isinstance(entry, WatchEntry):
            self._watched[subject_of(entry)].add(entry.id)
        elif isinstance(entry, Exemption):
            self._exempt[subject_of(entry)].add(entry.id)
        elif isinstance(entry, Permit):
            self._covers_of_order[entry.order].add(("permit", entry.id))
        elif isinstance(entry, Transfer):
            for order in entry.orders or ():
                self._covers_of_order[order].add(("transfer", entry.id))
            for who in entry.persons or ():
                self._covers_of_person[who.person or ""].add(("transfer", entry.id))

    # What the rules ask (rules.facts.World).

    def site(self, site_id: str, at_ms: int, known_ms: int) -> SiteFacts | None:
        """Return a site; one filed after the event, but within 72 h of it, is good too."""
        versions = self._entries["site"].get(site_id)
        if not versions:
            return None
        site: Site | None = governing(versions, at_ms, known_ms)
        if site is None:
            late = first_filed(versions, at_ms)
            if late is None or not known_ms < late.recorded_ms <= known_ms + SITE_PATIENCE_MS:
                return None
            site, known_ms = late.facts, late.recorded_ms
        return self._site_facts(site, at_ms, known_ms) if site else None

    def _site_facts(self, site: Site, at_ms: int, known_ms: int) -> SiteFacts:
        region = ""
        for zone_id in site.zones:
            zone = governing(self._entries["zone"].get(zone_id, []), at_ms, known_ms)
            if zone is not None and zone.kind == "region":
                region = zone_id
                break
        warm_until_ms = parse_ms(site.warm_until) if site.warm_until else 0
        return SiteFacts(
            site.id, site.role, frozenset(site.zones), region, site.grid, warm_until_ms
        )

    def orders_of(self, person: str, at_ms: int, known_ms: int) -> Sequence[OrderFacts]:
        """Return the person's orders that are active."""
        found = (
            self.order(order_id, at_ms, known_ms)
            for order_id in sorted(self._orders_of_person.get(person, ()))
        )
        return [order for order in found if order is not None and order.person == person]

    def order(self, order_id: str, at_ms: int, known_ms: int) -> OrderFacts | None:
        """Return an order where it is active."""
        versions = self._entries["order"].get(order_id, [])
        ordered: Ordered | None = governing(versions, at_ms, known_ms)
        return ordered.facts if ordered else None

    def links_of(self, plate: str, at_ms: int, known_ms: int) -> Sequence[LinkFacts]:
        """Return who uses the vehicle: by the orders that name it, and by the links."""
        found: list[LinkFacts] = []
        for order_id in sorted(self._orders_of_plate.get(plate, ())):
            versions = self._entries["order"][order_id]
            ordered: Ordered | None = governing(versions, at_ms, known_ms)
            if ordered is not None and plate in ordered.vehicles:
                found.append(LinkFacts(ordered.facts.person, "order", 1.0))
        for link_id in sorted(self._links_of_plate.get(plate, ())):
            link: Link | None = governing(self._entries["vehicle-link"][link_id], at_ms, known_ms)
            if link is not None and link.plate == plate:
                found.append(link.facts)
        return found

    def cover(self, order: OrderFacts, site: SiteFacts, at_ms: int, known_ms: int) -> Cover | None:
        """Return the permit or transfer that covers the order's person there and then."""
        covers = self._covers_of_order.get(order.id, set()) | self._covers_of_person.get(
            order.person, set()
        )
        for register, entry_id in sorted(covers):
            span: Span | None = governing(self._entries[register][entry_id], at_ms, known_ms)
            if (
                span is not None
                and span.from_ms <= at_ms <= span.to_ms
                and (order.id in span.orders or order.person in span.persons)
                and (not span.places or site.id in span.places or site.zones & span.places)
            ):
                return Cover(register, entry_id)
        return None

    def resident(self, plate: str, at_ms: int, known_ms: int) -> bool:
        """Tell whether the vehicle is at home here."""
        entries = self._entries["resident-vehicle"]
        return any(
            governing(entries[entry_id], at_ms, known_ms) == plate
            for entry_id in self._residents_of_plate.get(plate, ())
        )

    def watched(self, subject: str, at_ms: int, known_ms: int) -> Sequence[WatchFacts]:
        """Return the entries of the watch list about a plate or a person."""
        found = (
            self.watch_entry(entry_id, at_ms, known_ms)
            for entry_id in sorted(self._watched.get(subject, ()))
        )
        return [entry for entry in found if entry is not None and entry.subject == subject]

    def watch_entry(self, entry_id: str, at_ms: int, known_ms: int) -> WatchFacts | None:
        """Return an entry of the watch list where it is in force."""
        versions = self._entries["watch-entry"].get(entry_id, [])
        version = in_force(versions, at_ms, known_ms)
        if version is None or version.facts is None:
            return None
        facts: WatchFacts = version.facts
        return msgspec.structs.replace(facts, filed_ms=version.recorded_ms)

    def may_be_exempt(self, subject: str) -> bool:
        """Tell whether an exemption was ever filed for a plate or a person."""
        return subject in self._exempt

    def exemptions(
        self, subject: str, site: SiteFacts, at_ms: int, known_ms: int
    ) -> Sequence[Exempted]:
        """Return what exempts a plate or a person there and then."""
        found: list[Exempted] = []
        for entry_id in sorted(self._exempt.get(subject, ())):
            versions = self._entries["exemption"][entry_id]
            exempt: Exempt | None = governing(versions, at_ms, known_ms)
            if exempt is None or exempt.subject != subject:
                continue
            if not exempt.places or site.id in exempt.places or site.zones & exempt.places:
                found.append(Exempted(exempt.kind, entry_id))
        return found

    def device(self, source: str, at_ms: int, known_ms: int) -> Device | None:
        """Return the device that is filed under the source of its events."""
        return governing(self._entries["device"].get(source, []), at_ms, known_ms)

    def policy(self, rule: str, at_ms: int, known_ms: int) -> tuple[Parameters, str]:
        """Return a rule's parameters and the policy's version as `entry@time of filing`."""
        defaults = BY_NAME[rule].defaults
        if not self._entries["policy"]:
            return defaults, "default@1"
        chosen: tuple[int, str, Mapping[str, Any]] | None = None
        for entry_id, versions in self._entries["policy"].items():
            standing: Policy | None = governing(versions, at_ms, known_ms)
            if standing is not None:
                filed_ms = max(v.recorded_ms for v in versions if v.facts is standing)
                if chosen is None or (filed_ms, entry_id) > chosen[:2]:
                    chosen = (filed_ms, entry_id, standing.rules.get(rule, {}))
        if chosen is None:
            return defaults, "default@1"
        return {**defaults, **chosen[2]}, f"{chosen[1]}@{format_ms(chosen[0])}"

    # What lets the engine skip what cannot match.

    def named_plates(self) -> set[str]:
        """Return every plate that any order, link or watch entry ever named.

        The watch list holds persons too; none of them is a plate, so they do no harm here.
        """
        return self.linked_plates() | set(self._watched)

    def linked_plates(self) -> set[str]:
        """Return every plate that any order or link ever named."""
        return set(self._orders_of_plate) | set(self._links_of_plate)

    def versions(self, register: str) -> Mapping[str, list[Version[Any]]]:
        """Return all versions of a register's entries."""
        return self._entries[register]
