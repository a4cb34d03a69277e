"""D34 read-quality, 识别质量下降: a camera that reads plates worse than it used to at this hour.

A fact counts the readings that were accepted from a source in a day (UTC), by hour: good ones, and
poor ones, which are those of low confidence or without a readable plate (rules/tallies.py).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from rules.dossier import WORKER, Dossier, Dossiers, Kept, Raised, of_fact
from rules.facts import Parameters
from rules.match import Match
from rules.tallies import PATIENCE_MS, add_up, added, unpack
from schemas.alerts import Reason, Subject
from schemas.events import CLOCK_TYPE
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, parse_ms

NAME: Final = "read-quality"
GOOD: Final = 0
POOR: Final = 1
# What a camera did on the days before is its baseline; fewer of them show nothing.
BASELINE_D: Final = 7
_LEAST_DAYS: Final = 3
DEFAULTS: Final = {"min_reads": 20, "min_share": 0.25, "times_baseline": 2.0}
# What tells these matches of the rule from those of thermometers.
_MARK: Final = "plates"

# By the beginning of the hour, ms UTC: readings, and how many of them were poor.
Hours = Mapping[int, tuple[int, int]]


def is_of_plates(match: Match) -> bool:
    """Tell whether a match of the rule is about plates."""
    return match.detail.startswith(_MARK)


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    _, poor, reads, baseline = match.detail.split("/")
    share = round(100 * int(poor) / int(reads))
    return Reason(
        f"{poor} of {reads} readings of {subject.label} at {match.site} within an hour ({share} %) "
        f"had no plate or a low confidence; at this hour of the day it is {baseline} % otherwise. "
        "Look at the camera.",
        f"{subject.label}（{match.site}）一小时内 {reads} 次识别中有 {poor} 次（{share}%）"
        f"未识别或置信度低；该时段平时为 {baseline}%，请检查设备。",
    )


def hours_of(dossier: Dossier) -> dict[int, tuple[int, int]]:
    """Return what was counted of a camera by hour."""
    return {
        fact.time_ms + hour * HOUR_MS: (sum(bins.values()), bins.get(POOR, 0))
        for fact in dossier.facts
        for hour, bins in unpack(fact.what).items()
    }


def baseline(hours: Hours, hour_ms: int, min_reads: int) -> float | None:
    """Return the share of poor readings at this hour of the seven days before, None = unknown.

    It is unknown where fewer than three of the days have readings, or all of them too few.
    """
    before = [
        counted
        for day in range(1, BASELINE_D + 1)
        if (counted := hours.get(hour_ms - day * DAY_MS)) is not None
    ]
    reads = sum(counted[0] for counted in before)
    if len(before) < _LEAST_DAYS or reads < min_reads:
        return None
    return sum(counted[1] for counted in before) / reads


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise for every hour whose share of poor readings is above `min_share`, and more than
    `times_baseline` as high as at this hour of the seven days before (domain: D34).

    A site that is warming, and hours of fewer than `min_reads`, raise nothing.
    """
    hours = hours_of(dossier)
    sites = {fact.time_ms: fact.site for fact in dossier.facts}
    for hour_ms, (reads, poor) in sorted(hours.items()):
        end_ms = hour_ms + HOUR_MS
        parameters, policy = dossier.policy(end_ms, end_ms)
        if reads < parameters["min_reads"] or poor <= parameters["min_share"] * reads:
            continue
        if not dossier.due(end_ms + PATIENCE_MS):
            return
        yield from _judge(
            dossier, hours, hour_ms, sites[hour_ms - hour_ms % DAY_MS], parameters, policy
        )


def _judge(
    dossier: Dossier, hours: Hours, hour_ms: int, at: str, parameters: Parameters, policy: str
) -> Iterator[Raised | Kept]:
    reads, poor = hours[hour_ms]
    end_ms = hour_ms + HOUR_MS
    usual = baseline(hours, hour_ms, int(parameters["min_reads"]))
    if usual is not None and poor <= parameters["times_baseline"] * usual * reads:
        return
    fact = Fact(end_ms, WORKER, f"{NAME}/{dossier.name}", end_ms, CLOCK_TYPE, at)
    site = dossier.entry("site", at, end_ms)
    warming = site is not None and site.warm_until and end_ms <= parse_ms(site.warm_until)
    if usual is None or warming:
        yield Kept("warming", fact)
        return
    detail = f"{_MARK}/{poor}/{reads}/{round(100 * usual)}"
    match = of_fact(fact, "low", policy, grid=site.grid if site else None, detail=detail)
    yield Raised(f"{dossier.name}/{_MARK}", "source", dossier.name, match)


DOSSIERS: Final = Dossiers(
    assess=assess, keep_ms=(BASELINE_D + 1) * DAY_MS, merge=add_up, adds=added
)
