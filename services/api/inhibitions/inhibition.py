"""An inhibition: which alerts speak for which others while they live. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from schemas.alerts import Alert
from services.api.silences.matchers import Matcher, all_hold, labels_of

# The labels that may have to be equal: those that alerts are found by.
EQUAL_LABELS: Final = ("site", "grid", "order", "incident", "subject")

_LIVE: Final = frozenset({"open", "acked", "dispatched"})

Phase = Literal["active", "expired"]


class Inhibition(Struct, frozen=True, kw_only=True):
    """While an alert lives for which all of `source` hold, those for which all of `target` hold,
    and whose labels `equal` are the same, are inhibited. Times are ms UTC; `ends_ms` None = until
    somebody ends it."""

    id: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]
    author: str
    comment: str
    starts_ms: int
    ends_ms: int | None
    updated_ms: int


# What a deployment begins with. A silent device explains its other faults, not what officers see at
# the same gate; and a desk that works on a critical alert knows of the household's lesser ones.
DEFAULTS: Final = (
    (
        "silent-site",
        (Matcher("alertname", "source-silent"),),
        (
            Matcher("alertname", "source-silent", is_equal=False),
            Matcher("evidence_class", "system"),
            Matcher("severity", "medium|low|info", is_regex=True),
        ),
        ("site",),
        "A device that is silent explains the other faults of devices at its site.",
    ),
    (
        "critical-incident",
        (Matcher("severity", "critical"),),
        (Matcher("severity", "info"),),
        ("incident",),
        "Who works on a critical alert knows what is merely told of the same incident.",
    ),
)


def phase(inhibition: Inhibition, now_ms: int) -> Phase:
    """Return whether an inhibition is in force, or over."""
    over = inhibition.ends_ms is not None and inhibition.ends_ms <= now_ms
    return "expired" if over else "active"


def lives(alert: Alert) -> bool:
    """Return whether an alert can inhibit others, and be inhibited."""
    return alert.state in _LIVE


def inhibits(inhibition: Inhibition, alert: Alert) -> str | None:
    """Return the place in which an alert inhibits others (`place_of`), None = nowhere."""
    labels = labels_of(alert)
    if not lives(alert) or not all_hold(inhibition.source, labels):
        return None
    return place_of(inhibition, labels)


def inhibited_in(inhibition: Inhibition, alert: Alert) -> str | None:
    """Return the place in which others may inhibit an alert, None = nobody does.

    Critical alerts are not inhibited, nor those that are a source of the same inhibition: two of
    them would hide each other.
    """
    return None if alert.severity == "critical" else _targeted_in(inhibition, alert)


def critical_in(inhibition: Inhibition, alert: Alert) -> str | None:
    """Return where others would inhibit an alert if it were not critical; None for any other."""
    return _targeted_in(inhibition, alert) if alert.severity == "critical" else None


def _targeted_in(inhibition: Inhibition, alert: Alert) -> str | None:
    labels = labels_of(alert)
    if not all_hold(inhibition.target, labels) or all_hold(inhibition.source, labels):
        return None
    return place_of(inhibition, labels)


def place_of(inhibition: Inhibition, labels: Mapping[str, str]) -> str | None:
    """Return a digest of the labels that must be equal; None where one is missing: what two alerts
    both lack does not make them belong together."""
    values = [labels.get(name) for name in inhibition.equal]
    if None in values:
        return None
    return hashlib.blake2b(msgspec.json.encode(values), digest_size=16).hexdigest()
