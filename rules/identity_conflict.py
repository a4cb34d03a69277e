"""D31 identity-conflict, 人证轨迹矛盾: one identity at two sites sooner than anybody can travel.

An identity document, checked by document or by an officer who knows the person, or a pass, is
checked at two sites, and the time between is less than `share` of the least time of travel: of the
filed route, else of the distance at 120 km/h, where both sites have a position and lie 2 km apart.
What is filed later accuses nobody; a shorter way that is filed later excuses.

- Checks by code or video say nothing: a family shares them. Checks that were uploaded later or
  written down on paper say nothing either, nor do sources whose clock is known to be wrong.
- Severity: medium. One alert per person, or per pass. Both sites are told.

Thresholds:

- `share`: of the least time of travel that may lie between, from 0 to 1
"""

from collections.abc import Iterator

from rules.dossier import Dossier, Dossiers, Kept, Raised, fact_of, of_fact
from rules.facts import Check, known_by
from rules.match import Match
from rules.rule import Rule
from rules.travel import least_s
from schemas.alerts import Reason, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    elsewhere, apart, least = match.detail.split("/")
    what = (
        ("The pass", "通行证") if subject.kind == "pass" else ("An identity document", "身份证件")
    )
    return Reason(
        f"{what[0]} was checked at {match.site} {apart} min after {elsewhere}, which is at least "
        f"{least} min away. Clocks that are known to be wrong were left out.",
        f"{what[1]}在 {elsewhere} 查验 {apart} 分钟后又出现在 {match.site}，"
        f"两地至少需 {least} 分钟；已排除时钟异常的设备。",
    )


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep where an identity document was checked, and where a pass was.

    A code on a telephone may be a family's, so it says little of who was there; a check that was
    written down later says little of when.
    """
    if not check.is_online:
        return
    fact = fact_of(
        check,
        check.site.id,
        proof="person",
    )
    if check.person and check.verified_by in ("document", "officer"):
        yield check.person, fact
    if check.pass_id is not None:
        yield f"pass:{check.pass_id}", fact


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise each check that cannot follow the one before it (domain: D31, as D30 for vehicles)."""
    is_pass = dossier.key.startswith("pass:")
    kind, who = ("pass", dossier.name) if is_pass else ("person", dossier.key)
    for before, after in zip(dossier.facts, dossier.facts[1:], strict=False):
        if before.site == after.site:
            continue
        known_ms = known_by(after.time_ms, after.recorded_ms)
        way_s = least_s(dossier, before.site, after.site, after.time_ms, known_ms)
        parameters, policy = dossier.policy(after.time_ms, after.recorded_ms)
        apart_ms = after.time_ms - before.time_ms
        if way_s is None or apart_ms >= way_s * SECOND_MS * parameters["share"]:
            continue
        if any(
            dossier.condition("clock-skew", f"source:{each.source}", each.time_ms)
            for each in (before, after)
        ):
            yield Kept("clock-skew", after)
            continue
        site = dossier.entry("site", after.site, after.time_ms)
        detail = f"{before.site}/{apart_ms // MINUTE_MS}/{round(way_s / 60)}"
        match = of_fact(after, "medium", policy, grid=site.grid if site else None, detail=detail)
        yield Raised(who, kind, who, match)


RULE = Rule(
    code="D31",
    name="identity-conflict",
    major=1,
    version="1.0",
    quiet_gap_ms=DAY_MS,
    # Of the least time of travel (domain: D30, 0.85).
    defaults={"share": 0.85},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS, gathers={HEALTH_CHECK.type: gather}),
)
