"""D38 worker-non-compliant, 员工不合规: somebody is at work who must not be, or is on no roster.

A worker-health report that does not say *absent* matches when the worker

1. is under **order**, filed by then; or
2. is named by an arrival notice from an area that was on the risk list during the stay, and the
   stay ended at most `observation_d` days ago: the **observation** is not over; or
3. had last been given a **code** by the authority that is not green (`cordon.code-change.v1`).
   Nothing is concluded where the authority never said anything; or
4. is not on the **roster** of the enterprise (register `worker`), `roster_lag_h` hours later
   either. An enterprise without any roster is not measured by one.

- Severity: medium. High when an order is among the reasons, which all are told; the ceiling of the
  evidence, digital, allows no more. A green code never excuses an order.
- One alert per enterprise, worker and day; quiet gap 7 days. The subject is the person. It names
  the order, as a D09 of the same person does; within twelve hours the two name each other in
  `related`.
- A permit of the order that names the enterprise, or no places, lets its person work (`permit`).
- The end of the order (`order-ended`) and a roster (`roster-filed`) that are filed afterwards
  withdraw it, where nothing else speaks against the worker.

Thresholds:

- `roster_lag_h`: hours in which a roster may be filed
- `observation_d`: days after a stay in a listed area
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from rules.dossier import Dossier, Dossiers, Kept, Raised, Report, fact_of, of_fact
from rules.facts import NEWEST, Parameters, known_by
from rules.match import Match
from rules.risk_areas import level_of, read_stay
from rules.rule import Rule
from rules.under_order import ORDER_ENDED
from schemas.alerts import Reason, Subject
from schemas.events import CODE_CHANGE, WORKER_HEALTH
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS

_REASONS: Final = {
    "order": ("is under order {order}", "处于隔离令 {order} 下"),
    "observation": (
        "came from a listed area and the observation is not over",
        "来自风险地区且观察期未满",
    ),
    "code": ("has no green health code", "无绿色健康码"),
    "roster": ("is not on the roster", "不在员工名册内"),
}


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    enterprise, _, names = match.detail.partition("/")
    told = [_REASONS[name] for name in names.split(",")]
    en = ", and ".join(each[0] for each in told).format(order=match.order)
    zh = "，且".join(each[1] for each in told).format(order=match.order)
    return Reason(
        f"Enterprise {enterprise} reported a worker on site who {en}.",
        f"企业 {enterprise} 报告在岗的员工{zh}。",
    )


def gather_report(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep that an enterprise reported a worker as there, ill or well, under the worker."""
    said = report.data
    if said.person.person and said.result != "absent":
        yield said.person.person, _fact(report, said.enterprise, said.result)


def gather_code(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep the colour that the authority gave somebody, under the person."""
    if report.data.person.person:
        yield report.data.person.person, _fact(report, "", report.data.code.colour)


def _fact(report: Report, what: str, who: str) -> Fact:
    return fact_of(
        report,
        what=what,
        who=who,
        proof="digital",
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise each report of a worker on site with what speaks against it (domain: D38).

    An order and an arrival from a listed area must have been filed by then. A roster may lag
    `roster_lag_h`; an enterprise without any roster is not measured by one.
    """
    person = dossier.key
    for fact in dossier.facts:
        if fact.type != WORKER_HEALTH.type:
            continue
        parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
        order, has_ended = _order(dossier, person, fact)
        if order and not has_ended and _permit(dossier, order, fact):
            yield Kept("permit", fact)
            order = None
        lag_ms = parameters["roster_lag_h"] * HOUR_MS
        on_roster = _on_roster(dossier, person, fact, NEWEST)
        names = [
            *(["order"] if order and not has_ended else []),
            *(["observation"] if _observed(dossier, person, fact, parameters) else []),
            *(["code"] if _colour(dossier, fact) not in (None, "green") else []),
            *(["roster"] if not on_roster and dossier.due(fact.time_ms + lag_ms) else []),
        ]
        if names:
            yield _raised(dossier, person, fact, names, order)
        elif order:
            yield _raised(dossier, person, fact, ["order"], order, ORDER_ENDED)
        elif on_roster and not _on_roster(dossier, person, fact, fact.time_ms + lag_ms):
            yield _raised(dossier, person, fact, ["roster"], None, "roster-filed")


def _raised(
    dossier: Dossier,
    person: str,
    fact: Fact,
    names: list[str],
    order: str | None,
    withdrawn: str | None = None,
) -> Raised:
    enterprise = dossier.entry("enterprise", fact.what, fact.time_ms)
    _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
    match = of_fact(
        fact,
        "high" if "order" in names else "medium",
        policy,
        grid=enterprise.grid if enterprise else None,
        order=order if "order" in names else None,
        detail=f"{fact.what}/{','.join(names)}",
    )
    match = msgspec.structs.replace(match, withdrawn=withdrawn)
    day = dossier.calendar.day(fact.time_ms)
    return Raised(f"{fact.what}/{person}/{day}", "person", person, match)


def _order(dossier: Dossier, person: str, fact: Fact) -> tuple[str | None, bool]:
    """Return the order of a person as filed by then, and whether all such are over by now."""
    known_ms = known_by(fact.time_ms, fact.recorded_ms)
    known = [
        order_id
        for order_id, ordered in dossier.about("order", person, fact.time_ms, known_ms)
        if ordered.facts.person == person
        and dossier.entry("order", order_id, fact.time_ms, fact.recorded_ms) is not None
    ]
    for order_id in known:
        if dossier.entry("order", order_id, fact.time_ms) is not None:
            return order_id, False
    return (known[0], True) if known else (None, False)


def _permit(dossier: Dossier, order_id: str, fact: Fact) -> bool:
    """Tell whether a permit lets an order's person be there: at the enterprise, or anywhere."""
    return any(
        order_id in span.orders
        and span.from_ms <= fact.time_ms <= span.to_ms
        and (not span.places or fact.what in span.places)
        for _, span in dossier.about("permit", order_id, fact.time_ms)
    )


def _observed(dossier: Dossier, person: str, fact: Fact, parameters: Parameters) -> bool:
    """Tell whether a notice brings the person from a listed area, and not long enough ago."""
    known_ms = known_by(fact.time_ms, fact.recorded_ms)
    longest_ms = parameters["observation_d"] * DAY_MS
    for _, notice in dossier.about("arrival-notice", person, fact.time_ms, known_ms):
        stay = read_stay(notice.area, notice.stay_from, notice.stay_to, dossier.calendar)
        if (
            stay is not None
            and any(who.person == person for who in notice.persons)
            and stay.from_ms <= fact.time_ms <= stay.to_ms + longest_ms
            and level_of(stay, dossier, known_ms) is not None
        ):
            return True
    return False


def _colour(dossier: Dossier, fact: Fact) -> str | None:
    """Return the colour that the authority had last given by then, None = it never said."""
    codes = [
        each.who
        for each in dossier.facts
        if each.type == CODE_CHANGE.type and each.time_ms <= fact.time_ms
    ]
    return codes[-1] if codes else None


def _on_roster(dossier: Dossier, person: str, fact: Fact, known_ms: int) -> bool:
    """Tell whether the enterprise has the person on its roster, or has none."""
    if not dossier.named("worker", fact.what):
        return True
    return any(
        worker.enterprise == fact.what and worker.person.person == person
        for _, worker in dossier.about("worker", person, fact.time_ms, known_ms)
    )


RULE = Rule(
    code="D38",
    name="worker-non-compliant",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"roster_lag_h": 12, "observation_d": 14},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=14 * DAY_MS,
        gathers={WORKER_HEALTH.type: gather_report, CODE_CHANGE.type: gather_code},
    ),
)
