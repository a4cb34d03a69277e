"""D40 duty-no-show, 缺岗: a shift has too few people, or one who must stay at home themselves.

1. `grace_s` after its start fewer members than `min_staff` have signed in and not left again.
2. A member who is known by an identifier is under an active order, during the shift.

- Severity: too few is low, a member under order medium.
- One alert per shift; quiet gap 7 days. The subject is the shift. When enough have come, it is
  resolved.
- A shift counts from its filing on; one that is deleted before it is due raises nothing. Only
  members count.
- What retracts it: a swap, filed later as the shift with other members (`swap-recorded`); a
  sign-in in time that arrives late; the end of the member's order, filed later.

Thresholds:

- `grace_s`: seconds after the start
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from rules.dossier import KEPT_MS, Dossier, Dossiers, Raised, Report, fact_of, of_entry
from rules.match import Match
from rules.rule import Rule
from rules.under_order import ORDER_ENDED, has_ended, standing
from schemas.alerts import Reason, Severity, Subject
from schemas.events import DUTY_SIGN_IN
from schemas.joins import Fact
from schemas.registers import DutyShift, member_key
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS, parse_ms

_IN: Final = "in"
# Why something is withdrawn that was found before the shift was filed anew with other members.
SWAPPED: Final = "swap-recorded"
_TOO_FEW, _UNDER_ORDER = "too few", "under order"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    kind, _, rest = match.detail.partition("/")
    if kind == _UNDER_ORDER:
        return Reason(
            f"A member of shift {subject.label} is under order {match.order} themselves. No swap "
            "is recorded.",
            f"班次 {subject.label} 的一名值守人员本人处于隔离令 {match.order}，且未登记换班。",
        )
    there, wanted, minutes = rest.split("/")
    return Reason(
        f"{there} of {wanted} people of shift {subject.label} had signed in {minutes} minutes "
        "after its start. No swap is recorded.",
        f"班次 {subject.label} 开始 {minutes} 分钟后应到 {wanted} 人，实到 {there} 人，"
        "且未登记换班。",
    )


def opens(shift: DutyShift) -> Iterator[str]:
    """Every shift has a dossier."""
    yield f"shift:{shift.id}"


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep who came and went, under the shift."""
    signed = report.data
    yield (
        f"shift:{signed.shift}",
        fact_of(
            report,
            what=signed.kind,
            who=member_key(signed.member),
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Raise a shift that has too few members, or one under order (domain: D40).

    Whoever is a member as far as is filed by now counts, so that a swap that is filed later
    retracts. A shift that is filed when it has begun is due from its filing on; one that is
    deleted before it is due raises nothing.
    """
    versions = dossier.versions("duty-shift", dossier.name)
    filed: list[tuple[int, DutyShift]] = [
        (version.recorded_ms, version.facts) for version in versions if version.facts is not None
    ]
    if not filed:
        return
    filed_ms, now = filed[-1]
    begins_ms = max(parse_ms(now.start), filed[0][0])
    parameters, _ = dossier.policy(begins_ms, begins_ms)
    due_ms = begins_ms + int(parameters["grace_s"] * SECOND_MS)
    if versions[-1].facts is None and versions[-1].recorded_ms <= due_ms:
        return
    # What was filed last by the deadline is what it was judged by then.
    planned = [shift for recorded_ms, shift in filed if recorded_ms <= due_ms][-1]
    if dossier.due(due_ms):
        yield from _too_few(dossier, planned, now, begins_ms, due_ms)
    before = {member_key(each) for each in planned.members}
    for member in sorted(before | {member_key(each) for each in now.members}):
        since_ms = begins_ms if member in before else max(begins_ms, filed_ms)
        yield from _under_order(dossier, member, now, since_ms, filed_ms)


def _too_few(
    dossier: Dossier, planned: DutyShift, now: DutyShift, begins_ms: int, due_ms: int
) -> Iterator[Raised]:
    shift, withdrawn = now, None
    there = _present(dossier.facts, now, due_ms)
    if there >= now.min_staff:
        shift, withdrawn = planned, SWAPPED
        there = _present(dossier.facts, planned, due_ms)
        if there >= planned.min_staff:
            return
    detail = f"{_TOO_FEW}/{there}/{shift.min_staff}/{(due_ms - begins_ms) // MINUTE_MS}"
    match = _match(dossier, shift, due_ms, "low", shift.order, detail)
    for fact in dossier.facts:
        enough = _present(dossier.facts, shift, fact.time_ms) >= shift.min_staff
        if due_ms < fact.time_ms and enough:
            match = msgspec.structs.replace(match, last_ms=fact.time_ms, outcome="cleared")
            break
    match = msgspec.structs.replace(match, withdrawn=withdrawn)
    yield Raised(dossier.name, "shift", dossier.name, match)


def _present(facts: Sequence[Fact], shift: DutyShift, at_ms: int) -> int:
    """Return how many members have come by then and not gone."""
    last = {fact.who: fact.what for fact in facts if fact.time_ms <= at_ms}
    return sum(last.get(member_key(member)) == _IN for member in shift.members)


def _under_order(
    dossier: Dossier, member: str, now: DutyShift, since_ms: int, filed_ms: int
) -> Iterator[Raised]:
    """Raise a member who is under order, from the begin of the shift or of the order on."""
    is_member = member in {member_key(each) for each in now.members}
    for order_id in dossier.named("order", member):
        for version in dossier.versions("order", order_id):
            if version.facts is None:
                continue
            at_ms = max(since_ms, version.recorded_ms, version.facts.facts.start_ms)
            if at_ms >= parse_ms(now.end) or not dossier.due(at_ms):
                continue
            ordered = standing(dossier, order_id, at_ms, at_ms)
            swapped_before = not is_member and filed_ms <= at_ms
            if ordered is None or ordered.facts.person != member or swapped_before:
                continue
            match = _match(dossier, now, at_ms, "medium", order_id, _UNDER_ORDER)
            withdrawn = None if is_member else SWAPPED
            if has_ended(dossier, order_id, at_ms):
                withdrawn = ORDER_ENDED
            match = msgspec.structs.replace(match, withdrawn=withdrawn)
            yield Raised(dossier.name, "shift", dossier.name, match)
            break


def _match(
    dossier: Dossier,
    shift: DutyShift,
    at_ms: int,
    severity: Severity,
    order: str | None,
    detail: str,
) -> Match:
    _, policy = dossier.policy(at_ms, at_ms)
    site = dossier.entry("site", shift.place, at_ms)
    return of_entry(
        "order" if detail == _UNDER_ORDER else "duty-shift",
        order or "" if detail == _UNDER_ORDER else shift.id,
        at_ms,
        severity,
        policy,
        site=shift.place if site else "",
        grid=site.grid if site else None,
        order=order,
        detail=detail,
    )


RULE = Rule(
    code="D40",
    name="duty-no-show",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"grace_s": 900},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=KEPT_MS,
        gathers={DUTY_SIGN_IN.type: gather},
        opens={"duty-shift": opens},
    ),
)
