"""D34 read-quality, 识别质量下降: a thermometer that reads everybody too warm or too cold.

**Thermometers.** Whatever a source measures, of anybody, counts. A **window** is its last
`readings` up to one of them, in order of time. A window whose median lies above `highest_median_c`
or below `lowest_median_c` makes the device **biased** for the time of all its readings. The device
stays biased until a window is in order again.

**Cameras.** A reading is poor without a readable plate, or below a confidence of 0.85; previews do
not count. An hour (of UTC, by the time of acceptance) of at least `min_reads` readings matches
when more than `min_share` of them are poor, and more than `times_baseline` times the share in the
**same hour of the seven days before**: so nights are measured by nights. Where fewer than three of
those days have readings, or the site is warming (`warm_until`), it raises nothing (`warming`).

- Severity: low; evidence class system. One match for each hour in which the device was found
  biased, and one at the end of each poor hour.
- One alert per source, and another one about its plates; quiet gap 6 hours. The subject is the
  source.
- The readings of a biased thermometer raise no D05 meanwhile, and those that they raised are
  withdrawn ([decision 0014](../decisions/0014-what-partitions-tell-one-another.md)).

Thresholds:

- `readings`: in a window; from 5 to 50
- `lowest_median_c`: °C below which a median is too cold
- `highest_median_c`: °C above which a median is too warm
- `min_reads`: readings in an hour; in the hours before together
- `min_share`: of poor readings, above which an hour may match
- `times_baseline`: times the share of the days before, above which it matches
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from rules import plate_quality
from rules.facts import NEWEST, Parameters
from rules.match import Match, is_historical, weigh
from rules.rule import Rule
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
    if plate_quality.is_of_plates(match):
        return plate_quality.describe(match, subject)
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
    name=plate_quality.NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=6 * HOUR_MS,
    defaults={
        "readings": 50,
        "lowest_median_c": 35.5,
        "highest_median_c": 37.0,
        **plate_quality.DEFAULTS,
    },
    describe=describe,
    dossiers=plate_quality.DOSSIERS,
)
