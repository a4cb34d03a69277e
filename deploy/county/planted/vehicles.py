"""Vehicles that came for the first time, and one whose plate is from far away and means nothing."""

import random

from deploy.county.devices import Sent, passage, scan
from deploy.county.numbers import REGIONS, resident_id, visitor_plate
from deploy.county.people import People
from deploy.county.places import Places, Site, travel_s
from deploy.county.planted.case import Case, Expected, Silence
from schemas.times import SECOND_MS

_RULE = "first-seen-vehicle"


def arrival(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An unknown vehicle comes in over the boundary and stays."""
    del turn
    gate, plate, sent = _entry(people.places, at_ms, rng)
    _through_town(people.places, gate, plate, at_ms, rng, sent, 3)
    return Case("arrival", at_ms, tuple(sent), (Expected(_RULE, subject=f"vehicle:{plate}"),))


def transit(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An unknown vehicle comes in, passes through town and leaves within the hour."""
    del turn
    gate, plate, sent = _entry(people.places, at_ms, rng)
    camera, later_ms = _through_town(people.places, gate, plate, at_ms, rng, sent, 1)
    leaves = rng.choice(people.places.boundary)
    out_ms = later_ms + travel_s(camera, leaves) * SECOND_MS
    sent += passage(leaves, "out", plate, out_ms, rng, sure=True)
    expected = Expected(_RULE, subject=f"vehicle:{plate}", outcome="transit")
    return Case("transit", at_ms, tuple(sent), (expected,))


def turned_back(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An unknown vehicle comes in, is sent back at the gate, and is never read elsewhere."""
    del turn
    gate, plate, sent = _entry(people.places, at_ms, rng)
    sent += passage(gate, "out", plate, at_ms + 120 * SECOND_MS, rng, sure=True)
    silence = Silence((_RULE,), "it was read at the gate alone", subject=f"vehicle:{plate}")
    return Case("turned-back", at_ms, tuple(sent), silence=silence)


def from_afar(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A resident whose plate and identity number are from Hubei comes home: origin is no ground."""
    household = people.settled[turn % len(people.settled)]
    plate, driver = household.plate, household.members[0]
    assert plate is not None, "settled households have a car"
    gate = rng.choice(people.places.boundary)
    sent = list(passage(gate, "in", plate, at_ms, rng, sure=True))
    sent.append(scan(gate, "in", plate, [driver], "document", at_ms + 10 * SECOND_MS, rng))
    _through_town(people.places, gate, plate, at_ms, rng, sent, 2)
    rules = (_RULE, "quarantine-breach", "quarantined-vehicle-moving", "watch-list-hit")
    silence = Silence(rules, "origin is no ground, and the car is at home here",
                      subject=f"vehicle:{plate}")  # fmt: skip
    return Case("from-afar", at_ms, tuple(sent), silence=silence)


def _entry(places: Places, at_ms: int, rng: random.Random) -> tuple[Site, str, list[Sent]]:
    """Return a gate, an unknown plate, and what its entry over the boundary looks like.

    The plate is numbered by the second, so that a demo that is started again brings new ones.
    """
    number = at_ms // SECOND_MS
    plate, gate = visitor_plate(number), rng.choice(places.boundary)
    driver = resident_id(number % 19_000_000, rng.choice(REGIONS))
    sent = list(passage(gate, "in", plate, at_ms, rng, sure=True))
    sent.append(scan(gate, "in", plate, [driver], "document", at_ms + 10 * SECOND_MS, rng))
    return gate, plate, sent


def _through_town(
    places: Places,
    gate: Site,
    plate: str,
    at_ms: int,
    rng: random.Random,
    sent: list[Sent],
    cameras: int,
) -> tuple[Site, int]:
    """Add the passages on the way from a gate over the nearest cameras; return the end of it."""
    here = gate
    # Whoever comes in meets the cameras on that side of town first, one of them perhaps not.
    near = sorted(places.inner, key=lambda site: travel_s(gate, site))[: cameras + 1]
    near.remove(rng.choice(near))
    for camera in near:
        at_ms += travel_s(here, camera) * SECOND_MS
        sent += passage(camera, "internal", plate, at_ms, rng, sure=True)
        here = camera
    return here, at_ms
