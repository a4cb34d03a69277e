"""D42 overdue, 超时: alerts that nobody takes on in time escalate, level by level.

Pure: no clock, no database. An open alert waits for somebody to acknowledge it, a critical one that
is acknowledged waits to be dispatched. When it has waited for its limit it escalates to level 1,
and once more each time the limit passes again, at most to LEVELS. What people do, a clearing or a
retraction ends it. What is historical waits for nobody (it is not dispatched live), nor does what a
summary of the rate cap stands for: the summary waits instead. Nobody waits behind a silence either.

The limits are policy: the parameters of the rule `overdue` in the register. Their defaults are the
field's (domain, D42).
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from msgspec import Struct

from schemas.alerts import SEVERITIES, Alert, Severity, State

RULE: Final = "overdue"
LEVELS: Final = 3

# By parameter, in seconds: how long an alert may wait, and how long a task may take that says no
# time of its own (the field gives an hour for a visit that is high; the others are our proposals).
# Bounds: schemas/policy.py.
DEFAULTS: Final[Mapping[str, float]] = {
    "ack_critical_s": 120,
    "ack_high_s": 300,
    "ack_medium_s": 1_800,
    "dispatch_critical_s": 900,
    "task_critical_s": 1_800,
    "task_high_s": 3_600,
    "task_medium_s": 14_400,
    "task_low_s": 86_400,
}
# What waits, by state and severity, and the parameter that says how long; nothing else waits.
WAITING: Final[Mapping[tuple[State, Severity], str]] = {
    ("open", "critical"): "ack_critical_s",
    ("open", "high"): "ack_high_s",
    ("open", "medium"): "ack_medium_s",
    ("acked", "critical"): "dispatch_critical_s",
}

Turn = Literal["begins", "goes on", "ends"]


class Wait(Struct, frozen=True):
    """An alert that waits: since when in this span, ms UTC of the wall's clock, and its level.

    A span ends with the next level; after the last level there is none (`since_ms` None).
    """

    alert_id: str
    state: State
    severity: Severity
    since_ms: int | None
    level: int


class Step(Struct, frozen=True):
    """One level that an alert has reached, and when it was due, ms UTC."""

    alert_id: str
    level: int
    due_ms: int


def waits(alert: Alert) -> bool:
    """Return whether somebody has to do something about an alert."""
    live = not alert.historical and alert.capped_by is None
    live = live and not alert.silenced_by and not alert.inhibited_by
    return live and (alert.state, alert.severity) in WAITING


def turn(old: Alert | None, new: Alert) -> Turn:
    """Return what a change of an alert means for its waiting.

    It begins anew with a new state, and with a higher severity, whose limit is stricter; a lower
    one leaves the span as it is. The level that was reached stays until the waiting ends.
    """
    if not waits(new):
        return "ends"
    if old is None or not waits(old) or old.state != new.state:
        return "begins"
    if old.escalation is not None and new.escalation is None:
        # It was over in between, and one batch of findings told both.
        return "begins"
    rose = SEVERITIES.index(new.severity) > SEVERITIES.index(old.severity)
    return "begins" if rose else "goes on"


def kept_level(old: Alert, new: Alert) -> int | None:
    """Return the level that a changed alert keeps: the one it had, while it waits for the same."""
    return old.escalation if waits(new) and waits(old) and old.state == new.state else None


def limit_ms(state: State, severity: Severity, limits: Mapping[str, float]) -> int:
    """Return how long what waits in this state may do so; `limits` are like DEFAULTS."""
    return int(limits[WAITING[state, severity]] * 1000)


def task_s(severity: Severity, limits: Mapping[str, float]) -> float:
    """Return how many seconds a task of a severity may take that says no time of its own."""
    return limits["task_low_s" if severity == "info" else f"task_{severity}_s"]


def steps(wait: Wait, limits: Mapping[str, float], now_ms: int) -> Iterator[Step]:
    """Yield every level that is due by now, in order: none is left out after a time of silence."""
    since_ms, level = wait.since_ms, wait.level
    span_ms = limit_ms(wait.state, wait.severity, limits)
    while since_ms is not None and since_ms + span_ms <= now_ms and level < LEVELS:
        since_ms, level = since_ms + span_ms, level + 1
        yield Step(wait.alert_id, level, since_ms)
