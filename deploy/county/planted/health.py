"""Health codes and temperatures of travellers: what is a ground, and what only looks like one."""

import random
from typing import Final

from deploy.county.devices import Seen, Sent, check
from deploy.county.numbers import REGIONS, resident_id
from deploy.county.people import People
from deploy.county.places import Site
from deploy.county.planted.case import Case, Expected, Silence
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

_CODE: Final = "adverse-health-code"
_FEVER: Final = "fever"
_QUALITY: Final = "read-quality"
# So many temperatures make a median, and a few more so that it is one of this device alone.
_BIASED_READINGS: Final = 60


def red_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A traveller shows a red code of today."""
    del turn
    who, seen = _traveller(at_ms, rng), Seen(colour="red")
    sent = check(_stop(people, rng), "in", who, "code", at_ms, rng, seen=seen)
    return Case("red-code", at_ms, (sent,), (Expected(_CODE, person=who),))


def yellow_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A traveller shows a yellow code of today."""
    del turn
    who, seen = _traveller(at_ms, rng), Seen(colour="yellow")
    sent = check(_stop(people, rng), "in", who, "code", at_ms, rng, seen=seen)
    return Case("yellow-code", at_ms, (sent,), (Expected(_CODE, person=who),))


def changed_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A red code is green when it is scanned again three minutes later."""
    del turn
    who, stop = _traveller(at_ms, rng), _stop(people, rng)
    again_ms = at_ms + 3 * MINUTE_MS
    sent = (
        check(stop, "in", who, "code", at_ms, rng, seen=Seen(colour="red")),
        check(stop, "in", who, "code", again_ms, rng, seen=Seen(code_age_ms=MINUTE_MS)),
    )
    return Case("changed-code", at_ms, sent, (Expected(_CODE, person=who, severity="medium"),))


def stale_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A red code whose result is two days old says nothing about today."""
    del turn
    who, seen = _traveller(at_ms, rng), Seen(colour="red", code_age_ms=2 * DAY_MS)
    sent = check(_stop(people, rng), "in", who, "code", at_ms, rng, seen=seen)
    silence = Silence((_CODE,), "the result is older than a day", person=who)
    return Case("stale-code", at_ms, (sent,), silence=silence)


def high_fever(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """One reading of 38.2 or more needs no second one."""
    del turn
    degrees = round(rng.uniform(38.2, 39.6), 1)
    return _measured("high-fever", people, at_ms, rng, (degrees,), 0, why=None)


def fever(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A raised temperature that a second reading some minutes later confirms."""
    del turn
    readings = (round(rng.uniform(37.4, 37.8), 1), round(rng.uniform(37.4, 37.9), 1))
    return _measured("fever", people, at_ms, rng, readings, rng.randint(6, 12), why=None)


def cooled_down(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A raised temperature that the second reading does not confirm: the walk, or the sun."""
    del turn
    return _measured("cooled-down", people, at_ms, rng, (37.5, 36.8), 6,
                     why="the second reading does not confirm it")  # fmt: skip


def one_reading(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A raised temperature that nobody measured again."""
    del turn
    return _measured("one-reading", people, at_ms, rng, (37.6,), 0, why="it was measured once")


def broken_reading(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """43.1 °C is a fault of the thermometer."""
    del turn
    return _measured("broken-reading", people, at_ms, rng, (43.1,), 0,
                     why="nobody has such a temperature")  # fmt: skip


def biased_thermometer(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A thermometer that shows 0.9 °C too much: what two readings confirm is its own error.

    One alert tells of the device; of nobody whom it measured may there be a fever.
    """
    del turn
    site, source = _stop(people, rng), f"thermometer/{at_ms // SECOND_MS}"
    first, sent, moment_ms = _traveller(at_ms, rng, measured=1), [], at_ms
    for number in range(_BIASED_READINGS):
        # Of the first the temperature is taken again, when most have been measured.
        again = number == _BIASED_READINGS - 10
        who = first if number == 0 or again else _traveller(moment_ms, rng, measured=1)
        degrees = 37.6 if who == first else round(min(rng.gauss(37.4, 0.15), 37.9), 1)
        seen = Seen(temperature=degrees)
        sent.append(check(site, "in", who, "document", moment_ms, rng, seen=seen, source=source))
        moment_ms += 8 * SECOND_MS
    return Case(
        "biased-thermometer", at_ms, tuple(sent), (Expected(_QUALITY, subject=f"source:{source}"),)
    )


def _measured(
    name: str,
    people: People,
    at_ms: int,
    rng: random.Random,
    readings: tuple[float, ...],
    apart_min: int,
    *,
    why: str | None,
) -> Case:
    who, stop = _traveller(at_ms, rng), _stop(people, rng)
    sent: tuple[Sent, ...] = tuple(
        check(
            stop, "in", who, "document", at_ms + number * apart_min * MINUTE_MS, rng,
            seen=Seen(temperature=degrees, code_age_ms=2 * HOUR_MS),
        )
        for number, degrees in enumerate(readings)
    )  # fmt: skip
    if why is None:
        return Case(name, at_ms, sent, (Expected(_FEVER, person=who),))
    return Case(name, at_ms, sent, silence=Silence((_FEVER,), why, person=who))


def _traveller(at_ms: int, rng: random.Random, measured: int = 0) -> str:
    """Return somebody from anywhere, numbered by the second, so that nobody comes twice: those of
    a biased thermometer (`measured` = 1) are others than those of the cases beside it."""
    number = 2 * (at_ms // SECOND_MS) + measured
    return resident_id(number % 19_000_000, rng.choice(REGIONS))


def _stop(people: People, rng: random.Random) -> Site:
    return rng.choice(people.places.stops)
