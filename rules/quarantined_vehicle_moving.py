"""D10 quarantined-vehicle-moving, 隔离人员车辆异动: a car of a person under order is elsewhere.

A plate hit or the plate of a scan matches when all of this holds:

1. the reading has at least `min_confidence` (a typed plate has 1.0) and is no preview;
2. the plate is linked to a person with a strength of at least `min_strength`: by a vehicle link,
   or because the order itself names the plate, which is strength 1.0;
3. that person has an order that is valid at the reading's time and was filed by then (so was the
   link);
4. the site does not list the order's zone, the grace is over, and nothing covers the person, as in
   D09.

- Severity: medium. Low when another owner or driver without an order is linked to the vehicle:
  then somebody else may be at the wheel. It never becomes a breach of the person.
- **High**, evidence class digital, when a check-in of the same order was missed within two hours of
  it (D12, `bears_out_s`), whoever else may drive: the car is away and nobody answers at home. The
  two alerts name each other in `related`. It is no breach (D09) even so.
- One alert per order and plate; quiet gap 6 hours. Reads of one source within 15 s are one match.
  The subject is the vehicle.
- Excuses that retract it: a permit, a transfer, the end of the order, the end of the link.
- One severity lower, and the reason says so, while the plate is suspected to be cloned (D30).

Thresholds:

- `grace_s`: as in D09
- `min_strength`: of the link, from 0 to 1
- `min_confidence`: of the reading, from 0 to 1
"""

from collections.abc import Iterator

from rules.cloned_plate import DOUBT, SUSPICION
from rules.facts import NEWEST, Cover, Parameters, Read, SiteFacts, World
from rules.match import Match, of_read
from rules.missed_check_in import MISSED
from rules.rule import BorneOut, Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.times import HOUR_MS, SECOND_MS

_BORNE_OUT = BorneOut(
    "high",
    "digital",
    Reason(
        "A check-in of the same order was missed within hours of it.",
        "同一隔离令的打卡在前后数小时内缺失。",
    ),
)


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    shared = match.detail.endswith("/shared")
    zone = match.detail.partition("/")[0]
    return Reason(
        f"Vehicle {subject.label}, linked to a person under order {match.order}, was read at "
        f"{match.site}, outside the zone {zone}"
        + ("; somebody else may drive it." if shared else "; who drives it is not known."),
        f"与隔离令 {match.order} 人员关联的车辆 {subject.label} 在 {match.site} 被识别，"
        f"不在区域 {zone} 内" + ("，可能由他人驾驶。" if shared else "，驾驶人不明。"),
    )


def detect(
    read: Read, site: SiteFacts, world: World, parameters: Parameters, policy: str
) -> Iterator[tuple[str, Match] | Cover]:
    """Yield (dedupe key, match) for each order whose person's vehicle is read outside the zone.

    A plate proves a vehicle, never a person: at most medium, and low when another driver or owner
    without an order may be at the wheel. A permit or transfer that covers the person covers the
    vehicle too (domain: suppression matrix); the order's grace holds here as for D09.
    """
    if read.confidence < parameters["min_confidence"]:
        return
    at_ms, known_ms = read.time_ms, read.known_ms
    links = world.links_of(read.plate, at_ms, known_ms)
    persons = dict.fromkeys(
        link.person for link in links if link.strength >= parameters["min_strength"]
    )
    orders = [order for person in persons for order in world.orders_of(person, at_ms, known_ms)]
    if not orders:
        return
    bound = {order.person for order in orders}
    shared = any(
        link.role in ("owner", "driver")
        and link.person not in bound
        and not world.orders_of(link.person, at_ms, known_ms)
        for link in links
    )
    base: Severity = "low" if shared else "medium"
    for order in orders:
        if order.zone in site.zones:
            continue
        if at_ms < order.start_ms + parameters["grace_s"] * SECOND_MS:
            continue
        cover = world.cover(order, site, at_ms, read.recorded_ms)
        if cover is not None:
            yield cover
            continue
        detail = f"{order.zone}/shared" if shared else order.zone
        match = of_read(read, base, policy, order=order.id, detail=detail)
        yield f"{order.id}/{read.plate}", match


def excuse(match: Match, plate: str, world: World) -> str | None:
    """Return what, filed later, takes the ground away: a cover, or the end of order or link."""
    if match.order is None:
        return None
    order = world.order(match.order, match.first_ms, NEWEST)
    if order is None:
        return "order-ended"
    links = world.links_of(plate, match.first_ms, NEWEST)
    if not any(link.person == order.person for link in links):
        return "link-ended"
    site = world.site(match.site, match.first_ms, NEWEST)
    cover = world.cover(order, site, match.first_ms, NEWEST) if site else None
    return f"{cover.kind}:{cover.id}" if cover else None


RULE = Rule(
    code="D10",
    name="quarantined-vehicle-moving",
    major=1,
    version="1.0",
    quiet_gap_ms=6 * HOUR_MS,
    defaults={"grace_s": 7200, "min_strength": 0.6, "min_confidence": 0.85},
    describe=describe,
    lowered_by={SUSPICION: DOUBT},
    borne_out_by={MISSED: _BORNE_OUT},
    on_read=detect,
    excuse=excuse,
    coalesce_ms=15 * SECOND_MS,
)
