"""docs/tour.md as a script: its requests, its answers, and the names and times that they hold."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from deploy.bench.names import batch_of, table
from deploy.county.numbers import resident_id

PAGE = Path(__file__).parent.parent.parent / "docs/tour.md"
_BLOCK = re.compile(r"^```(http|ingest|json)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INFO = re.compile(r"\s*(?P<who>[a-z]+)(?: ×(?P<times>\d+))?(?: → (?P<save>\w+))?\s*")
_HOLE = re.compile(r"\{\{([^{}]*)\}\}")
_TIME = re.compile(r"(now|today)(?:([+-]\d+)([smhd]))?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Step(Struct, frozen=True):
    """One request of the page: where it goes, who sends it, how often, and what it must give."""

    to: Literal["http", "ingest"]
    who: str
    times: int
    save: str | None
    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    expected: str


def steps(text: str) -> list[Step]:
    """Return the requests of a page in order; an answer belongs to the request before it."""
    found: list[Step] = []
    for kind, info, content in _BLOCK.findall(text):
        if kind == "json":
            last = found.pop()
            assert last.expected == "{}", f"two answers to {last.path}"
            found.append(msgspec.structs.replace(last, expected=content))
            continue
        read = _INFO.fullmatch(info)
        assert read is not None, f"not to be read: {kind}{info}"
        head, _, body = content.partition("\n\n")
        line, *headers = head.strip().splitlines()
        method, path = line.split(" ", 1)
        said = dict(header.split(": ", 1) for header in headers)
        times = int(read["times"] or 1)
        who, save = read["who"], read["save"]
        found.append(Step(kind, who, times, save, method, path, said, body.strip(), "{}"))
    return found


def filled(text: str, kept: Mapping[str, Any], n: int, now: datetime) -> str:
    """Return a text with its holes filled: names of kept answers, times, numbers, and `n`."""
    return _HOLE.sub(lambda hole: _filling(hole[1], kept, n, now), text)


def holds(answer: Any, expected: Any) -> bool:
    """Return whether an answer holds at least what is expected; lists have the same length."""
    if isinstance(expected, dict):
        if not isinstance(answer, dict):
            return False
        return all(name in answer and holds(answer[name], each) for name, each in expected.items())
    if isinstance(expected, list):
        if not isinstance(answer, list) or len(answer) != len(expected):
            return False
        return all(holds(*pair) for pair in zip(answer, expected, strict=True))
    return bool(answer == expected)


def loaded(text: str) -> Any:
    """Return JSON."""
    return json.loads(text)


def _filling(hole: str, kept: Mapping[str, Any], n: int, now: datetime) -> str:
    time = _TIME.fullmatch(hole)
    if time is not None:
        moved = now + timedelta(**{_UNITS[time[3]]: int(time[2])}) if time[3] else now
        return moved.isoformat() if time[1] == "now" else moved.date().isoformat()
    if hole.startswith("names "):
        return table(batch_of(_sum(hole[6:], n))).decode("gb18030")
    if hole.startswith("number "):
        return resident_id(_sum(hole[7:], n))
    if re.fullmatch(r"\d*\+?n", hole):
        return str(_sum(hole, n))
    value: Any = kept
    for part in hole.split("."):
        name = str(n) if part == "n" else part
        value = value[int(name)] if isinstance(value, list) else value[name]
    return str(value)


def _sum(terms: str, n: int) -> int:
    return sum(_term(part, n) for part in terms.split("+"))


def _term(part: str, n: int) -> int:
    return n if part == "n" else int(part)


def utc_now() -> datetime:
    """Return the time of the wall clock, as the system that is called sees it."""
    return datetime.now(UTC)
