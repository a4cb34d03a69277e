"""Persons under order: those who break it, those who may go, and their cars."""

import random
from typing import Any, Final

from deploy.county.devices import Proof, check, filing, passage, report, scan
from deploy.county.people import Ordered, People
from deploy.county.places import travel_s
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import common
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, format_ms

# The eta and as much time again is how late an arrival may be.
_MARGIN_MS: Final = 2 * HOUR_MS


def breach_by_document(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order shows a document where they must not be."""
    walkers = _without_cars(people)
    return _breach("breach-document", people, _turn(walkers[: len(walkers) // 2], turn),
                   "document", at_ms, rng)  # fmt: skip


def breach_by_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """The health code of a person under order is scanned where they must not be. It is green,
    which excuses nothing."""
    walkers = _without_cars(people)
    return _breach("breach-code", people, _turn(walkers[len(walkers) // 2 :], turn), "code",
                   at_ms, rng)  # fmt: skip


def linked_car(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """The car of a person under order drives through town; nobody knows who is at the wheel."""
    who = _turn(_share(_with_cars(people), 0.0, 0.6), turn)
    camera, stop = rng.choice(people.places.inner), rng.choice(people.places.boundary)
    later_ms = at_ms + travel_s(camera, stop) * SECOND_MS
    sent = list(passage(camera, "internal", _car(who), at_ms, rng, sure=True))
    sent += passage(stop, "out", _car(who), later_ms, rng, sure=True)
    expected = Expected(
        "quarantined-vehicle-moving", order=who.order, subject=f"vehicle:{_car(who)}"
    )
    return Case("linked-car", at_ms, tuple(sent), (expected,))


def permitted_trip(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order goes to hospital with leave, by car."""
    who = _turn(_share(_with_cars(people), 0.6, 0.8), turn)
    leave: dict[str, Any] = {
        **common(f"leave-{at_ms}", format_ms(at_ms), "hospital"),
        "order": who.order,
        "from": format_ms(at_ms),
        "to": format_ms(at_ms + 2 * HOUR_MS),
    }
    camera, stop = rng.choice(people.places.inner), rng.choice(people.places.checkpoints)
    road_ms = at_ms + 20 * SECOND_MS
    stop_ms = road_ms + travel_s(camera, stop) * SECOND_MS
    sent = [filing("permit", leave, at_ms)]
    sent += passage(camera, "internal", _car(who), road_ms, rng, sure=True)
    sent.append(scan(stop, "in", _car(who), [who.id_number], "document", stop_ms, rng))
    return Case("permitted-trip", at_ms, tuple(sent), silence=_excused(who, "a permit covers it"))


def transfer(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order is brought to a facility as planned."""
    at_home = [
        each
        for each in _share(_with_cars(people), 0.8, 1.0)
        if each.zone in people.places.communities
    ]
    who, facility = _turn(at_home, turn), rng.choice(people.places.facilities)
    plan: dict[str, Any] = {
        **common(f"transfer-{at_ms}", format_ms(at_ms), "to the facility"),
        "orders": [who.order],
        "from_zone": who.zone,
        "to_zone": facility,
        "window_from": format_ms(at_ms),
        "window_to": format_ms(at_ms + 90 * MINUTE_MS),
        "eta": format_ms(at_ms + 60 * MINUTE_MS),
        "sealed": True,
    }
    stop, gate = rng.choice(people.places.checkpoints), people.places.gates[facility]
    stop_ms = at_ms + 2 * MINUTE_MS
    gate_ms = stop_ms + travel_s(stop, gate) * SECOND_MS
    sent = [filing("transfer", plan, at_ms)]
    sent.append(check(stop, "internal", who.id_number, "document", stop_ms, rng))
    seen = check(gate, "in", who.id_number, "document", gate_ms, rng)
    arrived = {"transfer": plan["id"], "persons": [seen.event["data"]["person"]]}
    sent += [seen, report("transfer-arrival", "reception-desk", arrived, gate_ms, rng)]
    return Case("transfer", at_ms, tuple(sent), silence=_excused(who, "a transfer covers it"),
                due_ms=at_ms + _MARGIN_MS)  # fmt: skip


def _breach(
    name: str, people: People, who: Ordered, proof: Proof, at_ms: int, rng: random.Random
) -> Case:
    sent = check(rng.choice(people.places.stops), "out", who.id_number, proof, at_ms, rng)
    return Case(name, at_ms, (sent,), (Expected("quarantine-breach", order=who.order),))


def _excused(who: Ordered, why: str) -> Silence:
    rules = ("quarantine-breach", "quarantined-vehicle-moving", "transfer-not-arrived")
    return Silence(rules, why, order=who.order)


def _without_cars(people: People) -> list[Ordered]:
    return [each for each in people.ordered if not (each.car or each.shared_car)]


def _with_cars(people: People) -> list[Ordered]:
    return [each for each in people.ordered if each.car or each.shared_car]


def _car(who: Ordered) -> str:
    plate = who.car or who.shared_car
    assert plate is not None, "chosen among those with a car"
    return plate


def _share(people: list[Ordered], begin: float, end: float) -> list[Ordered]:
    return people[int(begin * len(people)) : int(end * len(people))]


def _turn(people: list[Ordered], turn: int) -> Ordered:
    return people[turn % len(people)]
