"""D04 health-code-invalid, 无码·过期: somebody shows no health code, or one that is over.

That a code is another person's (人码不符) no event says yet: a shown code names no holder. A check
that does not speak of a code is one at which none was asked for.

- Severity: low. Evidence class digital.
- One alert per person; somebody without an identifier has one per check, with the site as subject.

Thresholds:

- `skew_s`: seconds by which the clocks of issuer and device may differ
"""

from collections.abc import Iterator

from rules.dossier import Dossier, Dossiers, Kept, Raised, fact_of, of_fact
from rules.facts import Check
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.times import HOUR_MS, SECOND_MS, format_ms


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    if match.detail == "none":
        return Reason(
            f"Somebody had neither a health code nor a pass at {match.site}, and nobody in the "
            "same scan had a valid code for them.",
            f"有人在 {match.site} 未出示健康码或通行证，同车人员也未出示有效健康码。",
        )
    return Reason(
        f"The health code shown at {match.site} ended at {match.detail}; no pass was shown.",
        f"在 {match.site} 出示的健康码已于 {match.detail} 失效，且未出示通行证。",
    )


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep who was asked for a code and had none, or one that was over.

    A check that does not speak of a code is one at which none was asked for. `who` is "guardian"
    beside somebody's valid code, `value` when the code ended, ms UTC.
    """
    code = check.code
    if code is None or check.has_pass:
        return
    if code.colour == "none":
        what, ends_ms = "none", 0.0
    elif check.time_ms >= code.expires_ms:
        what, ends_ms = "over", float(code.expires_ms)
    else:
        return
    yield (
        check.person or f"site:{check.site.id}",
        fact_of(
            check,
            check.site.id,
            what=what,
            who="guardian" if check.guarded else "",
            value=ends_ms,
            proof="digital",
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise who has no valid code, unless a companion shows one for them (domain: D04).

    A child or an old person goes with a guardian's code. A code counts as over `skew_s` after its
    end, since clocks differ.
    """
    for fact in dossier.facts:
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        if fact.what == "over" and fact.time_ms < fact.value + parameters["skew_s"] * SECOND_MS:
            continue
        if fact.what == "none" and fact.who:
            yield Kept("guardian-code", fact)
            continue
        site = dossier.entry("site", fact.site, fact.time_ms)
        ended = "none" if fact.what == "none" else format_ms(int(fact.value))
        match = of_fact(fact, "low", policy, grid=site.grid if site else None, detail=ended)
        if dossier.key.startswith("site:"):
            yield Raised(f"{fact.site}/{fact.source}/{fact.id}", "site", fact.site, match)
        else:
            yield Raised(dossier.key, "person", dossier.key, match)


RULE = Rule(
    code="D04",
    name="health-code-invalid",
    major=1,
    version="1.0",
    quiet_gap_ms=12 * HOUR_MS,
    defaults={"skew_s": 600},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=0, gathers={HEALTH_CHECK.type: gather}),
)
