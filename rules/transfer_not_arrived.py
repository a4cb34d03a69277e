"""D15 transfer-not-arrived, 转运未到: somebody who was to be moved did not arrive in time.

A **transfer** expects its `persons` and the persons of its `orders`, as far as those are active.
Each of them is missed `margin_s` seconds after the `eta`, unless a transfer arrival names them by
then. A reading of the transfer's `vehicle` on its way, at a site from which a route is filed to one
in `to_zone`, moves the eta to when it gets there by half of all (`p50_s`), by `most_moved_s` at
most. The alert names the last place where the vehicle was read.

- Severity: high; evidence class system. Somebody who arrives and is not expected: low.
- One alert per transfer and person; quiet gap 7 days. The subject is the transfer.
- Arriving late resolves the alert, outcome `cleared`.
- A transfer that is filed anew or deleted before it is due is judged as it is then. After that a
  later eta, or other persons, withdraw the alert, reason `transfer-changed`; a deletion does not.
  An arrival in time that is reported late withdraws it too, reason `arrived-in-time`.
- **On arrival the zone of the order becomes the transfer's `to_zone`**, for D09, D10 and every
  rule that asks for the order: seen there is where they have to be, seen at home is not. An
  arrival that is reported late excuses from its own time on and accuses from its report on. A
  version of the order that begins after the arrival says itself where its person has to be; so
  does one that was filed after it and names another zone than the transfer's `from_zone`.

Thresholds:

- `margin_s`: seconds after the `eta`
- `most_moved_s`: seconds by which readings of the vehicle may move the `eta`
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules import transfers
from rules.dossier import Dossier, Dossiers, Passed, Raised, Report, Told, of_entry, of_fact
from rules.facts import VERIFIED_CLASS, known_by
from rules.match import Match
from rules.rule import Rule
from rules.travel import routes_between
from schemas.alerts import Reason, Subject
from schemas.events import TRANSFER_ARRIVAL
from schemas.joins import Fact
from schemas.registers import Transfer
from schemas.times import DAY_MS, SECOND_MS, format_ms, parse_ms
from schemas.versions import FOREVER

NAME: Final = "transfer-not-arrived"
TRANSFER: Final = "transfer"
VEHICLE: Final = "vehicle:"
# No policy moves an eta further (schemas/policy.py).
_LONGEST_MS: Final = DAY_MS
# A reading of less confidence tells nothing (domain: D01).
_SURE: Final = 0.85
# Whom an order binds: the person of the order, and the order by which they are expected.
People = Mapping[str, str | None]


class Plan(Struct, frozen=True):
    """One filing of a transfer: whom it expects by when, until it was filed anew; ms UTC. `seen` is
    where its vehicle was read last, by when it was due."""

    people: People
    due_ms: int
    eta_ms: int
    policy: str
    filed_ms: int
    until_ms: int
    seen: Fact | None = None


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    kind, at, where, when = (*match.detail.split("/"), "", "", "")[:4]
    if kind == "extra":
        return Reason(
            f"Somebody whom transfer {subject.label} does not name arrived with it.",
            f"转运 {subject.label} 名单之外的人员随车到达。",
        )
    if kind == "arrived":
        return Reason(
            f"A person of transfer {subject.label} who had not arrived in time arrived at {at}.",
            f"转运 {subject.label} 中未按时到达的人员已于 {at} 到达。",
        )
    en = f" The vehicle was last read at {where} at {when}." if where else ""
    zh = f"车辆最近于 {when} 在 {where} 被识别。" if where else ""
    return Reason(
        f"A person of transfer {subject.label} was expected at {at}. No arrival was reported.{en}",
        f"转运 {subject.label} 的一名人员应于 {at} 到达，至今未报告到达。{zh}",
    )


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep who arrived, one fact each, under the transfer."""
    for number, person in enumerate(report.data.persons, 1):
        proof = VERIFIED_CLASS.get(person.verified_by, "tip")
        yield (
            f"transfer:{report.data.transfer}",
            Fact(
                report.time_ms,
                report.source,
                f"{report.id}#{number}",
                report.recorded_ms,
                report.type,
                who=person.person or "",
                proof="digital" if proof == "tip" and person.pass_ else proof,
            ),
        )


def opens(span: Any) -> Iterator[str]:
    """A transfer has its deadline without any report."""
    yield f"transfer:{span.entry.id}"


def assess(dossier: Dossier) -> Iterator[Raised | Told | Passed]:
    """Raise whoever has not arrived `margin_s` after the eta, and whoever came unexpected.

    A filing that moves the eta, changes the persons or cancels the transfer before it is due takes
    effect; after that it withdraws. Who arrives late clears the alert (domain: D15).
    """
    if dossier.key.startswith(VEHICLE):
        yield from _pass_on(dossier)
        return
    plans = list(_plans(dossier))
    arrived: dict[str, list[Fact]] = {}
    for fact in dossier.facts:
        if fact.type == TRANSFER_ARRIVAL.type:
            arrived.setdefault(fact.who, []).append(fact)
    if not plans:
        return
    last = plans[-1]
    standing = last if last.until_ms > last.due_ms else None
    for plan in plans:
        if not dossier.due(plan.due_ms) or plan.until_ms <= plan.due_ms:
            continue
        for person in sorted(plan.people):
            withdrawn = None
            if plan is not standing:
                if standing and person in standing.people and standing.due_ms <= plan.due_ms:
                    continue
                withdrawn = "transfer-changed"
            yield from _missing(dossier, plan, person, arrived.get(person, []), withdrawn)
    for person, facts in sorted(arrived.items()):
        as_filed = [_as_filed(plans, fact) for fact in facts]
        if any(person in plan.people for plan in (*as_filed, *([standing] if standing else []))):
            recorded_ms = min(fact.recorded_ms for fact in facts)
            yield from transfers.tell(dossier.name, person, facts[0].time_ms, recorded_ms)
            continue
        for fact in facts:
            _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
            match = _of_report(of_fact(fact, "low", policy, detail="extra"))
            yield Raised(f"{dossier.name}/{person or fact.id}", "transfer", dossier.name, match)


def _missing(
    dossier: Dossier, plan: Plan, person: str, arrivals: list[Fact], withdrawn: str | None
) -> Iterator[Raised]:
    in_time = [fact.recorded_ms for fact in arrivals if fact.time_ms <= plan.due_ms]
    if in_time:
        if min(in_time) <= plan.due_ms:
            return
        withdrawn = "arrived-in-time"
    match = of_entry(
        TRANSFER,
        dossier.name,
        plan.due_ms,
        "high",
        plan.policy,
        order=plan.people[person],
        detail="/".join(("missing", format_ms(plan.eta_ms), *_place(plan.seen))),
    )
    dedupe = f"{dossier.name}/{person}"
    match = msgspec.structs.replace(match, withdrawn=withdrawn)
    yield Raised(dedupe, "transfer", dossier.name, match)
    if withdrawn is None and arrivals:
        late = of_fact(
            arrivals[0],
            "high",
            plan.policy,
            order=plan.people[person],
            detail=f"arrived/{format_ms(arrivals[0].time_ms)}",
            outcome="cleared",
        )
        yield Raised(dedupe, "transfer", dossier.name, _of_report(late))


def _place(seen: Fact | None) -> tuple[str, ...]:
    return () if seen is None else (seen.site, format_ms(seen.time_ms))


def _pass_on(dossier: Dossier) -> Iterator[Passed]:
    """Yield the readings of a vehicle for the transfers that had named it by then."""
    for transfer_id in dossier.named(TRANSFER, dossier.name):
        spans = [
            (each.recorded_ms, each.facts.from_ms, each.facts.to_ms)
            for each in dossier.versions(TRANSFER, transfer_id)
            if each.facts is not None and each.facts.entry.vehicle == dossier.name
        ]
        for fact in dossier.facts:
            if any(
                filed_ms <= fact.recorded_ms and from_ms <= fact.time_ms <= to_ms + _LONGEST_MS
                for filed_ms, from_ms, to_ms in spans
            ):
                yield Passed(f"transfer:{transfer_id}", fact)


def _of_report(match: Match) -> Match:
    """Name the report, which is one event for all who arrived."""
    return msgspec.structs.replace(match, id=match.id.rpartition("#")[0])


def _plans(dossier: Dossier) -> Iterator[Plan]:
    filings = dossier.versions(TRANSFER, dossier.name)
    for place, filed in enumerate(filings):
        if filed.facts is not None:
            later = filings[place + 1 :]
            until_ms = later[0].recorded_ms if later else FOREVER
            yield _plan(dossier, filed.facts.entry, filed.recorded_ms, until_ms)


def _plan(dossier: Dossier, transfer: Transfer, filed_ms: int, until_ms: int) -> Plan:
    eta_ms = parse_ms(transfer.eta)
    parameters, policy = dossier.policy(eta_ms, eta_ms)
    margin_ms = int(parameters["margin_s"] * SECOND_MS)
    longest_ms = eta_ms + int(parameters["most_moved_s"] * SECOND_MS)
    seen: Fact | None = None
    for fact in dossier.facts:
        if _is_on_its_way(fact, transfer, eta_ms + margin_ms, filed_ms):
            seen = fact
            eta_ms = max(eta_ms, min(_there_ms(dossier, fact, transfer.to_zone), longest_ms))
    due_ms = eta_ms + margin_ms
    people: dict[str, str | None] = {}
    for order_id in transfer.orders or ():
        ordered = dossier.entry("order", order_id, due_ms)
        if ordered is not None:
            people[ordered.facts.person] = order_id
    for who in transfer.persons or ():
        if who.person and who.person not in people:
            orders = dossier.about("order", who.person, due_ms)
            mine = (order for order, ordered in orders if ordered.facts.person == who.person)
            people[who.person] = next(mine, None)
    return Plan(people, due_ms, eta_ms, policy, filed_ms, until_ms, seen)


def _is_on_its_way(fact: Fact, transfer: Transfer, due_ms: int, filed_ms: int) -> bool:
    return (
        fact.type != TRANSFER_ARRIVAL.type
        and fact.value >= _SURE
        and fact.recorded_ms >= filed_ms
        and parse_ms(transfer.window_from) <= fact.time_ms <= due_ms
    )


def _there_ms(dossier: Dossier, fact: Fact, zone: str) -> int:
    """Return when a vehicle is in a zone that was read somewhere, as far as a route says so."""
    known_ms = known_by(fact.time_ms, fact.recorded_ms)
    ways_s = [
        route.p50_s
        for end in sorted({
            end
            for _, route in dossier.about("route", fact.site, fact.time_ms, known_ms)
            for end in (route.from_, route.to)
        })
        if (site := dossier.entry("site", end, fact.time_ms, known_ms)) and zone in site.zones
        for route in routes_between(dossier, fact.site, end, fact.time_ms, known_ms)
    ]  # fmt: skip
    return fact.time_ms + int(min(ways_s) * SECOND_MS) if ways_s else fact.time_ms


def _as_filed(plans: list[Plan], fact: Fact) -> Plan:
    """Return the plan that stood when an arrival was reported, else the first one."""
    known = [plan for plan in plans if plan.filed_ms <= fact.recorded_ms]
    return known[-1] if known else plans[0]


RULE = Rule(
    code="D15",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"margin_s": 3600, "most_moved_s": 7200},
    describe=describe,
    until=True,
    dossiers=Dossiers(
        assess=assess,
        # As long as an order may rest on the arrival.
        keep_ms=60 * DAY_MS,
        gathers={TRANSFER_ARRIVAL.type: gather},
        opens={TRANSFER: opens},
    ),
)
