"""Findings (what a worker found) and alerts (what people see and act on): contracts, Alerts."""

import hashlib
from typing import Literal

from msgspec import Struct

from schemas.events import Instant

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
EvidenceClass = Literal["person", "digital", "vehicle", "tip", "system"]
State = Literal["open", "acked", "dispatched", "resolved", "retracted"]
Outcome = Literal["confirmed", "false", "authorised", "duplicate", "expired", "transit", "cleared"]
FindingVerb = Literal["opened", "matched", "cleared", "withdrawn"]
AlertVerb = Literal[
    "raised",
    "updated",
    "acked",
    "assigned",
    "dispatched",
    "noted",
    "escalated",
    "reopened",
    "resolved",
    "retracted",
]


class Subject(Struct, frozen=True):
    """Whom or what an alert is about; `label` is masked for people's eyes."""

    kind: str
    key: str
    label: str


class Reason(Struct, frozen=True):
    """Why, in both languages."""

    en: str
    zh: str


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One event that an alert rests on."""

    source: str
    id: str
    type: str
    time: Instant
    site: str | None = None


class Finding(Struct, omit_defaults=True, kw_only=True):
    """One episode as the engine sees it now: always whole, so that a later one replaces it.

    `cleared` ends the episode (with an outcome), `withdrawn` takes its ground away; a withdrawn
    duplicate names its survivor in `related`, one that stands the alerts of its incident. The id is
    made of the rule, its major version, `dedupe` and the episode's first match (`alert_id`), which
    is at `began` where that is not `first_seen`, because it lost its ground since.
    """

    alert_id: str
    verb: FindingVerb
    rule: str
    rule_version: str
    policy_version: str
    severity: Severity
    evidence_class: EvidenceClass
    subject: Subject
    site: str | None = None
    grid: str | None = None
    order: str | None = None
    first_seen: Instant
    last_seen: Instant
    count: int
    historical: bool
    evidence: list[Evidence]
    reason: Reason
    outcome: Outcome | None = None
    related: list[str] | None = None
    dedupe: str | None = None
    began: Instant | None = None


class FindingEvent(Struct, omit_defaults=True, kw_only=True):
    """A finding as a CloudEvents event; `time` is the engine's clock, not the wall's."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: Instant
    recordedtime: Instant
    data: Finding


class Alert(Struct, omit_defaults=True, kw_only=True):
    """An alert at one revision; `dedupe` and `began` are the finding's.

    `capped_by` is the alert that stands for this one and others of its rule and place, because
    there are too many of them (CORDON_ALERT_CAP). `escalation` is the level, from 1, that it has
    reached because nobody does what it waits for (rule `overdue`). `incident` is shared by all
    alerts about one household, order, vehicle, person or site. `silenced_by` are the ids of the
    silences that hide it now, `inhibited_by` those of the alerts that speak for it while they live:
    it is marked, never dropped.
    """

    id: str
    revision: int
    rule: str
    rule_version: str
    policy_version: str
    severity: Severity
    evidence_class: EvidenceClass
    state: State
    outcome: Outcome | None = None
    subject: Subject
    site: str | None = None
    grid: str | None = None
    order: str | None = None
    assignee: str | None = None
    note: str | None = None
    first_seen: Instant
    last_seen: Instant
    count: int
    historical: bool
    evidence: list[Evidence]
    reason: Reason
    related: list[str] | None = None
    dedupe: str | None = None
    began: Instant | None = None
    capped_by: str | None = None
    escalation: int | None = None
    incident: str | None = None
    silenced_by: list[str] | None = None
    inhibited_by: list[str] | None = None

    # A reader filters on `historical: false`, so it is written even when it is false.


class AlertEvent(Struct, omit_defaults=True, kw_only=True):
    """A revision of an alert as a CloudEvents event; `cursor` is its place in the feed."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: Instant
    recordedtime: Instant
    cursor: str | None = None
    actor: str | None = None
    data: Alert


FINDING_TYPES: dict[FindingVerb, str] = {
    "opened": "cordon.finding.opened.v1",
    "matched": "cordon.finding.matched.v1",
    "cleared": "cordon.finding.cleared.v1",
    "withdrawn": "cordon.finding.withdrawn.v1",
}


def alert_type(verb: AlertVerb) -> str:
    """Return the CloudEvents type of a change of an alert."""
    return f"cordon.alert.{verb}.v1"


def alert_id(rule: str, rule_major: int, dedupe_key: str, earliest_ms: int) -> str:
    """Return the id of an episode: the same history gives the same id anywhere (contracts)."""
    text = f"{rule}\0{rule_major}\0{dedupe_key}\0{earliest_ms}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
