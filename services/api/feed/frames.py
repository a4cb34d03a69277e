"""The formats of the feed: how one event leaves as bytes, and the feed's own events."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from schemas.times import format_ms
from services.api.merge import SOURCE

OPEN = "cordon.feed.open.v1"
GAP = "cordon.feed.gap.v1"
POSITION = "cordon.feed.position.v1"


class Format(Struct, frozen=True):
    """How the feed is written; every reader of a format shares the bytes of an event.

    `encode` takes cursor, event type and CloudEvent. `keepalive` is sent to idle readers that want
    every event; None: such a format has no comments, so they get a position instead.
    """

    name: str
    media_type: str
    encode: Callable[[str, str, bytes], bytes]
    keepalive: bytes | None


def _server_sent(cursor: str, event_type: str, body: bytes) -> bytes:
    # JSON holds no line break, so one data line carries it.
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), event_type.encode(), body)


def _line(cursor: str, event_type: str, body: bytes) -> bytes:
    return body + b"\n"


SSE = Format("sse", "text/event-stream", _server_sent, b": keepalive\n\n")
# The WebSocket sends the same lines, each as a message.
LINES = Format("lines", "application/x-ndjson", _line, None)


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
    """An event of the feed itself, in the form of all others; it carries the cursor as they do."""

    specversion: str = "1.0"
    id: str
    source: str = SOURCE
    type: str
    time: str
    recordedtime: str
    cursor: str
    data: Opened | Gap | Position


def notice(
    form: Format, event_type: str, data: Opened | Gap | Position, cursor: str, at_ms: int
) -> bytes:
    """Return an event of the feed itself; a reader that reconnects after it resumes at `cursor`."""
    at = format_ms(at_ms)
    event = FeedNotice(
        id=f"{event_type}/{cursor}/{at_ms}",
        type=event_type,
        time=at,
        recordedtime=at,
        cursor=cursor,
        data=data,
    )
    return form.encode(cursor, event_type, msgspec.json.encode(event))
