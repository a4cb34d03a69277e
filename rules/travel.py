"""How long the way between two sites takes at least: by a filed route, else by the distance."""

from math import asin, cos, radians, sin, sqrt
from typing import Final

from rules.dossier import Dossier
from schemas.registers import Position, Site

EARTH_M: Final = 6_371_000.0
# Faster than this nobody gets on (domain: D30, 120 km/h), and nearer than this nobody is measured.
FASTEST_M_S: Final = 120 / 3.6
NEAREST_M: Final = 2_000.0


def least_s(dossier: Dossier, start: str, end: str, at_ms: int) -> float | None:
    """Return the least time in s from one site to another, None = nothing is known of it.

    A filed route replaces distance and speed; it holds both ways unless the reverse is filed. Of
    several the quickest counts.
    """
    there: list[int] = []
    back: list[int] = []
    for _, route in dossier.about("route", start, at_ms):
        if (route.from_, route.to) == (start, end):
            there.append(route.min_s)
        elif (route.from_, route.to) == (end, start):
            back.append(route.min_s)
    if there or back:
        return min(there or back)
    sites = [dossier.entry("site", each, at_ms) for each in (start, end)]
    positions = [site.position for site in sites if isinstance(site, Site) and site.position]
    if len(positions) < 2 or positions[0].crs != positions[1].crs:
        return None
    far_m = distance_m(*positions)
    return far_m / FASTEST_M_S if far_m >= NEAREST_M else None


def distance_m(one: Position, other: Position) -> float:
    """Return the distance in m of two points of one reference system, along the great circle."""
    north, east = radians(other.lat - one.lat), radians(other.lon - one.lon)
    along = cos(radians(one.lat)) * cos(radians(other.lat))
    return 2 * EARTH_M * asin(sqrt(sin(north / 2) ** 2 + along * sin(east / 2) ** 2))
