"""D16 breach-tip, 疑似外出举报: somebody says that a person under order has gone out.

A tip of kind `suspected-breach` matches the order that it names, else the orders of all persons
whose residence has its address (width, case and spaces do not count) and of their households, when
the order is active at that time and was filed by then.

- Severity: medium; a tip never says more. It is a task: verify within 30 minutes.
- One alert per order, however the tips named it; quiet gap 12 hours. The subject is the order.
- It is no breach: whoever verifies it resolves it as false or confirmed.
- What retracts it: the end of the order, filed later.
- Every tip weighs the same: a tip names the role of whoever gave it and no more, so that nobody can
  be told to have given false ones before.
"""

from collections.abc import Iterator

import msgspec

from rules.dossier import Dossier, Dossiers, Kept, Passed, Raised, Report, fact_of, of_fact
from rules.entries import folded
from rules.facts import known_by
from rules.match import Match
from rules.rule import Rule
from rules.under_order import ORDER_ENDED, grid_of, has_ended, standing
from schemas.alerts import Reason, Subject
from schemas.events import TIP
from schemas.joins import Fact
from schemas.times import HOUR_MS

_BY_ORDER, _BY_ADDRESS = "order", "address"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    by, _, role = match.detail.partition("/")
    named = by == _BY_ORDER
    return Reason(
        f"A tip ({role}) says that the person under order {match.order} may have gone out; it "
        f"named {'the order' if named else 'an address where they live'}. Nobody has verified it: "
        "look within 30 minutes.",
        f"举报（{role}）称隔离令 {match.order} 的人员可能外出，举报"
        f"{'指明了该隔离令' if named else '的地址为其住址'}；未经核实，请在 30 分钟内核查。",
    )


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep a suspected breach under the order that it names, else under its address."""
    tip = report.data
    if tip.kind != "suspected-breach":
        return
    if tip.order is not None:
        key, by = f"order:{tip.order}", _BY_ORDER
    elif tip.address is not None and folded(tip.address):
        key, by = f"address:{folded(tip.address)}", _BY_ADDRESS
    else:
        return
    yield (
        key,
        fact_of(
            report,
            what=f"{by}/{tip.reporter_role}",
            proof="tip",
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept | Passed]:
    """Raise tips about an order that is active; one about an address concerns whoever lives there.

    Those are the persons of the residences there and their households (domain: D16).
    """
    if dossier.key.startswith("address:"):
        for fact in dossier.facts:
            for order_id in sorted(set(_orders_at(dossier, fact))):
                yield Passed(f"order:{order_id}", fact)
        return
    for fact in dossier.facts:
        known_ms = known_by(fact.time_ms, fact.recorded_ms)
        ordered = standing(dossier, dossier.name, fact.time_ms, known_ms)
        if ordered is None:
            continue
        gone = has_ended(dossier, dossier.name, fact.time_ms)
        if gone and dossier.entry("order", dossier.name, fact.time_ms, fact.recorded_ms) is None:
            yield Kept(ORDER_ENDED, fact)
            continue
        _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        grid = grid_of(dossier, ordered, fact.time_ms)
        match = of_fact(
            fact, "medium", policy, grid=grid, order=dossier.name, detail=fact.what
        )  # fmt: skip
        if gone:
            match = msgspec.structs.replace(match, withdrawn=ORDER_ENDED)
        yield Raised(dossier.name, "order", dossier.name, match)


def _orders_at(dossier: Dossier, fact: Fact) -> Iterator[str]:
    """Yield the orders of the persons who live at the address, and of their households."""
    at_ms, known_ms = fact.time_ms, known_by(fact.time_ms, fact.recorded_ms)
    for _, residence in dossier.about("residence", dossier.name, at_ms):
        if folded(residence.address) != dossier.name:
            continue
        for name in (residence.person.person, residence.household):
            for order_id, ordered in dossier.about("order", name or "", at_ms, known_ms):
                if name in (ordered.facts.person, ordered.entry.household):
                    yield order_id


RULE = Rule(
    code="D16",
    name="breach-tip",
    major=1,
    version="1.0",
    quiet_gap_ms=12 * HOUR_MS,
    defaults={},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=12 * HOUR_MS, gathers={TIP.type: gather}),
)
