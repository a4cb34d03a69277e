"""Checkpoints: passes, codes, barriers, and whoever goes past without a check."""

import random
from typing import Any, Final

from deploy.county.devices import Seen, Sent, check, passage, report
from deploy.county.people import People
from deploy.county.places import REGION, Site
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import identifier
from schemas.times import DAY_MS, MINUTE_MS, format_ms

_PASS: Final = "pass-invalid"
_CODE: Final = "health-code-invalid"
_FORCED: Final = "forced-gate"
_UNCHECKED: Final = "check-incomplete"
_CHECKED_WITHIN_MS: Final = 15 * MINUTE_MS


def pass_revoked(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A pass is shown that has been revoked."""
    del turn
    return _shown("pass-revoked", people, at_ms, rng, True, revoked=True)


def pass_of_another(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A pass is shown that was issued to somebody else."""
    del turn
    return _shown("pass-of-another", people, at_ms, rng, True,
                  holders=[identifier(fresh.person(at_ms, 1))])  # fmt: skip


def pass_over(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A pass is shown that ended yesterday."""
    del turn
    return _shown("pass-over", people, at_ms, rng, True, valid_to=format_ms(at_ms - DAY_MS))


def pass_elsewhere(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A pass for a community is shown at the edge of the county."""
    del turn
    return _shown("pass-elsewhere", people, at_ms, rng, True, scope=[people.places.communities[0]])


def pass_just_over(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A pass that ended three minutes ago: clocks differ."""
    del turn
    return _shown("pass-just-over", people, at_ms, rng, False,
                  valid_to=format_ms(at_ms - 3 * MINUTE_MS))  # fmt: skip


def pass_of_family(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A pass is shown that was issued to a family, this person among them."""
    del turn
    holders = [identifier(fresh.person(at_ms, place)) for place in range(3)]
    return _shown("pass-of-family", people, at_ms, rng, False, holders=holders)


def no_code(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody has neither a code nor a pass."""
    del turn
    who = fresh.person(at_ms)
    sent = check(_stop(people, rng), "in", who, "document", at_ms, rng, seen=Seen(colour="none"))
    return Case("no-code", at_ms, (sent,), (Expected(_CODE, person=who),))


def code_over(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A code is shown that ended a day ago."""
    del turn
    who, seen = fresh.person(at_ms), Seen(code_age_ms=4 * DAY_MS)
    sent = check(_stop(people, rng), "in", who, "code", at_ms, rng, seen=seen)
    return Case("code-over", at_ms, (sent,), (Expected(_CODE, person=who),))


def code_just_over(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A code is shown that ended five minutes ago: clocks differ."""
    del turn
    who, seen = fresh.person(at_ms), Seen(code_age_ms=3 * DAY_MS + 5 * MINUTE_MS)
    sent = check(_stop(people, rng), "in", who, "code", at_ms, rng, seen=seen)
    silence = Silence((_CODE,), "clocks differ by minutes", person=who)
    return Case("code-just-over", at_ms, (sent,), silence=silence)


def paper_pass(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody old has no telephone and no code, but a pass on paper."""
    del turn
    who, seen = fresh.person(at_ms), Seen(colour="none", pass_id="pass-county")
    sent = check(_stop(people, rng), "in", who, "document", at_ms, rng, seen=seen)
    silence = Silence((_CODE, _PASS), "a pass on paper stands for a code", person=who)
    return Case("paper-pass", at_ms, (sent,), silence=silence)


def forced(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A barrier is forced."""
    del turn
    site = rng.choice(people.places.checkpoints)
    return Case("forced-gate", at_ms, (_barrier(site, "forced", "normal", at_ms, rng),),
                (Expected(_FORCED, subject=f"site:{site.id}"),))  # fmt: skip


def maintained(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A barrier that is being repaired reports force; another one opens as it should."""
    del turn
    site, other = people.places.boundary[0], people.places.boundary[2]
    sent = (
        _barrier(site, "forced", "maintenance", at_ms, rng),
        _barrier(other, "open", "normal", at_ms, rng),
    )
    silence = Silence((_FORCED,), "the barrier was in maintenance", subject=f"site:{site.id}")
    return Case("maintenance", at_ms, sent, silence=silence)


def unchecked(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """A vehicle comes in at a checkpoint where nobody is checked."""
    del turn
    site, plate = people.places.quiet[0], fresh.plate(at_ms)
    sent = tuple(passage(site, "in", plate, at_ms, rng, sure=True))
    due_ms = sent[-1].recorded_ms + _CHECKED_WITHIN_MS
    expected = Expected(_UNCHECKED, subject=f"site:{site.id}")
    return Case("unchecked", at_ms, sent, (expected,), due_ms=due_ms)


def checked_later(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """The people of a vehicle are checked eleven minutes after it came: there was a queue."""
    del turn
    site, plate = people.places.quiet[1], fresh.plate(at_ms)
    sent = list(passage(site, "in", plate, at_ms, rng, sure=True))
    sent.append(check(site, "in", fresh.person(at_ms), "document", at_ms + 11 * MINUTE_MS, rng))
    silence = Silence((_UNCHECKED,), "they were checked in the end", subject=f"site:{site.id}")
    return Case("checked-later", at_ms, tuple(sent), silence=silence,
                due_ms=at_ms + _CHECKED_WITHIN_MS)  # fmt: skip


def refused(people: People, turn: int, at_ms: int, rng: random.Random) -> Case:
    """Somebody refuses to be checked."""
    del turn
    site, seen = _stop(people, rng, people.places.checkpoints), Seen(refusal=True)
    sent = check(site, "in", fresh.person(at_ms), "document", at_ms, rng, seen=seen)
    return Case("refused", at_ms, (sent,), (Expected(_UNCHECKED, subject=f"site:{site.id}"),))


def _barrier(site: Site, kind: str, mode: str, at_ms: int, rng: random.Random) -> Sent:
    return report("gate-event", f"barrier/{site.id}", {"site": site.id, "kind": kind, "mode": mode},
                  at_ms, rng)  # fmt: skip


def _shown(
    name: str, people: People, at_ms: int, rng: random.Random, is_wrong: bool, **entry: Any
) -> Case:
    pass_id, who = f"pass-{at_ms}", fresh.person(at_ms)
    data = {"scope": [REGION], "medium": "qr", **entry}
    moment_ms = at_ms + fresh.FILED_MS
    sent = (
        fresh.filed("pass", pass_id, at_ms, **data),
        check(_stop(people, rng), "in", who, "document", moment_ms, rng,
              seen=Seen(pass_id=pass_id)),
    )  # fmt: skip
    subject = f"pass:{pass_id}"
    if is_wrong:
        return Case(name, at_ms, sent, (Expected(_PASS, subject=subject),))
    return Case(name, at_ms, sent, silence=Silence((_PASS,), "the pass was good", subject=subject))


def _stop(people: People, rng: random.Random, among: tuple[Site, ...] = ()) -> Site:
    return rng.choice(among or people.places.stops)
