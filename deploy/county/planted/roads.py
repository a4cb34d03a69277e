"""Vehicles on their way: the valley with one road, copies of plates, green channels, warnings."""

import random
from itertools import count
from typing import Any, Final

from deploy.county.devices import Sent, check, passage, reading, scan, unread
from deploy.county.people import People
from deploy.county.places import REGION, VALLEY, VALLEY_MIN_S, VALLEY_USUAL_S, Places
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from schemas.confusion import neighbours
from schemas.plates import PlateProblem, normalise
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS, format_ms

_BYPASS: Final = "checkpoint-bypass"
_CLONE: Final = "cloned-plate"
_IDENTITY: Final = "identity-conflict"
_FUZZY: Final = "fuzzy-plate-hit"
_GREEN: Final = "green-channel-deviation"
_NO_PLATE: Final = "no-plate"
_PAINTS: Final = ("white", "black", "silver", "grey", "blue", "red", "green", "orange")
_WARNING: Final = "downstream-warning"
# Other readings may still be on their way (domain: D30); when one came is known by the minute.
_WAIT_MS: Final = 11 * MINUTE_MS


def bypass(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A vehicle is read above and below a checkpoint, and not at it."""
    del turn
    valley, plate = people.places.valley, fresh.plate(at_ms)
    sent = list(passage(valley.up, "internal", plate, at_ms, rng, sure=True))
    later_ms = at_ms + 2 * VALLEY_USUAL_S * SECOND_MS
    sent += passage(valley.down, "internal", plate, later_ms, rng, sure=True)
    return Case("bypass", at_ms, tuple(sent), (Expected(_BYPASS, subject=f"vehicle:{plate}"),))


def through_the_valley(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A vehicle is stopped at the checkpoint on its way; the camera there misreads its plate."""
    del turn
    valley, plate = people.places.valley, fresh.plate(at_ms)
    gate_ms = at_ms + VALLEY_USUAL_S * SECOND_MS
    misread = rng.choice(_look_alikes(plate))
    sent = list(passage(valley.up, "internal", plate, at_ms, rng, sure=True))
    sent.append(reading(valley.gate, "internal", misread, 0.8, gate_ms, rng))
    sent += passage(valley.down, "internal", plate, gate_ms + VALLEY_USUAL_S * SECOND_MS, rng,
                    sure=True)  # fmt: skip
    silence = Silence((_BYPASS, _CLONE), "the checkpoint read a look-alike of it",
                      subject=f"vehicle:{plate}")  # fmt: skip
    return Case("through-the-valley", at_ms, tuple(sent), silence=silence)


def cloned(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Two vehicles of different colours bear one plate."""
    del turn
    valley, plate = people.places.valley, fresh.plate(at_ms)
    sent = list(passage(valley.up, "internal", plate, at_ms, rng, sure=True))
    sent += passage(valley.down, "internal", plate, at_ms + 40 * SECOND_MS, rng, sure=True,
                    painted=1)  # fmt: skip
    return Case("cloned-plate", at_ms, tuple(sent),
                (Expected(_CLONE, subject=f"vehicle:{plate}"),),
                due_ms=sent[-1].recorded_ms + _WAIT_MS)  # fmt: skip


def read_as_another(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A plate is misread as one that was just read elsewhere, once: a copy shows twice."""
    del turn
    valley, plate = people.places.valley, fresh.plate(at_ms)
    sent = list(passage(valley.up, "internal", plate, at_ms, rng, sure=True))
    sent.append(reading(valley.down, "internal", plate, 0.97, at_ms + 40 * SECOND_MS, rng))
    silence = Silence((_CLONE, _BYPASS), "one misreading is enough for that",
                      subject=f"vehicle:{plate}")  # fmt: skip
    return Case("read-as-another", at_ms, tuple(sent), silence=silence,
                due_ms=at_ms + _WAIT_MS + MINUTE_MS)  # fmt: skip


def two_places(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """One identity document is shown at two sites half a minute apart."""
    del turn
    valley, who = people.places.valley, fresh.person(at_ms)
    sent = (
        check(valley.up, "internal", who, "document", at_ms, rng),
        check(valley.gate, "internal", who, "document", at_ms + 30 * SECOND_MS, rng),
    )
    return Case("two-places", at_ms, sent, (Expected(_IDENTITY, person=who),))


def family_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A code that a family shares is shown at two sites half a minute apart."""
    del turn
    valley, who = people.places.valley, fresh.person(at_ms)
    sent = (
        check(valley.up, "internal", who, "code", at_ms, rng),
        check(valley.gate, "internal", who, "code", at_ms + 30 * SECOND_MS, rng),
    )
    silence = Silence((_IDENTITY,), "a code may be a family's", person=who)
    return Case("family-code", at_ms, sent, silence=silence)


def warned(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A listed vehicle enters the valley, where the next site can be told."""
    del turn
    valley, plate = people.places.valley, fresh.plate(at_ms)
    seen_ms = at_ms + fresh.FILED_MS
    sent = [fresh.filed("watch-entry", f"watch-{at_ms}", at_ms, plate=plate, category="risk-return",
                        valid_to=fresh.soon(at_ms))]  # fmt: skip
    sent += passage(valley.up, "internal", plate, seen_ms, rng, sure=True)
    subject = f"vehicle:{plate}"
    expected = (
        Expected("watch-list-hit", subject=subject),
        Expected(_WARNING, subject=subject, ends=True),
    )
    return Case("warned", at_ms, tuple(sent), expected, allowed=_alike(plate))


def doubtful(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A camera reads a look-alike of a listed plate, and is not sure."""
    del turn
    # Not every plate has a look-alike.
    plate = next(each for each in (fresh.plate(at_ms, n) for n in count()) if _look_alikes(each))
    alike = _neighbour(plate)
    sent = (
        _listed(plate, at_ms),
        reading(_camera(people.places, rng), "internal", alike, 0.88, at_ms + fresh.FILED_MS, rng),
    )
    return Case("doubtful", at_ms, sent, (Expected(_FUZZY, subject=f"vehicle:{alike}"),))


def at_home_alike(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A car that is at home here looks like a listed plate; a camera is not sure of it."""
    parked = people.parked
    plates = (parked[n % len(parked)].plate for n in count(turn))
    plate = next(each for each in plates if each is not None and _look_alikes(each))
    sent = (
        _listed(_neighbour(plate), at_ms),
        reading(_camera(people.places, rng), "internal", plate, 0.88, at_ms + fresh.FILED_MS, rng),
    )
    silence = Silence((_FUZZY,), "the plate that was read is at home here",
                      subject=f"vehicle:{plate}")  # fmt: skip
    return Case("at-home-alike", at_ms, sent, silence=silence)


def off_corridor(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A truck of a green channel through the valley is read in town."""
    del turn
    plate = fresh.plate(at_ms)
    sent = _channelled(people, plate, at_ms, rng)
    return Case("off-corridor", at_ms, sent, (Expected(_GREEN, subject=f"vehicle:{plate}"),))


def approved_elsewhere(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A truck of a green channel is read in town, where another exemption lets it be."""
    del turn
    plate = fresh.plate(at_ms)
    fleet = fresh.filed("exemption", f"fleet-{at_ms}", at_ms, kind="fleet", plate=plate,
                        corridor=[REGION])  # fmt: skip
    sent = (fleet, *_channelled(people, plate, at_ms, rng))
    silence = Silence((_GREEN,), "another exemption lets it be there", subject=f"vehicle:{plate}")
    return Case("approved-elsewhere", at_ms, sent, silence=silence)


def no_plate(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A vehicle without a readable plate drives through the valley."""
    looks = ("truck", _PAINTS[turn % len(_PAINTS)])
    sent = _unread(people.places, looks, at_ms, VALLEY_MIN_S + 20, rng)
    expected = Expected(_NO_PLATE, subject=f"vehicle:{'/'.join(looks)}", severity="medium")
    return Case("no-plate", at_ms, sent, (expected,))


def no_plate_twice(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Two vehicles without a readable plate: one can't have been at both places so soon."""
    looks = ("bus", _PAINTS[turn % len(_PAINTS)])
    sent = _unread(people.places, looks, at_ms, VALLEY_MIN_S // 3, rng)
    silence = Silence((_NO_PLATE,), "they are two", subject=f"vehicle:{'/'.join(looks)}")
    return Case("no-plate-twice", at_ms, sent, silence=silence)


def seen_before(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A vehicle is listed that was read in town some minutes before."""
    del turn
    plate = fresh.plate(at_ms)
    sent = list(passage(_camera(people.places, rng), "internal", plate, at_ms, rng, sure=True))
    filed_ms = at_ms + 10 * MINUTE_MS
    sent.append(_listed(plate, filed_ms))
    expected = Expected("retrospective-hit", subject=f"vehicle:{plate}", severity="info")
    return Case("seen-before", at_ms, tuple(sent), (expected,))


def jam(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Six residents crawl through the valley one behind the other, and are checked at its gate."""
    valley, sent = people.places.valley, list[Sent]()
    first = turn * 6
    for number in range(6):
        household = people.parked[(first + number) % len(people.parked)]
        plate, driver = household.plate, household.members[0]
        assert plate is not None, "chosen among those with a car"
        moment_ms = at_ms + number * 12 * SECOND_MS
        for site in valley.sites:
            sent += passage(site, "internal", plate, moment_ms, rng, sure=True)
            if site is valley.gate:
                sent.append(scan(site, "internal", plate, [driver], "code",
                                 moment_ms + 5 * SECOND_MS, rng))  # fmt: skip
            moment_ms += 3 * VALLEY_MIN_S * SECOND_MS
    plate = people.parked[first % len(people.parked)].plate
    silence = Silence((_CLONE, _BYPASS), "they drove on a jammed road",
                      subject=f"vehicle:{plate}")  # fmt: skip
    return Case("jam", at_ms, tuple(sent), silence=silence)


def _listed(plate: str, at_ms: int) -> Sent:
    return fresh.filed("watch-entry", f"watch-{at_ms}", at_ms, plate=plate, category="suspected",
                       valid_to=format_ms(at_ms + DAY_MS))  # fmt: skip


def _unread(
    places: Places, looks: tuple[str, str], at_ms: int, apart_s: int, rng: random.Random
) -> tuple[Sent, ...]:
    return tuple(
        unread(site, "internal", looks, at_ms + number * apart_s * SECOND_MS, rng)
        for number, site in enumerate((places.valley.up, places.valley.gate))
    )


def _channelled(people: People, plate: str, at_ms: int, rng: random.Random) -> tuple[Sent, ...]:
    places, in_ms = people.places, at_ms + fresh.FILED_MS
    entry: dict[str, Any] = {"kind": "green-channel", "plate": plate, "corridor": [VALLEY],
                             "valid_to": fresh.soon(at_ms)}  # fmt: skip
    sent = [fresh.filed("exemption", f"channel-{at_ms}", at_ms, **entry)]
    sent += passage(places.valley.up, "internal", plate, in_ms, rng, sure=True)
    sent += passage(_camera(places, rng), "internal", plate, in_ms + 90 * MINUTE_MS, rng, sure=True)
    return tuple(sent)


def _camera(places: Places, rng: random.Random) -> Any:
    return rng.choice([site for site in places.inner if site != places.skewed])


def _neighbour(plate: str) -> str:
    """Return a plate one confusable character away, of the same city."""
    return _look_alikes(plate)[0]


def _look_alikes(plate: str) -> list[str]:
    return sorted(each for each in neighbours(plate) if each[:2] == plate[:2] and _is_a_plate(each))


def _is_a_plate(text: str) -> bool:
    try:
        normalise(text, "prc")
    except PlateProblem:  # What cannot be issued is on no list.
        return False
    return True


def _alike(plate: str) -> tuple[Expected, ...]:
    """Return that the listed plate's misread previews may be doubtful hits themselves."""
    return tuple(
        Expected(_FUZZY, subject=f"vehicle:{each}", ends=True) for each in _look_alikes(plate)
    )
