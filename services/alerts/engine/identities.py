"""Which events were seen in the last 24 hours: 128-bit identities of (source, id).

Beside them are **marks**: what is known of corrected events, which may be told of, or come, as long
as some partition is behind the correction.
"""

from collections import deque
from collections.abc import Iterator

from xxhash import xxh3_128_digest

from schemas.times import HOUR_MS

WIDTH = 16
KEEP_MS = 24 * HOUR_MS


def identity(source: str, event_id: str) -> bytes:
    """Return the 16 bytes that stand for an event."""
    return xxh3_128_digest(f"{source}\0{event_id}".encode())


def corrected(source: str, event_id: str) -> bytes:
    """Return the mark of an event that another one has replaced."""
    return identity(source, f"{event_id}\0corrected")


def forestalled(source: str, event_id: str) -> bytes:
    """Return the mark of an event that was replaced before it came."""
    return identity(source, f"{event_id}\0forestalled")


def counted(source: str, event_id: str) -> bytes:
    """Return the mark of an event that was forestalled, and came."""
    return identity(source, f"{event_id}\0counted")


class Identities:
    """A set with an hour glass: what a batch adds is one chunk, and chunks leave after a day."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._chunks: deque[tuple[int, int, bytes]] = deque()
        self._next_chunk = 0
        self._marks: dict[bytes, tuple[int, bytes]] = {}

    def close_batch(self, fresh: list[bytes], clock_ms: int) -> tuple[int, bytes] | None:
        """Turn what a batch added to `seen` into a chunk; return its number and its bytes."""
        if not fresh:
            return None
        chunk = clock_ms.to_bytes(8, "big") + b"".join(fresh)
        number = self._next_chunk
        self._next_chunk += 1
        self._chunks.append((clock_ms, number, chunk))
        return number, chunk

    def load(self, number: int, chunk: bytes) -> None:
        """Take a chunk back from the state; chunks may come in any order."""
        self._chunks.append((int.from_bytes(chunk[:8], "big"), number, chunk))
        self._next_chunk = max(self._next_chunk, number + 1)
        self.seen.update(_split(chunk, 8))

    def loaded(self) -> None:
        """Put the chunks in order when all are there."""
        self._chunks = deque(sorted(self._chunks))

    def mark(self, marks: bytes, at_ms: int) -> bytes:
        """Remember marks, one behind the other, until a day after an instant; return their name."""
        self.seen.update(_split(marks))
        name = marks[:WIDTH]
        self._marks[name] = at_ms, marks
        return name

    def marked(self, name: bytes) -> tuple[int, bytes] | None:
        """Return (instant, marks) of a name, None = they are forgotten."""
        return self._marks.get(name)

    def expire_marks(self, joint_ms: int) -> list[bytes]:
        """Forget marks older than a day; return their names."""
        gone = [name for name, (at_ms, _) in self._marks.items() if at_ms + KEEP_MS < joint_ms]
        for name in gone:
            self.seen.difference_update(_split(self._marks.pop(name)[1]))
        return gone

    def expire(self, clock_ms: int) -> list[int]:
        """Forget chunks older than a day; return their numbers."""
        gone: list[int] = []
        before = len(self.seen)
        while self._chunks and self._chunks[0][0] + KEEP_MS < clock_ms:
            _, number, chunk = self._chunks.popleft()
            self.seen.difference_update(_split(chunk, 8))
            gone.append(number)
        if gone:
            # An event may have come that was marked before.
            for _, marks in self._marks.values():
                self.seen.update(_split(marks))
        if len(self.seen) < before // 2:
            # A set keeps the room that it once had, and a night is quieter than a day.
            kept = list(self.seen)
            self.seen.clear()
            self.seen.update(kept)
        return gone


def _split(identities: bytes, begin: int = 0) -> Iterator[bytes]:
    return (identities[at : at + WIDTH] for at in range(begin, len(identities), WIDTH))
