"""Persons, orders and plates that a case brings along, so that no other case touches them."""

import random
from typing import Any, Final

from msgspec import Struct

from deploy.county.devices import Sent, filing
from deploy.county.numbers import resident_id, visitor_plate
from deploy.county.people import People
from deploy.county.registers import Entry, common, identifier
from schemas.times import DAY_MS, HOUR_MS, SECOND_MS, format_ms

# A district of this county where nobody else was first registered (GB/T 2260: Haiyan).
_REGION: Final = "330424"
_MOST: Final = 20
_NUMBERS: Final = 19_000_000
# What is filed before something happens is filed so long before it.
FILED_MS: Final = 5 * SECOND_MS


class Bound(Struct, frozen=True):
    """A person under an order that is filed as `sent`."""

    order: str
    id_number: str
    entry: Entry
    sent: Sent


def person(at_ms: int, place: int = 0) -> str:
    """Return the resident ID of somebody who is in no other case; up to twenty for a second."""
    return resident_id((at_ms // SECOND_MS * _MOST + place) % _NUMBERS, _REGION)


def plate(at_ms: int, place: int = 0) -> str:
    """Return a plate from elsewhere that no other case has; cases are some seconds apart."""
    return visitor_plate(at_ms // SECOND_MS + place)


def filed(register: str, entry_id: str, at_ms: int, **data: Any) -> Sent:
    """Return the filing of an entry that is valid since a year ago, unless told otherwise."""
    since = data.pop("valid_from", format_ms(at_ms - 365 * DAY_MS))
    return filing(register, {**common(entry_id, since, "county office"), **data}, at_ms)


def bound(
    people: People, at_ms: int, rng: random.Random, *, days_ago: float = 2.0, **more: Any
) -> Bound:
    """Return somebody who has been under an order at home for some days; it is filed now."""
    who, start = person(at_ms), format_ms(at_ms - int(days_ago * DAY_MS))
    entry = {
        **common(f"order-{at_ms // SECOND_MS}", start, "close contact of a known case"),
        "subject": identifier(who),
        "class": "close-contact",
        "kind": "home",
        "zone": rng.choice(people.places.communities),
        "exposure_date": start[:10],
        "start": start,
        "last_day": format_ms(at_ms - int((days_ago - 14) * DAY_MS))[:10],
        **more,
    }
    return Bound(entry["id"], who, entry, filing("order", entry, at_ms))


def soon(at_ms: int) -> str:
    """Return a time by which whatever is filed in a case is over."""
    return format_ms(at_ms + 12 * HOUR_MS)
