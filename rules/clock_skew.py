"""D33 clock-skew, 时钟偏差: what a source sends is dated otherwise than it arrives.

From midnight UTC on, the **online** events of a source are added up minute by minute, by recorded
time − time, until there are `events` of them; then the count begins anew. A median of more than
`skew_s`, either way, matches. Hits, scans and checks with another `capture_mode` than `online` do
not count, nor do the checks that a scan carries, nor reports other than heartbeats.

- An event that lies more than five minutes in the future is held aside, and matches at once: the
  first in each hour.
- Severity: medium; evidence class system. One match for each hour in which it was found, at the
  end of the minute.
- One alert per source; quiet gap 7 days. The subject is the source.
- Offsets below ten seconds are not told apart, those from two minutes on are counted by ten
  seconds, those from an hour on by minutes.
- Rules that compare clocks can ask when a source had the wrong one (the condition `clock-skew`).

Thresholds:

- `events`: that make a median
- `skew_s`: seconds that a median may be off; at least 10
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from rules.dossier import WORKER, Dossier, Dossiers, Raised, Told, of_fact
from rules.match import Match
from rules.rule import Rule
from rules.tallies import PATIENCE_MS, add_up, added, end_of_minute, unpack
from schemas.alerts import Reason, Subject
from schemas.events import CLOCK_TYPE
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from schemas.versions import FOREVER

CONDITION: Final = "clock-skew"


def ahead(source: str, event_id: str, kind: str, time_ms: int, recorded_ms: int) -> Fact:
    """Return the fact of an event that claims to come from the future."""
    by_s = (time_ms - recorded_ms) // SECOND_MS
    return Fact(recorded_ms, source, event_id, recorded_ms, kind, value=float(by_s))


def merge(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Add counts up, and keep of what lies in the future the first in each hour."""
    yield from add_up([fact for fact in facts if not fact.id])
    first: dict[int, Fact] = {}
    for fact in facts:
        if fact.id:
            hour = fact.time_ms // HOUR_MS
            first[hour] = min(first.get(hour, fact), fact)
    yield from first.values()


class Run(Struct, frozen=True):
    """Minutes in a row that hold enough events: their bounds, ms UTC, and their median offset."""

    first_ms: int
    end_ms: int
    median_s: int
    events: int
    site: str


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    median, events, allowed = match.detail.split("/")
    if not events:
        return Reason(
            f"{subject.label} sent an event dated {median} s after it came: it was held aside. Set "
            "its clock.",
            f"{subject.label} 上报的事件时间比接收时间晚 {median} 秒，已暂扣，请校时。",
        )
    way = "behind" if int(median) > 0 else "ahead"
    seconds = abs(int(median))
    return Reason(
        f"The clock of {subject.label} seems to be {seconds} s {way}: the median of its last "
        f"{events} online events; {allowed} s are allowed. Set its clock.",
        f"{subject.label} 最近 {events} 条在线事件的时间中位偏差为 {seconds} 秒"
        f"（{'偏慢' if way == 'behind' else '偏快'}，允许 {allowed} 秒），请校时。",
    )


def median(bins: Mapping[int, int]) -> int:
    """Return the lower median of what was counted by bin."""
    half, seen = (sum(bins.values()) + 1) // 2, 0
    for offset_s in sorted(bins):
        seen += bins[offset_s]
        if seen >= half:
            return offset_s
    raise ValueError("the median of nothing")


class Day(Struct, frozen=True):
    """What the hours of a day led to so far: the counts of a run that is not full yet, where it
    began, whether the last full one was punctual, and the runs that say anything."""

    bins: tuple[tuple[int, int], ...] = ()
    first_ms: int = 0
    is_punctual: bool = True
    runs: tuple[Run, ...] = ()


@lru_cache(maxsize=16_384)
def _with_hour(day: Day, hour_ms: int, counted: str, site: str, events: int) -> Day:
    """Return a day with another hour of it. Only the newest hour of a source ever changes."""
    bins, first_ms, is_punctual = dict(day.bins), day.first_ms, day.is_punctual
    found, total = list(day.runs), sum(bins.values())
    for minute, more in sorted(unpack(counted).items()):
        end_ms = end_of_minute(hour_ms, minute)
        first_ms = first_ms if bins else end_ms - MINUTE_MS
        for offset_s, count in more.items():
            bins[offset_s] = bins.get(offset_s, 0) + count
            total += count
        if total < events:
            continue
        run = Run(first_ms, end_ms, median(bins), total, site)
        # Of punctual runs in a row only the first says anything: that something is over.
        if run.median_s or not is_punctual:
            found.append(run)
        is_punctual, bins, total = not run.median_s, {}, 0
    return Day(tuple(sorted(bins.items())), first_ms, is_punctual, tuple(found))


def runs(dossier: Dossier) -> Iterator[Run]:
    """Yield the runs of a source whose time has come, in order, but for punctual ones in a row.

    From the beginning of each day (UTC) on minutes are added up until there are `events`.
    """
    days: dict[int, Day] = {}
    was_punctual = True
    for fact in dossier.facts:
        if fact.id:
            continue
        number = fact.time_ms // DAY_MS
        if days and number not in days:
            was_punctual = days[max(days)].is_punctual
        parameters, _ = dossier.policy(fact.time_ms, fact.time_ms)
        before = days.get(number, Day(is_punctual=was_punctual))
        events = int(parameters["events"])
        days[number] = _with_hour(before, fact.time_ms, fact.what, fact.site, events)
    for day in days.values():
        for run in day.runs:
            if not dossier.due(run.end_ms + PATIENCE_MS):
                return
            yield run


def assess(dossier: Dossier) -> Iterator[Raised | Told]:
    """Raise once in each hour in which the median is beyond `skew_s`, whichever way (domain: D33),
    and for the first event in each hour that lies so far in the future that it was held aside.

    The condition holds from the first minute of such a run to the end of the last in a row.
    """
    for fact in dossier.facts:
        if fact.id:
            _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
            match = of_fact(fact, "medium", policy, detail=f"{fact.value:.0f}//")
            yield Raised(dossier.name, "source", dossier.name, match)
    spans: list[tuple[int, int]] = []
    hour, running = None, False
    for run in runs(dossier):
        parameters, policy = dossier.policy(run.end_ms, run.end_ms)
        allowed_s = int(parameters["skew_s"])
        if abs(run.median_s) <= allowed_s:
            if running:
                spans[-1] = (spans[-1][0], run.first_ms - 1)
            running = False
            continue
        if not running:
            spans.append((run.first_ms, FOREVER))
        running = True
        if run.end_ms // HOUR_MS == hour:
            continue
        hour = run.end_ms // HOUR_MS
        site = dossier.entry("site", run.site, run.end_ms) if run.site else None
        fact = Fact(
            run.end_ms, WORKER, f"{RULE.name}/{dossier.name}", run.end_ms, CLOCK_TYPE, run.site
        )
        match = of_fact(
            fact,
            "medium",
            policy,
            grid=site.grid if site else None,
            detail=f"{run.median_s}/{run.events}/{allowed_s}",
        )
        yield Raised(dossier.name, "source", dossier.name, match)
    yield Told(CONDITION, dossier.key, tuple(spans))


RULE = Rule(
    code="D33",
    name="clock-skew",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"events": 100, "skew_s": 30},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS, merge=merge, adds=added),
)
