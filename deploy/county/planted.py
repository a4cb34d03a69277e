"""What is planted among the traffic, each with what a watcher must make of it."""

import random
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from deploy.county.devices import Proof, Sent, check, filing, passage, scan
from deploy.county.numbers import resident_id, visitor_plate
from deploy.county.people import Ordered, People
from deploy.county.places import BOUNDARY, EXPRESSWAY, FACILITY, INNER, gate_of
from deploy.county.registers import common
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, format_ms

_VISITORS_FROM: Final = "310115"


class Expected(Struct, frozen=True, omit_defaults=True):
    """An alert that must arise; `order` or `subject` says of whom, `outcome` how it ends."""

    rule: str
    order: str | None = None
    subject: str | None = None
    outcome: str | None = None


class Case(Struct, frozen=True):
    """One planted case: what is sent, and the alert that must follow, None = no alert may."""

    name: str
    at_ms: int
    sent: tuple[Sent, ...]
    expected: Expected | None

    @property
    def done_ms(self) -> int:
        """When all of it has arrived."""
        return max(each.recorded_ms for each in self.sent)


Plant = Callable[[People, int, int, random.Random], Case]


def breach_by_document(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order shows a document where they must not be."""
    return _breach("breach-document", _turn(_without_cars(people)[:12], turn), "document", at_ms,
                   rng)  # fmt: skip


def breach_by_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """The health code of a person under order is scanned where they must not be."""
    return _breach("breach-code", _turn(_without_cars(people)[12:], turn), "code", at_ms, rng)


def linked_car(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """The car of a person under order drives through town; nobody knows who is at the wheel."""
    who = _turn(_with_cars(people)[:18], turn)
    plate = who.car or who.shared_car
    assert plate is not None
    sent = list(passage(rng.choice(INNER), "internal", plate, at_ms, rng, sure=True))
    sent += passage(rng.choice(EXPRESSWAY), "out", plate, at_ms + 4 * MINUTE_MS, rng, sure=True)
    expected = Expected("quarantined-vehicle-moving", who.order, f"vehicle:{plate}")
    return Case("linked-car", at_ms, tuple(sent), expected)


def permitted_trip(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order goes to hospital with leave, by car."""
    who = _turn(_with_cars(people)[18:24], turn)
    plate = who.car or who.shared_car
    assert plate is not None
    leave: dict[str, Any] = {
        **common(f"leave-{at_ms}", format_ms(at_ms), "hospital"),
        "order": who.order,
        "from": format_ms(at_ms),
        "to": format_ms(at_ms + 2 * HOUR_MS),
    }
    road_ms = at_ms + 20 * SECOND_MS
    sent = [filing("permit", leave, at_ms)]
    sent += passage(rng.choice(INNER), "internal", plate, road_ms, rng, sure=True)
    stop, stop_ms = rng.choice(EXPRESSWAY), road_ms + 3 * MINUTE_MS
    sent.append(scan(stop, "in", plate, [who.id_number], "document", stop_ms, rng))
    return Case("permitted-trip", at_ms, tuple(sent), None)


def transfer(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A person under order is brought to the facility as planned."""
    at_home = [each for each in _with_cars(people)[24:] if each.zone != FACILITY]
    who = _turn(at_home, turn)
    plan: dict[str, Any] = {
        **common(f"transfer-{at_ms}", format_ms(at_ms), "to the facility"),
        "orders": [who.order],
        "from_zone": who.zone,
        "to_zone": FACILITY,
        "window_from": format_ms(at_ms),
        "window_to": format_ms(at_ms + 45 * MINUTE_MS),
        "eta": format_ms(at_ms + 30 * MINUTE_MS),
        "sealed": True,
    }
    sent = [filing("transfer", plan, at_ms)]
    stop_ms, gate_ms = at_ms + 2 * MINUTE_MS, at_ms + 5 * MINUTE_MS
    stop = rng.choice(EXPRESSWAY)
    sent.append(check(stop, "internal", who.id_number, "document", stop_ms, rng))
    sent.append(check(gate_of(FACILITY), "in", who.id_number, "document", gate_ms, rng))
    return Case("transfer", at_ms, tuple(sent), None)


def arrival(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An unknown vehicle comes in over the boundary and stays."""
    del people, turn
    plate, sent = _entry(at_ms, rng)
    for camera in rng.sample(INNER, 3):
        at_ms += rng.randint(40, 100) * SECOND_MS
        sent += passage(camera, "internal", plate, at_ms, rng, sure=True)
    expected = Expected("first-seen-vehicle", subject=f"vehicle:{plate}")
    return Case("arrival", sent[0].recorded_ms, tuple(sent), expected)


def transit(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An unknown vehicle comes in, passes through town and leaves within minutes."""
    del people, turn
    plate, sent = _entry(at_ms, rng)
    town_ms, out_ms = at_ms + 90 * SECOND_MS, at_ms + 6 * MINUTE_MS
    sent += passage(rng.choice(INNER), "internal", plate, town_ms, rng, sure=True)
    sent += passage(rng.choice(BOUNDARY), "out", plate, out_ms, rng, sure=True)
    expected = Expected("first-seen-vehicle", subject=f"vehicle:{plate}", outcome="transit")
    return Case("transit", sent[0].recorded_ms, tuple(sent), expected)


# In turn, the ones that show most first.
PLANTS: Final[tuple[Plant, ...]] = (
    breach_by_document,
    linked_car,
    arrival,
    breach_by_code,
    permitted_trip,
    transit,
    transfer,
)


def _breach(name: str, who: Ordered, proof: Proof, at_ms: int, rng: random.Random) -> Case:
    site = rng.choice((*EXPRESSWAY, *BOUNDARY))
    sent = check(site, "out", who.id_number, proof, at_ms, rng)
    return Case(name, at_ms, (sent,), Expected("quarantine-breach", who.order))


def _entry(at_ms: int, rng: random.Random) -> tuple[str, list[Sent]]:
    """Return an unknown plate and what its entry over the boundary looks like.

    The plate is numbered by the second, so that a demo that is started again brings new ones.
    """
    number = at_ms // SECOND_MS
    plate, gate = visitor_plate(number), rng.choice(BOUNDARY)
    driver = resident_id(number % 19_000_000, _VISITORS_FROM)
    sent = list(passage(gate, "in", plate, at_ms, rng, sure=True))
    sent.append(scan(gate, "in", plate, [driver], "document", at_ms + 10 * SECOND_MS, rng))
    return plate, sent


def _without_cars(people: People) -> list[Ordered]:
    return [each for each in people.ordered if not (each.car or each.shared_car)]


def _with_cars(people: People) -> list[Ordered]:
    return [each for each in people.ordered if each.car or each.shared_car]


def _turn(people: list[Ordered], turn: int) -> Ordered:
    return people[turn % len(people)]
