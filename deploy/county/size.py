"""How large a county is: the whole one, and the small one of the demo and the tests."""

from typing import Final, Literal

from msgspec import Struct

Scale = Literal["small", "full"]


class Size(Struct, frozen=True):
    """Counts of everything; `radius_m` is that of the region.

    Of the cars the last `parked` stay where they are but for what is planted. Of the persons under
    order `followed` check in every day and three times `missing` do not; `overnight` vehicles of
    strangers stay for the night. More than `most_inflow` vehicles an hour over the boundary would
    be unusual. `ordered_from` is the number of the first person under order, `rate` the events per
    second on average, `every_s` the seconds between two planted cases of a timeline.
    """

    radius_m: float
    gates: int
    expressways: int
    checkpoints: int
    cameras: int
    communities: int
    back_gates: int
    facilities: int
    vehicles: int
    persons: int
    orders: int
    order_cars: int
    ordered_from: int
    listed_plates: int
    listed_persons: int
    taxis: int
    coaches: int
    trucks: int
    workers: int
    parked: int
    followed: int
    missing: int
    reporters: int
    overnight: int
    most_inflow: int
    rate: float
    every_s: float


# So compact that an arrival is read a second time within two minutes of a demo.
SMALL: Final = Size(
    radius_m=1_200,
    gates=4,
    expressways=2,
    checkpoints=2,
    cameras=4,
    communities=6,
    back_gates=1,
    facilities=1,
    vehicles=5_000,
    persons=15_000,
    orders=50,
    order_cars=30,
    ordered_from=4_970,
    listed_plates=24,
    listed_persons=16,
    taxis=100,
    coaches=20,
    trucks=60,
    workers=60,
    parked=300,
    followed=12,
    missing=2,
    reporters=5,
    overnight=2,
    most_inflow=600,
    rate=2.0,
    every_s=60.0,
)
FULL: Final = Size(
    radius_m=22_000,
    gates=8,
    expressways=4,
    checkpoints=6,
    cameras=18,
    communities=24,
    back_gates=2,
    facilities=2,
    vehicles=20_000,
    persons=60_000,
    orders=200,
    order_cars=120,
    ordered_from=59_800,
    listed_plates=120,
    listed_persons=80,
    taxis=300,
    coaches=60,
    trucks=200,
    workers=2_400,
    parked=300,
    followed=54,
    missing=6,
    reporters=20,
    overnight=6,
    most_inflow=2_500,
    rate=6.0,
    every_s=60.0,
)
SIZES: Final[dict[Scale, Size]] = {"small": SMALL, "full": FULL}
