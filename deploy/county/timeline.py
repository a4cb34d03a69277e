"""`cordon simulate`: the county as a timeline, and the truth about it beside."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from deploy.county.devices import filing
from deploy.county.people import People, settle
from deploy.county.planted.case import Case
from deploy.county.registers import entries
from deploy.county.size import SIZES, Scale
from deploy.county.stream import steady, stream
from deploy.county.truth import Planted, Truth, save, told
from schemas.times import DAY_MS, HOUR_MS, TimeProblem, format_ms, parse_ms

_encode = msgspec.json.Encoder().encode


def write(
    people: People, seed: int, start_ms: int, hours: float, rate: float, truth: list[Planted]
) -> Iterator[bytes]:
    """Yield the lines of a timeline; `truth` has all its cases when the last one is out.

    A case that the end cuts off is left out whole, so that the truth is never half of one. One
    that is something missing can't be: what follows from it is allowed then, and not expected.
    """
    for name, entry in entries(people, start_ms // DAY_MS * DAY_MS):
        yield _line(filing(name, entry, start_ms - HOUR_MS).event)
    end_ms = start_ms + int(hours * HOUR_MS)
    cut: set[str] = set()
    for each in stream(people, seed, start_ms, steady(rate, people.size.every_s)):
        if isinstance(each, Case):
            if each.done_ms >= end_ms:
                cut.update(sent.event["id"] for sent in each.sent)
                if not each.sent:
                    allowed = (*each.allowed, *each.expected)
                    truth.append(told(replace(each, expected=(), allowed=allowed)))
            else:
                truth.append(told(each))
        elif each.recorded_ms >= end_ms:
            return
        elif each.event["id"] not in cut:
            yield _line(each.event)


def main(
    out: Path, *, seed: int, hours: float, rate: float | None, start: str, scale: Scale
) -> int:
    """Write a timeline to `out` and the truth beside it; return the exit code."""
    try:
        start_ms = parse_ms(start)
    except TimeProblem as error:
        sys.stderr.write(f"simulate: --start {error}\n")
        return 2
    size, began_s = SIZES[scale], time.monotonic()
    planted: list[Planted] = []
    lines = 0
    with out.open("wb") as stream_out:
        people = settle(seed, size)
        for line in write(people, seed, start_ms, hours, rate or size.rate, planted):
            stream_out.write(line)
            lines += 1
    path = save(Truth(seed, scale, format_ms(start_ms), hours, planted), out)
    sys.stdout.write(
        f"{lines} lines in {out}, {len(planted)} planted cases in {path}, "
        f"made in {time.monotonic() - began_s:.1f} s\n"
    )
    return 0


def _line(event: dict[str, Any]) -> bytes:
    return _encode(event) + b"\n"
