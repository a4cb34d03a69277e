"""The county as one endless stream in order of arrival, traffic and planted cases together."""

import random
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

import msgspec
from msgspec import Struct

from deploy.county.delivery import Delivery
from deploy.county.devices import Sent
from deploy.county.people import People
from deploy.county.planted.case import Case
from deploy.county.planted.plants import PLANTS
from deploy.county.traffic import Traffic
from schemas.times import MINUTE_MS, SECOND_MS

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


def steady(rate: float, every_s: float) -> Pace:
    """Return the pace of a timeline: cases at even distances from the beginning."""
    return Pace(rate=rate, opening_every_s=every_s, opening_s=0.0, every_s=every_s)


def stream(people: People, seed: int, start_ms: int, pace: Pace) -> Iterator[Sent | Case]:
    """Yield what arrives from `start_ms` on, for ever, each case before the first of its events."""
    waiting: list[tuple[int, int, Sent | Case]] = []
    count = 0
    cases = _cases(people, seed, start_ms, pace)
    case = next(cases)
    traffic = Traffic(people, seed, pace.rate)
    delivery = Delivery(people.places, seed)
    minute_ms = start_ms - _LEAD_MS
    while True:
        for sent in traffic.minute(minute_ms):
            for arriving in delivery.deliver(sent):
                if arriving.recorded_ms >= start_ms:
                    count += 1
                    heappush(waiting, (arriving.recorded_ms, count, arriving))
        minute_ms += MINUTE_MS
        while case.at_ms < minute_ms:
            arrivals = tuple(each for sent in case.sent for each in delivery.deliver(sent))
            case = msgspec.structs.replace(case, sent=arrivals)
            count += 1
            heappush(waiting, (case.at_ms, count, case))
            for sent in case.sent:
                count += 1
                heappush(waiting, (sent.recorded_ms, count, sent))
            case = next(cases)
        while waiting and waiting[0][0] < minute_ms:
            yield heappop(waiting)[2]


def _cases(people: People, seed: int, start_ms: int, pace: Pace) -> Iterator[Case]:
    """Yield the planted cases; those of one kind take the persons under order in turn."""
    at_s, number = 1.0, 0
    while True:
        at_ms = start_ms + int(at_s * SECOND_MS)
        turn, kind = divmod(number, len(PLANTS))
        yield PLANTS[kind](people, turn, at_ms, random.Random(f"{seed}/planted/{at_ms}"))
        at_s += pace.opening_every_s if at_s < pace.opening_s else pace.every_s
        number += 1
