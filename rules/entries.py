"""What the rules need of a register entry, with its instants parsed once."""

from typing import Any

from msgspec import Struct

from rules.facts import LinkFacts, OrderFacts, WatchFacts
from schemas.registers import (
    Device,
    Entry,
    Exemption,
    Order,
    Permit,
    Policy,
    ResidentVehicle,
    Site,
    Transfer,
    VehicleLink,
    WatchEntry,
    Zone,
)
from schemas.times import MINUTE_MS, parse_ms
from schemas.versions import FOREVER

TRANSFER_MARGIN_MS = 60 * MINUTE_MS


class Span(Struct, frozen=True):
    """What covers whom from when to when, both ends included."""

    orders: frozenset[str]
    persons: frozenset[str]
    places: frozenset[str]
    from_ms: int
    to_ms: int


class Ordered(Struct, frozen=True):
    """An order with the vehicles that it names."""

    facts: OrderFacts
    vehicles: frozenset[str]


class Link(Struct, frozen=True):
    """A link with its plate."""

    plate: str
    facts: LinkFacts


class Exempt(Struct, frozen=True):
    """An exemption; without `places` it holds everywhere."""

    subject: str
    kind: str
    places: frozenset[str]


def end_of(valid_to: str | None) -> int:
    """Return when an entry ends, in ms UTC."""
    return parse_ms(valid_to) if valid_to else FOREVER


def facts_of(entry: Entry) -> Any:
    """Return what the rules need of an entry."""
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
        )
    if isinstance(entry, Permit):
        return Span(
            frozenset((entry.order,)),
            frozenset(),
            frozenset(entry.places or ()),
            parse_ms(entry.from_),
            parse_ms(entry.to),
        )
    if isinstance(entry, Transfer):
        return Span(
            frozenset(entry.orders or ()),
            frozenset(who.person or "" for who in entry.persons or ()),
            frozenset(),
            parse_ms(entry.window_from),
            max(parse_ms(entry.window_to), parse_ms(entry.eta) + TRANSFER_MARGIN_MS),
        )
    if isinstance(entry, VehicleLink):
        return Link(entry.plate, LinkFacts(entry.person.person or "", entry.role, entry.strength))
    if isinstance(entry, ResidentVehicle):
        return entry.plate
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
        places = corridor | frozenset(entry.stops or ()) if corridor else corridor
        return Exempt(subject_of(entry), entry.kind, places)
    assert isinstance(entry, Site | Zone | Device | Policy)
    return entry


def subject_of(entry: WatchEntry | Exemption) -> str:
    """Return the plate or the person that an entry is about."""
    return entry.plate or (entry.person.person if entry.person else None) or ""
