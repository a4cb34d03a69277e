"""A county's days as a timeline, with what makes streams hard: late events, repeats, late papers.

The lines are in the order of arrival, as `cordon simulate` writes them, and the same for a seed.
"""

import random
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Any

import msgspec

from deploy.county.devices import Sent, filing, passage
from deploy.county.people import People, settle
from deploy.county.planted.case import Case
from deploy.county.registers import common, entries
from deploy.county.stream import Pace, stream
from schemas.events import CLOCK_TYPE
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_ms, parse_ms

SEED = 7
START_MS = parse_ms("2026-03-02T00:00:00Z")
# Long before, so that the first reads have settled when the day begins: 144 hours and more.
BEFORE_MS = START_MS - 8 * DAY_MS
# Some five events a second, and every eight seconds something that must raise an alert or must not.
PACE = Pace(rate=3.0, opening_every_s=8.0, opening_s=0.0, every_s=8.0)
_LATE, _PLANTED_LATE, _REPEATED, _EXCUSED = 0.01, 0.3, 0.02, 0.3

_encode = msgspec.json.Encoder().encode


def county_timeline(events: int) -> list[bytes]:
    """Return a timeline with about so many events of a county, registers and clock lines beside.

    It begins with one read of every third car eight days earlier, so that some vehicles are
    established; then come traffic and cases, of which some events arrive up to fifty minutes late,
    some a second time, and some breaches are excused by a permit that is filed afterwards. Clock
    lines at the end let what was waiting for two hours fall due.
    """
    people = settle(SEED)
    lines = [
        _line(filing(name, entry, BEFORE_MS - HOUR_MS).event)
        for name, entry in entries(people, START_MS)
        # The cars are not filed as residents': they have to become known by being read.
        if name != "resident-vehicle"
    ]
    early = list(_early_reads(people))
    lines += [_line(sent.event) for sent in early]
    newest_ms = START_MS
    for sent in islice(_arrivals(people), events - len(early)):
        lines.append(_line(sent.event))
        newest_ms = sent.recorded_ms
    lines += [tick(newest_ms + hours * HOUR_MS) for hours in (1, 3)]
    return lines


def tick(at_ms: int) -> bytes:
    """Return a clock line."""
    return _encode({"type": CLOCK_TYPE, "time": format_ms(at_ms)})


def _early_reads(people: People) -> Iterator[Sent]:
    rng = random.Random(f"{SEED}/early")
    at_ms = BEFORE_MS
    camera = people.places.inner[0]
    for resident in people.residents[::3]:
        assert resident.plate is not None
        *_, last = passage(camera, "internal", resident.plate, at_ms, rng, sure=True)
        yield last
        at_ms = last.recorded_ms + SECOND_MS


def _arrivals(people: People) -> Iterator[Sent]:
    """Yield events and permits for ever, in the order in which they arrive after all."""
    rng = random.Random(f"{SEED}/arrivals")
    planted: set[str] = set()
    waiting: list[tuple[int, int, Sent]] = []
    count = 0
    for each in stream(people, SEED, START_MS, PACE):
        if isinstance(each, Case):
            planted.update(sent.event["id"] for sent in each.sent)
            coming = list(_excuse(each, rng))
        else:
            while waiting and waiting[0][0] <= each.recorded_ms:
                yield heappop(waiting)[2]
            coming = _disturbed(each, each.event["id"] in planted, rng)
        for sent in coming:
            count += 1
            heappush(waiting, (sent.recorded_ms, count, sent))


def _disturbed(sent: Sent, planted: bool, rng: random.Random) -> list[Sent]:
    if sent.event["type"].endswith(".put.v1"):
        return [sent]
    arrivals = [sent]
    if rng.random() < (_PLANTED_LATE if planted else _LATE):
        arrivals = [_arriving(sent, sent.recorded_ms + rng.randint(3, 50) * MINUTE_MS)]
    if rng.random() < _REPEATED:
        arrivals.append(_arriving(sent, arrivals[0].recorded_ms + rng.randint(1, 1200) * SECOND_MS))
    return arrivals


def _arriving(sent: Sent, recorded_ms: int) -> Sent:
    return Sent(recorded_ms, {**sent.event, "recordedtime": format_ms(recorded_ms)})


def _excuse(case: Case, rng: random.Random) -> Iterator[Sent]:
    """Yield the leave that is filed some minutes after a breach, now and then."""
    if not case.name.startswith("breach") or rng.random() >= _EXCUSED:
        return
    (expected,) = case.expected
    filed_ms = case.done_ms + rng.randint(1, 40) * MINUTE_MS
    leave: dict[str, Any] = {
        **common(f"late-leave-{case.at_ms}", format_ms(case.at_ms - HOUR_MS), "told afterwards"),
        "order": expected.order,
        "from": format_ms(case.at_ms - MINUTE_MS),
        "to": format_ms(case.at_ms + MINUTE_MS),
    }
    yield filing("permit", leave, filed_ms)


def _line(event: dict[str, Any]) -> bytes:
    return _encode(event)
