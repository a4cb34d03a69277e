"""How far outside a zone a position lies (domain: Geo; everything is compared in WGS-84)."""

from math import asin, cos, radians, sin, sqrt
from typing import Final

from shapely import Point, Polygon

from schemas.geo import to_wgs84 as from_gcj02
from schemas.registers import Point as Place
from schemas.registers import Zone

# The mean radius of the earth (IUGG).
_EARTH_M: Final = 6_371_008.8


def outside_m(zone: Zone, lon: float, lat: float) -> float:
    """Return the metres from a WGS-84 position to the edge of a zone, negative inside.

    A hole of a polygon is outside. Distances are right to a thousandth within some kilometres.
    """
    if zone.centre is not None and zone.radius_m is not None:
        return metres(to_wgs84(zone.crs, zone.centre), (lon, lat)) - zone.radius_m
    assert zone.geometry is not None  # A zone has one or the other (schemas/normalising.py).
    scale = cos(radians(lat))
    # Metres to the east and north of the position.
    shell, *holes = [
        [
            (radians(x - lon) * scale * _EARTH_M, radians(y - lat) * _EARTH_M)
            for x, y in (to_wgs84(zone.crs, place) for place in ring)
        ]
        for ring in zone.geometry.coordinates
    ]
    area, here = Polygon(shell, holes), Point(0, 0)
    return area.distance(here) or -area.boundary.distance(here)


def to_wgs84(crs: str, place: Place) -> Place:
    """Return a place of a reference system (wgs84 or gcj02) in WGS-84."""
    return from_gcj02(*place) if crs == "gcj02" else place


def metres(one: Place, other: Place) -> float:
    """Return the distance in m of two WGS-84 places, along the great circle."""
    (lon1, lat1), (lon2, lat2) = one, other
    half = sin(radians(lat2 - lat1) / 2) ** 2
    half += cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_M * asin(sqrt(half))
