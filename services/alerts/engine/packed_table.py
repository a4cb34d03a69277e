"""A table from numbers to short bytes for millions of entries: neighbours share one bytes object.

A dict spends more on a key, its place and the object of a value than most values here are long. So
entries lie in buckets of about four, and whenever there are more, one bucket is divided in two:
that is linear hashing (Litwin, 1980), in which no entry ever waits until the whole table has moved.
"""

from collections.abc import Callable, Iterator
from struct import Struct as Layout
from typing import Final

# The key, and the length of the value behind it.
_LAYOUT: Final = Layout("<QI")
_HEAD: Final = _LAYOUT.size
_pack_head = _LAYOUT.pack
_unpack_head = _LAYOUT.unpack_from
_pack_key = Layout("<Q").pack
_EVERY_BIT: Final = (1 << 64) - 1
_ENTRIES_A_BUCKET: Final = 4
# A key, its bucket, and where its entry begins and ends there; -1 = it has none.
_NOWHERE: Final = (-1, 0, -1, -1)


class PackedTable:
    """Keys are 64 bits that are spread evenly, as those of `hash`; no value is empty."""

    def __init__(self) -> None:
        self._buckets = [b""]
        self._entries = 0
        # Buckets before `_divided` are told apart by one bit more than the others.
        self._mask = 0
        self._divided = 0
        # Where the key that was asked for last lies: most often it is put next.
        self._place = _NOWHERE

    def __len__(self) -> int:
        return self._entries

    def get(self, key: int) -> bytes:
        """Return the value of a key, b"" where it has none."""
        key &= _EVERY_BIT
        number = key & self._mask
        if number < self._divided:
            number = key & (self._mask << 1 | 1)
        bucket = self._buckets[number]
        # Eight bytes like these occur within a value no sooner than two keys are the same.
        start = bucket.find(_pack_key(key))
        if start < 0:
            self._place = (key, number, start, start)
            return b""
        end = start + _HEAD + _unpack_head(bucket, start)[1]
        self._place = (key, number, start, end)
        return bucket[start + _HEAD : end]

    def put(self, key: int, value: bytes) -> None:
        """Set the value of a key."""
        if self._place[0] != key & _EVERY_BIT:
            self.get(key)
        key, number, start, end = self._place
        self._place = _NOWHERE
        bucket = self._buckets[number]
        entry = _pack_head(key, len(value)) + value
        if start >= 0:
            self._buckets[number] = bucket[:start] + entry + bucket[end:]
            return
        self._buckets[number] = bucket + entry
        self._entries += 1
        if self._entries > _ENTRIES_A_BUCKET * len(self._buckets):
            self._divide()

    def rewrite(self, change: Callable[[bytes], bytes], part: int = 0, parts: int = 1) -> None:
        """Put what `change` makes of it in the place of each value; b"" = it goes.

        It looks at one of so many parts of the table, which are about equal.
        """
        self._place = _NOWHERE
        for number in range(part, len(self._buckets), parts):
            entries = list(_entries(self._buckets[number]))
            kept = [(key, after) for key, value in entries if (after := change(value))]
            self._entries += len(kept) - len(entries)
            if kept != entries:
                self._buckets[number] = _packed(kept)

    def _divide(self) -> None:
        bit = self._mask + 1
        entries = list(_entries(self._buckets[self._divided]))
        self._buckets[self._divided] = _packed([each for each in entries if not each[0] & bit])
        self._buckets.append(_packed([each for each in entries if each[0] & bit]))
        self._divided += 1
        if self._divided == bit:
            self._mask, self._divided = self._mask << 1 | 1, 0


def _entries(bucket: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(bucket):
        key, length = _unpack_head(bucket, place)
        place += _HEAD + length
        yield key, bucket[place - length : place]


def _packed(entries: list[tuple[int, bytes]]) -> bytes:
    return b"".join([_pack_head(key, len(value)) + value for key, value in entries])
