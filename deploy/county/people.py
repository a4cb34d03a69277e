"""Who lives in the county: residents with their cars, and the persons under order."""

import random
from typing import Final, Literal

from msgspec import Struct

from deploy.county.numbers import home_plate, resident_id
from deploy.county.places import COMMUNITIES, FACILITY

RESIDENTS: Final = 4_970
ORDERS: Final = 50
# Cars of persons under order; with the residents' they make five thousand.
ORDER_CARS: Final = 30

OrderClass = Literal["confirmed", "suspected", "close-contact", "home-isolation", "returnee"]


class Resident(Struct, frozen=True):
    """Somebody with a car and a home."""

    id_number: str
    plate: str
    community: str


class Ordered(Struct, frozen=True):
    """A person under order. `car` belongs to the person by the order itself, `shared_car` by a
    link of the household; most have neither."""

    order: str
    id_number: str
    zone: str
    class_: OrderClass
    days_ago: int
    household: str
    car: str | None = None
    shared_car: str | None = None


class People(Struct, frozen=True):
    """Everybody."""

    residents: tuple[Resident, ...]
    ordered: tuple[Ordered, ...]


def settle(seed: int) -> People:
    """Return the people of a county."""
    rng = random.Random(f"{seed}/people")
    residents = tuple(
        Resident(resident_id(n), home_plate(n), rng.choice(COMMUNITIES)) for n in range(RESIDENTS)
    )
    return People(residents, tuple(_ordered(n, rng) for n in range(ORDERS)))


def _ordered(n: int, rng: random.Random) -> Ordered:
    at_facility = n % 5 == 4
    class_: OrderClass = (
        "close-contact" if at_facility else rng.choice(("home-isolation", "returnee"))
    )
    plate = home_plate(RESIDENTS + n) if n < ORDER_CARS else None
    own = n % 3 != 2
    return Ordered(
        order=f"order-{n + 1:02d}",
        id_number=resident_id(RESIDENTS + n),
        zone=FACILITY if at_facility else rng.choice(COMMUNITIES),
        class_=class_,
        days_ago=rng.randint(1, 9),
        household=f"household-{n + 1:02d}",
        car=plate if own else None,
        shared_car=None if own else plate,
    )
