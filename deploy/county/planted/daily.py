"""What has its time of day: check-ins, nil reports, strangers who stay for the night."""

import random
from collections.abc import Iterator
from typing import Final

from deploy.county.devices import Direction, Sent, passage, report
from deploy.county.heartbeats import PLATFORM_OUT, is_platform_out
from deploy.county.numbers import visitor_plate
from deploy.county.people import Ordered, People
from deploy.county.places import Site
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import PLATFORMS, identifier
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms

_CHECK_IN: Final = "missed-check-in"
_MOVING: Final = "quarantined-vehicle-moving"
_NIL: Final = "nil-report-missing"
_NIGHT: Final = "overnight-stay"
_NEW: Final = "unregistered-resident"
_UTC_OFFSET_MS: Final = 8 * HOUR_MS
# When somebody under order has to be heard of, and how long after that they are missed.
_MORNING_MS: Final = 9 * HOUR_MS
_AFTERNOON_MS: Final = 15 * HOUR_MS
_MISSED_MS: Final = 20 * MINUTE_MS
_REPORTS_MS: Final = 17 * HOUR_MS
_REPORTS_MISSED_MS: Final = 30 * MINUTE_MS
_ENTERS_MS: Final = 22 * HOUR_MS
_MORNING_COMES_MS: Final = DAY_MS + 5 * HOUR_MS
# A stranger has stayed so long, and registered nowhere (registers.py has the policy).
_STAYED_MS: Final = 7 * HOUR_MS
_PLACES: Final = 1_000


def day_of(at_ms: int) -> int:
    """Return when the day of an instant began in China."""
    return (at_ms + _UTC_OFFSET_MS) // DAY_MS * DAY_MS - _UTC_OFFSET_MS


def of_day(people: People, day_ms: int, rng: random.Random) -> Iterator[Case]:
    """Yield the cases of a day that begins at `day_ms`."""
    yield from _check_ins(people, day_ms, rng)
    yield from _nil_reports(people, day_ms, rng)
    yield from _nights(people, day_ms, rng)


def _check_ins(people: People, day_ms: int, rng: random.Random) -> Iterator[Case]:
    for number, each in enumerate(people.followed):
        cut_off = number < 2
        for due_ms in (day_ms + _MORNING_MS, day_ms + _AFTERNOON_MS):
            at_ms = due_ms - rng.randint(2, 48) * MINUTE_MS
            platform = PLATFORMS[1] if cut_off else PLATFORMS[0]
            sent = (_check_in(each, "ok", platform, at_ms, rng),)
            why = "they checked in"
            if cut_off and is_platform_out(due_ms):
                # What they send comes when the platform is back.
                back_ms = day_ms + PLATFORM_OUT[1] + rng.randint(1, 30) * MINUTE_MS
                sent = (_check_in(each, "ok", platform, back_ms, rng),)
                why = "the platform was out"
            silence = Silence((_CHECK_IN,), why, order=each.order)
            yield Case("checked-in", at_ms, sent, silence=silence, due_ms=due_ms + _MISSED_MS)
    for number, each in enumerate(people.missing):
        kind = number % 3
        morning_ms, afternoon_ms = day_ms + _MORNING_MS, day_ms + _AFTERNOON_MS
        expected = Expected(_CHECK_IN, order=each.order, ends=True)
        yield Case("missed-once", morning_ms, (), (expected,), due_ms=morning_ms + _MISSED_MS)
        if kind == 0:
            at_ms = afternoon_ms - 10 * MINUTE_MS
            sent = (_check_in(each, "ok", PLATFORMS[0], at_ms, rng),)
            yield Case("heard-again", at_ms, sent, allowed=(expected,),
                       due_ms=afternoon_ms + _MISSED_MS)  # fmt: skip
        elif kind == 1:
            twice = Expected(_CHECK_IN, order=each.order, severity="medium")
            yield Case("missed-twice", afternoon_ms, (), (twice,),
                       due_ms=afternoon_ms + _MISSED_MS)  # fmt: skip
            yield _driven(people, each, number, afternoon_ms, rng)
        else:
            called_ms = afternoon_ms + 40 * MINUTE_MS
            called = _check_in(each, "call-failed", "call-centre", called_ms, rng)
            unreached = Expected(_CHECK_IN, order=each.order, severity="high")
            yield Case("not-reached", afternoon_ms, (called,), (unreached,))


def _driven(people: People, who: Ordered, number: int, missed_ms: int, rng: random.Random) -> Case:
    """Somebody drives the car of a person who does not answer at home."""
    at_ms = missed_ms + 5 * MINUTE_MS
    plate, filed_ms = fresh.plate(at_ms, number), at_ms - fresh.FILED_MS
    link = fresh.filed(
        "vehicle-link",
        f"link-{filed_ms}-{number}",
        filed_ms,
        person=identifier(who.id_number),
        plate=plate,
        role="driver",
        strength=0.9,
    )
    camera = rng.choice(people.places.inner)
    sent = (link, *passage(camera, "internal", plate, at_ms, rng, sure=True))
    moving = Expected(_MOVING, order=who.order, subject=f"vehicle:{plate}", severity="high")
    return Case("missed-and-driven", filed_ms, sent, (moving,), due_ms=missed_ms + _MISSED_MS)


def _check_in(who: Ordered, result: str, source: str, at_ms: int, rng: random.Random) -> Sent:
    return report("check-in", source, {"order": who.order, "result": result}, at_ms, rng)


def _nil_reports(people: People, day_ms: int, rng: random.Random) -> Iterator[Case]:
    due_ms = day_ms + _REPORTS_MS
    day = format_ms(day_ms + _UTC_OFFSET_MS)[:10]
    for number in range(1, people.size.reporters + 1):
        reporter = f"reporter-{number}"
        subject, until_ms = f"reporter:{reporter}", due_ms + _REPORTS_MISSED_MS
        expected = Expected(_NIL, subject=subject, severity="low", ends=True)
        at_ms = due_ms - rng.randint(2, 40) * MINUTE_MS
        sent: tuple[Sent, ...] = ()
        if number == 1:
            yield Case("nil-report-missing", due_ms, sent, (expected,), due_ms=until_ms)
            continue
        if number == 2:
            at_ms = until_ms + 5 * MINUTE_MS
        data = {"reporter": reporter, "day": day}
        sent = (report("nil-report", f"desk-{number}", data, at_ms, rng),)
        if number == 2:
            yield Case("nil-report-late", due_ms, sent, (expected,))
        else:
            silence = Silence((_NIL,), "the report came in time", subject=subject)
            yield Case("nil-report", at_ms, sent, silence=silence, due_ms=until_ms)


def _nights(people: People, day_ms: int, rng: random.Random) -> Iterator[Case]:
    places = people.places
    homes = [places.gates[each] for each in places.communities]
    for number in range(people.size.overnight):
        at_ms = day_ms + _ENTERS_MS + number * 7 * MINUTE_MS
        gate = homes[number % len(homes)]
        subject = f"vehicle:{_stranger(day_ms, number)}"
        sent = _visit(gate, "in", day_ms, number, at_ms, rng)
        due_ms = day_ms + _MORNING_COMES_MS
        yield Case("overnight", at_ms, sent, (Expected(_NIGHT, subject=subject),), due_ms=due_ms)
        # The next rule rests on this one: who stays and is in no register.
        stays = (Expected(_NEW, subject=subject),)
        yield Case("stays-on", due_ms, (), stays, due_ms=at_ms + _STAYED_MS + HOUR_MS)
        guest = people.size.overnight + number
        left_ms = day_ms + DAY_MS + 3 * HOUR_MS + number * MINUTE_MS
        sent = (
            *_visit(gate, "in", day_ms, guest, at_ms + MINUTE_MS, rng),
            *_visit(gate, "out", day_ms, guest, left_ms, rng),
        )
        silence = Silence((_NIGHT,), "it left before the morning",
                          subject=f"vehicle:{_stranger(day_ms, guest)}")  # fmt: skip
        yield Case("late-visit", at_ms + MINUTE_MS, sent, silence=silence, due_ms=due_ms)


def _visit(
    gate: Site, direction: Direction, day_ms: int, number: int, at_ms: int, rng: random.Random
) -> tuple[Sent, ...]:
    plate = _stranger(day_ms, number)
    return tuple(passage(gate, direction, plate, at_ms, rng, sure=True))


def _stranger(day_ms: int, number: int) -> str:
    """Return the plate of one of a day's guests; cases of the second have others."""
    return visitor_plate(12_000_000 + day_ms // DAY_MS * _PLACES + number)
