"""D20 overnight-stay, 落脚·过夜: a vehicle that is not at home here spends the night.

From a reading inward at a site of role `community` until the next reading of the vehicle, wherever
that is, it is taken to be inside. A night counts when that spans midnight to five o'clock; or when
it takes at least `least_s` of it, and of one of the two nights before.

- Severity: low. The alert begins at five o'clock, by the engine's clock.
- One alert per vehicle and community (the first zone of that kind that the gate lists, else the
  gate itself); quiet gap 7 days.
- What prevents it: a resident vehicle, or one that it may be a misread of; an exemption of any
  kind that covers the gate, a gate that was silent (D32). Filed later and valid then, the first
  two withdraw it.
- Readings elsewhere are known at sites that have a position or lie on a route.

Thresholds:

- `min_confidence`: of the readings at gates; elsewhere 0.95
- `least_s`: seconds of a night that make one of two
- `longest_h`: hours for which a stay is followed
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules import unregistered_resident
from rules.dossier import Dossier, Dossiers, Kept, Passed, Raised, of_fact
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.confusion import neighbours
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, SECOND_MS

NAME: Final = "overnight-stay"
ROLE: Final = "community"
# The night in which a stay counts, in minutes of the day (domain: D20).
NIGHT: Final = (0, 5 * 60)


class _Night(Struct, frozen=True):
    """A night, by the number of its day, that began with an entrance; `whole` = all of it."""

    day: int
    entrance: Fact
    whole: bool
    left_ms: int | None


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    zone, nights = match.detail.split("/", 1)
    en, zh = (
        ("the whole night", "整夜") if nights == "1" else ("two of three nights", "三夜中的两夜")
    )
    return Reason(
        f"Vehicle {subject.label} went into {zone} at {match.site} and was there {en}: no reading "
        "outward or elsewhere. It is in no register of resident vehicles and has no exemption "
        "there, and the gate was not silent.",
        f"车辆 {subject.label} 由 {match.site} 进入 {zone} 并停留{zh}：无驶出或他处识别记录；"
        "未登记为本地车辆，无豁免，且出入口未静默。",
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept | Passed]:
    """Raise the nights of a stranger's vehicle in a community (domain: D20).

    From a sure reading inward until the next one of the vehicle, wherever that is, it is taken to
    be inside. That counts when it spans midnight to five; or when it takes `least_s` of it in two
    of three nights. The alert begins at five o'clock.
    """
    by_zone: dict[str, list[_Night]] = {}
    sure = [
        fact for fact in dossier.facts if fact.value >= _parameters(dossier, fact)["min_confidence"]
    ]
    for place, fact in enumerate(sure):
        zone = _zone(dossier, fact)
        if zone is None or fact.what != "in":
            continue
        left_ms = sure[place + 1].time_ms if place + 1 < len(sure) else None
        for night in _nights(dossier, fact, left_ms):
            by_zone.setdefault(zone, []).append(night)
    for zone, nights in by_zone.items():
        for night in nights:
            before = {each.day for each in nights if night.day - 3 < each.day < night.day}
            if night.whole or before:
                for said in _judged(dossier, zone, night):
                    yield said
                    if isinstance(said, Raised) and said.match.withdrawn is None:
                        yield _told(dossier, zone, night, said.match)


def _parameters(dossier: Dossier, fact: Fact) -> Any:
    parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
    return parameters


def _nights(dossier: Dossier, entrance: Fact, left_ms: int | None) -> Iterator[_Night]:
    """Yield the nights that are over and of which the vehicle spent enough inside."""
    parameters = _parameters(dossier, entrance)
    last_ms = entrance.time_ms + parameters["longest_h"] * HOUR_MS
    first = dossier.calendar.day(entrance.time_ms)
    for day in range(first, dossier.calendar.day(last_ms) + 1):
        begin_ms, end_ms = (dossier.calendar.start_ms(day, minute) for minute in NIGHT)
        inside_ms = min(left_ms or end_ms, end_ms, last_ms) - max(entrance.time_ms, begin_ms)
        whole = inside_ms >= end_ms - begin_ms
        if inside_ms >= parameters["least_s"] * SECOND_MS and dossier.due(end_ms):
            yield _Night(day, entrance, whole, left_ms)


def _judged(dossier: Dossier, zone: str, night: _Night) -> Iterator[Raised | Kept]:
    fact, plate = night.entrance, dossier.name
    due_ms = dossier.calendar.start_ms(night.day, NIGHT[1])
    if dossier.condition("source-silent", fact.site, fact.time_ms, due_ms):
        yield Kept("source-silent", fact)
        return
    _, policy = dossier.policy(due_ms)
    excuse, filed_by_then = _excuse(dossier, fact, due_ms)
    if filed_by_then:
        yield Kept(excuse or "", fact)
        return
    site = dossier.entry("site", fact.site, fact.time_ms)
    recorded_ms = max(due_ms, fact.recorded_ms)
    match = of_fact(
        msgspec.structs.replace(fact, time_ms=due_ms, recorded_ms=recorded_ms),
        "low",
        policy,
        proof="vehicle",
        grid=site.grid if site else None,
        detail=f"{zone}/{1 if night.whole else 2}",
    )
    match = msgspec.structs.replace(match, withdrawn=excuse)
    yield Raised(f"{plate}/{zone}", "vehicle", plate, match)


def _told(dossier: Dossier, zone: str, night: _Night, match: Match) -> Passed:
    """Tell the rule about residents of a night: where, since when (`value`), and until when."""
    fact = msgspec.structs.replace(
        night.entrance,
        time_ms=match.first_ms,
        recorded_ms=match.recorded_ms,
        what=zone,
        who="" if night.left_ms is None else str(night.left_ms),
        value=float(night.entrance.time_ms),
        proof="vehicle",
    )
    return Passed(dossier.key, fact, unregistered_resident.NAME)


def _excuse(dossier: Dossier, fact: Fact, due_ms: int) -> tuple[str | None, bool]:
    """Return what lets the vehicle stay, and whether that was filed before the night was over."""
    plate = dossier.name
    for known_ms in (due_ms, None):
        known = {} if known_ms is None else {"known_ms": known_ms}
        for entry_id, home in dossier.about("resident-vehicle", plate, due_ms, **known):
            if home.plate == plate:
                return f"resident-vehicle:{entry_id}", known_ms is not None
        site = dossier.entry("site", fact.site, fact.time_ms)
        zones = set(site.zones) if site else set()
        for entry_id, exempt in dossier.about("exemption", plate, due_ms, **known):
            places = exempt.places
            if exempt.subject == plate and (
                not places or fact.site in places or not places.isdisjoint(zones)
            ):
                return f"{exempt.kind}:{entry_id}", known_ms is not None
        # At a gate where residents pass all day, this is nearly always one of them, misread.
        for alike in sorted(neighbours(plate)):
            for entry_id, home in dossier.about("resident-vehicle", alike, due_ms, **known):
                if home.plate == alike:
                    return f"look-alike:{entry_id}", known_ms is not None
    return None, False


def _zone(dossier: Dossier, fact: Fact) -> str | None:
    """Return the community in which a gate lies, the site itself where it is in none, None where
    the site is no gate of a community."""
    site = dossier.entry("site", fact.site, fact.time_ms)
    if site is None or site.role != ROLE:
        return None
    for zone_id in site.zones:
        zone = dossier.entry("zone", zone_id, fact.time_ms)
        if zone is not None and zone.kind == "community":
            return str(zone_id)
    return fact.site


RULE = Rule(
    code="D20",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    # A stay is followed for `longest_h`; of a night that is not whole `least_s` count.
    defaults={"min_confidence": 0.9, "least_s": 3600, "longest_h": 72},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=4 * DAY_MS, roles=frozenset({ROLE})),
)
