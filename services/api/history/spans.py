"""Which alerts lived at a place in the feed: a point in many intervals, with plain indexes.

An alert lives from the number of its first event to the last one before it ended. Each interval is
kept under one number inside it, the one that most powers of two divide (Kriegel's relational
interval tree). All intervals that hold a point lie under few numbers: about two for each binary
digit. So the database finds them by ranges of ordinary indexes, however old the point is.
"""

from typing import Final

from msgspec import Struct

# More digits than a feed will ever have numbers.
_DIGITS: Final = 45


class Nodes(Struct, frozen=True):
    """Where intervals that hold a point lie: under `low` if they end at or after the point, and
    under `high` if they begin at or before it."""

    low: list[int]
    high: list[int]


def node_of(first: int, last: int) -> int:
    """Return the number under which the interval from `first` to `last` lies; 1 ≤ first ≤ last."""
    differing = ((first - 1) ^ last).bit_length() - 1
    return last >> differing << differing


def nodes_for(point: int) -> Nodes:
    """Return where all intervals lie that hold a point."""
    low = {point >> digit << digit for digit in range(_DIGITS)} - {0}
    high = {(point >> digit) + 1 << digit for digit in range(_DIGITS)}
    return Nodes(sorted(low), sorted(high))
