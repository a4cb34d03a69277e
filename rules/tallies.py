"""Counts that partitions tell of a source or a region: facts that add up.

Whoever counts tells each count once, as a portion; portions of one span, told by whatever
partition in whatever order, become one fact with their sum. A fact covers a span from its
`time_ms` on; `what` holds its slots (minutes of an hour, hours of a day) and what was counted in
each, by bin.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from schemas.joins import Fact
from schemas.times import MINUTE_MS, SECOND_MS

# So long after the end of a slot whoever judges it waits for what other partitions tell of it.
# Where nothing happens, a partition commits, and tells, every 5 s.
PATIENCE_MS: Final = 15 * SECOND_MS

# By slot, what was counted by bin.
Slots = dict[int, dict[int, int]]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Slots).decode


def pack(slots: Slots) -> str:
    """Return slots as the text that a fact carries."""
    return _encode(dict(sorted(slots.items()))).decode()


def unpack(counted: str) -> Slots:
    """Return the slots of the text that a fact carries."""
    return _decode(counted)


def add_up(facts: Sequence[Fact]) -> Iterable[Fact]:
    """Return one fact for all that have the same place, with the sum of their counts.

    What it says of a site is from the portion that was counted last.
    """
    sums: dict[tuple[int, str, str], Fact] = {}
    for fact in facts:
        other = sums.get(fact.place)
        sums[fact.place] = fact if other is None else _sum(other, fact)
    return sums.values()


def _sum(one: Fact, other: Fact) -> Fact:
    slots = _decode(one.what)
    for slot, bins in _decode(other.what).items():
        there = slots.setdefault(slot, bins)
        if there is bins:
            continue
        for name, count in bins.items():
            there[name] = there.get(name, 0) + count
        if len(there) > 1:
            slots[slot] = dict(sorted(there.items()))
    last = max(one, other, key=lambda fact: (fact.recorded_ms, fact.site))
    return msgspec.structs.replace(last, what=pack(slots))


def added(before: Fact, portion: Fact) -> Fact | None:
    """Return a fact with one more portion of its place; a fact with an id counts nothing."""
    return None if portion.id else _sum(before, portion)


# How far apart an event and its acceptance lie, in whole seconds, is counted coarsely: below ten
# seconds as 0, then by the second, from two minutes on by ten seconds, from an hour on by minutes.
PUNCTUAL_S: Final = 10
_STEPS_S: Final = ((3600, 60), (120, 10), (PUNCTUAL_S, 1))


def offset_bin(offset_ms: int) -> int:
    """Return the bin of an offset, in seconds with its sign."""
    seconds = abs(offset_ms) // SECOND_MS
    for from_s, step_s in _STEPS_S:
        if seconds >= from_s:
            rounded = seconds - seconds % step_s
            return rounded if offset_ms > 0 else -rounded
    return 0


def end_of_minute(hour_ms: int, minute: int) -> int:
    """Return the end of a minute of an hour, ms UTC."""
    return hour_ms + (minute + 1) * MINUTE_MS
