"""D05 fever, 发热: a temperature that is high, or raised and confirmed by a second one.

A check matches when its temperature

1. is at least `high_c`; or is at least `fever_c`, and another one of the same person was too, on
   any device, `apart_s` to `within_s` before. The second one is the match;
2. is plausible: from `lowest_c` to `highest_c`;
3. was not measured by a device that was biased then (D34).

- Severity: medium. High when the person is on the watch list or under order at that time.
- One alert per person; quiet gap 12 hours. The subject is the person.
- A single raised temperature raises nothing; at the barrier it asks for a recheck.
- When a device turns out biased, what rests on its readings alone is withdrawn, reason
  `device-bias`.

Thresholds:

- `fever_c`: °C that are raised; from 37 to 39
- `high_c`: °C that need no second reading
- `apart_s`: seconds that must lie between two readings
- `within_s`: seconds that may lie between them; at most an hour
- `lowest_c`: °C below which a reading is none
- `highest_c`: °C above which a reading is none
"""

from collections.abc import Iterator

from rules.facts import Check, Cover, Parameters, World, evidence_class
from rules.match import Match, of_check
from rules.rule import Found, Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.times import HOUR_MS, SECOND_MS

# No policy calls less a fever (schemas/policy.py), so colder readings need not be kept in view.
LOWEST_FEVER_C = 37.0


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    first, temperature, known = match.detail.split("/", 2)
    return Reason(
        (f"{first} °C and then {temperature} °C were" if first else f"{temperature} °C was")
        + f" measured at {match.site}."
        + (" The person is on the watch list or under order." if known else ""),
        f"在 {match.site} 测得体温 "
        + (f"{first} °C，复测 {temperature} °C。" if first else f"{temperature} °C。")
        + ("该人员在布控名单中或处于隔离令下。" if known else ""),
    )


def is_raised(check: Check, parameters: Parameters) -> bool:
    """Tell whether a temperature counts: plausible, at least `fever_c`, of a sound thermometer."""
    return (
        check.temperature is not None
        and not check.biased
        and parameters["fever_c"] <= check.temperature
        and parameters["lowest_c"] <= check.temperature <= parameters["highest_c"]
    )


def is_high(check: Check, parameters: Parameters) -> bool:
    """Tell whether a temperature needs no second one; at the barrier, any other needs a recheck."""
    return (
        is_raised(check, parameters)
        and check.temperature is not None
        and check.temperature >= parameters["high_c"]
    )


def detect(check: Check, world: World, parameters: Parameters, policy: str) -> Iterator[Found]:
    """Yield (person, match) for a high temperature, or the second of two raised ones.

    The first lies `apart_s` to `within_s` before it, measured by any device. Medium; high for a
    person who is on the watch list or under order. A reading that does not count (any more), or a
    raised one that stands alone, is (person, None).
    """
    if check.temperature is None or check.temperature < parameters["fever_c"]:
        return
    if check.biased:
        yield Cover("device-bias", check.source)
    first: float | None = None
    if is_raised(check, parameters) and not is_high(check, parameters):
        from_ms = check.time_ms - parameters["within_s"] * SECOND_MS
        to_ms = check.time_ms - parameters["apart_s"] * SECOND_MS
        first = max(
            (
                other.temperature
                for other in check.around
                if from_ms <= other.time_ms <= to_ms
                and is_raised(other, parameters)
                and other.temperature is not None
            ),
            default=None,
        )
    if first is None and not is_high(check, parameters):
        yield check.person, None
        return
    at_ms, known_ms = check.time_ms, check.known_ms
    known = bool(
        world.watched(check.person, at_ms, known_ms)
        or world.orders_of(check.person, at_ms, known_ms)
    )
    severity: Severity = "high" if known else "medium"
    detail = (
        f"{'' if first is None else format(first, '.1f')}"
        f"/{check.temperature:.1f}/{'known' if known else ''}"
    )
    yield check.person, of_check(check, severity, evidence_class(check), policy, detail=detail)


RULE = Rule(
    code="D05",
    name="fever",
    major=1,
    version="1.0",
    quiet_gap_ms=12 * HOUR_MS,
    defaults={
        "fever_c": 37.3,
        "high_c": 38.0,
        "apart_s": 300,
        "within_s": 900,
        "lowest_c": 34.0,
        "highest_c": 42.0,
    },
    describe=describe,
    on_check=detect,
    looks_around=True,
)
