"""What a rule is and what it says: `Rule`, `Match`, and the scale of severity."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from rules.facts import Check, Cover, Parameters, Read, SiteFacts, World
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


# What a detector yields: a dedupe key with its match (None = the event at hand is none, or no
# longer), or what kept it from being one.
Found = tuple[str, Match | None] | Cover
OnCheck = Callable[[Check, World, Parameters, str], Iterable[Found]]
OnRead = Callable[[Read, SiteFacts, World, Parameters, str], Iterable[Found]]
# Given a match, and the plate, person or source that it is about: what filed by now takes its
# ground away, None = nothing.
Excuse = Callable[[Match, str, World], str | None]


class Rule(Struct, frozen=True):
    """One rule of the catalogue, with its functions.

    `on_check` is asked about every check of an identified person, `on_read` about every reading
    of a plate that some order, link or watch entry names; a rule with neither has a stage of its
    own in the engine. `looks_around` = `on_check` reads the checks around one, and is asked about
    those anew when another comes. `excuse` is asked when a match is filed, and again whenever a
    register changes that may concern it. `quiet_gap_ms` separates episodes; matches of one source
    within `coalesce_ms` are one passage.
    """

    code: str
    name: str
    major: int
    version: str
    quiet_gap_ms: int
    defaults: dict[str, Any]
    describe: Callable[[Match, Subject], Reason]
    on_check: OnCheck | None = None
    on_read: OnRead | None = None
    looks_around: bool = False
    excuse: Excuse | None = None
    coalesce_ms: int = 0


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


def is_historical(time_ms: int, recorded_ms: int) -> bool:
    """Tell whether an event was accepted more than 30 minutes after it happened."""
    return recorded_ms - time_ms > HISTORICAL_MS


def weigh(severity: Severity, proof: EvidenceClass, historical: bool) -> Severity:
    """Return the severity under the ceiling of its evidence, one lower when it is historical."""
    level = min(_RANK[severity], _RANK[CEILING[proof]])
    return SEVERITIES[max(0, level - 1 if historical else level)]
