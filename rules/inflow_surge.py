"""D23 inflow-surge, 异常流入: far more vehicles come into a region within an hour than usually do.

Counted are vehicles that were read `in` at a site of role `boundary`, with a confidence of at
least 0.85: each once an hour, by the time at which it happened, whoever read it. Not counted are
previews, vehicles that a green channel or a fleet exempts there as filed by then, and readings
that were accepted more than 72 hours late. The region is that of D18; sites in none are the
deployment's.

An hour (of UTC) matches, while it lasts, when more than `at_least` vehicles came in, and more than
the mean of the **same hour in the four weeks before** plus `sigmas` standard deviations.

- Severity: info, or medium; evidence class system.
- One alert per region; quiet gap 2 hours. The subject is the region.
- Before history is complete for four weeks (`CORDON_HISTORY_SINCE`) it stays silent.

Thresholds:

- `at_least`: vehicles in an hour that are never too many
- `sigmas`: standard deviations above the mean
- `times_medium`: times that bound, above which it is medium
"""

from collections.abc import Iterator, Sequence
from statistics import fmean, pstdev
from typing import Final

import msgspec
from msgspec import Struct

from rules.dossier import WORKER, Dossier, Dossiers, Raised, of_fact
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.events import CLOCK_TYPE
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS
from schemas.versions import FOREVER

SPAN_MS: Final = 5 * MINUTE_MS
DIGITS: Final = 10
# Entries that are accepted later than this do not count.
LATE_MS: Final = 72 * HOUR_MS
# Sets of vehicles become counts when no partition can have any of them to tell.
_SETTLED_MS: Final = LATE_MS + 8 * HOUR_MS
_COUNT: Final = "count"
_WEEK_MS: Final = 7 * DAY_MS
# The same hour of this many weeks before is what is usual (domain: first-seen rules, 30 d).
WEEKS: Final = 4
# A region that has no name: the deployment's.
NO_REGION: Final = "deployment"


class Hour(Struct, frozen=True):
    """How many came in within an hour, since when history is complete, and when it was told."""

    count: int
    since_ms: float
    recorded_ms: int


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    count, bound, usual = match.detail.split("/")
    return Reason(
        f"{count} vehicles came into {subject.label} within an hour; more than {bound} are "
        f"unusual, since {usual} came at this hour of the week on average. Exempt vehicles are not "
        "counted.",
        f"一小时内有 {count} 辆车进入 {subject.label}，超过 {bound} 辆即异常"
        f"（每周同一时段平均 {usual} 辆），豁免车辆不计。",
    )


def entries(region: str, span_ms: int, recorded_ms: int, since_ms: int | None, of: str) -> Fact:
    """Return the fact of vehicles that came in; `of` are their digits, one after the other."""
    value = float(FOREVER if since_ms is None else since_ms)
    return Fact(span_ms, region, "", recorded_ms, "", what=of, value=value)


def _vehicles(fact: Fact) -> set[str]:
    return {fact.what[at : at + DIGITS] for at in range(0, len(fact.what), DIGITS)}


def merge(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Put together what was told of the same minutes; make counts of what is settled.

    What is told of an hour that was counted already came too late.
    """
    settled_ms = max(fact.time_ms for fact in facts) - _SETTLED_MS
    counted = {fact.time_ms: fact for fact in facts if fact.id == _COUNT}
    spans: dict[int, list[Fact]] = {}
    for fact in facts:
        if fact.id != _COUNT and fact.time_ms - fact.time_ms % HOUR_MS not in counted:
            spans.setdefault(fact.time_ms, []).append(fact)
    old: dict[int, list[Fact]] = {}
    for span_ms, told in spans.items():
        hour_ms = span_ms - span_ms % HOUR_MS
        if hour_ms + HOUR_MS <= settled_ms:
            old.setdefault(hour_ms, []).extend(told)
        else:
            yield msgspec.structs.replace(
                min(told, key=lambda fact: fact.recorded_ms),
                what="".join(sorted(set.union(*map(_vehicles, told)))),
            )
    yield from counted.values()
    for hour_ms, told in old.items():
        yield msgspec.structs.replace(
            min(told, key=lambda fact: fact.recorded_ms),
            time_ms=hour_ms,
            id=_COUNT,
            what=str(len(set.union(*map(_vehicles, told)))),
        )


def hours_of(facts: Sequence[Fact]) -> dict[int, Hour]:
    """Return by its beginning what came in within each hour."""
    found: dict[int, Hour] = {}
    spans: dict[int, list[Fact]] = {}
    for fact in facts:
        if fact.id == _COUNT:
            found[fact.time_ms] = Hour(int(fact.what), fact.value, fact.recorded_ms)
        else:
            spans.setdefault(fact.time_ms - fact.time_ms % HOUR_MS, []).append(fact)
    for hour_ms, told in spans.items():
        count = len(set.union(*map(_vehicles, told)))
        found[hour_ms] = Hour(count, told[0].value, min(fact.recorded_ms for fact in told))
    return found


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Raise for every hour with more than `at_least` entries and more than the mean and `sigmas`
    standard deviations of the same hour in the four weeks before (domain: D23).

    Without a complete history of that time it stays silent, as all rules about what is new do.
    """
    hours = hours_of(dossier.facts)
    for hour_ms, hour in sorted(hours.items()):
        parameters, policy = dossier.policy(hour_ms, hour.recorded_ms)
        if hour.count <= parameters["at_least"] or hour_ms - WEEKS * _WEEK_MS < hour.since_ms:
            continue
        before = [hours.get(hour_ms - week * _WEEK_MS) for week in range(1, WEEKS + 1)]
        usual = [each.count if each else 0 for each in before]
        mean = fmean(usual)
        bound = max(parameters["at_least"], mean + parameters["sigmas"] * pstdev(usual))
        if hour.count <= bound:
            continue
        severity: Severity = "medium" if hour.count > parameters["times_medium"] * bound else "info"
        # An hour that is reported while it lasts is not late.
        is_late = hour.recorded_ms > hour_ms + HOUR_MS
        fact = Fact(
            hour_ms,
            WORKER,
            f"{RULE.name}/{dossier.name}",
            hour.recorded_ms if is_late else hour_ms,
            CLOCK_TYPE,
        )
        detail = f"{hour.count}/{bound:.0f}/{mean:.0f}"
        match = of_fact(fact, severity, policy, detail=detail)
        yield Raised(dossier.name, "region", dossier.name, match)


RULE = Rule(
    code="D23",
    name="inflow-surge",
    major=1,
    version="1.0",
    quiet_gap_ms=2 * HOUR_MS,
    defaults={"at_least": 10, "sigmas": 4, "times_medium": 2},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=WEEKS * _WEEK_MS + DAY_MS, merge=merge),
)
