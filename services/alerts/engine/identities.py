"""Which events were seen in the last 24 hours: 128-bit identities of (source, id)."""

from collections import deque

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
        self.seen.update(chunk[at : at + WIDTH] for at in range(8, len(chunk), WIDTH))

    def loaded(self) -> None:
        """Put the chunks in order when all are there."""
        self._chunks = deque(sorted(self._chunks))

    def expire(self, clock_ms: int) -> list[int]:
        """Forget chunks older than a day; return their numbers."""
        gone: list[int] = []
        while self._chunks and self._chunks[0][0] + KEEP_MS < clock_ms:
            _, number, chunk = self._chunks.popleft()
            self.seen.difference_update(
                chunk[at : at + WIDTH] for at in range(8, len(chunk), WIDTH)
            )
            gone.append(number)
        return gone
