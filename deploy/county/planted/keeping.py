"""Orders and those who keep them: transfers, releases, tips, keepers."""

import random
from collections.abc import Iterator
from typing import Any, Final

from deploy.county.devices import Sent, check, report
from deploy.county.people import People
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import identifier
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms

_ARRIVED: Final = "transfer-not-arrived"
_RELEASE: Final = "release-due"
_TIP: Final = "breach-tip"
_CROSSED: Final = "zone-crossing"
_GAP: Final = "watch-gap"
# A transfer may be so late (domain: D15), and two keepers one so long (D13).
_MARGIN_MS: Final = HOUR_MS
_ALONE_MS: Final = 15 * MINUTE_MS


def transfer_missing(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order is to be brought to a facility, and does not arrive."""
    del turn
    return _moved("transfer-missing", people, at_ms, rng, None)


def transfer_late(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order arrives at the facility long after they were missed."""
    del turn
    return _moved("transfer-late", people, at_ms, rng, 80 * MINUTE_MS)


def transfer_slow(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order arrives at the facility half an hour after the eta."""
    del turn
    return _moved("transfer-slow", people, at_ms, rng, 35 * MINUTE_MS)


def coach_transfer(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Of eight persons in one coach one does not arrive."""
    del turn
    persons = [fresh.person(at_ms, place) for place in range(8)]
    data = {"persons": [identifier(each) for each in persons]}
    sent = (
        _plan(people, at_ms, rng, **data),
        _arrival(people, at_ms, persons[1:], at_ms + 6 * MINUTE_MS, rng),
    )
    due_ms = at_ms + 5 * MINUTE_MS + _MARGIN_MS
    expected = Expected(_ARRIVED, subject=f"transfer:transfer-{at_ms}")
    return Case("coach-transfer", at_ms, sent, (expected,), due_ms=due_ms)


def release_due(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An order is filed whose last day is over: somebody has to decide."""
    del turn
    who = fresh.bound(people, at_ms, rng, days_ago=16)
    return Case("release-due", at_ms, (who.sent,), (Expected(_RELEASE, order=who.order),))


def released(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An order whose last day is over has ended that day."""
    del turn
    ended = format_ms(at_ms - DAY_MS)
    who = fresh.bound(people, at_ms, rng, days_ago=16, valid_to=ended)
    silence = Silence((_RELEASE,), "the order has ended", order=who.order)
    return Case("released", at_ms, (who.sent,), silence=silence)


def tip(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A neighbour says that somebody under order has gone out."""
    del turn
    who = fresh.bound(people, at_ms, rng)
    sent = (who.sent, _tip(who.order, at_ms, rng))
    return Case("tip", at_ms, sent, (Expected(_TIP, order=who.order, severity="medium"),))


def tip_after_release(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A neighbour says that somebody has gone out whose order has ended."""
    del turn
    ended = format_ms(at_ms - HOUR_MS)
    who = fresh.bound(people, at_ms, rng, days_ago=10, valid_to=ended)
    silence = Silence((_TIP,), "the order has ended", order=who.order)
    return Case("tip-after-release", at_ms, (who.sent, _tip(who.order, at_ms, rng)),
                silence=silence)  # fmt: skip


def watch_gap(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """One of two keepers goes, and nobody comes for twenty-five minutes."""
    del turn
    return _kept("watch-gap", people, at_ms, rng, 25)


def handed_over(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """One of two keepers goes, and another comes ten minutes later."""
    del turn
    return _kept("handed-over", people, at_ms, rng, 10)


def zone_left(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """The device of somebody under order leaves the zone."""
    del turn
    who = fresh.bound(people, at_ms, rng)
    sent = (who.sent, *_fixes(people, who, at_ms, rng, ((0.0, 15), (0.02, 15), (0.02, 15))))
    return Case("zone-left", at_ms, sent,
                (Expected(_CROSSED, order=who.order, severity="high"),))  # fmt: skip


def zone_flap(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A device jumps out of the zone for one fix, and another fix is good to 900 m only."""
    del turn
    who = fresh.bound(people, at_ms, rng)
    steps = ((0.0, 15), (0.02, 15), (0.0, 15), (0.02, 900), (0.02, 900), (0.0, 15))
    sent = (who.sent, *_fixes(people, who, at_ms, rng, steps))
    silence = Silence((_CROSSED,), "one fix is none, and a poor one neither", order=who.order)
    return Case("zone-flap", at_ms, sent, silence=silence, due_ms=at_ms + 20 * MINUTE_MS)


def _fixes(
    people: People,
    who: fresh.Bound,
    at_ms: int,
    rng: random.Random,
    steps: tuple[tuple[float, int], ...],
) -> Iterator[Sent]:
    """Yield fixes a minute apart: so many degrees off the middle of the zone, good to so many m."""
    (zone,) = (each for each in people.places.zones if each.id == who.entry["zone"])
    for minute, (off, accuracy_m) in enumerate(steps, 1):
        position = {"lon": zone.lon + off, "lat": zone.lat, "crs": "wgs84",
                    "accuracy_m": accuracy_m}  # fmt: skip
        data = {"order": who.order, "position": position}
        yield report("position-fix", "wristbands", data, at_ms + minute * MINUTE_MS, rng)


def _moved(name: str, people: People, at_ms: int, rng: random.Random, after_ms: int | None) -> Case:
    who = fresh.bound(people, at_ms, rng)
    plan = _plan(people, at_ms, rng, orders=[who.order])
    sent = [who.sent, plan]
    due_ms = at_ms + 5 * MINUTE_MS + _MARGIN_MS
    if after_ms is not None:
        sent.append(_arrival(people, at_ms, [who.id_number], at_ms + after_ms, rng))
    if after_ms is not None and after_ms < _MARGIN_MS:
        silence = Silence((_ARRIVED, "quarantine-breach"), "half an hour is no ground",
                          subject=f"transfer:transfer-{at_ms}")  # fmt: skip
        return Case(name, at_ms, tuple(sent), silence=silence, due_ms=due_ms)
    outcome = None if after_ms is None else "cleared"
    expected = Expected(_ARRIVED, subject=f"transfer:transfer-{at_ms}", severity="high",
                        outcome=outcome)  # fmt: skip
    return Case(name, at_ms, tuple(sent), (expected,), due_ms=due_ms)


def _plan(people: People, at_ms: int, rng: random.Random, **who: Any) -> Sent:
    return fresh.filed(
        "transfer", f"transfer-{at_ms}", at_ms,
        from_zone=people.places.communities[0],
        to_zone=rng.choice(people.places.facilities),
        window_from=format_ms(at_ms),
        window_to=format_ms(at_ms + 2 * HOUR_MS),
        eta=format_ms(at_ms + 5 * MINUTE_MS),
        **who,
    )  # fmt: skip


def _arrival(
    people: People, planned_ms: int, persons: list[str], at_ms: int, rng: random.Random
) -> Sent:
    gate = people.places.gates[people.places.facilities[0]]
    shown = [check(gate, "in", each, "document", at_ms, rng) for each in persons]
    data = {
        "transfer": f"transfer-{planned_ms}",
        "persons": [each.event["data"]["person"] for each in shown],
    }
    return report("transfer-arrival", "reception-desk", data, at_ms, rng)


def _tip(order: str, at_ms: int, rng: random.Random) -> Sent:
    data = {"kind": "suspected-breach", "order": order, "reporter_role": "neighbour"}
    return report("tip", "hotline", data, at_ms + fresh.FILED_MS, rng)


def _kept(name: str, people: People, at_ms: int, rng: random.Random, alone_min: int) -> Case:
    who, shift = fresh.bound(people, at_ms, rng), f"keepers-{at_ms}"
    goes_ms = at_ms + 3 * MINUTE_MS
    comes_ms = goes_ms + alone_min * MINUTE_MS
    filing = fresh.filed(
        "duty-shift", shift, at_ms, place=f"home-{at_ms}", order=who.order,
        start=format_ms(at_ms + MINUTE_MS), end=format_ms(at_ms + 5 * DAY_MS),
        members=["keeper-a", "keeper-b", "keeper-c"], min_staff=2,
    )  # fmt: skip
    sent = [who.sent, filing]
    for member, kind, moment_ms in (
        ("keeper-a", "in", at_ms + MINUTE_MS),
        ("keeper-b", "in", at_ms + MINUTE_MS),
        ("keeper-b", "out", goes_ms),
        ("keeper-c", "in", comes_ms),
    ):
        signed = {"shift": shift, "member": member, "kind": kind}
        sent.append(report("duty-sign-in", "duty-desk", signed, moment_ms, rng))
    if alone_min * MINUTE_MS < _ALONE_MS:
        silence = Silence((_GAP,), "it was a hand-over", order=who.order)
        return Case(name, at_ms, tuple(sent), silence=silence, due_ms=goes_ms + _ALONE_MS)
    expected = Expected(_GAP, order=who.order, outcome="cleared")
    # Whoever counts at the start of the shift finds one keeper too few.
    too_few = Expected("duty-no-show", subject=f"shift:{shift}", ends=True)
    return Case(name, at_ms, tuple(sent), (expected,), allowed=(too_few,))
