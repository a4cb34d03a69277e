"""The short way of a timeline's lines that devices sent: from the line to what the engine reads."""

from schemas.events import CHECKPOINT_SCAN, HEALTH_CHECK, KIND_BY_TYPE, PLATE_HIT, EventKind
from schemas.intake import Intake
from schemas.problems import Rejected
from services.alerts.engine.decode import Dated
from services.alerts.engine.direct import as_decoded

# The most frequent first.
_OFTEN = (PLATE_HIT, HEALTH_CHECK, CHECKPOINT_SCAN)
_MARKS = [
    (f'"{kind.type}"'.encode(), kind)
    for kind in (*_OFTEN, *(each for each in KIND_BY_TYPE.values() if each not in _OFTEN))
]


def read_sound(intake: Intake, line: bytes) -> list[Dated] | None:
    """Return the events of a line, or None where that takes a closer look.

    No event of a device is without its type, so a line in which a type stands may be of that type;
    whether it is, the decoder says.
    """
    for mark, kind in _MARKS:
        if mark in line:
            try:
                return read(intake, kind, line)
            except Rejected:
                return None  # The closer look tells what is wrong.
    return None


def read(intake: Intake, kind: EventKind, line: bytes) -> list[Dated]:
    """Return the events of a line of this kind; raises Rejected."""
    parts, _ = intake.split(kind, intake.decode(kind, line), 0, keep=True)
    return [as_decoded(event) for _, event in parts]
