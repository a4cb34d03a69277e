"""The frames of a passage: readings of one source so close together that they are one match.

The match keeps them, packed, so that one of them can be corrected and the others still stand. Of
more than `MOST_FRAMES` neighbours become one, which is taken out no more; the first and the last
stay.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from rules.match import Match
from schemas.alerts import Severity

MOST_FRAMES: Final = 32

# First, last and accepted, ms UTC; the event's id; severity, whether it is historical, policy.
_Frame = tuple[int, int, int, str, Severity, bool, str]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[_Frame]).decode


def _frames(match: Match) -> list[_Frame]:
    if match.frames:
        return _unpack(match.frames)
    return [
        (
            match.first_ms,
            match.last_ms,
            match.recorded_ms,
            match.id,
            match.severity,
            match.historical,
            match.policy,
        )
    ]


def packed(matches: Iterable[Match]) -> bytes:
    """Return the frames of what becomes one match."""
    frames = sorted({frame for match in matches for frame in _frames(match)})
    if len(frames) > MOST_FRAMES:
        between = frames[1:-1]
        pairs = [between[at : at + 2] for at in range(0, len(between), 2)]
        frames = [frames[0], *((*each[0][:1], each[-1][1], *each[0][2:]) for each in pairs),
                  frames[-1]]  # fmt: skip
    return _pack(frames)


def has(match: Match, ids: frozenset[str]) -> bool:
    """Tell whether one of a passage's frames came of an event, and can be taken out."""
    return bool(match.frames) and any(
        frame[3] in ids and frame[0] == frame[1] for frame in _frames(match)
    )


def without(match: Match, ids: frozenset[str]) -> list[Match]:
    """Return the frames that are left of a passage, as matches, in order."""
    return [
        msgspec.structs.replace(
            match,
            first_ms=first_ms,
            last_ms=last_ms,
            recorded_ms=recorded_ms,
            id=event_id,
            severity=severity,
            historical=historical,
            policy=policy,
            count=1,
            frames=b"",
        )
        for first_ms, last_ms, recorded_ms, event_id, severity, historical, policy in _frames(match)
        if event_id not in ids or first_ms != last_ms
    ]
