"""The registers in memory, with every version of the last 30 days: the `World` of the rules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from rules.catalogue import BY_NAME
from rules.entries import Exempt, Filed, Link, Ordered, Span, end_of, facts_of, names_of
from rules.facts import (
    NEWEST,
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
    Policy,
    RegisterEvent,
    Site,
    parse_register_type,
)
from schemas.times import MINUTE_MS, TimeProblem, format_ms, parse_ms
from schemas.versions import FOREVER, first_filed, governing, in_force, insert

SITE_PATIENCE_MS = 72 * 60 * MINUTE_MS

# What `Registers.apply` raises for a record that is no register event.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeProblem)
_decode_event = msgspec.json.Decoder(RegisterEvent).decode
_decoders = {name: msgspec.json.Decoder(struct).decode for name, struct in REGISTERS.items()}
_decode_deletion = msgspec.json.Decoder(Deletion).decode


class Change(Struct, frozen=True):
    """A register entry changed; what is on record for `orders` or about `subjects` may change.

    Subjects are all that any version of the entry names: plates, persons, sites, households…
    """

    register: str
    id: str
    recorded_ms: int
    orders: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


class Arrival(Struct, frozen=True, order=True):
    """When somebody arrived by a transfer and when that was recorded, ms UTC, and the zones that
    it led from and to."""

    time_ms: int
    recorded_ms: int
    transfer: str
    from_zone: str
    zone: str


class Registers:
    """All entries of all registers that the rules read."""

    def __init__(self, names: Iterable[str] = REGISTERS) -> None:
        """`names` are the registers that are kept; to ask for another is a KeyError."""
        self._entries: dict[str, dict[str, list[Filed]]] = {name: {} for name in names}
        self._named: dict[str, dict[str, set[str]]] = {
            name: defaultdict(set) for name in self._entries
        }
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)
        # When somebody arrived by a transfer, and when that was recorded, by person.
        self._arrived: dict[str, dict[str, tuple[int, int]]] = {}
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
        if name not in self._entries:
            return None
        recorded_ms = parse_ms(event.recordedtime or event.time)
        if verb == "delete":
            gone = _decode_deletion(event.data)
            version = Filed(recorded_ms, recorded_ms, FOREVER, None, recorded_ms)
            return self._file(name, gone.id, version)
        entry: Entry = _decoders[name](event.data)
        if isinstance(entry, Policy) and policy.problem(entry.rules):
            raise msgspec.ValidationError("a policy beyond its bounds")
        version = Filed(
            recorded_ms,
            parse_ms(entry.valid_from),
            end_of(entry.valid_to),
            facts_of(entry),
            parse_ms(event.time),
        )
        for subject in names_of(name, entry):
            self._named[name][subject].add(entry.id)
            self._names[name, entry.id].add(subject)
        return self._file(name, entry.id, version)

    def _file(self, name: str, entry_id: str, version: Filed) -> Change | None:
        versions = self._entries[name].setdefault(entry_id, [])
        if not insert(versions, version):
            return None
        self.newest_ms = max(self.newest_ms, version.recorded_ms)
        change = Change(
            name,
            entry_id,
            version.recorded_ms,
            self._concerned(name, entry_id),
            tuple(sorted(self._names[name, entry_id])),
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
                    orders |= self._named["order"].get(person, set())
            elif isinstance(facts, Link):
                orders |= self._named["order"].get(facts.facts.person, set())
        return tuple(sorted(orders))

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
        found = (self.order(order_id, at_ms, known_ms) for order_id in self.about("order", person))
        return [order for order in found if order is not None and order.person == person]

    def order(self, order_id: str, at_ms: int, known_ms: int) -> OrderFacts | None:
        """Return an order where it is active."""
        ordered = self._ordered(order_id, at_ms, known_ms)
        return ordered.facts if ordered else None

    def _ordered(self, order_id: str, at_ms: int, known_ms: int) -> Ordered | None:
        """Return an order where it is active, with the zone in which its person has arrived."""
        versions = self._entries["order"].get(order_id, [])
        version = in_force(versions, at_ms, known_ms)
        ordered: Ordered | None = version.facts if version else None
        if version is None or ordered is None:
            return None
        for arrival in self._arrivals(order_id, ordered.facts.person):
            if arrival.time_ms <= at_ms and arrival.recorded_ms <= known_ms:
                ordered = _moved(ordered, version, arrival)
        return ordered

    def _arrivals(self, order_id: str, person: str) -> list[Arrival]:
        """Return somebody's arrivals by transfer, in order of time."""
        arrived = self._arrived.get(person)
        if not arrived:
            return []
        named = {*self.about("transfer", order_id), *self.about("transfer", person)}
        return sorted(
            Arrival(*arrived[transfer], transfer, *self._zones(transfer))
            for transfer in named & arrived.keys()
        )

    def arrive(self, person: str, transfer: str, when: tuple[int, int] | None) -> list[Change]:
        """Note when somebody arrived by a transfer and when that was recorded, None = never.

        Every partition is told of it (rules.transfers); return the orders that it may move.
        """
        arrived = self._arrived.setdefault(person, {})
        if when is None:
            arrived.pop(transfer, None)
        else:
            arrived[transfer] = when
        return [Change("order", each, 0, (each,)) for each in self.about("order", person)]

    def _zones(self, transfer: str) -> tuple[str, str]:
        """Return from where to where a transfer goes."""
        filed = [each.facts for each in self._entries["transfer"].get(transfer, []) if each.facts]
        return filed[-1].entry.from_zone, filed[-1].entry.to_zone

    def links_of(self, plate: str, at_ms: int, known_ms: int) -> Sequence[LinkFacts]:
        """Return who uses the vehicle: by the orders that name it, and by the links."""
        found: list[LinkFacts] = []
        for order_id in self.about("order", plate):
            versions = self._entries["order"][order_id]
            ordered: Ordered | None = governing(versions, at_ms, known_ms)
            if ordered is not None and plate in ordered.vehicles:
                found.append(LinkFacts(ordered.facts.person, "order", 1.0))
        for link_id in self.about("vehicle-link", plate):
            link: Link | None = governing(self._entries["vehicle-link"][link_id], at_ms, known_ms)
            if link is not None and link.plate == plate:
                found.append(link.facts)
        return found

    def cover(self, order: OrderFacts, site: SiteFacts, at_ms: int, known_ms: int) -> Cover | None:
        """Return the permit or transfer that covers the order's person there and then."""
        covers = [("permit", entry_id) for entry_id in self.about("permit", order.id)]
        transfers = {*self.about("transfer", order.id), *self.about("transfer", order.person)}
        for register, entry_id in (*covers, *(("transfer", each) for each in sorted(transfers))):
            span: Span | None = governing(self._entries[register][entry_id], at_ms, known_ms)
            if (
                span is not None
                and span.from_ms <= at_ms <= span.to_ms
                and (order.id in span.orders or order.person in span.persons)
                and (not span.places or site.id in span.places or site.zones & span.places)
            ):
                return Cover(register, entry_id)
        # Whoever is known by now to have arrived may be where they arrived.
        transfer = self.arrived_at(order.id, site.id, at_ms)
        return None if transfer is None else Cover("transfer", transfer)

    def arrived_at(self, order_id: str, site_id: str, at_ms: int) -> str | None:
        """Return the transfer by which an order's person had come into a zone of a site, if any."""
        ordered = self._ordered(order_id, at_ms, NEWEST)
        if ordered is None or ordered.arrival is None:
            return None
        site = self.site(site_id, at_ms, NEWEST)
        return ordered.arrival if site and ordered.facts.zone in site.zones else None

    def resident(self, plate: str, at_ms: int, known_ms: int) -> bool:
        """Tell whether the vehicle is at home here."""
        entries = self._entries["resident-vehicle"]
        return any(
            (home := governing(entries[entry_id], at_ms, known_ms)) is not None
            and home.plate == plate
            for entry_id in self._named["resident-vehicle"].get(plate, ())
        )

    def watched(self, subject: str, at_ms: int, known_ms: int) -> Sequence[WatchFacts]:
        """Return the entries of the watch list about a plate or a person."""
        found = (
            self.watch_entry(entry_id, at_ms, known_ms)
            for entry_id in self.about("watch-entry", subject)
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
        return subject in self._named["exemption"]

    def exemptions(
        self, subject: str, site: SiteFacts, at_ms: int, known_ms: int
    ) -> Sequence[Exempted]:
        """Return what exempts a plate or a person there and then."""
        found: list[Exempted] = []
        for entry_id in self.about("exemption", subject):
            versions = self._entries["exemption"][entry_id]
            exempt: Exempt | None = governing(versions, at_ms, known_ms)
            if exempt is None or exempt.subject != subject:
                continue
            if not exempt.places or site.id in exempt.places or site.zones & exempt.places:
                found.append(Exempted(exempt.kind, entry_id))
        return found

    def versions_of(self, register: str, entry_id: str) -> Sequence[Filed]:
        """Return all versions of an entry in order of filing."""
        return self._entries[register].get(entry_id, [])

    def governing(self, register: str, entry_id: str, at_ms: int, known_ms: int) -> Any | None:
        """Return what governs an instant as known at another, None = nothing."""
        if register == "order":
            return self._ordered(entry_id, at_ms, known_ms)
        return governing(self._entries[register].get(entry_id, []), at_ms, known_ms)

    def about(self, register: str, subject: str) -> Sequence[str]:
        """Return the ids of the entries that ever named a subject, in order."""
        return sorted(self._named[register].get(subject, ()))

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

        Persons, households and zones are in it too; none of them is a plate, so they do no harm.
        """
        return {
            subject
            for name in ("order", "vehicle-link", "watch-entry")
            for subject in self._named[name]
        }

    def versions(self, register: str) -> Mapping[str, list[Filed]]:
        """Return all versions of a register's entries."""
        return self._entries[register]


def _moved(ordered: Ordered, version: Filed, arrival: Arrival) -> Ordered:
    """Return an order after an arrival (contracts: on arrival its zone becomes to_zone).

    A version that holds only from later on says itself where the person has to be, and so does one
    that was filed later and names another zone than the transfer began in.
    """
    if version.from_ms > arrival.time_ms:
        return ordered
    refiled = version.recorded_ms > arrival.recorded_ms
    if refiled and ordered.facts.zone != arrival.from_zone:
        return ordered
    facts = msgspec.structs.replace(ordered.facts, zone=arrival.zone)
    return msgspec.structs.replace(
        ordered, facts=facts, arrival=arrival.transfer, arrived_ms=arrival.time_ms
    )
