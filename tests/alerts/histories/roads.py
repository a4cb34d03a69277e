"""Vehicles on their way between placed sites: watched ones, cloned ones, and ones without plates.

The plates are easily taken for one another; the first is under order and has a corridor. Routes are
filed anew meanwhile, longer, shorter, and around the checkpoint; sites stay where they are.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.alerts.build import (
    Line,
    at,
    deletion,
    exempt,
    heartbeat,
    hit,
    order,
    policy,
    resident,
    route,
    scan,
    site,
    watch,
)
from tests.alerts.histories.family import DAWN, Family, accepted, filed_at, moments

CAR = "浙F6M118"
PLATES = (CAR, CAR, CAR, "浙F6M1L8", "浙F6MZ18")
SITES = ("inner", "inner", "inner-2", "inner-2", "post", "gate-1", "bound")
WHITE, BLACK = {"type": "car", "colour": "white"}, {"type": "car", "colour": "black"}


def _before(draw: st.DrawFn) -> Sequence[Line]:
    return (
        site("inner", position=at(120.0)),
        site("inner-2", position=at(120.9)),
        site("bound", "boundary", position=at(120.3)),
        site("gate-1", "community", ("county", "home-1"), position=at(120.1)),
        site("post", "checkpoint", mandatory=True, position=at(120.5),
             heartbeat_s=draw(st.sampled_from((0, 3600)))),
        route("inner", "inner-2", 48, 60, via=["post"]),
        route("inner", "gate-1", 8, 12),
        order("o1", start="02-08 10:00", vehicles=[CAR]),
        watch("w1", "浙F6M178"),
        exempt("e1", CAR, corridor=["home-1"], stops=["post", "inner"]),
    )  # fmt: skip


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    plate, where = draw(st.sampled_from(PLATES)), draw(st.sampled_from(SITES))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return heartbeat("box", when, "post")
    if kind == 1:
        there, here = draw(st.sampled_from((("inner", "gate-1"), ("gate-1", "inner"))))
        later = when + draw(st.sampled_from((7, 8, 12, 13))) * 60_000
        return [
            hit(None, there, when, confidence=0, vehicle=WHITE, recorded=accepted(draw, when)),
            hit(None, here, later, confidence=0, vehicle=WHITE, recorded=accepted(draw, later)),
        ]
    if kind == 2:
        return scan("post", when, plate=plate, recorded=accepted(draw, when))
    if kind < 6:
        # There and back, far sooner than anybody can drive.
        there, here = draw(st.sampled_from((("inner", "inner-2"), ("gate-1", "inner-2"))))
        later = when + draw(st.sampled_from((20, 41, 55))) * 60_000
        return [
            _read(draw, CAR, there, when),
            _read(draw, CAR, here, later),
        ]
    return _read(draw, plate, where, when)


def _read(draw: st.DrawFn, plate: str, where: str, when: int) -> Line:
    return hit(
        plate, where, when, draw(st.sampled_from(("in", "in", "internal", "out"))),
        confidence=draw(st.sampled_from((0.97, 0.97, 0.97, 0.93, 0.6))),
        recorded=accepted(draw, when), vehicle=draw(st.sampled_from((WHITE, WHITE, BLACK))),
    )  # fmt: skip


FAMILY = Family(
    "roads",
    frozenset(
        ("watch-list-hit", "downstream-warning", "fuzzy-plate-hit", "quarantined-vehicle-moving",
         "checkpoint-bypass", "cloned-plate", "no-plate", "green-channel-deviation")
    ),
    _before,
    _event,
    (
        lambda draw: watch("w2", CAR, filed=draw(filed_at)),
        lambda draw: watch("w1", "浙F6M178", filed=draw(filed_at), until=draw(moments)),
        lambda draw: deletion("watch-entry", "w1", draw(moments)),
        lambda draw: exempt("e1", CAR, filed=draw(filed_at), until=draw(moments),
                            corridor=["home-1"], stops=["gate-1"]),
        lambda draw: exempt("e2", CAR, "fleet", filed=draw(filed_at)),
        lambda draw: resident("浙F6M1L8", filed=draw(filed_at)),
        lambda draw: policy("cloned-plate", filed=DAWN - 1, wait_s=60),
        lambda draw: route("inner", "inner-2", draw(st.sampled_from((5, 48, 90))), 95,
                           via=draw(st.sampled_from((["post"], []))), filed=draw(filed_at),
                           since=draw(moments)),
        lambda draw: route("gate-1", "inner-2", draw(st.sampled_from((5, 60))), 95,
                           via=["post"], filed=draw(filed_at)),
    ),
)  # fmt: skip
