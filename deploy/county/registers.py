"""What has to be filed before the county can be watched."""

from collections.abc import Iterator
from typing import Any, Final

from deploy.county.people import Ordered, People
from deploy.county.places import SITES, ZONES
from schemas.times import DAY_MS, HOUR_MS, format_ms

Entry = dict[str, Any]
_YEAR_MS: Final = 365 * DAY_MS


def entries(people: People, epoch_ms: int) -> Iterator[tuple[str, Entry]]:
    """Yield (register, entry) in an order in which each names only what came before.

    `epoch_ms` is the day from which orders are counted back; the same epoch gives the same
    entries, which file as no change.
    """
    since = format_ms(epoch_ms - _YEAR_MS)
    for zone in ZONES:
        yield (
            "zone",
            {
                **common(zone.id, since, "county map"),
                "kind": zone.kind,
                "crs": "wgs84",
                "centre": [round(zone.lon, 4), round(zone.lat, 4)],
                "radius_m": zone.radius_m,
            },
        )
    for site in SITES:
        yield (
            "site",
            {
                **common(site.id, since, "county map"),
                "name": site.name,
                "role": site.role,
                "zones": site.zones,
                "position": {"lon": round(site.lon, 4), "lat": round(site.lat, 4), "crs": "wgs84"},
                "heartbeat_s": 0,
            },
        )
    for ordered in people.ordered:
        yield "order", _order(ordered, epoch_ms)
        if ordered.shared_car is not None:
            yield (
                "vehicle-link",
                {
                    **common(f"link-{ordered.order}", since, "vehicle office"),
                    "person": identifier(ordered.id_number),
                    "plate": ordered.shared_car,
                    "role": "household",
                    "strength": 0.8,
                },
            )
    cars = [resident.plate for resident in people.residents]
    cars += [plate for each in people.ordered if (plate := each.car or each.shared_car)]
    for number, plate in enumerate(cars, 1):
        yield (
            "resident-vehicle",
            {
                **common(f"car-{number:04d}", since, "vehicle office"),
                "plate": plate,
            },
        )


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


def _order(ordered: Ordered, epoch_ms: int) -> Entry:
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
    return entry if ordered.car is None else {**entry, "vehicles": [ordered.car]}
