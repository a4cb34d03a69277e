"""Lines that may share a request: consecutive ones for the same path, so that order is kept."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from deploy.replay.lines import Line

# Ingest takes 500 items and 8 MiB a request.
MOST_LINES: Final = 500
MOST_BYTES: Final = 4 << 20


class Group(Struct, frozen=True):
    """Lines for one request."""

    path: str
    lines: tuple[Line, ...]

    @property
    def body(self) -> bytes:
        """The lines as NDJSON."""
        return b"\n".join(line.body for line in self.lines) + b"\n"


def group_lines(
    lines: Iterable[Line],
    *,
    span_ms: int | None = None,
    most_lines: int = MOST_LINES,
    most_bytes: int = MOST_BYTES,
) -> Iterator[Group]:
    """Yield the lines in their order, in groups.

    `span_ms` bounds the time of the timeline that a group covers, so that a paced replay does not
    send what is not due; None = unbounded.
    """
    held: list[Line] = []
    held_bytes = 0
    for line in lines:
        if held and (
            line.path != held[0].path
            or len(held) >= most_lines
            or held_bytes + len(line.body) > most_bytes
            or (span_ms is not None and line.recorded_ms - held[0].recorded_ms > span_ms)
        ):
            yield Group(held[0].path, tuple(held))
            held, held_bytes = [], 0
        held.append(line)
        held_bytes += len(line.body)
    if held:
        yield Group(held[0].path, tuple(held))
