"""The watch list: what it names is seen, or is not what it names."""

import random

from deploy.county.devices import check, passage
from deploy.county.people import Listed, People
from deploy.county.planted.case import Case, Expected, Silence

_RULE = "watch-list-hit"


def listed_plate(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A listed plate is read in town."""
    valid = [each for each in people.listed if each.plate and not (each.site or each.expired)]
    plate = _plate(valid, turn)
    sent = tuple(passage(rng.choice(people.places.inner), "internal", plate, at_ms, rng, sure=True))
    return Case("listed-plate", at_ms, sent, (Expected(_RULE, subject=f"vehicle:{plate}"),))


def listed_person(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A listed person shows a document at a checkpoint."""
    listed = [each.id_number for each in people.listed if each.id_number]
    who = listed[turn % len(listed)]
    sent = check(rng.choice(people.places.stops), "in", who, "document", at_ms, rng)
    return Case("listed-person", at_ms, (sent,), (Expected(_RULE, person=who),))


def listed_elsewhere(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A plate that is listed for one gate is read in town."""
    plate = _plate([each for each in people.listed if each.plate and each.site], turn)
    return _unlisted("listed-elsewhere", "it is listed for another site", people, plate, at_ms,
                     rng)  # fmt: skip


def listing_over(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A plate whose entry has ended is read in town."""
    plate = _plate([each for each in people.listed if each.plate and each.expired], turn)
    return _unlisted("listing-over", "its entry has ended", people, plate, at_ms, rng)


def _unlisted(
    name: str, why: str, people: People, plate: str, at_ms: int, rng: random.Random
) -> Case:
    sent = tuple(passage(rng.choice(people.places.inner), "internal", plate, at_ms, rng, sure=True))
    return Case(name, at_ms, sent, silence=Silence((_RULE,), why, subject=f"vehicle:{plate}"))


def _plate(listed: list[Listed], turn: int) -> str:
    plate = listed[turn % len(listed)].plate
    assert plate is not None, "chosen among those with a plate"
    return plate
