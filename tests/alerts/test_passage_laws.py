"""Laws of rules about vehicles on their way, for small histories between placed sites.

Whatever the order of arrival, the batches, the partitions and the crashes: the same alerts stand.
"""

from collections.abc import Collection, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.times import HOUR_MS, MINUTE_MS
from tests.alerts.build import (
    Line,
    at,
    clock,
    exempt,
    hit,
    ms,
    order,
    recorded_ms,
    route,
    scan,
    site,
    text,
    watch,
)
from tests.alerts.running import Deployment, steps

law = settings(
    max_examples=settings().max_examples * 40 // 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)

DUSK = ms("02-10 20:00")
# The second and the third are easily taken for the first, which is under order and watched.
CAR = "浙F6M118"
PLATES = (CAR, CAR, CAR, "浙F6M1L8", "浙F6MZ18")
SITES = ("inner", "inner", "inner-2", "inner-2", "post", "gate-1", "bound")
COUNTY: tuple[Line, ...] = (
    site("inner", position=at(120.0)),
    site("inner-2", position=at(120.9)),
    site("bound", "boundary", position=at(120.3)),
    site("gate-1", "community", ("county", "home-1"), position=at(120.1)),
    site("post", "checkpoint", mandatory=True, position=at(120.5)),
    route("inner", "inner-2", 48, 60, via=["post"]),
    route("inner", "gate-1", 8, 12),
    order("o1", vehicles=[CAR]),
    watch("w1", "浙F6M1Z8"),
    exempt("e1", CAR, corridor=["home-1"], stops=["post", "inner"]),
)
DELAYS = (0, 0, 0, 90_000, 40 * MINUTE_MS, 9 * HOUR_MS, 47 * HOUR_MS)
END = clock("02-14 06:00")


@st.composite
def readings(draw: st.DrawFn, number: int) -> Line:
    """A plate is read, or typed at the checkpoint."""
    when = DUSK + draw(st.integers(0, 48)) * 10 * MINUTE_MS + draw(st.integers(0, 3)) * 1000
    plate, where = draw(st.sampled_from(PLATES)), draw(st.sampled_from(SITES))
    recorded = when + draw(st.sampled_from(DELAYS))
    if where == "post" and draw(st.booleans()):
        line = scan(where, when, plate=plate, recorded=recorded)
        return {**line, "id": f"s{number}"}
    vehicle = draw(st.sampled_from(({"type": "car", "colour": "red"}, {"type": "car"})))
    return hit(
        plate, where, when, draw(st.sampled_from(("in", "in", "internal", "out"))),
        confidence=draw(st.sampled_from((0.97, 0.97, 0.97, 0.93, 0.6))),
        recorded=recorded, event_id=f"h{number}", vehicle=vehicle,
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Line]:
    """Readings in the order in which they were accepted."""
    count = draw(st.integers(2, 14))
    lines = [draw(readings(number)) for number in range(count)]
    return sorted(lines, key=recorded_ms)


def standing(deployment: Deployment) -> list[Any]:
    """What stands of each alert: not how often it was told, and not what was taken back."""
    assert deployment.failed == []
    return [
        (alert.id, alert.rule, alert.severity, alert.count, alert.state, alert.reason.en,
         alert.historical, alert.evidence)
        for alert in deployment.final
        if alert.state != "retracted"
    ]  # fmt: skip


def ran(lines: Sequence[Line], **how: Any) -> list[Any]:
    """What stands after some lines."""
    partitions = how.pop("partitions", 1)
    deployment = Deployment(partitions=partitions)
    return standing(deployment.run(steps([*COUNTY, *lines, END]), **how))


@law
@given(histories(), st.sets(st.integers(10, 26)), st.integers(2, 5))
def test_batches_partitions_and_crashes_do_not_matter(
    lines: list[Line], some: Collection[int], partitions: int
) -> None:
    wanted = ran(lines)
    assert ran(lines, commits=some) == wanted
    assert ran(lines, crashes=some) == wanted
    assert ran(lines, partitions=partitions) == wanted


@law
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(lines: list[Line], chance: Any) -> None:
    # All of them were accepted in one hour, two days later, in whatever order.
    later = [{**line, "recordedtime": text("02-13 02:00")} for line in lines]
    shuffled = later.copy()
    chance.shuffle(shuffled)
    assert ran(later) == ran(shuffled)
