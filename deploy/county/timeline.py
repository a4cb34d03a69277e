"""`cordon simulate`: the county as a timeline, and the truth about it beside."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deploy.county.devices import filing
from deploy.county.people import People, settle
from deploy.county.planted import Case, Expected
from deploy.county.registers import entries
from deploy.county.stream import steady, stream
from schemas.times import DAY_MS, HOUR_MS, TimeProblem, format_ms, parse_ms

_encode = msgspec.json.Encoder().encode


class Planted(Struct, frozen=True, omit_defaults=True):
    """A case as the truth file tells it: `expected` absent = no alert may arise."""

    case: str
    time: str
    expected: Expected | None = None


class Truth(Struct):
    """What is planted in a timeline. First-seen rules need `backtest --from-warm` to speak."""

    seed: int
    start: str
    hours: float
    cases: list[Planted]
    from_warm: bool = True


def write(
    people: People, seed: int, start_ms: int, hours: float, rate: float, truth: list[Planted]
) -> Iterator[bytes]:
    """Yield the lines of a timeline; `truth` has all its cases when the last one is out.

    A case that the end cuts off is left out whole, so that the truth is never half of one.
    """
    for name, entry in entries(people, start_ms // DAY_MS * DAY_MS):
        yield _line(filing(name, entry, start_ms - HOUR_MS).event)
    end_ms = start_ms + int(hours * HOUR_MS)
    cut: set[str] = set()
    for each in stream(people, seed, start_ms, steady(rate)):
        if isinstance(each, Case):
            if each.done_ms >= end_ms:
                cut.update(sent.event["id"] for sent in each.sent)
            else:
                truth.append(Planted(each.name, format_ms(each.at_ms), each.expected))
        elif each.recorded_ms >= end_ms:
            return
        elif each.event["id"] not in cut:
            yield _line(each.event)


def main(out: Path, *, seed: int, hours: float, rate: float, start: str) -> int:
    """Write a timeline to `out` and the truth beside it; return the exit code."""
    try:
        start_ms = parse_ms(start)
    except TimeProblem as error:
        sys.stderr.write(f"simulate: --start {error}\n")
        return 2
    planted: list[Planted] = []
    lines = 0
    with out.open("wb") as stream_out:
        for line in write(settle(seed), seed, start_ms, hours, rate, planted):
            stream_out.write(line)
            lines += 1
    truth = Truth(seed, format_ms(start_ms), hours, planted)
    beside = out.with_name(f"{out.name}.truth.json")
    beside.write_bytes(msgspec.json.format(_encode(truth)) + b"\n")
    sys.stdout.write(f"{lines} lines in {out}, {len(planted)} planted cases in {beside}\n")
    return 0


def _line(event: dict[str, Any]) -> bytes:
    return _encode(event) + b"\n"
