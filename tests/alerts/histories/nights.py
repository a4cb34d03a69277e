"""Vehicles that come, stay overnight and go, and new faces that neighbours tell of."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.alerts.build import (
    Line,
    deletion,
    exempt,
    hit,
    link,
    order,
    report,
    residence,
    resident,
    site,
    watch,
)
from tests.alerts.histories.family import Family, accepted, filed_at, moments

PLATES = ("浙F12345", "浙F72345", "皖K12345")
STAYED_MS = (20 * 60_000, 7 * 3_600_000, 12 * 3_600_000)


def _before(draw: st.DrawFn) -> Sequence[Line]:
    heartbeat_s = draw(st.sampled_from((0, 0, 7200)))
    return (site("gate-1", "community", ("county", "home-1"), heartbeat_s=heartbeat_s),)


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    plate = draw(st.sampled_from(PLATES))
    kind = draw(st.integers(0, 9))
    if kind < 2:
        address = draw(st.sampled_from(("R-new Lane", "r-new  lane", "1 Mill Lane")))
        return report(
            "tip", "hotline", when, recorded=accepted(draw, when),
            kind="new-face", reporter_role="resident", address=address,
        )  # fmt: skip
    stages = [
        (draw(st.sampled_from(("bound", "bound", "bound-2"))), "in", 0),
        (draw(st.sampled_from(("gate-1", "gate-1", "gate-2", "inner"))), "in", 40 * 60_000),
    ]
    if draw(st.booleans()):
        stages.append(("gate-1", "out", 40 * 60_000 + draw(st.sampled_from(STAYED_MS))))
    if draw(st.integers(0, 2)) == 0:
        stages.append(("bound", "out", draw(st.sampled_from((119, 121))) * 60_000))
    keep = draw(st.sets(st.integers(0, len(stages) - 1), min_size=1))
    return [
        hit(
            plate, where, when + later, direction,
            confidence=draw(st.sampled_from((0.97, 0.97, 0.93, 0.7))),
            recorded=accepted(draw, when + later),
        )
        for number, (where, direction, later) in enumerate(stages)
        if number in keep
    ]  # fmt: skip


FAMILY = Family(
    "nights",
    frozenset(("first-seen-vehicle", "overnight-stay", "unregistered-resident")),
    _before,
    _event,
    (
        lambda draw: resident(draw(st.sampled_from(PLATES)), filed=draw(filed_at)),
        lambda draw: deletion("resident-vehicle", PLATES[0], draw(moments)),
        lambda draw: link("l1", "wang", draw(st.sampled_from(PLATES)), filed=draw(filed_at)),
        lambda draw: residence("r-wang", "wang", filed=draw(filed_at), since=draw(moments)),
        lambda draw: residence("r-new", "li", filed=draw(filed_at), since="02-10 06:00"),
        lambda draw: exempt(
            "x1",
            draw(st.sampled_from(PLATES)),
            draw(st.sampled_from(("fleet", "whitelist"))),
            filed=draw(filed_at),
            corridor=draw(st.sampled_from((None, ("home-1",)))),
        ),
        lambda draw: watch("w1", draw(st.sampled_from(PLATES)), filed=draw(filed_at)),
        lambda draw: order("o1", "wang", start=draw(moments), vehicles=PLATES[:1]),
    ),
    most=6,
)
