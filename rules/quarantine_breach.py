"""D09 quarantine-breach, 隔离人员外出: a person under order is seen outside the order's zone.

A health check matches when all of this holds:

1. its person has an order that is valid at the check's time and was filed by then;
2. the site does not list the order's zone;
3. at least `grace_s` seconds have passed since the order's `start`;
4. no permit and no transfer covers the person there and then.

- Persons in a scan count: each is written as a health check.
- Severity: critical, under the ceiling of the evidence. So a document gives critical, a code high,
  nothing verified medium.
- One alert per order; quiet gap 6 hours. The subject is the person.
- A report that the person is at work (D38), within twelve hours of it, is of one incident with it:
  the two alerts name each other in `related`.
- An order is active until its `valid_to` or its deletion. Its `last_day` ends nothing.
- A **permit** covers its order from `from` to `to`, everywhere, or at the sites and zones in
  `places`. A **transfer** covers its orders and persons everywhere from `window_from` to the later
  of `window_to` and `eta` + 60 minutes.
- Excuses that retract it: a permit, a transfer, the end of the order.

Thresholds:

- `grace_s`: seconds after `start` in which a person may still be on the way
"""

from collections.abc import Iterator

from rules.facts import NEWEST, Check, Cover, Parameters, World, evidence_class
from rules.match import Match, of_check
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.times import HOUR_MS, SECOND_MS


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    order_class, _, zone = match.detail.partition("/")
    proof = {"person": ("identity verified", "身份已核验"), "digital": ("by code", "电子凭证")}
    en, zh = proof.get(match.evidence_class, ("unverified", "未核验"))
    return Reason(
        f"A person under {order_class} order {match.order} was seen at {match.site}, "
        f"outside the zone {zone} ({en}); no permit or transfer covers it.",
        f"处于隔离令 {match.order} 的人员在 {match.site} 出现，不在区域 {zone} 内"
        f"（{zh}），且无许可或转运覆盖。",
    )


def detect(
    check: Check, world: World, parameters: Parameters, policy: str
) -> Iterator[tuple[str, Match] | Cover]:
    """Yield (dedupe key, match) for each order that this check breaks.

    An order is broken when it is active at the event's time and was filed by `known_ms`, the site
    lies outside its zone, its grace (two hours from `start`) is over, and nothing filed by the
    time of acceptance covers the place; a cover that prevents a match is yielded instead.
    """
    for order in world.orders_of(check.person, check.time_ms, check.known_ms):
        if order.zone in check.site.zones:
            continue
        if check.time_ms < order.start_ms + parameters["grace_s"] * SECOND_MS:
            continue
        cover = world.cover(order, check.site, check.time_ms, check.recorded_ms)
        if cover is not None:
            yield cover
            continue
        proof = evidence_class(check)
        detail = f"{order.class_}/{order.zone}"
        match = of_check(check, "critical", proof, policy, order=order.id, detail=detail)
        yield order.id, match


def excuse(match: Match, person: str, world: World) -> str | None:
    """Return what, filed later, takes the match's ground away: a cover, or the order's end."""
    if match.order is None:
        return None
    order = world.order(match.order, match.first_ms, NEWEST)
    if order is None or order.person != person:
        return "order-ended"
    site = world.site(match.site, match.first_ms, NEWEST)
    cover = world.cover(order, site, match.first_ms, NEWEST) if site else None
    return f"{cover.kind}:{cover.id}" if cover else None


RULE = Rule(
    code="D09",
    name="quarantine-breach",
    major=1,
    version="1.0",
    quiet_gap_ms=6 * HOUR_MS,
    defaults={"grace_s": 7200},
    describe=describe,
    on_check=detect,
    excuse=excuse,
)
