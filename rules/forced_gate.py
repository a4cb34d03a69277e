"""D07 forced-gate, 强闯: a barrier reports that it was forced.

- Severity: high. One alert per site. The subject is the site.
- A check that is missing or refused at the site within half an hour (D08) is of one incident with
  it: the two alerts name each other in `related`.
- A gate in maintenance raises nothing.
"""

from collections.abc import Iterator

from rules.dossier import Dossier, Dossiers, Kept, Raised, Report, fact_of, of_fact
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import GATE_EVENT
from schemas.joins import Fact
from schemas.times import MINUTE_MS


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    return Reason(
        f"The gate at {match.site} reported that it was forced. No maintenance was reported.",
        f"{match.site} 的闸门报告被强行冲闯，未报告处于维护模式。",
    )


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep what a gate says of force, under its site; `who` is its mode."""
    gate = report.data
    if gate.kind == "forced":
        yield (
            f"site:{gate.site}",
            fact_of(
                report,
                gate.site,
                what=gate.kind,
                who=gate.mode or "normal",
            ),
        )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise every report of force, unless the gate was in maintenance (domain: D07)."""
    for fact in dossier.facts:
        if fact.who == "maintenance":
            yield Kept("maintenance", fact)
            continue
        site = dossier.entry("site", fact.site, fact.time_ms)
        _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        match = of_fact(fact, "high", policy, grid=site.grid if site else None)
        yield Raised(fact.site, "site", fact.site, match)


RULE = Rule(
    code="D07",
    name="forced-gate",
    major=1,
    version="1.0",
    quiet_gap_ms=10 * MINUTE_MS,
    defaults={},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=0, gathers={GATE_EVENT.type: gather}),
)
