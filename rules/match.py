"""What a rule says: `Match`, and the scale of severity."""

from typing import Protocol

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
    the engine lets this one stand, packed (services/alerts/engine/folds.py), `frames` the readings
    of which it is the passage (frames.py there).
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
    frames: bytes = b""


class Happened(Protocol):
    """What every match is made of: a check, a reading or a fact."""

    @property
    def time_ms(self) -> int: ...
    @property
    def recorded_ms(self) -> int: ...
    @property
    def source(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...


def of_event(
    event: Happened,
    site: str,
    grid: str | None,
    severity: Severity,
    proof: EvidenceClass,
    policy: str,
    *,
    order: str | None = None,
    detail: str = "",
    outcome: Outcome | None = None,
) -> Match:
    """Return the match of one event; the ceiling of its proof and its lateness are applied."""
    historical = is_historical(event.time_ms, event.recorded_ms)
    return Match(
        first_ms=event.time_ms,
        last_ms=event.time_ms,
        recorded_ms=event.recorded_ms,
        source=event.source,
        id=event.id,
        type=event.type,
        site=site,
        grid=grid,
        severity=weigh(severity, proof, historical),
        evidence_class=proof,
        historical=historical,
        policy=policy,
        order=order,
        detail=detail,
        outcome=outcome,
    )


def of_check(
    check: Check,
    severity: Severity,
    proof: EvidenceClass,
    policy: str,
    *,
    order: str | None = None,
    detail: str = "",
) -> Match:
    """Return the match of a check."""
    return of_event(
        check,
        check.site.id,
        check.site.grid,
        severity,
        proof,
        policy,
        order=order,
        detail=detail,
    )


def of_read(
    read: Read, severity: Severity, policy: str, *, order: str | None = None, detail: str = ""
) -> Match:
    """Return the match of a reading, which proves a vehicle and never a person."""
    return of_event(
        read, read.site, read.grid, severity, "vehicle", policy, order=order, detail=detail
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
