"""Findings, findings, findings: the builders that the tests of the API share."""

from typing import Any

import msgspec

from schemas.alerts import (
    FINDING_TYPES,
    Evidence,
    Finding,
    FindingEvent,
    FindingVerb,
    Reason,
    Subject,
)
from schemas.times import format_ms

AT = 1_640_000_000_000


def finding(
    alert_id: str = "a", verb: FindingVerb = "opened", at_ms: int = AT, **changes: Any
) -> FindingEvent:
    """A finding of a quarantine breach; `changes` are fields of its data."""
    at = format_ms(at_ms)
    data = Finding(
        alert_id=alert_id,
        verb=verb,
        rule="quarantine-breach",
        rule_version="1.0.0",
        policy_version="default@1",
        severity="critical",
        evidence_class="person",
        subject=Subject("person", "person:1:ab", "330421…001X"),
        site="gate",
        order="o1",
        first_seen=at,
        last_seen=at,
        count=1,
        historical=False,
        evidence=[Evidence("dev", "e1", "cordon.health-check.v1", at, "gate")],
        reason=Reason("A person under order was checked at the gate.", "隔离人员出现在卡口。"),
    )
    return FindingEvent(
        specversion="1.0",
        id=f"{alert_id}/{verb}/{at_ms}",
        source="cordon/worker",
        type=FINDING_TYPES[verb],
        time=at,
        recordedtime=at,
        data=msgspec.structs.replace(data, **changes),
    )


def duplicate(alert_id: str, survivor: str, **changes: Any) -> FindingEvent:
    """The finding that withdraws an alert in favour of another."""
    return finding(alert_id, "withdrawn", outcome="duplicate", related=[survivor], **changes)
