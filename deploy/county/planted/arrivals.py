"""Whoever comes from elsewhere: from an area at risk, from abroad, and whoever nobody receives."""

import random
from typing import Any, Final

from deploy.county.devices import Seen, Sent, check, report, scan
from deploy.county.people import People
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import RISK_AREA, identifier
from schemas.times import DAY_MS, HOUR_MS, format_ms

_ARRIVAL: Final = "risk-area-arrival"
_RECEIVED: Final = "arrival-not-followed-up"
_ABROAD: Final = "foreign-resident-unregistered"
_NEW: Final = "unregistered-resident"
# Wuhan: many here are from there, and nobody was there lately.
_NO_RISK: Final = "420100"
_TRIP: Final = "risk-round-trip"
_AWAY_MS: Final = 3 * HOUR_MS
_RECEIPT_MS: Final = 4 * HOUR_MS
# As the county's policy says (registers.py).
_REGISTERED_MS: Final = 4 * HOUR_MS
_NEW_FACE_MS: Final = 7 * HOUR_MS


def noticed(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A household of three is said to have come from an area at risk."""
    del people, turn, rng
    household = f"household-{at_ms}"
    sent = _notice(at_ms, household, RISK_AREA, [fresh.person(at_ms, n) for n in range(3)])
    expected = Expected(_ARRIVAL, subject=f"household:{household}", severity="high")
    return Case("risk-arrival", at_ms, (sent,), (expected,))


def noticed_elsewhere(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A household is said to have come from an area that is on no list."""
    del people, turn, rng
    household = f"household-{at_ms}"
    sent = _notice(at_ms, household, _NO_RISK, [fresh.person(at_ms, n) for n in range(3)])
    silence = Silence((_ARRIVAL,), "the area is on no list", subject=f"household:{household}")
    return Case("arrival-no-risk", at_ms, (sent,), silence=silence)


def noticed_bound(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody is said to have come from an area at risk who is under order already."""
    del turn
    household, who = f"household-{at_ms}", fresh.bound(people, at_ms, rng)
    sent = (who.sent, _notice(at_ms, household, RISK_AREA, [who.id_number]))
    silence = Silence((_ARRIVAL,), "they are under order already", subject=f"household:{household}")
    return Case("arrival-under-order", at_ms, sent, silence=silence)


def declared(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody says at the boundary that they stayed in an area at risk; they live here."""
    del turn
    household, who = f"household-{at_ms}", fresh.person(at_ms)
    stays = [{"area": "330327", "from": format_ms(at_ms - 5 * DAY_MS)[:10],
              "to": format_ms(at_ms - DAY_MS)[:10]}]  # fmt: skip
    home = fresh.filed("residence", f"home-{at_ms}", at_ms, person=identifier(who),
                       address=f"{at_ms} Lake Road", household=household)  # fmt: skip
    gate = rng.choice(people.places.boundary)
    sent = (home, scan(gate, "in", None, [who], "document", at_ms + fresh.FILED_MS, rng,
                       stays=stays))  # fmt: skip
    return Case("risk-declared", at_ms, sent,
                (Expected(_ARRIVAL, subject=f"household:{household}"),))  # fmt: skip


def round_trip(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody leaves, is back three hours later, and says that they were in an area at risk."""
    del turn
    return _trip("round-trip", people, at_ms, rng, "330327")


def harmless_trip(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody leaves, is back three hours later, and was in Wuhan, which is on no list."""
    del turn
    return _trip("harmless-trip", people, at_ms, rng, _NO_RISK)


def _trip(name: str, people: People, at_ms: int, rng: random.Random, area: str) -> Case:
    household, who = f"household-{at_ms}", fresh.person(at_ms)
    gate, back_ms = people.places.boundary[0], at_ms + _AWAY_MS
    stays = [{"area": area, "from": format_ms(at_ms + HOUR_MS), "to": format_ms(back_ms - HOUR_MS)}]
    sent = (
        fresh.filed("residence", f"home-{at_ms}", at_ms, person=identifier(who),
                    address=f"{at_ms} Lake Road", household=household),
        check(gate, "out", who, "document", at_ms, rng),
        scan(gate, "in", None, [who], "document", back_ms, rng, stays=stays),
    )  # fmt: skip
    if area == _NO_RISK:
        return Case(name, at_ms, sent, silence=Silence((_TRIP,), "it is on no list", person=who))
    expected = (
        Expected(_TRIP, person=who, severity="high"),
        Expected(_ARRIVAL, subject=f"household:{household}"),
    )
    return Case(name, at_ms, sent, expected)


def not_received(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody comes in and says whereto, and no community sees them."""
    del turn
    who, sent = fresh.person(at_ms), _bound_for(people, at_ms, rng)
    return Case("not-received", at_ms, (sent,), (Expected(_RECEIVED, person=who),),
                due_ms=sent.recorded_ms + _RECEIPT_MS)  # fmt: skip


def received(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody comes in, says whereto, and is seen at the gate of a community two hours later."""
    del turn
    who = fresh.person(at_ms)
    gate = people.places.gates[rng.choice(people.places.communities)]
    seen = check(gate, "in", who, "document", at_ms + 2 * HOUR_MS, rng)
    silence = Silence((_RECEIVED,), "they were received", person=who)
    return Case("received", at_ms, (_bound_for(people, at_ms, rng), seen), silence=silence,
                due_ms=at_ms + _RECEIPT_MS)  # fmt: skip


def unregistered(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody comes in with a passport and registers nowhere."""
    del turn
    passport, sent = _passport(people, at_ms, rng)
    expected = Expected(_ABROAD, person=passport, id_type="passport")
    return Case("unregistered-passport", at_ms, (sent,), (expected,),
                due_ms=sent.recorded_ms + _REGISTERED_MS)  # fmt: skip


def in_a_hotel(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody comes in with a passport and is registered by a hotel."""
    del turn
    passport, sent = _passport(people, at_ms, rng)
    hotel = fresh.filed("residence", f"hotel-{at_ms}", at_ms + HOUR_MS, foreign=True,
                        person={"id_type": "passport", "id_number": passport},
                        address=f"{at_ms} Station Hotel")  # fmt: skip
    silence = Silence((_ABROAD,), "a hotel registered them", person=passport, id_type="passport")
    return Case("registered-passport", at_ms, (sent, hotel), silence=silence,
                due_ms=at_ms + _REGISTERED_MS)  # fmt: skip


def new_face(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A neighbour tells of a new face; nobody registers there."""
    del people, turn
    return _new_face("new-face", at_ms, rng, registered=False)


def new_neighbour(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A neighbour tells of a new face, who registers."""
    del people, turn
    return _new_face("new-neighbour", at_ms, rng, registered=True)


def _new_face(name: str, at_ms: int, rng: random.Random, *, registered: bool) -> Case:
    # Addresses have no letter in common with another case's beyond the street.
    address = f"new street {at_ms}"
    data = {"kind": "new-face", "address": address, "reporter_role": "neighbour"}
    sent: list[Sent] = [report("tip", "hotline", data, at_ms, rng)]
    subject, due_ms = f"address:{address.replace(' ', '')}", at_ms + _NEW_FACE_MS
    if not registered:
        return Case(name, at_ms, tuple(sent), (Expected(_NEW, subject=subject),), due_ms=due_ms)
    sent.append(fresh.filed("residence", f"home-{at_ms}", at_ms + HOUR_MS, address=address,
                            person=identifier(fresh.person(at_ms))))  # fmt: skip
    silence = Silence((_NEW,), "they registered", subject=subject)
    return Case(name, at_ms, tuple(sent), silence=silence, due_ms=due_ms)


def _notice(at_ms: int, household: str, area: str, persons: list[str]) -> Sent:
    data: dict[str, Any] = {
        "household": household,
        "persons": [identifier(each) for each in persons],
        "area": area,
        "stay_from": format_ms(at_ms - 6 * DAY_MS)[:10],
        "stay_to": format_ms(at_ms - 2 * DAY_MS)[:10],
        "arrival": format_ms(at_ms - DAY_MS)[:10],
    }
    return fresh.filed("arrival-notice", f"notice-{at_ms}", at_ms, valid_from=format_ms(at_ms),
                       **data)  # fmt: skip


def _bound_for(people: People, at_ms: int, rng: random.Random) -> Sent:
    gate = rng.choice([site for site in people.places.boundary if site != people.places.offline])
    goes_to = {"grid": "grid-7", "address": f"{at_ms} Bridge Street"}
    return scan(gate, "in", None, [fresh.person(at_ms)], "document", at_ms, rng,
                destination=goes_to)  # fmt: skip


def _passport(people: People, at_ms: int, rng: random.Random) -> tuple[str, Sent]:
    gate = rng.choice([site for site in people.places.boundary if site != people.places.offline])
    number = f"E{at_ms // 1000 % 100_000_000:08d}"
    return number, check(gate, "in", "", "document", at_ms, rng, seen=Seen(passport=number))
