"""D35 no-plate, 无牌·遮挡: a vehicle without a readable plate passes one site after another.

A reading or scan without a plate matches when at another site that a filed route joins to this one
a vehicle of the same type and colour, without a plate too, was seen before, no sooner than the
route's `min_s` and no later than its `p50_s`.

- Severity: low; at a site of role `checkpoint` medium.
- One alert per site, type and colour; quiet gap 30 minutes. The subject is the vehicle, by its
  looks.
- Where a camera tells no type or no colour, nothing is joined.
- What prevents it: a clock that was wrong (D33). A temporary paper plate is a reason to look.

Thresholds:

- `window_s`: seconds between the two
"""

from collections.abc import Iterator
from typing import Final

from rules.dossier import Dossier, Dossiers, Kept, Passing, Raised, fact_of, of_fact
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.events import CHECKPOINT_SCAN, PLATE_HIT
from schemas.joins import Fact
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

NAME: Final = "no-plate"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    before, apart, type_, colour = match.detail.split("/", 3)
    return Reason(
        f"A {colour} vehicle ({type_}) without a readable plate was seen at {match.site} {apart} "
        f"min after one like it at {before}, the time that the way takes. A temporary paper "
        "plate, dirt or weather may be why: look at the images.",
        f"{before} 之后 {apart} 分钟，{match.site} 又出现同为{colour}、车型 {type_} 且"
        "号牌无法识别的车辆，与路程时间相符。可能是临时纸质号牌、污损或天气原因，请核对图像。",
    )


def gather(passing: Passing) -> Iterator[tuple[str, Fact]]:
    """Keep where a vehicle of a type and a colour was seen and no plate was read."""
    read = passing.read
    if read.plate or not passing.vehicle_type or not passing.vehicle_colour:
        return
    # Only vehicles that look alike can be one, and only within their region.
    yield (
        f"region:{read.region}/{passing.vehicle_type}/{passing.vehicle_colour}",
        fact_of(
            read,
            read.site,
            proof="vehicle",
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise a vehicle at the second of two sites that a filed route joins (domain: D35).

    It has the type and the colour of the one at the first, and it came there no sooner than the
    route's least time, and no later than its usual one. Low, at a checkpoint medium.
    """
    looks = dossier.name.split("/", 1)[1]
    for place, fact in enumerate(dossier.facts):
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        oldest_ms = fact.time_ms - parameters["window_s"] * SECOND_MS
        for before in reversed(dossier.facts[:place]):
            if before.time_ms < oldest_ms:
                break
            if before.site == fact.site or not _follows(dossier, before, fact):
                continue
            if any(
                dossier.condition("clock-skew", f"source:{each.source}", each.time_ms)
                for each in (before, fact)
            ):
                yield Kept("clock-skew", fact)
                break
            site = dossier.entry("site", fact.site, fact.time_ms)
            at_checkpoint = site is not None and site.role == "checkpoint"
            severity: Severity = "medium" if at_checkpoint else "low"
            apart = (fact.time_ms - before.time_ms) // MINUTE_MS
            match = of_fact(
                fact,
                severity,
                policy,
                grid=site.grid if site else None,
                detail=f"{before.site}/{apart}/{looks}",
            )
            # Without a plate the vehicle has no other name than its looks.
            yield Raised(f"{fact.site}/{looks}", "vehicle", looks, match)
            break


def _follows(dossier: Dossier, before: Fact, after: Fact) -> bool:
    """Tell whether the time between two sites is that of a drive along a filed route."""
    there: list[tuple[float, float]] = []
    back: list[tuple[float, float]] = []
    for _, route in dossier.about("route", before.site, after.time_ms):
        if (route.from_, route.to) == (before.site, after.site):
            there.append((route.min_s, route.p50_s))
        elif (route.from_, route.to) == (after.site, before.site):
            back.append((route.min_s, route.p50_s))
    apart_s = (after.time_ms - before.time_ms) / SECOND_MS
    return any(min_s <= apart_s <= p50_s for min_s, p50_s in there or back)


RULE = Rule(
    code="D35",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=HOUR_MS // 2,
    defaults={"window_s": 1800},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=HOUR_MS,
        gathers={PLATE_HIT.type: gather, CHECKPOINT_SCAN.type: gather},
    ),
)
