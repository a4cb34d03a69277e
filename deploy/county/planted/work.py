"""Work: shops that open, workers who are on site, shifts that nobody comes to."""

import random
from typing import Any, Final

from deploy.county.devices import Sent, report
from deploy.county.people import People
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import ENTERPRISE, identifier
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms

_OPENED: Final = "opened-without-approval"
_WORKER: Final = "worker-non-compliant"
_DUTY: Final = "duty-no-show"
_GRACE_MS: Final = 15 * MINUTE_MS


def opened(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A shop without approval is seen open twice."""
    del people, turn
    sent = _seen(at_ms, rng, (0, True), (40, True))
    return Case("opened", at_ms, sent, (Expected(_OPENED, subject=f"premises:shop-{at_ms}"),))


def approved(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A shop with an approval is seen open twice."""
    del people, turn
    leave = fresh.filed("approval", f"approval-{at_ms}", at_ms, premises=f"shop-{at_ms}")
    return _quiet_shop("approved", (leave, *_seen(at_ms, rng, (1, True), (41, True))), at_ms,
                       "it has an approval")  # fmt: skip


def cleaned(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A shop is open for a delivery, closed, and open again for another."""
    del people, turn
    return _quiet_shop("cleaned", _seen(at_ms, rng, (0, True), (20, False), (45, True)), at_ms,
                       "it was closed in between")  # fmt: skip


def worker_bound(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An enterprise reports somebody on site who is under order."""
    del turn
    who = fresh.bound(people, at_ms, rng)
    sent = (who.sent, _roster(who.id_number, at_ms), _well(who.id_number, at_ms, rng))
    expected = Expected(_WORKER, person=who.id_number, severity="high")
    return Case("worker-under-order", at_ms, sent, (expected,))


def worker_yellow(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An enterprise reports somebody on site whose code is yellow."""
    del people, turn
    who = fresh.person(at_ms)
    sent = (_roster(who, at_ms), _changed(who, "yellow", at_ms, rng), _well(who, at_ms, rng))
    return Case("worker-yellow", at_ms, sent, (Expected(_WORKER, person=who, severity="medium"),))


def worker_green(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An enterprise reports somebody on site whose code is green again."""
    del people, turn
    who = fresh.person(at_ms)
    sent = (_roster(who, at_ms), _changed(who, "green", at_ms, rng), _well(who, at_ms, rng))
    silence = Silence((_WORKER,), "the code is green", person=who)
    return Case("worker-green", at_ms, sent, silence=silence)


def worker_permitted(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """An enterprise reports somebody on site who is under order and has leave for that."""
    del turn
    who = fresh.bound(people, at_ms, rng)
    leave = fresh.filed(
        "permit", f"leave-{at_ms}", at_ms, order=who.order, reason="nobody else can run the pump",
        **{"from": format_ms(at_ms), "to": format_ms(at_ms + HOUR_MS)},
    )  # fmt: skip
    sent = (who.sent, leave, _roster(who.id_number, at_ms), _well(who.id_number, at_ms, rng))
    silence = Silence((_WORKER,), "a permit covers it", person=who.id_number)
    return Case("worker-permitted", at_ms, sent, silence=silence)


def no_show(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Of four people three come."""
    del people, turn
    sent = (_shift(at_ms, 4), *_signed(at_ms, ("a", "b", "c"), rng))
    expected = Expected(_DUTY, subject=f"shift:shift-{at_ms}", severity="low")
    return Case("no-show", at_ms, sent, (expected,), due_ms=_due_ms(at_ms))


def swapped(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Of four people three come, and a swap is filed for the fourth."""
    del people, turn
    swap = _shift(at_ms + 4 * MINUTE_MS, 4, named_ms=at_ms, members=("a", "b", "c", "e"))
    sent = (_shift(at_ms, 4), *_signed(at_ms, ("a", "b", "c", "e"), rng), swap)
    silence = Silence((_DUTY,), "the swap is filed", subject=f"shift:shift-{at_ms}")
    return Case("swapped", at_ms, sent, silence=silence, due_ms=_due_ms(at_ms))


def _seen(at_ms: int, rng: random.Random, *looks: tuple[int, bool]) -> tuple[Sent, ...]:
    return tuple(
        report("shop-observation", "patrol-7", {"premises": f"shop-{at_ms}", "open": is_open},
               at_ms + minute * MINUTE_MS, rng)
        for minute, is_open in looks
    )  # fmt: skip


def _quiet_shop(name: str, sent: tuple[Sent, ...], at_ms: int, why: str) -> Case:
    silence = Silence((_OPENED,), why, subject=f"premises:shop-{at_ms}")
    return Case(name, at_ms, sent, silence=silence)


def _roster(who: str, at_ms: int) -> Sent:
    return fresh.filed("worker", f"worker-{at_ms}", at_ms, enterprise=ENTERPRISE,
                       person=identifier(who))  # fmt: skip


def _well(who: str, at_ms: int, rng: random.Random) -> Sent:
    data = {"enterprise": ENTERPRISE, "person": identifier(who), "result": "well"}
    return report("worker-health", "mill-desk", data, at_ms + 2 * fresh.FILED_MS, rng)


def _changed(who: str, colour: str, at_ms: int, rng: random.Random) -> Sent:
    code = {"issuer": "330000", "colour": colour, "issued_at": format_ms(at_ms),
            "expires_at": format_ms(at_ms + DAY_MS)}  # fmt: skip
    return report("code-change", "code-authority", {"person": identifier(who), "code": code},
                  at_ms + fresh.FILED_MS, rng)  # fmt: skip


def _shift(
    at_ms: int, wanted: int, named_ms: int = 0, members: tuple[str, ...] = ("a", "b", "c", "d")
) -> Sent:
    named_ms = named_ms or at_ms
    data: dict[str, Any] = {
        "place": f"post-{named_ms}",
        "start": format_ms(named_ms + MINUTE_MS),
        "end": format_ms(named_ms + 8 * HOUR_MS),
        "members": list(members),
        "min_staff": wanted,
    }
    return fresh.filed("duty-shift", f"shift-{named_ms}", at_ms, **data)


def _signed(at_ms: int, members: tuple[str, ...], rng: random.Random) -> tuple[Sent, ...]:
    shift = f"shift-{at_ms}"
    return tuple(
        report("duty-sign-in", "duty-desk", {"shift": shift, "member": member, "kind": "in"},
               at_ms + 2 * MINUTE_MS, rng)
        for member in members
    )  # fmt: skip


def _due_ms(at_ms: int) -> int:
    return at_ms + MINUTE_MS + _GRACE_MS
