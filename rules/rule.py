"""What a rule is and what it says: `Rule`, `Match`, and the scale of severity."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from schemas.alerts import SEVERITIES, EvidenceClass, Outcome, Reason, Severity, Subject
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
    but no longer counts. `outcome` ends the episode (a transit).
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


class Rule(Struct, frozen=True):
    """One rule of the catalogue.

    `trigger` names what can make it match, so that the engine skips every other event:
    `ordered-person` (a check of a person with an order), `linked-vehicle` (a read of a plate that
    someone under order may use), `new-vehicle` (a read of a plate not yet established).
    `quiet_gap_ms` separates episodes; reads of one source within `coalesce_ms` are one passage.
    """

    code: str
    name: str
    major: int
    version: str
    trigger: Literal["ordered-person", "linked-vehicle", "new-vehicle"]
    quiet_gap_ms: int
    defaults: dict[str, Any]
    describe: Callable[[Match, Subject], Reason]
    coalesce_ms: int = 0


def rank(severity: Severity) -> int:
    """Return the place of a severity, from 0 (info) to 4 (critical)."""
    return _RANK[severity]


def is_historical(time_ms: int, recorded_ms: int) -> bool:
    """Tell whether an event was accepted more than 30 minutes after it happened."""
    return recorded_ms - time_ms > HISTORICAL_MS


def weigh(severity: Severity, proof: EvidenceClass, historical: bool) -> Severity:
    """Return the severity under the ceiling of its evidence, one lower when it is historical."""
    level = min(_RANK[severity], _RANK[CEILING[proof]])
    return SEVERITIES[max(0, level - 1 if historical else level)]
