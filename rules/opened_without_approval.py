"""D37 opened-without-approval, 未登记即营业·未批复工: premises are open that have no approval.

A shop observation that says *open* matches when another one of the same premises said so `apart_s`
to `within_h` before, none in between said *closed*, and no **approval** of the premises was valid
at either time. So one look at a delivery or at somebody who cleans raises nothing.

- Severity: medium; evidence class system.
- One alert per premises; quiet gap 24 hours. The subject is the premises.
- Premises that may always open have an approval without an end.
- An approval for that time that is filed afterwards withdraws it, reason `approval`.

Thresholds:

- `apart_s`: seconds that must lie between two looks
- `within_h`: hours that may lie between them
"""

from collections.abc import Iterator, Sequence

import msgspec

from rules.dossier import Dossier, Dossiers, Kept, Raised, Report, fact_of, of_fact
from rules.facts import NEWEST
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import SHOP_OBSERVATION
from schemas.joins import Fact
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

OPEN, CLOSED = "open", "closed"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    minutes = match.detail
    return Reason(
        f"Premises {subject.label} were seen open again {minutes} minutes after they had been seen "
        "open, and not closed in between. No approval was in force.",
        f"场所 {subject.label} 在 {minutes} 分钟前后两次被发现营业，其间未见关闭，且无有效批复。",
    )


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep whether premises were seen open, under the premises."""
    seen = report.data
    yield (
        f"premises:{seen.premises}",
        fact_of(
            report,
            what=OPEN if seen.open else CLOSED,
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise what is seen open twice, `apart_s` to `within_h` apart, without an approval at either
    time (domain: D37). One look may be a cleaner or a delivery, and so may two with the door shut
    in between."""
    for place, fact in enumerate(dossier.facts):
        if fact.what != OPEN:
            continue
        before = _run(dossier, dossier.facts[:place], fact)
        if not before:
            continue
        approval = _approval(dossier, fact, NEWEST)
        bare = [each for each in before if _approval(dossier, each, NEWEST) is None]
        if approval is None and bare:
            yield _raised(dossier, fact, bare[0], None)
            continue
        bare_then = [each for each in before if _approval(dossier, each, fact.recorded_ms) is None]
        if bare_then and _approval(dossier, fact, fact.recorded_ms) is None:
            approval = approval or _approval(dossier, bare_then[0], NEWEST)
            yield _raised(dossier, fact, bare_then[0], f"approval:{approval}")
        else:
            yield Kept("approval", fact)


def _run(dossier: Dossier, earlier: Sequence[Fact], fact: Fact) -> list[Fact]:
    """Return when the premises were seen open before, long enough ago, and not closed since."""
    parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
    newest_ms = fact.time_ms - parameters["apart_s"] * SECOND_MS
    oldest_ms = fact.time_ms - parameters["within_h"] * HOUR_MS
    shut_ms = max((each.time_ms for each in earlier if each.what == CLOSED), default=oldest_ms)
    since_ms = max(shut_ms, oldest_ms)
    return [each for each in earlier if each.what == OPEN and since_ms <= each.time_ms <= newest_ms]


def _approval(dossier: Dossier, fact: Fact, known_ms: int) -> str | None:
    approvals = dossier.about("approval", dossier.name, fact.time_ms, known_ms)
    return next((each for each, approval in approvals if approval.premises == dossier.name), None)


def _raised(dossier: Dossier, fact: Fact, first: Fact, withdrawn: str | None) -> Raised:
    _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
    minutes = (fact.time_ms - first.time_ms) // MINUTE_MS
    match = of_fact(fact, "medium", policy, detail=str(minutes))
    match = msgspec.structs.replace(match, withdrawn=withdrawn)
    return Raised(dossier.name, "premises", dossier.name, match)


RULE = Rule(
    code="D37",
    name="opened-without-approval",
    major=1,
    version="1.0",
    quiet_gap_ms=24 * HOUR_MS,
    defaults={"apart_s": 1800, "within_h": 24},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=72 * HOUR_MS, gathers={SHOP_OBSERVATION.type: gather}),
)
