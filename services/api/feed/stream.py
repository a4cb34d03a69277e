"""One reader's stream: open, backlog from the store, then live from the hub."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec
from msgspec import Struct

from schemas.alerts import AlertEvent
from schemas.times import format_ms
from services.api.feed.frames import (
    GAP,
    OPEN,
    POSITION,
    Gap,
    Opened,
    Position,
    notice,
)
from services.api.feed.hub import Hub, Reader
from services.api.filters import NO_FILTERS, matches
from services.api.store.store import AlertStore
from services.api.store.transactions import FeedEvent

_PAGE = 1_000
_CURSOR_CHARACTERS = 64
CURSOR = re.compile(r"([0-9a-f]{8})-(\d{1,18})")
_EVENT = msgspec.json.Decoder(AlertEvent)


class Place(Struct, frozen=True):
    """Where a reader starts: after `position`; `missed` is what it asked for and cannot have."""

    position: int
    missed: str | None = None


async def place_of(store: AlertStore, hub: Hub, cursor: str | None) -> Place:
    """Return where a reader with this cursor starts; without one, at now."""
    if cursor is None:
        return Place(hub.last_n)
    found = CURSOR.fullmatch(cursor)
    if found is not None and found[1] == store.epoch:
        n = int(found[2])
        if n <= hub.last_n and n + 1 >= await store.oldest_n():
            return Place(n)
    return Place(hub.last_n, cursor[:_CURSOR_CHARACTERS])


async def place_since(store: AlertStore, hub: Hub, since_ms: int) -> Place:
    """Return the place before the first event that was published after an instant (ms UTC)."""
    first = await store.first_n_after(since_ms)
    position = hub.last_n if first is None else min(first - 1, hub.last_n)
    oldest = await store.oldest_n()
    if first == oldest and oldest > 1:
        # Older ones are forgotten, and some of them may be after that instant too.
        return Place(hub.last_n, format_ms(since_ms))
    return Place(position)


async def stream(
    store: AlertStore, hub: Hub, reader: Reader, missed: str | None, clock_ms: Callable[[], int]
) -> AsyncGenerator[bytes, None]:
    """Yield a reader's bytes until the hub closes or the reader is cut off.

    There is neither a hole nor an overlap between backlog and live: both are read from
    `reader.position`, and the ring serves it only when it reaches back that far.
    """
    ticks = hub.ticks
    cursor = store.cursor(reader.position)
    form = reader.form
    yield notice(form, OPEN, Opened(cursor), cursor, clock_ms())
    if missed is not None:
        yield notice(form, GAP, Gap(missed, cursor), cursor, clock_ms())
    while not (hub.closed or reader.dismissed or reader.cut.is_set()):
        if reader.position < hub.first_n - 1:
            page = await store.events_after(reader.position, _PAGE)
            if page and page[0].n == reader.position + 1:
                reader.position = page[-1].n
                if encoded := _encoded(store, reader, page):
                    yield encoded
            else:
                # What this slow reader still lacked has been forgotten meanwhile.
                lacked, reader.position = store.cursor(reader.position), hub.last_n
                cursor = store.cursor(reader.position)
                yield notice(form, GAP, Gap(lacked, cursor), cursor, clock_ms())
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
        reader.form.encode(store.cursor(event.n), event.type, event.body)
        for event in page
        if _wanted(event, reader)
    )


def _wanted(event: FeedEvent, reader: Reader) -> bool:
    return reader.filters == NO_FILTERS or matches(reader.filters, _EVENT.decode(event.body).data)


def _alive(store: AlertStore, reader: Reader, at_ms: int) -> bytes:
    if reader.filters == NO_FILTERS and reader.form.keepalive is not None:
        return reader.form.keepalive
    cursor = store.cursor(reader.position)
    return notice(reader.form, POSITION, Position(cursor), cursor, at_ms)
