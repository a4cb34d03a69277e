"""D11 zone-crossing, 隔离圈进出: the device of somebody under order has left the zone.

The position fixes of an order (`cordon.position-fix.v1`) are followed in order of time. Everything
is compared in WGS-84; what is filed or sent in GCJ-02 is converted first. A fix is **outside**
when it lies further from the edge of the order's zone than `least_m`, and than `accuracies` times
its own accuracy; it is **inside** when it lies in the zone; between the two it says neither.

1. Exit: two fixes in a row are outside, or one is and none says otherwise for `outside_s`.
2. Outside at the start: the first fix, `start_s` after the order's start or later, is outside.
3. Back: the same as for an exit, inside. It resolves the alert. So does the end of the order or of
   the zone, or another zone of the order; that is no return.

- Severity: high. Evidence: system (a device).
- One alert for each time outside of a zone; quiet gap 7 days. The subject is the order.
- What keeps it quiet: a permit or a transfer that covers the time, and the place where the permit
  names zones; a fix that is not accurate (`inaccurate`). Filed later, a permit, a transfer or the
  end of the order retracts.
- Crossing a zone between two fixes that both lie outside raises nothing: it is the order's own
  zone, and other zones are no business of its device.

Thresholds:

- `least_m`: metres from the edge that may be chance
- `accuracies`: times the accuracy of the fix that may be chance
- `max_accuracy_m`: metres; a fix that is less accurate than that says nothing
- `outside_s`: seconds after which one fix is enough
- `start_s`: seconds from the order's start on in which nothing is said
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from rules.dossier import Dossier, Dossiers, Kept, Raised, Report, fact_of, of_entry, of_fact
from rules.entries import Ordered, Span
from rules.facts import NEWEST, known_by
from rules.match import Match
from rules.rule import Rule
from rules.under_order import ORDER_ENDED, grid_of, standing
from rules.zone_geometry import outside_m
from schemas.alerts import Reason, Subject
from schemas.events import POSITION_FIX
from schemas.geo import to_wgs84
from schemas.joins import Fact
from schemas.registers import Zone
from schemas.times import DAY_MS, SECOND_MS

_EXIT, _AT_START, _ENTER, _CLOSED = "exit", "outside at start", "enter", "closed"
INACCURATE: Final = "inaccurate"


class Fix(Struct, frozen=True):
    """A fix against the zone of its order: `away_m` from its edge (negative inside), and from
    which distance on that is outside."""

    fact: Fact
    ordered: Ordered
    away_m: float
    limit_m: float
    excuse: str | None

    @property
    def is_out(self) -> bool:
        """Whether it lies outside beyond doubt."""
        return self.away_m > self.limit_m

    @property
    def is_in(self) -> bool:
        """Whether it lies inside."""
        return self.away_m <= 0


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    kind, zone, away, limit = match.detail.split("/")
    if kind == _CLOSED:
        return Reason(
            f"The zone {zone} or order {match.order} has ended while the device was outside.",
            f"区域 {zone} 或隔离令 {match.order} 已终止，终止时设备在区域外。",
        )
    if kind == _ENTER:
        return Reason(
            f"The device of the person under order {match.order} is back in the zone {zone}.",
            f"隔离令 {match.order} 人员的设备已回到区域 {zone}。",
        )
    since = "has left" if kind == _EXIT else "has been outside from the start on of"
    zh = "离开" if kind == _EXIT else "自始即在区域外："
    return Reason(
        f"The device of the person under order {match.order} {since} the zone {zone}: {away} m "
        f"from its edge, where {limit} m may be inaccuracy. No permit or transfer covers it.",
        f"隔离令 {match.order} 人员的设备{zh}区域 {zone}，距边界 {away} 米（误差上限 {limit} 米），"
        "无许可或转运覆盖。",
    )


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep a fix under its order: `what` = its WGS-84 position, `value` = its accuracy in m."""
    position = report.data.position
    lon, lat = position.lon, position.lat
    if position.crs == "gcj02":
        lon, lat = to_wgs84(lon, lat)
    yield (
        f"order:{report.data.order}",
        fact_of(
            report,
            what=f"{lon:.7f},{lat:.7f}",
            value=position.accuracy_m,
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Follow the fixes in order of time: in the zone, outside, and in it again (domain: D11).

    Two fixes in a row that are outside beyond doubt, or one with none that says otherwise for
    `outside_s`, are an exit; to be back takes the same inside. A fix in between says neither.
    """
    fixes: list[Fix] = []
    for fact in dossier.facts:
        fix = _fix(dossier, fact)
        if isinstance(fix, Kept):
            yield fix
        elif fix is not None:
            fixes.append(fix)
    # Where the device is outside: the last fix there, and what excuses that it left; else
    # whether it was in the zone.
    out: Fix | None = None
    excuse: str | None = None
    was_in = False
    for place, fix in enumerate(fixes):
        if out is not None:
            closed_ms = _closed_ms(dossier, out, fix.fact.time_ms)
            if closed_ms is not None:
                yield _closed(dossier, out, closed_ms, excuse)
                out, was_in = None, False
        if fix.is_out and out is None:
            sure_ms = _sure_ms(dossier, fixes, place) if was_in else fix.fact.time_ms
            if sure_ms is not None:
                kind = _EXIT if was_in else _AT_START
                yield _raised(dossier, fix, sure_ms, kind, fix.excuse)
                out, excuse = fix, fix.excuse
        elif fix.is_in:
            sure_ms = _sure_ms(dossier, fixes, place) if out is not None else fix.fact.time_ms
            if sure_ms is not None:
                if out is not None:
                    yield _raised(dossier, fix, sure_ms, _ENTER, excuse)
                out, was_in = None, True
        elif fix.is_out:
            out = fix
    if out is not None:
        closed_ms = _closed_ms(dossier, out, dossier.clock_ms)
        if closed_ms is not None:
            yield _closed(dossier, out, closed_ms, excuse)


def _fix(dossier: Dossier, fact: Fact) -> Fix | Kept | None:
    """Return a fix against the zone of the order then, None where there is none to speak of."""
    at_ms = fact.time_ms
    ordered = standing(dossier, dossier.name, at_ms, known_by(at_ms, fact.recorded_ms))
    parameters, _ = dossier.policy(at_ms, fact.recorded_ms)
    if ordered is None or at_ms < ordered.facts.start_ms + parameters["start_s"] * SECOND_MS:
        return None
    zone: Zone | None = dossier.entry("zone", ordered.facts.zone, at_ms)
    if zone is None:
        return None
    if fact.value > parameters["max_accuracy_m"]:
        return Kept(INACCURATE, fact)
    lon, _, lat = fact.what.partition(",")
    away_m = outside_m(zone, float(lon), float(lat))
    limit_m = max(parameters["least_m"], parameters["accuracies"] * fact.value)
    excuse = None
    if away_m > limit_m:
        known = _excuse(dossier, ordered, fact, fact.recorded_ms)
        if known is not None:
            return Kept(known, fact)
        excuse = _excuse(dossier, ordered, fact, NEWEST)
    return Fix(fact, ordered, away_m, limit_m, excuse)


def _excuse(dossier: Dossier, ordered: Ordered, fact: Fact, known_ms: int) -> str | None:
    """Return what allows the place, as known at an instant: an end, a permit or a transfer."""
    at_ms = fact.time_ms
    if dossier.entry("order", dossier.name, at_ms, known_ms) is None:
        return ORDER_ENDED
    order = ordered.facts
    spans: list[tuple[str, str, Span]] = [
        (register, entry_id, span)
        for register, name in (
            ("permit", order.id),
            ("transfer", order.id),
            ("transfer", order.person),
        )
        for entry_id, span in dossier.about(register, name, at_ms, known_ms)
    ]
    for register, entry_id, span in spans:
        theirs = order.id in span.orders or order.person in span.persons
        if theirs and span.from_ms <= at_ms <= span.to_ms and _is_at(dossier, span, fact):
            return f"{register}:{entry_id}"
    return None


def _is_at(dossier: Dossier, span: Span, fact: Fact) -> bool:
    """Tell whether a fix is where a permit allows it; its sites say nothing of positions."""
    lon, _, lat = fact.what.partition(",")
    zones = (dossier.entry("zone", place, fact.time_ms) for place in sorted(span.places))
    return not span.places or any(
        zone is not None and outside_m(zone, float(lon), float(lat)) <= fact.value for zone in zones
    )


def _sure_ms(dossier: Dossier, fixes: Sequence[Fix], place: int) -> int | None:
    """Return when a fix is beyond doubt: at once behind one that says the same, or when none has
    said otherwise for long enough."""
    fix = fixes[place]
    if place and (fixes[place - 1].is_out, fixes[place - 1].is_in) == (fix.is_out, fix.is_in):
        return fix.fact.time_ms
    parameters, _ = dossier.policy(fix.fact.time_ms, fix.fact.recorded_ms)
    sure_ms = fix.fact.time_ms + int(parameters["outside_s"] * SECOND_MS)
    alone = place + 1 == len(fixes) or fixes[place + 1].fact.time_ms > sure_ms
    return sure_ms if alone and dossier.due(sure_ms) else None


def _closed_ms(dossier: Dossier, out: Fix, until_ms: int) -> int | None:
    """Return when the order or its zone ended, or the order got another zone, if by then."""
    zone_id = out.ordered.facts.zone
    versions = (*dossier.versions("order", dossier.name), *dossier.versions("zone", zone_id))
    turns_ms = {
        turn_ms for each in versions for turn_ms in (each.recorded_ms, each.from_ms, each.to_ms)
    }
    now = standing(dossier, dossier.name, until_ms, NEWEST)
    if now is not None and now.arrived_ms is not None:
        turns_ms.add(now.arrived_ms)
    for turn_ms in sorted(each for each in turns_ms if each > out.fact.time_ms):
        if turn_ms > until_ms:
            dossier.due(turn_ms)
            continue
        ordered = standing(dossier, dossier.name, turn_ms, NEWEST)
        same = ordered is not None and ordered.facts.zone == zone_id
        if not same or dossier.entry("zone", zone_id, turn_ms) is None:
            return turn_ms
    return None


def _raised(dossier: Dossier, fix: Fix, at_ms: int, kind: str, excuse: str | None) -> Raised:
    zone_id = fix.ordered.facts.zone
    _, policy = dossier.policy(fix.fact.time_ms, fix.fact.recorded_ms)
    match = of_fact(
        fix.fact,
        "info" if kind == _ENTER else "high",
        policy,
        grid=grid_of(dossier, fix.ordered, fix.fact.time_ms),
        order=dossier.name,
        detail=f"{kind}/{zone_id}/{fix.away_m:.0f}/{fix.limit_m:.0f}",
        outcome="cleared" if kind == _ENTER else None,
    )
    match = msgspec.structs.replace(match, first_ms=at_ms, last_ms=at_ms, withdrawn=excuse)
    return Raised(f"{dossier.name}/{zone_id}", "order", dossier.name, match)


def _closed(dossier: Dossier, out: Fix, at_ms: int, excuse: str | None) -> Raised:
    zone_id = out.ordered.facts.zone
    _, policy = dossier.policy(at_ms, at_ms)
    match = of_entry(
        "zone", zone_id, at_ms, "info", policy,
        grid=grid_of(dossier, out.ordered, out.fact.time_ms), order=dossier.name,
        detail=f"{_CLOSED}/{zone_id}//", outcome="cleared",
    )  # fmt: skip
    match = msgspec.structs.replace(match, withdrawn=excuse)
    return Raised(f"{dossier.name}/{zone_id}", "order", dossier.name, match)


RULE = Rule(
    code="D11",
    name="zone-crossing",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={
        "least_m": 50,
        "accuracies": 2,
        "max_accuracy_m": 200,
        "outside_s": 300,
        "start_s": 600,
    },
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS, gathers={POSITION_FIX.type: gather}),
    until=True,
)
