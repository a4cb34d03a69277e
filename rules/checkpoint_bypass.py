"""D29 checkpoint-bypass, 绕行逃检: a vehicle went past a checkpoint that no way leads around.

Two sure readings (0.95) at most `window_s` apart match when every route that is filed between
their sites leads through a **mandatory** checkpoint (`mandatory` of the site, `via` of the route),
and nothing there is on record between them: no scan, no reading of the plate however doubtful, and
none of a plate that is easily taken for it.

- Severity: medium, which is the ceiling of a plate.
- One alert per vehicle and checkpoint; quiet gap 6 hours.
- What prevents it: the checkpoint was silent between (D32), or a clock was wrong (D33).
- Routes and checkpoints are those that were filed by then. A scan that comes late withdraws it, and
  so does a way around that is filed later.
- Who comes in one vehicle and goes on in another raises nothing: no field says that the change was
  there to avoid a check, and people are met at the boundary every day.

Thresholds:

- `window_s`: seconds between the two readings
- `share`: sooner than this share of the least time it is a contradiction, which is D30's
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rules.dossier import Dossier, Dossiers, Kept, Raised, of_fact
from rules.facts import NEWEST, known_by
from rules.match import Match
from rules.rule import Rule
from rules.travel import routes_between, ways_s
from schemas.alerts import Reason, Subject
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

NAME: Final = "checkpoint-bypass"


def _gates(
    dossier: Dossier, start: str, end: str, at_ms: int, known_ms: int = NEWEST
) -> frozenset[str]:
    """Return the mandatory checkpoints through which every filed route between two sites leads."""
    ways = [
        frozenset(route.via or ()) for route in routes_between(dossier, start, end, at_ms, known_ms)
    ]
    always = frozenset.intersection(*ways) if ways else frozenset()
    return frozenset(gate for gate in always if _is_mandatory(dossier, gate, at_ms, known_ms))


def _is_mandatory(dossier: Dossier, site_id: str, at_ms: int, known_ms: int) -> bool:
    site = dossier.entry("site", site_id, at_ms, known_ms)
    return site is not None and bool(site.mandatory)


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    before, gate, apart = match.detail.split("/")
    return Reason(
        f"Vehicle {subject.label} was read at {before} and {apart} min later at {match.site}, and "
        f"not at the checkpoint {gate} between, through which every filed route leads. No "
        f"look-alike plate was read there either, and {gate} was not silent.",
        f"车辆 {subject.label} 在 {before} 被识别，{apart} 分钟后出现在 {match.site}，"
        f"途中必经的卡口 {gate} 无其记录，也无相似号牌记录，且该卡口未静默。",
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise each reading beyond a checkpoint that did not see the vehicle (domain: D29).

    The readings before and after are sure ones, at most `window_s` apart and not so near in time
    that they contradict one another (that is D30's). At the checkpoint any reading or scan of the
    plate counts, however unsure, and any of a look-alike.
    """
    seen = [fact for fact in dossier.facts if fact.what != "weak" and not fact.who]
    for place, after in enumerate(seen):
        parameters, policy = dossier.policy(after.time_ms, after.recorded_ms)
        oldest_ms = after.time_ms - parameters["window_s"] * SECOND_MS
        done: set[str] = set()
        for before in reversed(seen[:place]):
            if before.time_ms < oldest_ms:
                break
            for gate in _missed(dossier, before, after) - done:
                done.add(gate)
                kept_by = _kept_by(dossier, before, after, gate)
                if kept_by is not None:
                    yield Kept(kept_by, after)
                    continue
                site = dossier.entry("site", after.site, after.time_ms)
                apart = (after.time_ms - before.time_ms) // MINUTE_MS
                match = of_fact(
                    after,
                    "medium",
                    policy,
                    proof="vehicle",
                    grid=site.grid if site else None,
                    detail=f"{before.site}/{gate}/{apart}",
                )
                yield Raised(f"{dossier.name}/{gate}", "vehicle", dossier.name, match)


def _missed(dossier: Dossier, before: Fact, after: Fact) -> frozenset[str]:
    """Return the checkpoints between two readings that have none of the vehicle."""
    if before.site == after.site:
        return frozenset()
    known_ms = known_by(after.time_ms, after.recorded_ms)
    between = _gates(dossier, before.site, after.site, after.time_ms, known_ms)
    # A way around that is filed later excuses.
    between &= _gates(dossier, before.site, after.site, after.time_ms) if between else between
    seen = _sites_between(dossier.facts, before, after)
    return between - seen - {before.site, after.site}


def _sites_between(facts: Sequence[Fact], before: Fact, after: Fact) -> frozenset[str]:
    return frozenset(fact.site for fact in facts if before.time_ms <= fact.time_ms <= after.time_ms)


def _kept_by(dossier: Dossier, before: Fact, after: Fact, gate: str) -> str | None:
    if dossier.condition("source-silent", gate, before.time_ms, after.time_ms):
        return "source-silent"
    for fact in (before, after):
        if dossier.condition("clock-skew", f"source:{fact.source}", fact.time_ms):
            return "clock-skew"
    known_ms = known_by(after.time_ms, after.recorded_ms)
    parameters, _ = dossier.policy(after.time_ms, after.recorded_ms)
    apart_ms = after.time_ms - before.time_ms
    for way_s in ways_s(dossier, before.site, after.site, after.time_ms, known_ms):
        if way_s is not None and apart_ms < way_s * SECOND_MS * parameters["share"]:
            return "contradiction"
    return None


RULE = Rule(
    code="D29",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=6 * HOUR_MS,
    defaults={"window_s": 10_800, "share": 0.85},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS),
)
