"""The county's ordinary day: trips that raise nothing, more of them at eight and at five."""

import random
from collections.abc import Iterator
from typing import Final

from deploy.county.devices import Proof, Sent, check, passage, scan
from deploy.county.numbers import resident_id
from deploy.county.people import People, Resident
from deploy.county.places import BOUNDARY, COMMUNITIES, EXPRESSWAY, INNER, gate_of
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

# Weight of each hour in China's time, 1 on average.
RHYTHM: Final = (
    0.25, 0.2, 0.15, 0.15, 0.25, 0.45, 0.9, 1.75, 1.95, 1.5, 1.2, 1.2,
    1.2, 1.2, 1.2, 1.3, 1.5, 1.95, 1.8, 1.4, 1.1, 0.75, 0.4, 0.25,
)  # fmt: skip
_UTC_OFFSET_H: Final = 8
# Counted over a day of trips; it turns a rate of events into one of trips.
EVENTS_PER_TRIP: Final = 7.0
_COMMUTERS_OF_TEN: Final = 3
_WALKERS_FROM: Final = 10_000
_WALKERS: Final = 3_000


class Traffic:
    """The trips of a county at `rate` events per second on average.

    Cars take turns, so that none is in two places at once; commuters leave the county on one turn
    and come back on the next.
    """

    def __init__(self, people: People, seed: int, rate: float) -> None:
        self._people = people
        self._seed = seed
        self._rate = rate
        self._turn = 0

    def minute(self, minute_ms: int) -> Iterator[Sent]:
        """Yield what the devices see of the trips that begin in a minute, trip by trip."""
        rng = random.Random(f"{self._seed}/traffic/{minute_ms}")
        hour = (minute_ms // HOUR_MS + _UTC_OFFSET_H) % 24
        trips = int(self._rate * 60 / EVENTS_PER_TRIP * RHYTHM[hour] + rng.random())
        for _ in range(trips):
            yield from self._trip(minute_ms + rng.randrange(MINUTE_MS), rng)

    def _trip(self, at_ms: int, rng: random.Random) -> Iterator[Sent]:
        kind = rng.random()
        if kind < 0.2:
            yield _walk(at_ms, rng)
        elif kind < 0.27:
            # Whoever is under order is checked where they must be, which is no breach.
            ordered = rng.choice(self._people.ordered)
            gate = gate_of(ordered.zone)
            yield check(gate, "internal", ordered.id_number, "document", at_ms, rng)
        else:
            residents = self._people.residents
            lap, number = divmod(self._turn, len(residents))
            self._turn += 1
            if number % 10 >= _COMMUTERS_OF_TEN:
                yield from _errand(residents[number], at_ms, rng)
            elif lap % 2 == 0:
                yield from _commute(residents[number], at_ms, rng)
            else:
                yield from _return(residents[number], at_ms, rng)


def _walk(at_ms: int, rng: random.Random) -> Sent:
    number = _WALKERS_FROM + rng.randrange(_WALKERS)
    gate = gate_of(COMMUNITIES[number % len(COMMUNITIES)])
    proof: Proof = "document" if rng.random() < 0.3 else "code"
    return check(gate, rng.choice(("in", "out")), resident_id(number), proof, at_ms, rng)


def _errand(resident: Resident, at_ms: int, rng: random.Random) -> Iterator[Sent]:
    gate = gate_of(resident.community)
    yield from passage(gate, "out", resident.plate, at_ms, rng)
    for camera in rng.sample(INNER, rng.randint(1, 3)):
        at_ms += rng.randint(60, 150) * SECOND_MS
        yield from passage(camera, "internal", resident.plate, at_ms, rng)
    at_ms += rng.randint(1, 6) * MINUTE_MS
    yield from passage(gate, "in", resident.plate, at_ms, rng)


def _commute(resident: Resident, at_ms: int, rng: random.Random) -> Iterator[Sent]:
    yield from passage(gate_of(resident.community), "out", resident.plate, at_ms, rng)
    at_ms += rng.randint(60, 240) * SECOND_MS
    yield from passage(rng.choice(INNER), "internal", resident.plate, at_ms, rng)
    at_ms += rng.randint(120, 480) * SECOND_MS
    yield from passage(rng.choice(BOUNDARY), "out", resident.plate, at_ms, rng)


def _return(resident: Resident, at_ms: int, rng: random.Random) -> Iterator[Sent]:
    entrance = rng.choice((*BOUNDARY, *EXPRESSWAY))
    who, scan_ms = [resident.id_number], at_ms + 20 * SECOND_MS
    yield from passage(entrance, "in", resident.plate, at_ms, rng)
    yield scan(entrance, "in", resident.plate, who, "document", scan_ms, rng)
    at_ms += rng.randint(180, 480) * SECOND_MS
    yield from passage(rng.choice(INNER), "internal", resident.plate, at_ms, rng)
    at_ms += rng.randint(60, 240) * SECOND_MS
    yield from passage(gate_of(resident.community), "in", resident.plate, at_ms, rng)
