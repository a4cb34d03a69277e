"""D34 read-quality, 识别质量下降: a thermometer that reads everybody too warm or too cold.

Of D34 this is the part about temperatures. Whether a device is biased is a function of the set of
its readings, in order of time: a window is the last `readings` up to one of them, and a window
whose median is out of bounds makes the device biased for all readings in it.
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from rules.facts import NEWEST, Parameters
from rules.rule import Match, Rule, is_historical, weigh
from schemas.alerts import Reason, Subject
from schemas.times import HOUR_MS

# No window is longer (schemas/policy.py).
LONGEST_WINDOW: Final = 50


class Reading(Struct, frozen=True, array_like=True, order=True):
    """One temperature that a device measured, in °C. Readings sort as they happened."""

    time_ms: int
    id: str
    temperature: float
    recorded_ms: int
    site: str
    type: str


class Window(Struct, frozen=True):
    """A biased window: how many readings it has, their median in °C, and the policy."""

    width: int
    median: float
    policy: str


# From a first to a last instant, both included; a device that is biased still has NEWEST.
Span = tuple[int, int]


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    middle, width = match.detail.split("/")
    return Reason(
        f"The last {width} temperatures of {subject.label} at {match.site} have a median of "
        f"{middle} °C: check the device. Its readings raise no fever meanwhile.",
        f"设备 {subject.label}（{match.site}）最近 {width} 次体温中位数为 {middle} °C，"
        f"请检查设备；其间读数不触发发热预警。",
    )


def window(
    readings: Sequence[Reading], last: int, parameters: Parameters, policy: str
) -> Window | None:
    """Return the window that ends at a place, where it is full and biased."""
    width = int(parameters["readings"])
    if last + 1 < width:
        return None
    middle = median(each.temperature for each in readings[last + 1 - width : last + 1])
    if parameters["lowest_median_c"] <= middle <= parameters["highest_median_c"]:
        return None
    return Window(width, middle, policy)


def spans(readings: Sequence[Reading], windows: Sequence[Window | None]) -> list[Span]:
    """Return when the device was biased; `windows` has, for each reading, the one that it ends."""
    found: list[Span] = []
    for last, each in enumerate(windows):
        if each is None:
            continue
        first_ms = readings[last + 1 - each.width].time_ms
        last_ms = NEWEST if last == len(readings) - 1 else readings[last].time_ms
        if found and first_ms <= found[-1][1]:
            first_ms, last_ms = min(first_ms, found[-1][0]), max(last_ms, found[-1][1])
            found.pop()
        found.append((first_ms, last_ms))
    return found


def matches(
    source: str, readings: Sequence[Reading], windows: Sequence[Window | None]
) -> list[Match]:
    """Return one match for each hour in which the device was found biased, at the first window."""
    found: list[Match] = []
    hour = None
    for reading, each in zip(readings, windows, strict=True):
        if each is None or reading.time_ms // HOUR_MS == hour:
            continue
        hour = reading.time_ms // HOUR_MS
        historical = is_historical(reading.time_ms, reading.recorded_ms)
        found.append(
            Match(
                first_ms=reading.time_ms,
                last_ms=reading.time_ms,
                recorded_ms=reading.recorded_ms,
                source=source,
                id=reading.id,
                type=reading.type,
                site=reading.site,
                grid=None,
                severity=weigh("low", "system", historical),
                evidence_class="system",
                historical=historical,
                policy=each.policy,
                detail=f"{each.median:.1f}/{each.width}",
            )
        )
    return found


RULE = Rule(
    code="D34",
    name="read-quality",
    major=1,
    version="1.0",
    quiet_gap_ms=6 * HOUR_MS,
    defaults={"readings": 50, "lowest_median_c": 35.5, "highest_median_c": 37.0},
    describe=describe,
)
