"""D39 green-channel-deviation, 绿色通道偏离: a vehicle does not keep to what its exemption says.

It is about exemptions of kind `green-channel` with a `corridor`. A reading with at least
`min_confidence` matches when it

1. is **off the corridor**: its site is in no zone of the corridor and is no stop;
2. ends too long a **stop**: the reading before was at the same site, more than `stop_s` ago, and
   the site is no approved stop;
3. comes after the exemption has **expired**, within `trip_h` of a reading while it held.

- Severity: medium. One alert per exemption and kind; quiet gap 7 days.
- The corridor must have been filed by then. What prevents it: any exemption, whenever filed, that
  covers the place; a plate that is suspected to be cloned (D30).
- An exemption names no driver, so nothing is said of another one. Congestion is not known here.

Thresholds:

- `min_confidence`: of a reading
- `stop_s`: seconds
- `trip_h`: hours for which a trip is taken to go on
"""

from collections.abc import Iterator
from typing import Any, Final

from rules.dossier import Dossier, Dossiers, Kept, Raised, of_fact
from rules.entries import Exempt
from rules.facts import NEWEST, known_by
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

NAME: Final = "green-channel-deviation"
_KINDS: Final = {
    "off-corridor": ("is outside its corridor", "已偏离通道"),
    "stopped": ("stood outside its approved stops", "在批准停靠点之外停留"),
    "expired": ("goes on after its exemption has ended", "在豁免到期后仍在行驶"),
}


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    kind, minutes, trip = match.detail.split("/", 2)
    en, zh = _KINDS[kind]
    span = (f" for {minutes} min", f" {minutes} 分钟") if minutes else ("", "")
    return Reason(
        f"Vehicle {subject.label} of green channel {trip} {en}{span[0]}: it was read at "
        f"{match.site}. The approved stops and its other exemptions were considered; congestion "
        "is not known here.",
        f"绿色通道 {trip} 的车辆 {subject.label} {zh}{span[1]}：在 {match.site} 被识别。"
        "已核对批准的停靠点和其他豁免；拥堵情况未知。",
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise each sure reading that is off the corridor, ends too long a stop, or comes too late
    (domain: D39). Who drives is not known of an exemption, so nothing is said of the driver.
    """
    plate = dossier.name
    before: Fact | None = None
    for fact in dossier.facts:
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        if fact.value < parameters["min_confidence"]:
            continue
        found = _found(dossier, before, fact, parameters)
        before = fact
        if found is None:
            continue
        trip, kind, minutes, excuse = found
        if excuse is None and dossier.condition("clone-suspicion", plate, fact.time_ms):
            excuse = "clone-suspicion"
        if excuse is not None:
            yield Kept(excuse, fact)
            continue
        site = dossier.entry("site", fact.site, fact.time_ms)
        match = of_fact(
            fact,
            "medium",
            policy,
            proof="vehicle",
            grid=site.grid if site else None,
            detail=f"{kind}/{minutes}/{trip}",
        )
        yield Raised(f"{trip}/{kind}", "vehicle", plate, match)


# The trip, the kind of deviation, how many minutes ("" = none), and what excuses it.
_Found = tuple[str, str, str, str | None]


def _found(dossier: Dossier, before: Fact | None, fact: Fact, parameters: Any) -> _Found | None:
    known_ms = known_by(fact.time_ms, fact.recorded_ms)
    trips = _trips(dossier, fact.time_ms, known_ms)
    if not trips:
        return _expired(dossier, before, fact, parameters)
    if all(not _lies_in(dossier, fact, exempt.places) for _, exempt in trips):
        return trips[0][0], "off-corridor", "", _excuse(dossier, fact)
    if before is None or before.site != fact.site or before.what == "out":
        return None
    stood_ms = fact.time_ms - before.time_ms
    if stood_ms <= parameters["stop_s"] * SECOND_MS:
        return None
    stops = (exempt.stops for _, exempt in (*trips, *_trips(dossier, fact.time_ms, NEWEST)))
    if any(_lies_in(dossier, fact, places) for places in stops):
        return None
    return trips[0][0], "stopped", str(stood_ms // MINUTE_MS), None


def _expired(dossier: Dossier, before: Fact | None, fact: Fact, parameters: Any) -> _Found | None:
    """A trip that was still on at the reading before, and ended since with nothing after it."""
    if before is None or fact.time_ms - before.time_ms > parameters["trip_h"] * HOUR_MS:
        return None
    trips = _trips(dossier, before.time_ms, known_by(before.time_ms, before.recorded_ms))
    if not trips:
        return None
    return trips[0][0], "expired", "", _excuse(dossier, fact)


def _excuse(dossier: Dossier, fact: Fact) -> str | None:
    """Return what, filed by now, lets the vehicle be there without a word about its way."""
    for entry_id, exempt in dossier.about("exemption", dossier.name, fact.time_ms):
        if not exempt.places or _lies_in(dossier, fact, exempt.places):
            return f"{exempt.kind}:{entry_id}"
    return None


def _trips(dossier: Dossier, at_ms: int, known_ms: int) -> list[tuple[str, Exempt]]:
    """Return the green channels with a corridor that hold at an instant."""
    return [
        (entry_id, exempt)
        for entry_id, exempt in dossier.about("exemption", dossier.name, at_ms, known_ms)
        if exempt.kind == "green-channel" and exempt.places and exempt.subject == dossier.name
    ]


def _lies_in(dossier: Dossier, fact: Fact, places: frozenset[str]) -> bool:
    if fact.site in places:
        return True
    site = dossier.entry("site", fact.site, fact.time_ms)
    return site is not None and not places.isdisjoint(site.zones)


RULE = Rule(
    code="D39",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    # A trip is taken to go on for `trip_h` after its last reading within the exemption.
    defaults={"min_confidence": 0.9, "stop_s": 3600, "trip_h": 12},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=2 * DAY_MS),
)
