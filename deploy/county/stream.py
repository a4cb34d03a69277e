"""The county as one endless stream in order of arrival, traffic and planted cases together."""

import random
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

import msgspec
from msgspec import Struct

from deploy.county.delivery import Delivery
from deploy.county.devices import Sent
from deploy.county.heartbeats import beats, outages
from deploy.county.people import People
from deploy.county.planted.case import Case, Expected
from deploy.county.planted.daily import day_of, of_day
from deploy.county.planted.plants import PLANTS
from deploy.county.traffic import Traffic
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

# So long before the start trips set out, so that the roads are not empty at first.
_LEAD_MS: Final = 15 * MINUTE_MS


class Pace(Struct, frozen=True):
    """How much happens: events per second on average, and seconds between planted cases, at
    first and after `opening_s`."""

    rate: float
    opening_every_s: float
    opening_s: float
    every_s: float


LIVE: Final = Pace(rate=20.0, opening_every_s=3.0, opening_s=70.0, every_s=20.0)
# So long it takes at the quietest hour until a camera's clock is known to be wrong.
_SKEW_TOLD_MS: Final = 4 * HOUR_MS


def steady(rate: float, every_s: float) -> Pace:
    """Return the pace of a timeline: cases at even distances from the beginning."""
    return Pace(rate=rate, opening_every_s=every_s, opening_s=0.0, every_s=every_s)


def stream(people: People, seed: int, start_ms: int, pace: Pace) -> Iterator[Sent | Case]:
    """Yield what arrives from `start_ms` on, for ever, each case before the first of its events."""
    waiting: list[tuple[int, int, Sent | Case]] = []
    count = 0
    cases = _cases(people, seed, start_ms, pace)
    case = next(cases)
    others = list(_standing(people, start_ms))
    day_ms: int | None = None
    traffic = Traffic(people, seed, pace.rate)
    delivery = Delivery(people.places, seed)
    minute_ms = start_ms - _LEAD_MS
    while True:
        for sent in traffic.minute(minute_ms):
            for arriving in delivery.deliver(sent):
                if arriving.recorded_ms >= start_ms:
                    count += 1
                    heappush(waiting, (arriving.recorded_ms, count, arriving))
        if minute_ms >= start_ms:
            for sent in beats(people, minute_ms, seed):
                count += 1
                heappush(waiting, (sent.recorded_ms, count, sent))
            rng = random.Random(f"{seed}/outages/{minute_ms}")
            others += outages(people, minute_ms, rng)
            if day_of(minute_ms) != day_ms:
                day_ms = day_of(minute_ms)
                today = of_day(people, day_ms, random.Random(f"{seed}/day/{day_ms}"))
                others += (each for each in today if _is_ahead(each, start_ms))
        minute_ms += MINUTE_MS
        while case.at_ms < minute_ms:
            others.append(case)
            case = next(cases)
        for other in others:
            arrivals = tuple(each for sent in other.sent for each in delivery.deliver(sent))
            other = msgspec.structs.replace(other, sent=arrivals)
            count += 1
            heappush(waiting, (max(other.at_ms, start_ms), count, other))
            for sent in other.sent:
                count += 1
                heappush(waiting, (sent.recorded_ms, count, sent))
        others = []
        while waiting and waiting[0][0] < minute_ms:
            yield heappop(waiting)[2]


def _standing(people: People, start_ms: int) -> Iterator[Case]:
    """Yield what is so all the time: the clock of one camera is fast, and that is told."""
    skewed = Expected("clock-skew", subject=f"source:camera/{people.places.skewed.id}", ends=True)
    yield Case("fast-clock", start_ms, (), (skewed,), due_ms=start_ms + _SKEW_TOLD_MS)


def _is_ahead(case: Case, start_ms: int) -> bool:
    """Tell whether a case is not over: what has begun is left out where something was sent."""
    return case.at_ms >= start_ms or (not case.sent and case.done_ms > start_ms)


def _cases(people: People, seed: int, start_ms: int, pace: Pace) -> Iterator[Case]:
    """Yield the planted cases; those of one kind take the persons under order in turn."""
    at_s, number = 1.0, 0
    while True:
        at_ms = start_ms + int(at_s * SECOND_MS)
        turn, kind = divmod(number, len(PLANTS))
        yield PLANTS[kind](people, turn, at_ms, random.Random(f"{seed}/planted/{at_ms}"))
        at_s += pace.opening_every_s if at_s < pace.opening_s else pace.every_s
        number += 1
