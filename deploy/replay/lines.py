"""What each line of a timeline is, and where in a running system it belongs."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec
from msgspec import Struct

from schemas.events import CLOCK_TYPE, KIND_BY_TYPE, Clock
from schemas.registers import parse_register_type, unread_sort
from schemas.times import TimeProblem, format_ms, parse_ms

Sort = Literal["event", "register", "clock"]
CLOCK_PATH: Final = "/v1/clock"
REGISTERS_PATH: Final = "/v1/registers:replay"


class Line(Struct, frozen=True):
    """One line: its number from 1, its path at ingest or the API, and when it was recorded."""

    number: int
    sort: Sort
    path: str
    body: bytes
    recorded_ms: int


class Malformed(Struct, frozen=True):
    """A line that means nothing."""

    number: int
    problem: str


class Passed(Struct, frozen=True):
    """A line that nothing in this version reads."""

    number: int
    type: str


class _Head(Struct):
    type: str
    time: str
    recordedtime: str | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_encode = msgspec.json.Encoder().encode


def read_lines(lines: Iterable[bytes]) -> Iterator[Line | Passed | Malformed]:
    """Yield what the lines are, in their order; empty ones are passed over."""
    for number, raw in enumerate(lines, 1):
        body = raw.strip()
        if not body:
            continue
        try:
            head = _decode_head(body)
            recorded_ms = parse_ms(head.recordedtime or head.time)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeProblem) as error:
            yield Malformed(number, str(error))
            continue
        if head.type == CLOCK_TYPE:
            yield Line(number, "clock", CLOCK_PATH, body, recorded_ms)
        elif parse_register_type(head.type) is not None:
            yield Line(number, "register", REGISTERS_PATH, body, recorded_ms)
        elif head.type in KIND_BY_TYPE:
            yield Line(number, "event", KIND_BY_TYPE[head.type].path, body, recorded_ms)
        elif (unread := unread_sort(head.type)) is not None:
            yield Passed(number, head.type)
            if unread == "event":
                # What it says, nothing reads; when it was recorded still moves the clock.
                tick = _encode(Clock(type="cordon.clock.v1", time=format_ms(recorded_ms)))
                yield Line(number, "clock", CLOCK_PATH, tick, recorded_ms)
        else:
            yield Malformed(number, f"nothing takes events of type {head.type[:64]!r}")
