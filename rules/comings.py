"""How somebody comes in, is received and leaves again: what checks say of it."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from rules.dossier import Dossier, fact_of, fact_of_entry
from rules.facts import Check, evidence_class
from schemas.joins import Fact
from schemas.times import DAY_MS

# What a fact of a check says (`what`): somebody came in, left, or was seen in a community.
IN: Final = "in"
OUT: Final = "out"
RECEIVED: Final = "received"
# What comes later than that after a deadline belongs to no episode of it.
_WEEK_MS: Final = 7 * DAY_MS
_OUTER: Final = frozenset({"boundary", "checkpoint"})


class Coming(Struct, frozen=True):
    """Checks inward, each within a time of the one before: one arrival. `end_ms` is when the
    person was first seen to leave afterwards, None = not yet."""

    first: Fact
    last: Fact
    entries: tuple[Fact, ...]
    end_ms: int | None


def gather(check: Check, who: str = "") -> Iterator[tuple[str, Fact]]:
    """Keep that somebody came in or left at the edge, or was seen in a community, under them."""
    role, direction = check.site.role, check.direction
    if not check.person:
        return
    what = RECEIVED if role == "community" else direction if role in _OUTER else ""
    if what in (IN, OUT, RECEIVED):
        yield (
            check.person,
            fact_of(
                check,
                check.site.id,
                what=what,
                who=who,
                proof=evidence_class(check),
            ),
        )


def comings(facts: Sequence[Fact], near_ms: int) -> Iterator[Coming]:
    """Yield the arrivals among a person's facts, in order of time.

    A check inward within `near_ms` of the one before belongs to the same arrival, unless the
    person left in between.
    """
    run: list[Fact] = []
    for fact in facts:
        if fact.what == OUT and run:
            yield Coming(run[0], run[-1], tuple(run), fact.time_ms)
            run = []
        elif fact.what == IN:
            if run and fact.time_ms - run[-1].time_ms > near_ms:
                yield Coming(run[0], run[-1], tuple(run), None)
                run = []
            run.append(fact)
    if run:
        yield Coming(run[0], run[-1], tuple(run), None)


def registered(dossier: Dossier, person: str, at_ms: int, known_ms: int) -> bool:
    """Tell whether a residence of a person is valid at an instant, as filed by another."""
    return any(
        residence.person.person == person
        for _, residence in dossier.about("residence", person, at_ms, known_ms)
    )


def filed_after(dossier: Dossier, person: str, since_ms: int) -> Fact | None:
    """Return the first residence of a person that was filed in the week after an instant."""
    first = min(
        (
            (filed.recorded_ms, entry_id)
            for entry_id in dossier.named("residence", person)
            for filed in dossier.versions("residence", entry_id)
            if since_ms < filed.recorded_ms <= since_ms + _WEEK_MS
            and filed.facts is not None
            and filed.facts.person.person == person
        ),
        default=None,
    )
    return None if first is None else fact_of_entry("residence", first[1], first[0])
