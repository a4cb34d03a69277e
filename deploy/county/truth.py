"""The truth about a timeline: what is planted in it, and what a watcher must make of it."""

from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.size import Scale
from schemas.times import MINUTE_MS, format_ms

# So long after its last event has arrived an alert may take.
_PATIENCE_MS = MINUTE_MS


class Planted(Struct, frozen=True, omit_defaults=True):
    """A case as the truth tells it.

    `time` is when it begins and `until` when at the latest the alert must have been raised; both
    are RFC 3339. Something is `expected`, or there is a `silence`; `allowed` are alerts that it
    explains and that need not arise.
    """

    case: str
    time: str
    until: str
    expected: tuple[Expected, ...] = ()
    silence: Silence | None = None
    allowed: tuple[Expected, ...] = ()


class Truth(Struct):
    """What is planted in a timeline. First-seen rules need `backtest --from-warm` to speak."""

    seed: int
    scale: Scale
    start: str
    hours: float
    cases: list[Planted]
    from_warm: bool = True


def told(case: Case) -> Planted:
    """Return a case as the truth tells it."""
    return Planted(
        case.name,
        format_ms(case.at_ms),
        format_ms(case.done_ms + _PATIENCE_MS),
        case.expected,
        case.silence,
        case.allowed,
    )


def beside(timeline: Path) -> Path:
    """Return where the truth about a timeline lies."""
    return timeline.with_name(f"{timeline.name}.truth.json")


def save(truth: Truth, timeline: Path) -> Path:
    """Write the truth beside its timeline; return where."""
    path = beside(timeline)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth)) + b"\n")
    return path
