"""A silence: which alerts it hides, and when. Pure."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from schemas.alerts import Alert
from schemas.times import DAY_MS
from services.api.silences.matchers import Matcher, all_hold, holds, labels_of

LONGEST_MS: Final = 30 * DAY_MS

Phase = Literal["pending", "active", "expired"]


class Silence(Struct, frozen=True, kw_only=True):
    """All matchers must hold; times are ms UTC. Only one by somebody who leads hides critical
    alerts: `critical`."""

    id: str
    matchers: tuple[Matcher, ...]
    author: str
    comment: str
    critical: bool
    starts_ms: int
    ends_ms: int
    updated_ms: int


def phase(silence: Silence, now_ms: int) -> Phase:
    """Return whether a silence is yet to begin, in force, or over."""
    if now_ms < silence.starts_ms:
        return "pending"
    return "active" if now_ms < silence.ends_ms else "expired"


def hides(silence: Silence, alert: Alert) -> bool:
    """Return whether a silence hides an alert while it is in force."""
    if alert.severity == "critical" and not silence.critical:
        return False
    return all_hold(silence.matchers, labels_of(alert))


def hiding(silences: Sequence[Silence], alert: Alert) -> list[str] | None:
    """Return the ids of those that hide an alert, in order; None = nobody does."""
    return sorted(each.id for each in silences if hides(each, alert)) or None


def hides_everything(matchers: Sequence[Matcher]) -> bool:
    """Return whether an alert without any label would be hidden: then nothing is narrowed down."""
    return all(holds(matcher, {}) for matcher in matchers)
