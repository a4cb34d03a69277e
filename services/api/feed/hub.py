"""The live end of the feed: one ring of encoded events that all readers share.

A reader is only a place in the ring, so an event costs the hub the same for one reader or
thousands.  Who falls out of the ring while it is live is cut off, and resumes by its cursor.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from schemas.alerts import Alert
from services.api.feed.frames import frame
from services.api.filters import NO_FILTERS, Filters, matches
from services.api.metrics import CUT_OFF, FEED_CLIENTS
from services.api.store.transactions import Published


class Live(Struct, frozen=True):
    """An event in the ring."""

    frame: bytes
    alert: Alert


class Reader:
    """One subscription: it has all events up to `position`."""

    def __init__(self, position: int, filters: Filters) -> None:
        self.position = position
        self.filters = filters
        self.live = False
        self.cut = asyncio.Event()


class Hub:
    """Takes events as they are committed and wakes the readers. All in one event loop."""

    def __init__(self, size: int) -> None:
        """`size`: how many events a live reader may be behind."""
        self.last_n = 0
        self.closed = False
        self.ticks = 0
        self._epoch = ""
        self._size = size
        self._ring: list[Live] = []
        self._news = asyncio.Event()
        self._readers: set[Reader] = set()
        self._joined: tuple[int, int, bytes] = (-1, -1, b"")

    def begin(self, epoch: str, last_n: int) -> None:
        """Take up the feed where the store stands."""
        self._epoch = epoch
        self.last_n = last_n

    @property
    def first_n(self) -> int:
        """The number of the oldest event in the ring; one above the last if it is empty."""
        return self.last_n - len(self._ring) + 1

    def publish(self, published: Sequence[Published]) -> None:
        """Take events that have just been committed, in order, and wake all readers."""
        if published[0].event.n != self.last_n + 1:
            # A commit whose events were never handed on: readers get them from the store.
            self._ring.clear()
        for one in published:
            event = one.event
            cursor = f"{self._epoch}-{event.n}"
            self._ring.append(Live(frame(cursor, event.type, event.body), one.change.data))
        self.last_n = published[-1].event.n
        # The ring may grow to twice its size, so that trimming costs little an event.
        if len(self._ring) > 2 * self._size:
            del self._ring[: -self._size]
        self._cut_off_the_slow()
        self._wake()

    def tick(self) -> None:
        """Let every reader say that it is alive; called every few seconds."""
        self.ticks += 1
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        self._wake()

    def join(self, reader: Reader) -> None:
        """Count a reader, until `leave`."""
        self._readers.add(reader)
        FEED_CLIENTS.set(len(self._readers))

    def leave(self, reader: Reader) -> None:
        """Forget a reader."""
        self._readers.discard(reader)
        FEED_CLIENTS.set(len(self._readers))

    def take(self, reader: Reader) -> bytes:
        """Return what the reader has not had yet and move it on; the ring must reach that far."""
        start, end = reader.position, self.last_n
        if start >= end:
            # The store may have shown the reader what the hub is yet to be told of.
            return b""
        reader.position = end
        fresh = self._ring[start - end :]
        if reader.filters != NO_FILTERS:
            return b"".join(one.frame for one in fresh if matches(reader.filters, one.alert))
        if self._joined[:2] != (start, end):
            # Most readers are at the same place: their bytes are joined once.
            self._joined = (start, end, b"".join(one.frame for one in fresh))
        return self._joined[2]

    async def news(self) -> None:
        """Wait for the next event, tick or the end."""
        await self._news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _cut_off_the_slow(self) -> None:
        oldest = max(self.last_n - self._size, self.first_n - 1)
        for reader in self._readers:
            if reader.live and reader.position < oldest and not reader.cut.is_set():
                reader.cut.set()
                CUT_OFF.inc()
