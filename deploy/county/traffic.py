"""The county's ordinary day: trips that raise nothing, more of them at eight and at five."""

import random
from collections.abc import Iterator
from typing import Final

from deploy.county.devices import Proof, Sent, check, passage, scan
from deploy.county.people import Household, People
from deploy.county.places import Site, travel_s
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

# Weight of each hour in China's time, 1 on average.
RHYTHM: Final = (
    0.25, 0.2, 0.15, 0.15, 0.25, 0.45, 0.9, 1.75, 1.95, 1.5, 1.2, 1.2,
    1.2, 1.2, 1.2, 1.3, 1.5, 1.95, 1.8, 1.4, 1.1, 0.75, 0.4, 0.25,
)  # fmt: skip
_UTC_OFFSET_H: Final = 8
_LEAVE_H: Final = range(5, 11)
_RETURN_H: Final = range(15, 24)
# Counted over a day of trips; it turns a rate of events into one of trips.
EVENTS_PER_TRIP: Final = 7.0
_COMMUTERS_OF_TEN: Final = 3
_FLEET_SHARE: Final = 0.02
# So many errands lead past a checkpoint.
_STOPPED_SHARE: Final = 0.05


class Traffic:
    """The trips of a county at `rate` events per second on average.

    Cars take turns, so that none is in two places at once. Commuters leave the county in the
    morning and come back in the evening.
    """

    def __init__(self, people: People, seed: int, rate: float) -> None:
        self._people = people
        self._places = people.places
        self._seed = seed
        self._rate = rate
        self._turn = 0
        # Mixed, so that all three kinds are on the road at any time.
        self._fleets = sorted((*people.taxis, *people.coaches, *people.trucks), key=lambda p: p[3:])
        self._coaches = frozenset(people.coaches)
        self._fleet_turn = 0
        self._away: set[int] = set()
        self._walking = [
            each for each in people.households if len(each.members) > 1 or each.plate is None
        ]

    def minute(self, minute_ms: int) -> Iterator[Sent]:
        """Yield what the devices see of the trips that begin in a minute, trip by trip."""
        rng = random.Random(f"{self._seed}/traffic/{minute_ms}")
        hour = (minute_ms // HOUR_MS + _UTC_OFFSET_H) % 24
        trips = int(self._rate * 60 / EVENTS_PER_TRIP * RHYTHM[hour] + rng.random())
        for _ in range(trips):
            yield from self._trip(minute_ms + rng.randrange(MINUTE_MS), hour, rng)

    def _trip(self, at_ms: int, hour: int, rng: random.Random) -> Iterator[Sent]:
        kind = rng.random()
        if kind < 0.2:
            yield self._walk(at_ms, rng)
        elif kind < 0.25:
            # Whoever is under order is checked where they must be, which is no breach.
            ordered = rng.choice(self._people.at_home)
            gate = self._places.gates[ordered.zone]
            yield check(gate, "internal", ordered.id_number, "document", at_ms, rng)
        elif kind < 0.25 + _FLEET_SHARE:
            yield from self._fleet(at_ms, rng)
        else:
            yield from self._resident(at_ms, hour, rng)

    def _resident(self, at_ms: int, hour: int, rng: random.Random) -> Iterator[Sent]:
        residents = self._people.residents
        number = self._turn % len(residents)
        self._turn += 1
        if number in self._away:
            if hour in _RETURN_H:
                self._away.remove(number)
                yield from self._return(residents[number], at_ms, rng)
        elif number % 10 < _COMMUTERS_OF_TEN and hour in _LEAVE_H:
            self._away.add(number)
            yield from self._leave(residents[number], at_ms, rng)
        else:
            yield from self._errand(residents[number], at_ms, rng)

    def _walk(self, at_ms: int, rng: random.Random) -> Sent:
        household = rng.choice(self._walking)
        proof: Proof = "document" if rng.random() < 0.3 else "code"
        # Whoever goes on foot is not the one who drives: nobody is in two places at once.
        who = household.members[-1]
        gate = self._places.gates[household.community]
        return check(gate, rng.choice(("in", "out")), who, proof, at_ms, rng)

    def _errand(self, resident: Household, at_ms: int, rng: random.Random) -> Iterator[Sent]:
        gate = self._places.gates[resident.community]
        stops = rng.sample(self._places.inner, rng.randint(1, 3))
        if rng.random() < _STOPPED_SHARE:
            stops.append(rng.choice(self._places.checkpoints))
        yield from _drive(resident.plate, gate, "out", at_ms, (*stops, gate), rng,
                          resident.members[0])  # fmt: skip

    def _leave(self, resident: Household, at_ms: int, rng: random.Random) -> Iterator[Sent]:
        gate = self._places.gates[resident.community]
        stops = (rng.choice(self._places.inner), rng.choice(self._places.boundary))
        yield from _drive(resident.plate, gate, "out", at_ms, stops, rng)

    def _return(self, resident: Household, at_ms: int, rng: random.Random) -> Iterator[Sent]:
        entrance = rng.choice(self._places.boundary)
        inside = resident.members[: rng.randint(1, max(1, len(resident.members) - 1))]
        assert resident.plate is not None
        yield scan(entrance, "in", resident.plate, inside, "document", at_ms + 20 * SECOND_MS, rng)
        stops = (rng.choice(self._places.inner), self._places.gates[resident.community])
        yield from _drive(resident.plate, entrance, "in", at_ms, stops, rng)

    def _fleet(self, at_ms: int, rng: random.Random) -> Iterator[Sent]:
        """Yield the trip of a taxi, a coach or a truck: all come in over the boundary, and all
        are exempt from being news."""
        people, places = self._people, self._places
        plate = self._fleets[self._fleet_turn % len(self._fleets)]
        self._fleet_turn += 1
        entrance, leaves = rng.choice(places.boundary), rng.choice(places.boundary)
        stops = [rng.choice(places.inner), rng.choice(places.checkpoints), leaves]
        if plate in self._coaches:
            aboard = [rng.choice(each.members) for each in rng.sample(people.households, 12)]
            yield scan(entrance, "in", plate, aboard, "code", at_ms + 30 * SECOND_MS, rng)
        yield from _drive(plate, entrance, "in", at_ms, stops, rng)


def _drive(
    plate: str | None,
    start: Site,
    direction: str,
    at_ms: int,
    stops: tuple[Site, ...] | list[Site],
    rng: random.Random,
    driver: str | None = None,
) -> Iterator[Sent]:
    """Yield the passages of a car from one site over others; the last one ends the trip: out of
    the county, or in through the gate of a home. A `driver` is checked at checkpoints."""
    assert plate is not None, "only households with a car drive"
    yield from passage(start, "in" if direction == "in" else "out", plate, at_ms, rng)
    here = start
    for site in stops:
        at_ms += int(travel_s(here, site) * rng.uniform(1.0, 1.4)) * SECOND_MS
        if site.role == "boundary":
            yield from passage(site, "out", plate, at_ms, rng)
        elif site.role == "community" or (site.role == "checkpoint" and driver is not None):
            yield from passage(site, "in", plate, at_ms, rng)
            if site.role == "checkpoint" and driver is not None:
                yield scan(site, "in", plate, [driver], "code", at_ms + 15 * SECOND_MS, rng)
        else:
            yield from passage(site, "internal", plate, at_ms, rng)
        here = site
