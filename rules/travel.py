"""How long the way between two sites takes at least: by a filed route, else by the distance.

It accuses, so it rests on what was filed by then; and what is filed later and makes the way shorter
excuses (contracts: Registers).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from rules.dossier import Dossier
from rules.facts import NEWEST
from rules.zone_geometry import metres, to_wgs84
from schemas.registers import Point as Place
from schemas.registers import Position, Route, Site
from schemas.versions import first_filed

# Faster than this nobody gets on (domain: D30, 120 km/h), and nearer than this nobody is measured.
FASTEST_M_S: Final = 120 / 3.6
NEAREST_M: Final = 2_000.0


def least_s(dossier: Dossier, start: str, end: str, at_ms: int, known_ms: int) -> float | None:
    """Return the least time in s from one site to another, None = nothing is known of it.

    A filed route replaces distance and speed; it holds both ways unless the reverse is filed. Of
    several the quickest counts.
    """
    known_s, by_now_s = ways_s(dossier, start, end, at_ms, known_ms)
    return None if known_s is None or by_now_s is None else min(known_s, by_now_s)


def ways_s(
    dossier: Dossier, start: str, end: str, at_ms: int, known_ms: int
) -> tuple[float | None, float | None]:
    """Return the least time in s as filed by an instant, and as filed by now."""
    known_s = _way_s(dossier, start, end, at_ms, known_ms)
    return known_s, _way_s(dossier, start, end, at_ms, NEWEST)


def longest_s(routes: Iterable[Route], starts: Iterable[Site], ends: Iterable[Site]) -> float:
    """Return what `least_s` exceeds at no time, of all filings of the routes between two sites and
    of the sites; 0 where nothing is known of the way."""
    ways = [float(route.min_s) for route in routes]
    there = [site.position for site in ends if site.position]
    for start in starts:
        if start.position:
            ways += [_straight_s(start.position, end) or 0.0 for end in there]
    return max(ways, default=0.0)


def routes_between(
    dossier: Dossier, start: str, end: str, at_ms: int, known_ms: int
) -> list[Route]:
    """Return the routes from one site to another; one filed the other way holds both ways unless
    the reverse is filed."""
    there: list[Route] = []
    back: list[Route] = []
    for _, route in dossier.about("route", start, at_ms, known_ms):
        if (route.from_, route.to) == (start, end):
            there.append(route)
        elif (route.from_, route.to) == (end, start):
            back.append(route)
    return there or back


def _way_s(dossier: Dossier, start: str, end: str, at_ms: int, known_ms: int) -> float | None:
    routes = routes_between(dossier, start, end, at_ms, known_ms)
    if routes:
        return min(route.min_s for route in routes)
    positions = list(_positions(dossier, (start, end), at_ms, known_ms))
    return _straight_s(*positions) if len(positions) == 2 else None


def _positions(
    dossier: Dossier, sites: Iterable[str], at_ms: int, known_ms: int
) -> Iterator[Position]:
    for site_id in sites:
        site: Site | None = dossier.entry("site", site_id, at_ms, known_ms)
        if site is None:
            # What was seen at a site before that was filed is judged when it is.
            late = first_filed(dossier.versions("site", site_id), at_ms)
            site = late.facts if late else None
        if site is not None and site.position:
            yield site.position


def _straight_s(start: Position, end: Position) -> float | None:
    far_m = metres(place_of(start), place_of(end))
    return far_m / FASTEST_M_S if far_m >= NEAREST_M else None


def place_of(position: Position) -> Place:
    """Return where a position lies in WGS-84."""
    return to_wgs84(position.crs, (position.lon, position.lat))
