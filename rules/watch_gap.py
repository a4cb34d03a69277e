"""D13 watch-gap, 二对一值守空档: fewer than two keepers are with somebody under order.

From the begin of the first duty shift that names an order, or from its filing, the order is kept
day and night. Who signed in is on duty until they sign out, else until their shift ends; somebody
in two shifts is one. A time with fewer than `keepers` on duty that lasts longer than `gap_s`
matches.

- Severity: medium.
- One alert for each gap; quiet gap 7 days. The subject is the order. Enough keepers within a week,
  or the end of the order, resolve it.
- What retracts it: a sign-in in time that arrives late; the end of the order, filed later.

Thresholds:

- `keepers`: who have to be there
- `gap_s`: seconds for which there may be fewer
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from rules.dossier import (
    KEPT_MS,
    Dossier,
    Dossiers,
    Passed,
    Raised,
    Report,
    fact_of,
    of_entry,
    of_fact,
)
from rules.match import Match
from rules.rule import Rule
from rules.under_order import ORDER_ENDED, grid_of, has_ended, standing
from schemas.alerts import Reason, Subject
from schemas.events import DUTY_SIGN_IN
from schemas.joins import Fact
from schemas.registers import DutyShift, member_key
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS, parse_ms
from schemas.versions import FOREVER

_IN: Final = "in"
_QUIET_GAP_MS: Final = 7 * DAY_MS
# When somebody is on duty: from, to, who.
Duty = tuple[int, int, str]


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    if match.detail == "back":
        return Reason(
            f"There are enough keepers with the person under order {match.order} again.",
            f"隔离令 {match.order} 的看护人员已到位。",
        )
    minutes, wanted = match.detail.split("/")
    return Reason(
        f"For more than {minutes} minutes fewer than {wanted} keepers were on duty for order "
        f"{match.order}. Overlaps and swaps of shifts were taken into account.",
        f"隔离令 {match.order} 的看护人员不足 {wanted} 人已超过 {minutes} 分钟"
        "（已计入交接与换班）。",
    )


def opens(shift: DutyShift) -> Iterator[str]:
    """A shift that keeps somebody under order opens the dossier of the order."""
    if shift.order is not None:
        yield f"order:{shift.order}"


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep who came and went, under the shift, which knows the order."""
    signed = report.data
    yield (
        f"shift:{signed.shift}",
        fact_of(
            report,
            what=f"{signed.kind}/{signed.shift}",
            who=member_key(signed.member),
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Passed]:
    """Raise every time when too few keepers were on duty for too long (domain: D13).

    From the first shift of an order on, which counts from its filing, the order is kept day and
    night. Whoever signed in is on duty until they sign out, else until their shift ends.
    """
    if dossier.key.startswith("shift:"):
        for version in dossier.versions("duty-shift", dossier.name):
            if version.facts is not None and version.facts.order is not None:
                for fact in dossier.facts:
                    yield Passed(f"order:{version.facts.order}", fact)
        return
    begins_ms, duties = _duties(dossier)
    if begins_ms == FOREVER:
        return
    parameters, policy = dossier.policy(begins_ms, begins_ms)
    gap_ms, wanted = int(parameters["gap_s"] * SECOND_MS), int(parameters["keepers"])
    oldest_ms = dossier.calendar.start_ms(dossier.calendar.day(dossier.oldest_ms))
    for since_ms, until_ms in _gaps(begins_ms, duties, wanted):
        due_ms = since_ms + gap_ms
        if until_ms <= due_ms or max(due_ms, until_ms) < oldest_ms:
            continue
        if not dossier.due(due_ms):
            break
        yield from _raised(dossier, since_ms, due_ms, until_ms, wanted, policy)


def _duties(dossier: Dossier) -> tuple[int, list[Duty]]:
    """Return from when on the order is kept, and who was on duty when."""
    begins_ms, duties = FOREVER, list[Duty]()
    orders = _filed(dossier, "order", dossier.name)
    if not orders:
        return begins_ms, duties
    ordered_ms = max(orders[0][0], orders[-1][1].facts.start_ms)
    for shift_id in dossier.named("duty-shift", dossier.name):
        filed = _filed(dossier, "duty-shift", shift_id)
        shift: DutyShift = filed[-1][1]
        if shift.order != dossier.name:
            continue
        shift_ms = max(parse_ms(shift.start), filed[0][0])
        begins_ms = min(begins_ms, max(shift_ms, ordered_ms))
        since_ms: dict[str, int] = {}
        for fact in dossier.facts:
            kind, _, of = fact.what.partition("/")
            if of != shift_id:
                continue
            if kind == _IN:
                since_ms.setdefault(fact.who, fact.time_ms)
            elif fact.who in since_ms:
                duties.append((since_ms.pop(fact.who), fact.time_ms, fact.who))
        duties += [(from_ms, parse_ms(shift.end), who) for who, from_ms in since_ms.items()]
    return begins_ms, duties


def _filed(dossier: Dossier, register: str, entry_id: str) -> list[tuple[int, Any]]:
    """Return when an entry was filed and what it said each time, without deletions."""
    return [
        (version.recorded_ms, version.facts)
        for version in dossier.versions(register, entry_id)
        if version.facts is not None
    ]


def _gaps(begins_ms: int, duties: list[Duty], wanted: int) -> Iterator[tuple[int, int]]:
    """Yield from when to when too few were on duty; the last gap may be open, up to FOREVER."""
    turns_ms = {begins_ms, *(ms for duty in duties for ms in duty[:2] if ms > begins_ms)}
    since_ms: int | None = None
    for turn_ms in sorted(turns_ms):
        there = {who for from_ms, to_ms, who in duties if from_ms <= turn_ms < to_ms}
        if len(there) < wanted:
            since_ms = turn_ms if since_ms is None else since_ms
        elif since_ms is not None:
            yield since_ms, turn_ms
            since_ms = None
    # Behind the last turn nobody is on duty.
    assert since_ms is not None
    yield since_ms, FOREVER


def _raised(
    dossier: Dossier, since_ms: int, due_ms: int, until_ms: int, wanted: int, policy: str
) -> Iterator[Raised]:
    ordered = standing(dossier, dossier.name, due_ms, due_ms)
    if ordered is None:
        return
    for version in dossier.versions("order", dossier.name):
        # When the order ends, nobody has to be kept any more.
        dossier.due(version.recorded_ms)
        dossier.due(version.to_ms)
    grid = grid_of(dossier, ordered, due_ms)
    dedupe = f"{dossier.name}/{since_ms}"
    match = of_entry(
        "order", dossier.name, due_ms, "medium", policy, grid=grid, order=dossier.name,
        detail=f"{(due_ms - since_ms) // MINUTE_MS}/{wanted}",
    )  # fmt: skip
    if has_ended(dossier, dossier.name, due_ms):
        match = msgspec.structs.replace(match, withdrawn=ORDER_ENDED)
    elif has_ended(dossier, dossier.name, min(until_ms, dossier.clock_ms)):
        match = msgspec.structs.replace(match, outcome="cleared")
    yield Raised(dedupe, "order", dossier.name, match)
    for fact in dossier.facts:
        if fact.time_ms == until_ms and until_ms - due_ms <= _QUIET_GAP_MS:
            back = of_fact(
                fact, "info", policy,
                grid=grid, order=dossier.name, detail="back", outcome="cleared",
            )  # fmt: skip
            yield Raised(
                dedupe,
                "order",
                dossier.name,
                msgspec.structs.replace(back, withdrawn=match.withdrawn),
            )
            break


RULE = Rule(
    code="D13",
    name="watch-gap",
    major=1,
    version="1.0",
    quiet_gap_ms=_QUIET_GAP_MS,
    defaults={"keepers": 2, "gap_s": 900},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=KEPT_MS,
        gathers={DUTY_SIGN_IN.type: gather},
        opens={"duty-shift": opens},
    ),
)
