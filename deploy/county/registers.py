"""What has to be filed before the county can be watched."""

from collections.abc import Iterator
from typing import Any, Final

from deploy.county.people import Listed, Ordered, People
from deploy.county.places import HEARTBEAT_S, REGION, VALLEY_MIN_S, VALLEY_USUAL_S
from schemas.times import DAY_MS, HOUR_MS, format_ms

Entry = dict[str, Any]
_YEAR_MS: Final = 365 * DAY_MS
RISK_AREA: Final = "330300"
ENTERPRISE: Final = "mill"
# Where check-ins are sent to; the second one fails in the afternoon.
PLATFORMS: Final = ("check-in-1", "check-in-2")


def entries(people: People, epoch_ms: int) -> Iterator[tuple[str, Entry]]:
    """Yield (register, entry) in an order in which each names only what came before.

    `epoch_ms` is the day from which orders are counted back; the same epoch gives the same
    entries, which file as no change.
    """
    since, until = format_ms(epoch_ms - _YEAR_MS), format_ms(epoch_ms + _YEAR_MS)
    for zone in people.places.zones:
        yield (
            "zone",
            {
                **common(zone.id, since, "county map"),
                "kind": zone.kind,
                "crs": "wgs84",
                "centre": [zone.lon, zone.lat],
                "radius_m": zone.radius_m,
            },
        )
    for site in people.places.sites:
        yield (
            "site",
            {
                **common(site.id, since, "county map"),
                "name": site.name,
                "role": site.role,
                "zones": site.zones,
                "position": {"lon": site.lon, "lat": site.lat, "crs": "wgs84"},
                "heartbeat_s": site.heartbeat_s,
                **({"mandatory": True} if site.mandatory else {}),
            },
        )
    for ordered in people.ordered:
        yield "order", _order(people, ordered, epoch_ms)
    yield from _offices(people, since)
    for ordered in people.ordered:
        if ordered.shared_car is not None:
            yield "vehicle-link", _link(ordered, ordered.id_number, "household", 0.8, since)
            yield "vehicle-link", _link(ordered, ordered.spouse, "owner", 1.0, since)
    for number, plate in enumerate(_cars(people), 1):
        yield (
            "resident-vehicle",
            {**common(f"car-{number:05d}", since, "vehicle office"), "plate": plate},
        )
    for listed in people.listed:
        yield "watch-entry", _watch_entry(listed, epoch_ms, since, until)
    yield from _exemptions(people, since, until)


def common(entry_id: str, valid_from: str, reason: str) -> Entry:
    """Return what every entry has."""
    return {
        "id": entry_id,
        "valid_from": valid_from,
        "author": "county",
        "source": "simulated county",
        "reason": reason,
        "purpose": "outbreak-control",
    }


def identifier(id_number: str) -> Entry:
    """Return who has this resident ID, as a request names them."""
    return {"id_type": "resident_id", "id_number": id_number}


def _cars(people: People) -> Iterator[str]:
    """Yield the plate of every car that is at home here, but for taxis and coaches."""
    households = (*people.residents, *people.parked)
    yield from (household.plate for household in households if household.plate)
    yield from (plate for each in people.ordered if (plate := each.car or each.shared_car))
    yield from (listed.plate for listed in people.listed if listed.plate)


def _offices(people: People, since: str) -> Iterator[tuple[str, Entry]]:
    """Yield the roads of the valley, what is asked of whom, and the thresholds of a county where
    a day has to show what takes longer elsewhere."""
    valley = people.places.valley
    for start, end, legs in (
        (valley.up, valley.gate, 1),
        (valley.gate, valley.down, 1),
        (valley.up, valley.down, 2),
    ):
        entry = common(f"road-{start.id}-{end.id}", since, "road office")
        way = {
            "from": start.id,
            "to": end.id,
            "min_s": legs * VALLEY_MIN_S,
            "p50_s": legs * VALLEY_USUAL_S,
        }
        yield "route", {**entry, **way, **({"via": [valley.gate.id]} if legs > 1 else {})}
    yield "risk-area", {**common("risk-1", since, "health office"), "area": RISK_AREA,
                        "level": "high"}  # fmt: skip
    for platform in PLATFORMS:
        entry = common(platform, since, "health office")
        hears = {"site": "health-office", "heartbeat_s": HEARTBEAT_S}
        yield "device", {**entry, **hears, "secret": "of-the-simulated-county"}
    for number in range(1, people.size.reporters + 1):
        yield "reporter", {**common(f"reporter-{number}", since, "county office"),
                           "due_local": "17:00"}  # fmt: skip
    yield "enterprise", {**common(ENTERPRISE, since, "industry office"), "name": "Textile mill"}
    yield "worker", {**common("worker-of-mill-1", since, "industry office"),
                     "enterprise": ENTERPRISE,
                     "person": identifier(people.workers[0])}  # fmt: skip
    yield "pass", {**common("pass-county", since, "county office"), "scope": [REGION],
                   "medium": "paper"}  # fmt: skip
    thresholds = {
        "inflow-surge": {"at_least": people.size.most_inflow},
        "unregistered-resident": {"stay_h": 6, "lag_h": 1},
        "foreign-resident-unregistered": {"within_h": 4},
        "risk-round-trip": {"away_h": 2},
    }
    policy = {**common("policy", since, "leading group"), "response_level": "1"}
    yield "policy", {**policy, "rules": thresholds}


def _order(people: People, ordered: Ordered, epoch_ms: int) -> Entry:
    start_ms = epoch_ms - ordered.days_ago * DAY_MS + 9 * HOUR_MS
    entry = {
        **common(ordered.order, format_ms(start_ms), f"{ordered.class_} of a known case"),
        "subject": identifier(ordered.id_number),
        "class": ordered.class_,
        "kind": "facility" if ordered.zone.startswith("facility") else "home",
        "zone": ordered.zone,
        "exposure_date": format_ms(start_ms - DAY_MS)[:10],
        "start": format_ms(start_ms),
        "last_day": format_ms(start_ms + 14 * DAY_MS)[:10],
        "household": ordered.household,
    }
    if ordered in people.missing:
        entry["channel"] = "phone"
    return entry if ordered.car is None else {**entry, "vehicles": [ordered.car]}


def _link(ordered: Ordered, id_number: str, role: str, strength: float, since: str) -> Entry:
    return {
        **common(f"link-{ordered.order}-{role}", since, "vehicle office"),
        "person": identifier(id_number),
        "plate": ordered.shared_car,
        "role": role,
        "strength": strength,
    }


def _watch_entry(listed: Listed, epoch_ms: int, since: str, until: str) -> Entry:
    entry = {
        **common(f"watch-{listed.id}", since, "health office"),
        "valid_to": format_ms(epoch_ms - DAY_MS) if listed.expired else until,
        "category": listed.category,
    }
    if listed.plate is not None:
        entry["plate"] = listed.plate
    if listed.id_number is not None:
        entry["person"] = identifier(listed.id_number)
    return entry if listed.site is None else {**entry, "sites": [listed.site]}


def _exemptions(people: People, since: str, until: str) -> Iterator[tuple[str, Entry]]:
    fleets = (("taxi", people.taxis), ("coach", people.coaches))
    for name, plates in fleets:
        for number, plate in enumerate(plates, 1):
            entry = common(f"{name}-{number:03d}", since, "transport office")
            yield "exemption", {**entry, "valid_to": until, "kind": "fleet", "plate": plate}
    for number, plate in enumerate(people.trucks, 1):
        entry = common(f"truck-{number:03d}", since, "supply office")
        extra = {"valid_to": until, "kind": "green-channel", "corridor": [REGION]}
        yield "exemption", {**entry, **extra, "plate": plate}
    for number, id_number in enumerate(people.workers, 1):
        entry = common(f"worker-{number:04d}", since, "industry office")
        extra = {"valid_to": until, "kind": "whitelist"}
        yield "exemption", {**entry, **extra, "person": identifier(id_number)}
