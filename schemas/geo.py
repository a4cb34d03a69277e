"""Positions in one reference system: from GCJ-02, that of Chinese maps, to WGS-84 and back.

GCJ-02 shifts a place in mainland China by 50 to 700 m, by sines and roots of its position (domain:
Geo). The shift has no inverse in closed form; it is smooth, so repeated correction finds it.
"""

from math import cos, pi, sin, sqrt
from typing import Final

# Of the ellipsoid of Krasovsky 1940, on which the shift is laid out: axis in metres, eccentricity.
_AXIS_M: Final = 6_378_245.0
_ECCENTRICITY_SQUARED: Final = 0.006_693_421_622_965_943
# The rectangle outside of which nothing is shifted, in degrees.
_LON: Final = (72.004, 137.8347)
_LAT: Final = (0.8293, 55.8271)
# The shift changes by less than a thousandth of the step; each round gains three digits.
_ROUNDS: Final = 4


def to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Return a WGS-84 position (degrees) in GCJ-02; outside of China it is the same."""
    if not (_LON[0] <= lon <= _LON[1] and _LAT[0] <= lat <= _LAT[1]):
        return lon, lat
    east_m, north_m = _shift_m(lon - 105.0, lat - 35.0)
    radians = lat / 180 * pi
    curvature = 1 - _ECCENTRICITY_SQUARED * sin(radians) ** 2
    north_deg = (
        north_m * 180 / (_AXIS_M * (1 - _ECCENTRICITY_SQUARED) / (curvature * sqrt(curvature)) * pi)
    )
    east_deg = east_m * 180 / (_AXIS_M / sqrt(curvature) * cos(radians) * pi)
    return lon + east_deg, lat + north_deg


def to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    """Return a GCJ-02 position (degrees) in WGS-84, to within a millimetre inside of China."""
    found_lon, found_lat = lon, lat
    for _ in range(_ROUNDS):
        shifted_lon, shifted_lat = to_gcj02(found_lon, found_lat)
        found_lon += lon - shifted_lon
        found_lat += lat - shifted_lat
    return found_lon, found_lat


def _shift_m(x: float, y: float) -> tuple[float, float]:
    """Return the shift to the east and north at degrees from 105° E, 35° N."""
    root = sqrt(abs(x))
    ripple = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    north += (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    east += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    return east, north
