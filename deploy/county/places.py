"""The county's twenty sites and eight zones, and the roads between them in seconds."""

from typing import Final, Literal

from msgspec import Struct

Role = Literal["boundary", "checkpoint", "inner", "community"]
REGION: Final = "county"
FACILITY: Final = "facility-hotel"
COMMUNITIES: Final = tuple(f"community-{n}" for n in range(1, 7))


class Site(Struct, frozen=True):
    """A place where devices stand; `home` is the community or facility that it is the gate of."""

    id: str
    name: str
    role: Role
    lon: float
    lat: float
    home: str | None = None

    @property
    def zones(self) -> list[str]:
        """The zones that it lies in."""
        return [REGION, self.home] if self.home else [REGION]


class Zone(Struct, frozen=True):
    """A round area."""

    id: str
    kind: Literal["community", "region", "facility"]
    lon: float
    lat: float
    radius_m: float


ZONES: Final = (
    Zone(REGION, "region", 120.92, 30.84, 22_000),
    *(
        Zone(name, "community", 120.88 + 0.02 * (n % 3), 30.82 + 0.03 * (n // 3), 450)
        for n, name in enumerate(COMMUNITIES)
    ),
    Zone(FACILITY, "facility", 120.955, 30.865, 120),
)

BOUNDARY: Final = (
    Site("gate-north", "北界卡口 north gate", "boundary", 120.92, 31.03),
    Site("gate-east", "东界卡口 east gate", "boundary", 121.11, 30.84),
    Site("gate-south", "南界卡口 south gate", "boundary", 120.92, 30.65),
    Site("gate-west", "西界卡口 west gate", "boundary", 120.73, 30.84),
)
EXPRESSWAY: Final = (
    Site("expressway-a", "高速东出口 expressway exit A", "checkpoint", 121.00, 30.80),
    Site("expressway-b", "高速西出口 expressway exit B", "checkpoint", 120.84, 30.88),
)
INNER: Final = tuple(
    Site(f"camera-{n}", f"市区相机 {n} town camera {n}", "inner", 120.87 + 0.017 * n, 30.84)
    if n % 2
    else Site(f"camera-{n}", f"市区相机 {n} town camera {n}", "inner", 120.87 + 0.017 * n, 30.85)
    for n in range(1, 7)
)
COMMUNITY: Final = (
    *(
        Site(f"{each.id}-gate", f"小区门 {each.id}", "community", each.lon, each.lat, each.id)
        for each in ZONES
        if each.kind == "community"
    ),
    Site("community-1-back", "小区后门 back gate of community-1", "community", 120.881, 30.821,
         COMMUNITIES[0]),
    Site("facility-gate", "隔离点大门 facility gate", "community", 120.955, 30.865, FACILITY),
)  # fmt: skip
SITES: Final = (*BOUNDARY, *EXPRESSWAY, *INNER, *COMMUNITY)


def gate_of(zone: str) -> Site:
    """Return the main gate of a community or facility."""
    return next(site for site in COMMUNITY if site.home == zone)
