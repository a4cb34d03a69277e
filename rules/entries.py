"""What the rules need of a register entry, with its instants parsed once."""

import unicodedata
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from rules.facts import LinkFacts, OrderFacts, WatchFacts
from schemas.registers import (
    Entry,
    Exemption,
    Identifier,
    Order,
    Permit,
    ResidentVehicle,
    Transfer,
    VehicleLink,
    WatchEntry,
    member_key,
)
from schemas.times import MINUTE_MS, parse_ms
from schemas.versions import FOREVER, Version

TRANSFER_MARGIN_MS = 60 * MINUTE_MS


class Filed(Version[Any], frozen=True):
    """One filing of an entry. `time_ms` is its own time, which may lie before its acceptance."""

    time_ms: int


class Span(Struct, frozen=True):
    """What covers whom from when to when, both ends included."""

    orders: frozenset[str]
    persons: frozenset[str]
    places: frozenset[str]
    from_ms: int
    to_ms: int
    entry: Permit | Transfer


class Ordered(Struct, frozen=True):
    """An order with the vehicles that it names.

    `arrival` is the transfer by which its person came into the zone of `facts` at `arrived_ms`, if
    any.
    """

    facts: OrderFacts
    vehicles: frozenset[str]
    entry: Order
    arrival: str | None = None
    arrived_ms: int | None = None


class Link(Struct, frozen=True):
    """A link with its plate."""

    plate: str
    facts: LinkFacts


class Exempt(Struct, frozen=True):
    """An exemption; without `places` it holds everywhere. `stops` are those of them approved."""

    subject: str
    kind: str
    places: frozenset[str]
    stops: frozenset[str] = frozenset()


class AtHome(Struct, frozen=True, gc=False):
    """A vehicle that is at home here, and how it is registered to look."""

    plate: str
    type: str | None = None
    colour: str | None = None


def end_of(valid_to: str | None) -> int:
    """Return when an entry ends, in ms UTC."""
    return parse_ms(valid_to) if valid_to else FOREVER


def facts_of(entry: Entry) -> Any:
    """Return what the rules need of an entry: the entry itself where nothing is to be parsed."""
    if isinstance(entry, Order):
        return Ordered(
            OrderFacts(
                entry.id,
                entry.subject.person or "",
                entry.class_,
                entry.zone,
                parse_ms(entry.start),
            ),
            frozenset(entry.vehicles or ()),
            entry,
        )
    if isinstance(entry, Permit):
        return Span(
            frozenset((entry.order,)),
            frozenset(),
            frozenset(entry.places or ()),
            parse_ms(entry.from_),
            parse_ms(entry.to),
            entry,
        )
    if isinstance(entry, Transfer):
        return Span(
            frozenset(entry.orders or ()),
            frozenset(who.person or "" for who in entry.persons or ()),
            frozenset(),
            parse_ms(entry.window_from),
            max(parse_ms(entry.window_to), parse_ms(entry.eta) + TRANSFER_MARGIN_MS),
            entry,
        )
    if isinstance(entry, VehicleLink):
        return Link(entry.plate, LinkFacts(entry.person.person or "", entry.role, entry.strength))
    if isinstance(entry, ResidentVehicle):
        looks = entry.attributes or {}
        return AtHome(entry.plate, looks.get("type"), looks.get("colour"))
    if isinstance(entry, WatchEntry):
        return WatchFacts(
            entry.id,
            subject_of(entry),
            entry.category,
            frozenset(entry.sites or ()),
            entry.direction,
        )
    if isinstance(entry, Exemption):
        corridor = frozenset(entry.corridor or ())
        # Stops widen a corridor; where there is none it holds everywhere anyway.
        stops = frozenset(entry.stops or ())
        places = corridor | stops if corridor else corridor
        return Exempt(subject_of(entry), entry.kind, places, stops)
    return entry


def subject_of(entry: WatchEntry | Exemption) -> str:
    """Return the plate or the person that an entry is about."""
    return entry.plate or (entry.person.person if entry.person else None) or ""


def folded(address: str) -> str:
    """Return an address without what people write differently: width, case and spaces."""
    return "".join(unicodedata.normalize("NFKC", address).casefold().split())


def _who(*identifiers: Identifier | None) -> list[str]:
    return [each.person for each in identifiers if each is not None and each.person]


# By register, what an entry can be looked up by besides its id: plates, persons, names of others.
_NAMES: Final[dict[str, Callable[[Any], list[str]]]] = {
    "site": lambda entry: [entry.grid] if entry.grid else [],
    "route": lambda entry: [entry.from_, entry.to],
    "order": lambda entry: [
        *_who(entry.subject),
        *(entry.vehicles or ()),
        *([entry.household] if entry.household else ()),
        entry.zone,
    ],
    "permit": lambda entry: [entry.order],
    "transfer": lambda entry: [
        *(entry.orders or ()),
        *_who(*(entry.persons or ())),
        *([entry.vehicle] if entry.vehicle else ()),
    ],
    "watch-entry": lambda entry: [subject_of(entry)],
    "exemption": lambda entry: [subject_of(entry)],
    "risk-area": lambda entry: [entry.area],
    "arrival-notice": lambda entry: [entry.household, *_who(*entry.persons)],
    "resident-vehicle": lambda entry: [entry.plate],
    "vehicle-link": lambda entry: [entry.plate, *_who(entry.person)],
    "residence": lambda entry: [
        entry.address,
        folded(entry.address),
        *([entry.household] if entry.household else ()),
        *_who(entry.person),
    ],
    "pass": lambda entry: _who(*(entry.holders or ())),
    "facility": lambda entry: [entry.zone],
    "approval": lambda entry: [entry.premises],
    "worker": lambda entry: [entry.enterprise, *_who(entry.person)],
    "duty-shift": lambda entry: [
        *(member_key(member) for member in entry.members),
        *([entry.order] if entry.order else ()),
    ],
    "case": lambda entry: _who(entry.person),
    "device": lambda entry: [entry.site],
}


def names_of(register: str, entry: Entry) -> list[str]:
    """Return what an entry can be looked up by besides its id."""
    names = _NAMES.get(register)
    return names(entry) if names else []
