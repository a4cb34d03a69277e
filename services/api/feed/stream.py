"""One reader's stream: open, backlog from the store, then live from the hub."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec

from schemas.alerts import AlertEvent
from services.api.feed.frames import (
    GAP,
    KEEPALIVE,
    OPEN,
    POSITION,
    Gap,
    Opened,
    Position,
    frame,
    notice,
)
from services.api.feed.hub import Hub, Reader
from services.api.filters import NO_FILTERS, matches
from services.api.store.store import AlertStore
from services.api.store.transactions import FeedEvent

_PAGE = 1_000
_CURSOR = re.compile(r"([0-9a-f]{8})-(\d{1,18})")
_EVENT = msgspec.json.Decoder(AlertEvent)


async def place_of(store: AlertStore, hub: Hub, cursor: str | None) -> tuple[int, bool]:
    """Return where a reader with this cursor starts, and whether it may have missed events."""
    if cursor is None:
        return hub.last_n, False
    found = _CURSOR.fullmatch(cursor)
    if found is None or found[1] != store.epoch:
        return hub.last_n, True
    n = int(found[2])
    if n > hub.last_n or n + 1 < await store.oldest_n():
        return hub.last_n, True
    return n, False


async def stream(
    store: AlertStore, hub: Hub, reader: Reader, gap_from: str | None, clock_ms: Callable[[], int]
) -> AsyncGenerator[bytes, None]:
    """Yield a reader's bytes until the hub closes or the reader is cut off.

    There is neither a hole nor an overlap between backlog and live: both are read from
    `reader.position`, and the ring serves it only when it reaches back that far.
    """
    ticks = hub.ticks
    cursor = store.cursor(reader.position)
    yield notice(OPEN, Opened(cursor), cursor, clock_ms())
    if gap_from is not None:
        yield notice(GAP, Gap(gap_from, cursor), cursor, clock_ms())
    while not hub.closed and not reader.cut.is_set():
        if reader.position < hub.first_n - 1:
            page = await store.events_after(reader.position, _PAGE)
            if page and page[0].n == reader.position + 1:
                reader.position = page[-1].n
                if encoded := _encoded(store, reader, page):
                    yield encoded
            else:
                # What this slow reader still lacked has been forgotten meanwhile.
                missed, reader.position = store.cursor(reader.position), hub.last_n
                cursor = store.cursor(reader.position)
                yield notice(GAP, Gap(missed, cursor), cursor, clock_ms())
            continue
        reader.live = True
        if fresh := hub.take(reader):
            yield fresh
        elif ticks != hub.ticks:
            ticks = hub.ticks
            yield _alive(store, reader, clock_ms())
        else:
            await hub.news()


def _encoded(store: AlertStore, reader: Reader, page: Sequence[FeedEvent]) -> bytes:
    return b"".join(
        frame(store.cursor(event.n), event.type, event.body)
        for event in page
        if _wanted(event, reader)
    )


def _wanted(event: FeedEvent, reader: Reader) -> bool:
    return reader.filters == NO_FILTERS or matches(reader.filters, _EVENT.decode(event.body).data)


def _alive(store: AlertStore, reader: Reader, at_ms: int) -> bytes:
    if reader.filters == NO_FILTERS:
        return KEEPALIVE
    cursor = store.cursor(reader.position)
    return notice(POSITION, Position(cursor), cursor, at_ms)
