"""What a rule says: `Match`, and the scale of severity."""

from msgspec import Struct

from rules.facts import Check, Read
from schemas.alerts import SEVERITIES, EvidenceClass, Outcome, Severity
from schemas.times import MINUTE_MS

HISTORICAL_MS = 30 * MINUTE_MS

# The highest severity that each class of evidence can carry (domain: section 3, Conventions).
CEILING: dict[EvidenceClass, Severity] = {
    "person": "critical",
    "digital": "high",
    "vehicle": "medium",
    "tip": "medium",
    "system": "critical",
}
_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}


class Match(Struct, frozen=True, array_like=True):
    """One thing that a rule found at one place: an instant, or a passage of several reads.

    `withdrawn` names the excuse that took its ground away; such a match still shapes the episode
    but no longer counts. `outcome` ends the episode (a transit). `parts` are the matches for which
    the engine lets this one stand, packed (services/alerts/engine/folds.py).
    """

    first_ms: int
    last_ms: int
    recorded_ms: int
    source: str
    id: str
    type: str
    site: str
    grid: str | None
    severity: Severity
    evidence_class: EvidenceClass
    historical: bool
    policy: str
    order: str | None = None
    detail: str = ""
    count: int = 1
    outcome: Outcome | None = None
    withdrawn: str | None = None
    parts: bytes = b""


def of_check(
    check: Check,
    severity: Severity,
    proof: EvidenceClass,
    policy: str,
    *,
    order: str | None = None,
    detail: str = "",
) -> Match:
    """Return the match of a check; the ceiling of its proof and its lateness are applied."""
    historical = is_historical(check.time_ms, check.recorded_ms)
    return Match(
        first_ms=check.time_ms,
        last_ms=check.time_ms,
        recorded_ms=check.recorded_ms,
        source=check.source,
        id=check.id,
        type=check.type,
        site=check.site.id,
        grid=check.site.grid,
        severity=weigh(severity, proof, historical),
        evidence_class=proof,
        historical=historical,
        policy=policy,
        order=order,
        detail=detail,
    )


def of_read(
    read: Read, severity: Severity, policy: str, *, order: str | None = None, detail: str = ""
) -> Match:
    """Return the match of a reading, which proves a vehicle and never a person."""
    historical = is_historical(read.time_ms, read.recorded_ms)
    return Match(
        first_ms=read.time_ms,
        last_ms=read.time_ms,
        recorded_ms=read.recorded_ms,
        source=read.source,
        id=read.id,
        type=read.type,
        site=read.site,
        grid=read.grid,
        severity=weigh(severity, "vehicle", historical),
        evidence_class="vehicle",
        historical=historical,
        policy=policy,
        order=order,
        detail=detail,
    )


def rank(severity: Severity) -> int:
    """Return the place of a severity, from 0 (info) to 4 (critical)."""
    return _RANK[severity]


def lower(severity: Severity) -> Severity:
    """Return the severity one lower, info at the least."""
    return SEVERITIES[max(0, _RANK[severity] - 1)]


def is_historical(time_ms: int, recorded_ms: int) -> bool:
    """Tell whether an event was accepted more than 30 minutes after it happened."""
    return recorded_ms - time_ms > HISTORICAL_MS


def weigh(severity: Severity, proof: EvidenceClass, historical: bool) -> Severity:
    """Return the severity under the ceiling of its evidence, one lower when it is historical."""
    level = min(_RANK[severity], _RANK[CEILING[proof]])
    return SEVERITIES[max(0, level - 1 if historical else level)]
