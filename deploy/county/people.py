"""Who lives in the county: households with their cars, persons under order, lists and fleets."""

import random
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final, Literal

from msgspec import Struct

from deploy.county.numbers import home_plate, resident_id, settled_plate
from deploy.county.places import Places, lay_out
from deploy.county.size import SMALL, Size

# Three on average.
_HOUSEHOLDS: Final = (2, 3, 4, 1, 5, 3)
# One car of so many came with its owner from another province and kept its plate.
_SETTLED_EVERY: Final = 15
_WUHAN: Final = "420106"

OrderClass = Literal["confirmed", "suspected", "close-contact", "home-isolation", "returnee"]


class Household(Struct, frozen=True):
    """Persons with a home and perhaps a car, whose driver is the first of them."""

    members: tuple[str, ...]
    community: str
    plate: str | None = None


class Ordered(Struct, frozen=True):
    """A person under order. `car` belongs to the person by the order itself, `shared_car` by a
    link of the household, and to the spouse, who is under no order; most have neither."""

    order: str
    id_number: str
    zone: str
    class_: OrderClass
    days_ago: int
    household: str
    spouse: str
    car: str | None = None
    shared_car: str | None = None


class Listed(Struct, frozen=True):
    """An entry of the watch list: a plate or a person. `site` is where alone it counts; one that
    is `expired` counts no more."""

    id: str
    category: str
    plate: str | None = None
    id_number: str | None = None
    site: str | None = None
    expired: bool = False


class People(Struct, frozen=True):
    """Everybody. `residents` are the households with a car that are on the road, `parked` those
    that are not; `settled` are those of the latter whose car and driver came from Hubei long ago.
    """

    size: Size
    places: Places
    households: tuple[Household, ...]
    residents: tuple[Household, ...]
    parked: tuple[Household, ...]
    settled: tuple[Household, ...]
    ordered: tuple[Ordered, ...]
    listed: tuple[Listed, ...]
    taxis: tuple[str, ...]
    coaches: tuple[str, ...]
    trucks: tuple[str, ...]
    workers: tuple[str, ...]

    @property
    def followed(self) -> tuple[Ordered, ...]:
        """The persons under order who check in every day."""
        return self.at_home[: self.size.followed]

    @property
    def missing(self) -> tuple[Ordered, ...]:
        """The persons under order who are called every day, and are not heard of."""
        return self.at_home[self.size.followed :][: 3 * self.size.missing]

    @property
    def at_home(self) -> tuple[Ordered, ...]:
        """The persons under order who are seen where they must be; some of their cars move."""
        return self.ordered[: int(0.6 * self.size.order_cars)]


def settle(seed: int, size: Size = SMALL) -> People:
    """Return the people of a county of a size."""
    rng = random.Random(f"{seed}/people")
    places = lay_out(size)
    cars = size.vehicles - size.order_cars - size.listed_plates
    households = tuple(_households(size, cars, places, rng))
    residents = tuple(each for each in households if each.plate)
    # Numbers of plates: residents' first, then those of orders, the list, taxis and coaches.
    ordered = tuple(_ordered(n, size, cars + n, places, rng) for n in range(size.orders))
    first = cars + size.order_cars
    listed = tuple(_listed(size, first, places))
    first += size.listed_plates
    return People(
        size=size,
        places=places,
        households=households,
        residents=residents[: -size.parked],
        parked=residents[-size.parked :],
        settled=tuple(
            each for each in residents[-size.parked :] if each.members[0].startswith(_WUHAN)
        ),
        ordered=ordered,
        listed=listed,
        taxis=tuple(home_plate(first + n) for n in range(size.taxis)),
        coaches=tuple(home_plate(first + size.taxis + n) for n in range(size.coaches)),
        trucks=tuple(settled_plate(size.vehicles + n) for n in range(size.trucks)),
        workers=tuple(_persons(size, size.workers)),
    )


def _persons(size: Size, count: int) -> Iterator[str]:
    """Yield the first persons who are not under order."""
    bound = range(size.ordered_from, size.ordered_from + size.orders)
    return islice((resident_id(n) for n in range(size.persons) if n not in bound), count)


def _households(size: Size, cars: int, places: Places, rng: random.Random) -> Iterator[Household]:
    persons = _persons(size, size.persons)
    number = 0
    for count in cycle(_HOUSEHOLDS):
        members = tuple(islice(persons, count))
        if not members:
            return
        plate = None
        if number < cars:
            plate = home_plate(number)
            if number % _SETTLED_EVERY == _SETTLED_EVERY - 1:
                plate = settled_plate(number)
                if plate.startswith("鄂"):
                    members = (resident_id(number, _WUHAN), *members[1:])
        yield Household(members, rng.choice(places.communities), plate)
        number += 1


def _ordered(n: int, size: Size, car: int, places: Places, rng: random.Random) -> Ordered:
    at_facility = n % 5 == 4
    class_: OrderClass = (
        "close-contact" if at_facility else rng.choice(("home-isolation", "returnee"))
    )
    plate = home_plate(car) if n < size.order_cars else None
    own = n % 3 != 2
    return Ordered(
        order=f"order-{n + 1:02d}",
        id_number=resident_id(size.ordered_from + n),
        zone=rng.choice(places.facilities if at_facility else places.communities),
        class_=class_,
        days_ago=rng.randint(1, 9),
        household=f"household-{n + 1:02d}",
        spouse=resident_id(size.persons + n),
        car=plate if own else None,
        shared_car=None if own else plate,
    )


def _listed(size: Size, first_plate: int, places: Places) -> Iterator[Listed]:
    """Yield the watch list; of the plates every sixth counts at one site only, or no more."""
    categories = cycle(("risk-return", "close-contact", "quarantined", "cloned-plate"))
    for n in range(size.listed_plates):
        yield Listed(
            f"plate-{n + 1:03d}",
            next(categories),
            plate=home_plate(first_plate + n),
            site=places.boundary[0].id if n % 6 == 4 else None,
            expired=n % 6 == 5,
        )
    categories = cycle(("confirmed", "suspected", "close-contact", "risk-return"))
    first_person = size.persons + size.orders
    for n in range(size.listed_persons):
        yield Listed(f"person-{n + 1:03d}", next(categories),
                     id_number=resident_id(first_person + n))  # fmt: skip
