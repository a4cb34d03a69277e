"""Whether an enterprise is ready to open: every point of the list, by name, and what is left. Pure.

The points are those that counties asked for in February 2020 before work began again: somebody in
charge, who comes and from where, masks and thermometers, a room to isolate in, cleaning, distance
at meals.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from schemas.alerts import Reason


class Point(Struct, frozen=True):
    """One point of the list."""

    name: str
    asks: Reason


READINESS: Final[Sequence[Point]] = (
    Point("in_charge", Reason("Is somebody in charge of prevention?", "是否落实防疫负责人")),
    Point(
        "roster", Reason("Is there a roster of who comes, and from where?", "是否有返岗人员名册")
    ),
    Point("health_checks", Reason("Is everybody checked every day?", "是否每日健康监测")),
    Point("masks", Reason("Are there masks and thermometers?", "防护物资是否到位")),
    Point("isolation_room", Reason("Is there a room to isolate in?", "是否有隔离场所")),
    Point("cleaning", Reason("Is it cleaned and aired?", "是否消毒通风")),
    Point("meals", Reason("Is distance kept at meals?", "就餐是否分散")),
)


def lacking(answers: Mapping[str, Any]) -> list[str]:
    """Return the points that nobody has answered with yes, in the order of the list."""
    return [point.name for point in READINESS if answers.get(point.name) is not True]
