"""Server-sent events as bytes, and the feed's own events."""

import msgspec
from msgspec import Struct

from schemas.times import format_ms
from services.api.merge import SOURCE

OPEN = "cordon.feed.open.v1"
GAP = "cordon.feed.gap.v1"
POSITION = "cordon.feed.position.v1"
KEEPALIVE = b": keepalive\n\n"


class Opened(Struct, frozen=True):
    """A stream begins: what follows comes after `cursor`."""

    cursor: str


class Gap(Struct, frozen=True):
    """Events between `from` and `to` may be missing: read the state of alerts anew."""

    from_: str = msgspec.field(name="from")
    to: str


class Position(Struct, frozen=True):
    """Everything up to `cursor` has been considered for this reader."""

    cursor: str


class FeedNotice(Struct, kw_only=True):
    """An event of the feed itself, in the form of all others."""

    specversion: str = "1.0"
    id: str
    source: str = SOURCE
    type: str
    time: str
    recordedtime: str
    data: Opened | Gap | Position


def frame(cursor: str, event_type: str, body: bytes) -> bytes:
    """Return one server-sent event; JSON holds no line break, so one data line carries it."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), event_type.encode(), body)


def notice(event_type: str, data: Opened | Gap | Position, cursor: str, at_ms: int) -> bytes:
    """Return an event of the feed itself; a reader that reconnects after it resumes at `cursor`."""
    at = format_ms(at_ms)
    event = FeedNotice(
        id=f"{event_type}/{cursor}/{at_ms}", type=event_type, time=at, recordedtime=at, data=data
    )
    return frame(cursor, event_type, msgspec.json.encode(event))
