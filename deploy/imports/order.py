"""Lines in the order of time, however many: sorted in parts that fit into memory, then merged."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from typing import IO, Final

# Some 70 MB of detections.
LINES_IN_MEMORY: Final = 200_000
# Added to every time, so that those before 1970 sort by their digits too.
_SHIFT_MS: Final = 10**14
_DIGITS: Final = 16


def in_order(lines: Iterable[tuple[int, bytes]], most: int = LINES_IN_MEMORY) -> Iterator[bytes]:
    """Yield (time in ms, line) by time, then by line. `most` lines are in memory at once; the rest
    lies in temporary files, which need as much disk as the lines are long. A line ends with a line
    feed and has no other."""
    with ExitStack() as files:
        parts: list[IO[bytes]] = []
        held: list[bytes] = []
        for time_ms, line in lines:
            held.append(b"%0*d%s" % (_DIGITS, time_ms + _SHIFT_MS, line))
            if len(held) >= most:
                part = files.enter_context(tempfile.TemporaryFile())
                part.writelines(sorted(held))
                part.seek(0)
                parts.append(part)
                held = []
        for keyed in merge(*parts, sorted(held)):
            yield keyed[_DIGITS:]
