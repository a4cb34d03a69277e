"""The timelines that beside the checkout say what Cordon must do, merged into one.

Each keeps to identifiers of its own, so that they do not meet in the registers of one system, and
their lines are in the order in which they arrive.
"""

from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.county.numbers import resident_id
from schemas.times import parse_ms

FOLDER: Final = Path(__file__).parents[3] / "shared" / "accept" / "timelines"
# Those of the rules that there are, and that say nothing of a history that is not complete.
WARM: Final = (
    "01-clean-pass",
    "02-breach-document",
    "03-breach-quiet-gap",
    "04-vehicle-moving",
    "05-permit",
    "06a-transfer-cover",
    "08-first-seen",
    "09-transit",
    "17-duplicates",
    "18-late-breach",
    "20-episode-joins",
)
COLD: Final = "10-cold-start"
_NAMING: Final = frozenset(
    ("id", "source", "site", "zone", "zones", "order", "orders", "places", "from_zone", "to_zone")
)
# Nobody in the county has so high a number.
_FIRST_PERSON: Final = 500_000


def timeline(name: str) -> list[bytes]:
    """Return the lines of a timeline as they are; none where there is no such file."""
    path = FOLDER / f"{name}.ndjson"
    return path.read_bytes().splitlines() if path.exists() else []


def merged() -> list[bytes]:
    """Return the warm ones as one timeline."""
    return [line for _, line in merge(*map(_renamed, WARM), key=lambda each: each[0])]


def _renamed(name: str) -> Iterator[tuple[int, bytes]]:
    """Yield (newest time so far, line) of a timeline, with names that no other one has."""
    short = name.partition("-")[0]
    person = resident_id(_FIRST_PERSON + WARM.index(name))
    newest_ms = 0
    for line in timeline(name):
        event = msgspec.json.decode(line)
        newest_ms = max(newest_ms, parse_ms(event.get("recordedtime") or event["time"]))
        yield newest_ms, msgspec.json.encode(_with_names(event, short, person))


def _with_names(piece: Any, prefix: str, person: str, key: str = "") -> Any:
    if isinstance(piece, dict):
        return {name: _with_names(each, prefix, person, name) for name, each in piece.items()}
    if isinstance(piece, list):
        return [_with_names(each, prefix, person, key) for each in piece]
    if key in _NAMING:
        return f"{prefix}-{piece}"
    return person if key == "id_number" else piece


def each_alone() -> list[list[bytes]]:
    """Return the warm ones, each with the names that it has in `merged`."""
    return [[line for _, line in _renamed(name)] for name in WARM]
