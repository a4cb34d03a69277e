"""Where things are: the sites and zones of a county, and how long the way between two is."""

from functools import lru_cache
from itertools import cycle, islice
from math import cos, hypot, pi, radians, sin, sqrt
from typing import Final, Literal

from msgspec import Struct

from deploy.county.size import Size

Role = Literal["boundary", "checkpoint", "inner", "community"]
REGION: Final = "county"
VALLEY: Final = "valley"
# How long the way from one end of the valley to its checkpoint takes, at least and usually.
VALLEY_MIN_S: Final = 150
VALLEY_USUAL_S: Final = 210
HEARTBEAT_S: Final = 60
_QUIET: Final = 3
_OFFLINE: Final = "east"
_LON, _LAT = 120.92, 30.84
_METRES_PER_DEGREE: Final = 111_320.0
_COMPASS: Final = (
    ("north", "北界"), ("east", "东界"), ("south", "南界"), ("west", "西界"),
    ("northeast", "东北界"), ("southeast", "东南界"), ("southwest", "西南界"),
    ("northwest", "西北界"),
)  # fmt: skip
# Roads are so much longer than the straight line, and cars go so fast on them.
_DETOUR: Final = 1.3
_SPEED_M_S: Final = 15.0
_LEAST_S: Final = 40
# Golden angle: points along a spiral with it lie evenly over a disc.
_GOLDEN: Final = pi * (3 - sqrt(5))


class Site(Struct, frozen=True):
    """A place where devices stand; `home` is the community or facility that it is the gate of, or
    the valley. Where a heartbeat is expected, it is `heartbeat_s` apart."""

    id: str
    name: str
    role: Role
    lon: float
    lat: float
    home: str | None = None
    mandatory: bool = False
    heartbeat_s: int = 0

    @property
    def zones(self) -> list[str]:
        """The zones that it lies in."""
        return [REGION, self.home] if self.home else [REGION]


class Zone(Struct, frozen=True):
    """A round area."""

    id: str
    kind: Literal["community", "region", "facility", "grid"]
    lon: float
    lat: float
    radius_m: float


class Valley(Struct, frozen=True):
    """The only road through it leads from `up` past the checkpoint `gate` to `down`; nobody uses it
    but for what is planted."""

    up: Site
    gate: Site
    down: Site

    @property
    def sites(self) -> tuple[Site, ...]:
        """All three, in the order of the road."""
        return self.up, self.gate, self.down


class Places(Struct, frozen=True):
    """All of a county. `boundary` are its gates and expressway exits, `gates` the main gate of
    each community and facility by the name of the zone.

    `offline` loses its connection now and then and uploads afterwards; the clock of `skewed` is
    fast. `quiet` are checkpoints at which nothing happens but what is planted; the last one falls
    silent now and then.
    """

    zones: tuple[Zone, ...]
    boundary: tuple[Site, ...]
    checkpoints: tuple[Site, ...]
    inner: tuple[Site, ...]
    community: tuple[Site, ...]
    communities: tuple[str, ...]
    facilities: tuple[str, ...]
    gates: dict[str, Site]
    quiet: tuple[Site, ...]
    valley: Valley
    offline: Site
    skewed: Site

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every site."""
        return (*self.boundary, *self.checkpoints, *self.quiet, *self.inner, *self.community,
                *self.valley.sites)  # fmt: skip

    @property
    def heard(self) -> tuple[Site, ...]:
        """The sites that send heartbeats."""
        return tuple(site for site in self.sites if site.heartbeat_s)

    @property
    def stops(self) -> tuple[Site, ...]:
        """Where people are checked on the road."""
        return (*self.checkpoints, *self.boundary)


@lru_cache(maxsize=4)
def lay_out(size: Size) -> Places:
    """Return the places of a county of a size."""
    radius_m = size.radius_m
    boundary = (
        *(
            Site(
                f"gate-{name}",
                f"{chinese}卡口 {name} gate",
                "boundary",
                *_ring(angle, radius_m),
                heartbeat_s=HEARTBEAT_S if name == _OFFLINE else 0,
            )
            for angle, (name, chinese) in zip(
                islice(cycle((0, 90, 180, 270, 45, 135, 225, 315)), size.gates),
                _COMPASS,
                strict=False,
            )
        ),
        *(
            Site(
                f"expressway-{letter}",
                f"高速出口 {letter.upper()} expressway exit {letter.upper()}",
                "boundary",
                *_ring(20 + 360 * number / size.expressways, radius_m),
            )
            for number, letter in enumerate("abcdefgh"[: size.expressways])
        ),
    )
    checkpoints = tuple(
        Site(f"checkpoint-{n}", f"检查点 {n} checkpoint {n}", "checkpoint",
             *_ring(60 + 360 * n / size.checkpoints, 0.7 * radius_m))
        for n in range(1, size.checkpoints + 1)
    )  # fmt: skip
    inner = tuple(
        Site(f"camera-{n}", f"市区相机 {n} town camera {n}", "inner",
             *_spiral(n, size.cameras, 0.6 * radius_m))
        for n in range(1, size.cameras + 1)
    )  # fmt: skip
    quiet = tuple(
        Site(f"quiet-{n}", f"乡道检查点 {n} country checkpoint {n}", "checkpoint",
             *_ring(200 + 15 * n, 0.9 * radius_m), heartbeat_s=HEARTBEAT_S * (n == _QUIET))
        for n in range(1, _QUIET + 1)
    )  # fmt: skip
    road = (_ring(degrees, 0.85 * radius_m) for degrees in (100, 110, 120))
    valley = Valley(
        Site("valley-up", "谷口 upper end of the valley", "inner", *next(road), VALLEY),
        Site("valley-gate", "山谷检查点 valley checkpoint", "checkpoint", *next(road), VALLEY,
             mandatory=True),
        Site("valley-down", "谷底 lower end of the valley", "inner", *next(road), VALLEY),
    )  # fmt: skip
    homes = size.communities + size.facilities
    zones = tuple(
        Zone(f"community-{n}", "community", *_spiral(n, homes, 0.65 * radius_m, turn=1.0), 450)
        if n <= size.communities
        else Zone(f"facility-{n - size.communities}", "facility",
                  *_spiral(n, homes, 0.65 * radius_m, turn=1.0), 120)
        for n in range(1, homes + 1)
    )  # fmt: skip
    main = {
        zone.id: Site(
            f"{zone.id}-gate", f"大门 {zone.id} gate", "community", zone.lon, zone.lat, zone.id
        )
        for zone in zones
    }
    back = (
        Site(f"{zone.id}-back", f"后门 back gate of {zone.id}", "community",
             zone.lon + 0.001, zone.lat + 0.001, zone.id)
        for zone in zones[: size.back_gates]
    )  # fmt: skip
    return Places(
        zones=(
            Zone(REGION, "region", _LON, _LAT, radius_m),
            Zone(VALLEY, "grid", valley.gate.lon, valley.gate.lat, 0.2 * radius_m),
            *zones,
        ),
        boundary=boundary,
        checkpoints=checkpoints,
        inner=inner,
        community=(*main.values(), *back),
        communities=tuple(zone.id for zone in zones if zone.kind == "community"),
        facilities=tuple(zone.id for zone in zones if zone.kind == "facility"),
        gates=main,
        quiet=quiet,
        valley=valley,
        offline=boundary[1],
        skewed=inner[1],
    )


@lru_cache(maxsize=8_192)
def travel_s(start: Site, end: Site) -> int:
    """Return how long the way by car is, in seconds, on a free road."""
    east_m = (end.lon - start.lon) * _METRES_PER_DEGREE * cos(radians(_LAT))
    north_m = (end.lat - start.lat) * _METRES_PER_DEGREE
    return max(_LEAST_S, int(hypot(east_m, north_m) * _DETOUR / _SPEED_M_S))


def _ring(degrees: float, radius_m: float) -> tuple[float, float]:
    """Return the point of a circle that lies so many degrees from north."""
    return _offset(radius_m * sin(radians(degrees)), radius_m * cos(radians(degrees)))


def _spiral(number: int, count: int, radius_m: float, turn: float = 0.0) -> tuple[float, float]:
    """Return the point of that number, from 1, of so many spread over a disc."""
    distance_m, angle = radius_m * sqrt((number - 0.5) / count), turn + number * _GOLDEN
    return _offset(distance_m * sin(angle), distance_m * cos(angle))


def _offset(east_m: float, north_m: float) -> tuple[float, float]:
    lon = _LON + east_m / (_METRES_PER_DEGREE * cos(radians(_LAT)))
    return round(lon, 5), round(_LAT + north_m / _METRES_PER_DEGREE, 5)
