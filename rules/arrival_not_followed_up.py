"""D21 arrival-not-followed-up, 到达未落实: somebody arrived, or was to, and nobody saw to it.

1. A person is checked inward at a site of role `boundary` or `checkpoint`, lives nowhere here, and
   names a **destination** with a grid; `receipt_h` later nobody has received them. Receipt is a
   check at a site of role `community`, or a residence or an order that is valid by then. Leaving
   again ends it. Naming another grid begins the time anew. Checks inward within 24 hours of each
   other, without leaving in between, are one arrival.
2. An arrival notice **announces** a person before the arrival; `arrival_h` after the day of the
   arrival the person was neither checked inward nor in a community.

- Severity: medium, for who was announced low; under the ceiling of the evidence.
- One alert per person and arrival; quiet gap 7 days. The subject is the person, the grid the
  destination.
- Receipt that comes later resolves the alert, outcome `cleared`. One in time that is reported late
  withdraws it, reason `received`.
- A gate of a community in the destination's grid that was silent meanwhile (D32) speaks against
  it: `source-silent`.

Thresholds:

- `receipt_h`: hours from the declared destination to the receipt
- `arrival_h`: hours from the announced arrival
"""

from collections.abc import Iterator

import msgspec

from rules import comings
from rules.comings import IN, OUT, RECEIVED, Coming
from rules.dossier import Dossier, Dossiers, Kept, Raised, fact_of_entry, of_fact
from rules.facts import NEWEST, Check
from rules.match import Match
from rules.risk_areas import instant_of
from rules.rule import Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.registers import ArrivalNotice
from schemas.times import DAY_MS, HOUR_MS, format_ms

NOTICE = "arrival-notice"
SILENT = "source-silent"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    kind, _, what = match.detail.partition("/")
    if kind == "seen":
        return Reason(
            f"{subject.label} was received after the deadline.",
            f"{subject.label} 已逾期落实接收。",
        )
    if kind == "expected":
        return Reason(
            f"{subject.label} was announced for {what} and was seen neither at the edge nor in a "
            "community a day later.",
            f"{subject.label} 预报于 {what} 到达，一天后仍未在卡口或社区见到。",
        )
    return Reason(
        f"{subject.label} came in with the destination grid {what}; no community has received them "
        "and no residence was filed in the hours since.",
        f"{subject.label} 申报前往网格 {what}，至今无社区接收记录，也无住所登记。",
    )


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep how somebody came in, whereto (`who`), was received and left."""
    return comings.gather(check, check.destination_grid or "")


def opens(notice: ArrivalNotice) -> Iterator[str]:
    """Whoever is announced is expected."""
    return (who.person for who in notice.persons if who.person)


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise whoever declared a destination and is not received within `receipt_h`, and whoever was
    announced and is not seen `arrival_h` after the arrival (domain: D21).

    Another destination begins the time anew. Receipt is a check in a community, or a residence or
    an order that is valid by then; who lives here or leaves again needs none.
    """
    for coming in comings.comings(dossier.facts, DAY_MS):
        yield from _received(dossier, coming)
    for entry_id in dossier.named(NOTICE, dossier.key):
        yield from _expected(dossier, entry_id)


def _received(dossier: Dossier, coming: Coming) -> Iterator[Raised | Kept]:
    declared = [fact for fact in coming.entries if fact.who]
    if not declared:
        return
    goes_to = next(fact for fact in declared if fact.who == declared[-1].who)
    person, first = dossier.key, declared[0]
    parameters, policy = dossier.policy(goes_to.time_ms, goes_to.recorded_ms)
    due_ms = goes_to.time_ms + parameters["receipt_h"] * HOUR_MS
    if coming.end_ms is not None and coming.end_ms <= due_ms or not dossier.due(due_ms):
        return
    if comings.registered(dossier, person, first.time_ms, first.recorded_ms):
        return
    if _bound(dossier, person, due_ms, due_ms):
        return
    if _is_silent(dossier, goes_to, due_ms):
        yield Kept(SILENT, goes_to)
        return
    match = of_fact(goes_to, "medium", policy, grid=goes_to.who, detail=f"goes/{goes_to.who}")
    yield from _late(
        dossier, match, due_ms, f"{person}/{first.time_ms}", first.time_ms, {RECEIVED, OUT}
    )


def _expected(dossier: Dossier, entry_id: str) -> Iterator[Raised]:
    """Yield an announcement that did not come true; a notice of who came already is none."""
    filings = dossier.versions(NOTICE, entry_id)
    notice, filed = filings[-1].facts, filings[-1]
    if notice is None or all(who.person != dossier.key for who in notice.persons):
        return
    arrival_ms = instant_of(notice.arrival, dossier.calendar, last=True)
    assert arrival_ms is not None  # It was checked when it was filed.
    if arrival_ms <= filed.time_ms:
        return
    parameters, policy = dossier.policy(arrival_ms, filed.recorded_ms)
    due_ms = arrival_ms + parameters["arrival_h"] * HOUR_MS
    since_ms = max(filed.time_ms, arrival_ms - 2 * DAY_MS)
    if not dossier.due(due_ms):
        return
    fact = fact_of_entry(NOTICE, entry_id, due_ms, proof="digital")
    if _bound(dossier, dossier.key, due_ms, due_ms):
        return
    match = of_fact(fact, "low", policy, detail=f"expected/{notice.arrival}")
    dedupe = f"{dossier.key}/{entry_id}"
    yield from _late(dossier, match, due_ms, dedupe, since_ms, {IN, RECEIVED})


def _late(
    dossier: Dossier, match: Match, due_ms: int, dedupe: str, since_ms: int, kinds: set[str]
) -> Iterator[Raised]:
    """Yield what is overdue, unless it was seen in time; what is seen afterwards clears it."""
    person = dossier.key
    seen = [fact for fact in dossier.facts if fact.what in kinds and fact.time_ms >= since_ms]
    in_time = [fact.recorded_ms for fact in seen if fact.time_ms <= due_ms]
    withdrawn = None
    if in_time or _bound(dossier, person, due_ms, NEWEST):
        if in_time and min(in_time) <= due_ms:
            return
        withdrawn = "received"
    match = msgspec.structs.replace(match, first_ms=due_ms, last_ms=due_ms, withdrawn=withdrawn)
    yield Raised(dedupe, "person", person, match)
    later = seen[:1] or [each for each in [comings.filed_after(dossier, person, due_ms)] if each]
    if withdrawn is None and later:
        severity: Severity = match.severity
        detail = f"seen/{format_ms(later[0].time_ms)}"
        cleared = of_fact(later[0], severity, match.policy, detail=detail, outcome="cleared")
        yield Raised(dedupe, "person", person, cleared)


def _bound(dossier: Dossier, person: str, at_ms: int, known_ms: int) -> bool:
    """Tell whether somebody answers for a person: by a residence or an order."""
    return comings.registered(dossier, person, at_ms, known_ms) or any(
        ordered.facts.person == person
        for _, ordered in dossier.about("order", person, at_ms, known_ms)
    )


def _is_silent(dossier: Dossier, goes_to: Fact, due_ms: int) -> bool:
    """Tell whether a gate of a community in the destination's grid was silent meanwhile."""
    return any(
        site.role == "community"
        and site.grid == goes_to.who
        and dossier.condition(SILENT, site_id, goes_to.time_ms, due_ms)
        for site_id, site in dossier.about("site", goes_to.who, goes_to.time_ms)
    )


RULE = Rule(
    code="D21",
    name="arrival-not-followed-up",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"receipt_h": 4, "arrival_h": 24},
    describe=describe,
    until=True,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=5 * DAY_MS,
        gathers={HEALTH_CHECK.type: gather},
        opens={NOTICE: opens},
    ),
)
