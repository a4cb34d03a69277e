"""D12 missed-check-in, 打卡/随访缺失: somebody under order was not heard of when they had to be.

An order that names a `channel` (`phone` or `visit`) is followed up from its start on, another one
from its first check-in or visit on. On each day there are `times_a_day` times, spread evenly from
`first_due_h` to `last_due_h`; none in the quiet hours. A time is **missed** when from the time
before it until `missed_s` after it nobody was heard of: no check-in `ok`, and no visit at which
they were met, cooperative or not.

- Severity: one time missed is low, two or more in a row medium; high when a call or a visit since
  the first of them failed as well (`unanswered`, `call-failed`, `unavailable`), outside the quiet
  hours. A device that is reported off, with nothing heard for `device_off_s`, is low.
- For the channel `visit` nothing that a telephone says is a failure.
- One alert per order and day; quiet gap 7 days. The subject is the order. Whatever is heard of
  somebody afterwards resolves it.
- A vehicle of theirs that is seen elsewhere within `bears_out_s` of a missed time is borne out by
  it (D10).
- What keeps it quiet: an outage (`source-silent`, D32) of the channel or of a platform through
  which the order's reports came (a device of that name with `heartbeat_s`), and the quiet hours.
- What retracts it: a check-in in time that arrives late; the end of the order, filed later.

Thresholds:

- `times_a_day`: how often; twice is 09:00 and 15:00
- `first_due_h`: hour of the first time, in the deployment's zone
- `last_due_h`: hour of the last time
- `missed_s`: seconds after which a time is missed
- `device_off_s`: seconds for which a device may be off
- `bears_out_s`: seconds before and after a missed time in which it bears out other signs
- `quiet_from_h`: hour from which nobody is called
- `quiet_to_h`: hour until which nobody is called
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from rules.dossier import (
    KEPT_MS,
    REGISTER,
    Dossier,
    Dossiers,
    Kept,
    Raised,
    Report,
    Told,
    fact_of,
    of_entry,
    of_fact,
)
from rules.entries import Ordered
from rules.facts import NEWEST, Parameters, known_by
from rules.match import Match
from rules.rule import Rule
from rules.under_order import ORDER_ENDED, grid_of, has_ended, standing
from schemas.alerts import Reason, Severity, Subject
from schemas.events import CHECK_IN, VISIT
from schemas.joins import Fact
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS
from schemas.versions import FOREVER

# What a report says, as far as it matters here.
_HEARD, _FAILED, _OFF = "heard", "failed", "off"
# A run of misses is counted so far, and followed from further back than alerts are raised.
_LONGEST_RUN: Final = 4
_RUN_MS: Final = 3 * DAY_MS
SILENT: Final = "source-silent"
# Told of an order around each time that was missed.
MISSED: Final = "missed-check-in"
QUIET: Final = "quiet-hours"


class Slot(Struct, frozen=True):
    """A time at which somebody has to be heard of: a report from `since_ms` to `until_ms` will do,
    ms UTC; `due` is the time of day."""

    since_ms: int
    due_ms: int
    until_ms: int
    due: str


class Miss(Struct, frozen=True):
    """What came of a time: how many in a row were missed with it, 0 = somebody was heard of or
    nobody had to be."""

    slot: Slot
    row: int
    ordered: Ordered | None


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    kind, channel, due, count = match.detail.split("/")
    row = f"{count} or more" if count == str(_LONGEST_RUN) else count
    zh_row = f"{count} 次以上" if count == str(_LONGEST_RUN) else f"{count} 次"
    en_by, zh_by = ("visit", "上门随访") if channel == "visit" else ("check-in", "打卡")
    if kind == _OFF:
        return Reason(
            f"The device of the person under order {match.order} was reported off, and nothing "
            "was heard of them since. The time is not within the quiet hours.",
            f"隔离令 {match.order} 的人员设备离线，此后无任何消息；该时段不属静默时段。",
        )
    if kind == _FAILED:
        return Reason(
            f"The person under order {match.order} missed {row} {en_by}s in a row and could not be "
            "reached when they were called or visited. No outage explains it.",
            f"隔离令 {match.order} 的人员连续 {zh_row}缺失{zh_by}，联系未果；无系统故障可解释。",
        )
    return Reason(
        f"The {en_by} of order {match.order} that was due at {due} is missing: {row} in a row. No "
        "outage explains it.",
        f"隔离令 {match.order} 应于 {due} 的{zh_by}缺失，已连续 {zh_row}；无系统故障可解释。",
    )


def opens(ordered: Ordered) -> Iterator[str]:
    """An order that names a channel is followed up; another one from its first report on."""
    if ordered.entry.channel is not None:
        yield f"order:{ordered.facts.id}"


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep what a check-in or a visit came to; `who` is its channel.

    Somebody who does not cooperate was met.
    """
    result = report.data.result
    is_visit = report.type == VISIT.type
    what = _OFF if result == "device-off" else _FAILED
    if result in ("ok", "cooperative", "uncooperative"):
        what = _HEARD
    yield (
        f"order:{report.data.order}",
        fact_of(
            report,
            what=what,
            who="visit" if is_visit else "phone",
        ),
    )


def slots(dossier: Dossier, day: int, parameters: Parameters) -> Iterator[Slot]:
    """Yield the times of a day at which somebody has to be heard of, outside the quiet hours."""
    count = int(parameters["times_a_day"])
    first, last = parameters["first_due_h"], parameters["last_due_h"]
    since_ms = dossier.calendar.start_ms(day)
    for number in range(count):
        hour = first + (last - first) * number / max(count - 1, 1)
        minute = int(hour * 60)
        if _is_quiet(minute, parameters):
            continue
        due_ms = dossier.calendar.start_ms(day, minute)
        until_ms = due_ms + int(parameters["missed_s"] * SECOND_MS)
        yield Slot(since_ms, due_ms, until_ms, f"{minute // 60:02d}:{minute % 60:02d}")
        since_ms = until_ms + 1


def assess(dossier: Dossier) -> Iterator[Raised | Kept | Told]:
    """Raise what was missed: once low, twice in a row medium, and high when a call fails as well.

    An order is followed up where it names a channel, or from its first report on. For `visit` only
    visits may fail; whatever tells that somebody is there counts for either (domain: D12).
    """
    missed: list[Miss] = []
    for slot in _due(dossier):
        ordered = _followed_up(dossier, slot.due_ms, slot.until_ms)
        if ordered is None or _heard(dossier.facts, slot.since_ms, slot.until_ms) is not None:
            missed.append(Miss(slot, 0, None))
        elif _is_silent(dossier, ordered, slot.due_ms, slot.until_ms):
            yield Kept(SILENT, _deadline(dossier, slot.until_ms))
        else:
            before = missed[-1].row if missed else 0
            missed.append(Miss(slot, min(before + 1, _LONGEST_RUN), ordered))
    # A day is told whole or not at all.
    oldest_ms = dossier.calendar.start_ms(dossier.calendar.day(dossier.oldest_ms))
    calls = _not_reached(dossier, missed)
    misses = list(_missed(dossier, missed))
    yield from _told(dossier, misses)
    for found in (*misses, *calls, *_switched_off(dossier)):
        if isinstance(found, Kept):
            yield found
        elif found.first_ms >= oldest_ms:
            yield _raised(dossier, found)


def _due(dossier: Dossier) -> Iterator[Slot]:
    """Yield the times that have come, a run of misses further back than alerts are raised."""
    calendar, clock_ms = dossier.calendar, dossier.clock_ms
    versions = dossier.versions("order", dossier.name)
    begins = [each.from_ms for each in versions if each.facts is not None]
    if not begins:
        return
    followed = any(each.facts and each.facts.entry.channel is not None for each in versions)
    if not followed and not dossier.facts:
        return
    today, first = calendar.day(clock_ms), calendar.day(min(begins))
    for day in range(max(calendar.day(dossier.oldest_ms - _RUN_MS), first), max(today, first) + 2):
        begins_ms = calendar.start_ms(day)
        parameters, _ = dossier.policy(begins_ms, begins_ms)
        for slot in slots(dossier, day, parameters):
            if slot.until_ms > clock_ms:
                # Where the order is over there is nothing to wait for; it may begin later.
                stands = standing(dossier, dossier.name, slot.due_ms, NEWEST) is not None
                if stands or any(each.from_ms > slot.due_ms for each in versions):
                    dossier.due(slot.until_ms)
                return
            yield slot


def _followed_up(dossier: Dossier, at_ms: int, until_ms: int) -> Ordered | None:
    """Return the order where it stands, and somebody has to be heard of."""
    ordered = standing(dossier, dossier.name, at_ms, at_ms)
    if ordered is None or ordered.facts.start_ms > at_ms:
        return None
    if dossier.entry("order", dossier.name, at_ms, until_ms) is None:
        return None
    reported = any(fact.time_ms <= at_ms for fact in dossier.facts)
    return ordered if reported or ordered.entry.channel is not None else None


def _heard(facts: Sequence[Fact], since_ms: int, until_ms: int) -> Fact | None:
    for fact in facts:
        if fact.what == _HEARD and since_ms <= fact.time_ms <= until_ms:
            return fact
    return None


def _is_silent(dossier: Dossier, ordered: Ordered, first_ms: int, last_ms: int) -> bool:
    """Tell whether the channel, or a platform through which reports came, was out."""
    sources = {_channel(ordered), *(fact.source for fact in dossier.facts)}
    return any(
        dossier.condition(SILENT, f"source:{source}", first_ms, last_ms)
        for source in sorted(sources)
    )


def _channel(ordered: Ordered) -> str:
    return ordered.entry.channel or "phone"


def _concerns(fact: Fact, ordered: Ordered) -> bool:
    """Tell whether a report speaks of the channel: who has no telephone can't be called."""
    return fact.who == "visit" or _channel(ordered) == "phone"


def _deadline(dossier: Dossier, at_ms: int) -> Fact:
    return Fact(at_ms, REGISTER, f"order/{dossier.name}", at_ms, "cordon.order.put.v1")


def _missed(dossier: Dossier, missed: Sequence[Miss]) -> Iterator[Match]:
    for place, miss in enumerate(missed):
        if miss.ordered is None:
            continue
        ordered, slot = miss.ordered, miss.slot
        since_ms = missed[place - miss.row + 1].slot.due_ms
        severity: Severity = "low" if miss.row == 1 else "medium"
        if miss.row > 1 and any(
            since_ms <= fact.time_ms <= slot.until_ms for fact in _failures(dossier, ordered)
        ):
            severity = "high"
        _, policy = dossier.policy(slot.due_ms, slot.due_ms)
        match = of_entry(
            "order", dossier.name, slot.until_ms, severity, policy,
            grid=grid_of(dossier, ordered, slot.due_ms), order=dossier.name,
            detail=f"{_HEARD}/{_channel(ordered)}/{slot.due}/{miss.row}",
        )  # fmt: skip
        withdrawn = ORDER_ENDED if has_ended(dossier, dossier.name, slot.due_ms) else None
        yield msgspec.structs.replace(match, withdrawn=withdrawn)


def _told(dossier: Dossier, misses: Sequence[Match]) -> Iterator[Told]:
    spans: list[tuple[int, int]] = []
    for match in misses:
        if match.withdrawn is None:
            parameters, _ = dossier.policy(match.first_ms, match.recorded_ms)
            around_ms = int(parameters["bears_out_s"] * SECOND_MS)
            spans.append((match.first_ms - around_ms, match.first_ms + around_ms))
    if spans:
        yield Told(MISSED, dossier.name, tuple(spans))


def _failures(dossier: Dossier, ordered: Ordered) -> Iterator[Fact]:
    """Yield the calls and visits that did not reach anybody, outside the quiet hours."""
    for fact in dossier.facts:
        if fact.what == _FAILED and _concerns(fact, ordered) and not _is_at_night(dossier, fact):
            yield fact


def _not_reached(dossier: Dossier, missed: Sequence[Miss]) -> Iterator[Match]:
    """Yield the failures behind two misses in a row."""
    ends_ms = [*(miss.slot.until_ms for miss in missed[1:]), FOREVER]
    for miss, until_ms in zip(missed, ends_ms, strict=False):
        if miss.ordered is None or miss.row < 2:
            continue
        for fact in _failures(dossier, miss.ordered):
            if (
                not miss.slot.until_ms < fact.time_ms <= until_ms
                or _heard(dossier.facts, miss.slot.until_ms, fact.time_ms) is not None
                or has_ended(dossier, dossier.name, fact.time_ms)
            ):
                continue
            _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
            yield of_fact(
                fact, "high", policy,
                grid=grid_of(dossier, miss.ordered, fact.time_ms), order=dossier.name,
                detail=f"{_FAILED}/{_channel(miss.ordered)}//{miss.row}",
            )  # fmt: skip


def _switched_off(dossier: Dossier) -> Iterator[Match | Kept]:
    """Yield the times when a device was off for longer than it may be."""
    before: Fact | None = None
    for place, fact in enumerate(dossier.facts):
        goes_on = before is not None and before.what == _OFF
        before = fact
        if fact.what != _OFF or goes_on:
            continue
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        until_ms = fact.time_ms + int(parameters["device_off_s"] * SECOND_MS)
        back = next((each for each in dossier.facts[place:] if each.what != _OFF), None)
        if (back is not None and back.time_ms <= until_ms) or not dossier.due(until_ms):
            continue
        known_ms = known_by(fact.time_ms, fact.recorded_ms)
        ordered = standing(dossier, dossier.name, fact.time_ms, known_ms)
        gone = has_ended(dossier, dossier.name, until_ms)
        if ordered is None or not _concerns(fact, ordered) or gone:
            continue
        if _is_at_night(dossier, fact):
            yield Kept(QUIET, fact)
        elif _is_silent(dossier, ordered, fact.time_ms, until_ms):
            yield Kept(SILENT, fact)
        else:
            match = of_fact(
                fact, "low", policy, grid=grid_of(dossier, ordered, fact.time_ms),
                order=dossier.name, detail=f"{_OFF}/phone//",
            )  # fmt: skip
            yield msgspec.structs.replace(match, first_ms=until_ms, last_ms=until_ms)


def _is_at_night(dossier: Dossier, fact: Fact) -> bool:
    parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
    begins_ms = dossier.calendar.start_ms(dossier.calendar.day(fact.time_ms))
    return _is_quiet((fact.time_ms - begins_ms) // MINUTE_MS, parameters)


def _is_quiet(minute: int, parameters: Parameters) -> bool:
    begins, ends = parameters["quiet_from_h"] * 60, parameters["quiet_to_h"] * 60
    if begins <= ends:
        return bool(begins <= minute < ends)
    return bool(minute >= begins or minute < ends)


def _raised(dossier: Dossier, match: Match) -> Raised:
    """Return a match of its day; whatever is heard of somebody afterwards clears it."""
    heard = _heard(dossier.facts, match.first_ms + 1, FOREVER)
    if heard is not None:
        match = msgspec.structs.replace(match, outcome="cleared")
    day = dossier.calendar.day(match.first_ms)
    return Raised(f"{dossier.name}/{day}", "order", dossier.name, match)


RULE = Rule(
    code="D12",
    name="missed-check-in",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={
        "times_a_day": 2,
        "first_due_h": 9,
        "last_due_h": 15,
        "missed_s": 1200,
        "device_off_s": 900,
        "quiet_from_h": 22,
        "quiet_to_h": 7,
        "bears_out_s": 7200,
    },
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=KEPT_MS + _RUN_MS,
        gathers={CHECK_IN.type: gather, VISIT.type: gather},
        opens={"order": opens},
    ),
)
