"""D06 pass-invalid, 通行证无效: a pass that is over, revoked, for elsewhere or for another.

A check that shows a pass matches when the pass, as filed by then and as filed by now,

1. is not valid then, give or take `skew_s`; or
2. has been revoked; or
3. has a scope that shares no zone with the site; or
4. names holders, and the person is identified and none of them.

- A pass that nobody filed here may be another county's: it raises nothing.
- Severity: medium. One alert per pass and reason. The subject is the pass.

Thresholds:

- `skew_s`: seconds by which clocks may differ where a pass begins or ends
"""

from collections.abc import Iterator

from rules.dossier import Dossier, Dossiers, Kept, Raised, fact_of, of_fact
from rules.facts import NEWEST, Check, known_by
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.registers import Pass, Site
from schemas.times import HOUR_MS, SECOND_MS

_SAID = {
    "expired": ("it was not valid then", "当时不在有效期内"),
    "revoked": ("it has been revoked", "已被注销"),
    "scope": ("it does not cover this place", "不适用于该地点"),
    "holder": ("it was issued to others", "持证人不符"),
}


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    en, zh = _SAID[match.detail]
    return Reason(
        f"The pass {subject.label} was shown at {match.site}, but {en}.",
        f"在 {match.site} 出示的通行证 {subject.label} 无效：{zh}。",
    )


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep who showed a pass where, under the pass."""
    if check.pass_id is not None:
        yield (
            f"pass:{check.pass_id}",
            fact_of(
                check,
                check.site.id,
                who=check.person,
                proof="digital",
            ),
        )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise a pass that was no good, as filed by then and as filed by now (domain: D06).

    A pass that nobody ever filed may be another county's: that alone raises nothing.
    """
    for fact in dossier.facts:
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        skew_ms = int(parameters["skew_s"] * SECOND_MS)
        versions = dossier.versions("pass", dossier.name)
        if not any(version.facts for version in versions):
            yield Kept("pass-unknown", fact)
            continue
        site = dossier.entry("site", fact.site, fact.time_ms)
        known_ms = known_by(fact.time_ms, fact.recorded_ms)
        wrong = _wrong(dossier, fact, site, skew_ms, known_ms)
        if wrong is None:
            continue
        if _wrong(dossier, fact, site, skew_ms, NEWEST) is None:
            yield Kept("pass-renewed", fact)
            continue
        match = of_fact(fact, "medium", policy, grid=site.grid if site else None, detail=wrong)
        yield Raised(f"{dossier.name}/{wrong}", "pass", dossier.name, match)


def _wrong(
    dossier: Dossier, fact: Fact, site: Site | None, skew_ms: int, known_ms: int
) -> str | None:
    """Return what is wrong with the pass, as it was filed by some instant."""
    shown: Pass | None = dossier.entry("pass", dossier.name, fact.time_ms, known_ms)
    if shown is None:
        # Clocks differ: a pass that ended or begins minutes from then was valid.
        for at_ms in (fact.time_ms - skew_ms, fact.time_ms + skew_ms):
            shown = shown or dossier.entry("pass", dossier.name, at_ms, known_ms)
    if shown is None:
        return "expired"
    if shown.revoked:
        return "revoked"
    if shown.scope and site is not None and not set(shown.scope) & set(site.zones):
        return "scope"
    holders = [holder.person for holder in shown.holders or ()]
    return "holder" if holders and fact.who and fact.who not in holders else None


RULE = Rule(
    code="D06",
    name="pass-invalid",
    major=1,
    version="1.0",
    quiet_gap_ms=12 * HOUR_MS,
    defaults={"skew_s": 600},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=0, gathers={HEALTH_CHECK.type: gather}),
)
