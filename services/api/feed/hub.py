"""The live end of the feed: one ring of encoded events that all readers share.

A reader is only a place in the ring, so an event costs the hub the same for one reader or
thousands.  Who falls out of the ring while it is live is cut off, and resumes by its cursor.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.alerts import Alert
from services.api.feed.frames import Format
from services.api.filters import NO_FILTERS, Filters, matches
from services.api.metrics import CUT_OFF, FEED_CLIENTS
from services.api.store.transactions import FeedEvent, Published

if TYPE_CHECKING:
    # It looks after the hub's readers, so it imports this module.
    from services.api.feed.admission import Admission

# A client that takes nothing over so many ticks is stuck: its kernel's buffers and ours are full.
_STUCK_TICKS = 2


class Live:
    """An event in the ring; it is encoded once in each format that somebody reads."""

    __slots__ = ("_cursor", "_encoded", "alert", "event")

    def __init__(self, cursor: str, event: FeedEvent, alert: Alert) -> None:
        self.alert = alert
        self.event = event
        self._cursor = cursor
        self._encoded: dict[str, bytes] = {}

    def encoded(self, form: Format) -> bytes:
        """Return the event's bytes in a format."""
        found = self._encoded.get(form.name)
        if found is None:
            found = form.encode(self._cursor, self.event.type, self.event.body)
            self._encoded[form.name] = found
        return found


class Reader:
    """One subscription: it has all events up to `position`, and gets more in one format."""

    def __init__(
        self,
        position: int,
        filters: Filters,
        form: Format,
        admission: "Admission | None" = None,
    ) -> None:
        """`admission` is what let the reader in, None = nobody looks after it."""
        self.position = position
        self.filters = filters
        self.form = form
        self.admission = admission
        # It may not go on: its stream ends.
        self.dismissed = False
        self.live = False
        self.cut = asyncio.Event()
        # The hub's tick at which something was given to the connection that it has not taken yet.
        self.sending_since: int | None = None


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
        # For each format, the stretch that was joined last: from, to, bytes.
        self._joined: dict[str, tuple[int, int, bytes]] = {}

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
            self._ring.append(Live(f"{self._epoch}-{event.n}", event, one.change.data))
        self.last_n = published[-1].event.n
        # The ring may grow to twice its size, so that trimming costs little an event.
        if len(self._ring) > 2 * self._size:
            del self._ring[: -self._size]
        self._cut_off_the_slow()
        self._wake()

    def tick(self) -> None:
        """Let every reader say that it is alive, and cut off who is stuck; called every 15 s."""
        self.ticks += 1
        for reader in self._readers:
            since = reader.sending_since
            if since is not None and self.ticks - since > _STUCK_TICKS:
                _cut_off(reader)
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        self._wake()

    @property
    def readers(self) -> list[Reader]:
        """The readers that are there now."""
        return list(self._readers)

    def dismiss(self, reader: Reader) -> None:
        """End a reader's stream; one that has not ended by the second time is stuck, and cut
        off."""
        if reader.dismissed:
            reader.cut.set()
        reader.dismissed = True
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
        form, wanted = reader.form, reader.filters
        if wanted != NO_FILTERS:
            fresh = self._ring[start - end :]
            return b"".join(one.encoded(form) for one in fresh if matches(wanted, one.alert))
        joined = self._joined.get(form.name)
        if joined is None or joined[0] != start or joined[1] != end:
            # Most readers are at the same place: their bytes are joined once.
            whole = b"".join(one.encoded(form) for one in self._ring[start - end :])
            joined = self._joined[form.name] = (start, end, whole)
        return joined[2]

    def events_after(self, n: int, limit: int) -> list[FeedEvent]:
        """Return the next events in order; none where the ring does not reach that far back."""
        start = n + 1 - self.first_n
        if start < 0:
            return []
        return [one.event for one in self._ring[start : start + limit]]

    async def news(self) -> None:
        """Wait for the next event, tick or the end."""
        await self._news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _cut_off_the_slow(self) -> None:
        oldest = max(self.last_n - self._size, self.first_n - 1)
        for reader in self._readers:
            if reader.live and reader.position < oldest:
                _cut_off(reader)


def _cut_off(reader: Reader) -> None:
    if not reader.cut.is_set():
        reader.cut.set()
        CUT_OFF.inc()
