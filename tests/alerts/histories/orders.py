"""Orders: check-ins, visits, fixes of a device, tips, checks, arrivals, and when the order ends."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.times import HOUR_MS
from tests.alerts.build import (
    Line,
    arrived,
    check,
    deletion,
    hit,
    order,
    permit,
    policy,
    report,
    residence,
    route,
    transfer,
    zone,
)
from tests.alerts.histories.family import DAWN, Family, accepted, filed_at, moments

CAR = "浙F12345"
HOME, EDGE, AWAY = (120.9, 30.9), (120.9, 30.9047), (120.9, 30.91)


def _order(draw: st.DrawFn, **more: Any) -> Line:
    return order(
        "o1", "wang", start="02-09 20:00", vehicles=[CAR], household="h1",
        channel=draw(st.sampled_from(("phone", "phone", "visit", None))),
        last_day=draw(st.sampled_from((None, "2020-02-10", "2020-02-11"))), **more,
    )  # fmt: skip


def _before(draw: st.DrawFn) -> Sequence[Line]:
    return (
        _order(draw),
        # It may be in force later than it was filed, and than a day's first call is due.
        order(
            "o2", "li", "home-2", start="02-10 05:00", household="h1", channel="phone",
            since=draw(st.sampled_from((None, "02-10 09:10", "02-10 17:00"))),
        ),
        residence("r-wang", "wang"),
        residence("r-li", "li", "h2", grid="g2"),
        route("inner", "facility-gate", 60, 90),
    )  # fmt: skip


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    which = draw(st.sampled_from(("o1", "o1", "o2")))
    more: dict[str, Any] = {"recorded": accepted(draw, when)}
    kind = draw(st.integers(0, 9))
    if kind < 2:
        result = draw(st.sampled_from(("ok", "unanswered", "call-failed", "device-off")))
        return report("check-in", "app", when, order=which, result=result, **more)
    if kind == 2:
        result = draw(st.sampled_from(("cooperative", "uncooperative", "unavailable")))
        return report("visit", "nurse", when, order=which, result=result, **more)
    if kind < 6:
        fixes = []
        for _ in range(draw(st.integers(1, 3))):
            lon, lat = draw(st.sampled_from((HOME, EDGE, AWAY, AWAY)))
            position = {
                "lon": lon, "lat": lat, "crs": "wgs84",
                "accuracy_m": draw(st.sampled_from((10, 10, 60, 500))),
            }  # fmt: skip
            fixes.append(report("position-fix", "band", when, order="o1", position=position))
            when += draw(st.sampled_from((0, 60, 300, 301))) * 1000
        return fixes
    if kind == 6:
        named = draw(st.sampled_from(({"order": which}, {"address": "R-Wang  lane"})))
        return report(
            "tip", "hotline", when, kind="suspected-breach", reporter_role="neighbour",
            **named, **more,
        )  # fmt: skip
    if kind == 7:
        return hit(CAR, draw(st.sampled_from(("inner", "gate-1"))), when, **more)
    if kind == 8:
        return arrived("t1", draw(st.sampled_from((("wang",), ("li", None)))), when, **more)
    return check(
        draw(st.sampled_from(("wang", "li"))),
        draw(st.sampled_from(("gate-1", "inner", "facility-gate"))),
        when,
        by=draw(st.sampled_from(("document", "code"))),
        code=draw(st.sampled_from(("green", "red", None))),
        issued=DAWN,
        **more,
    )


FAMILY = Family(
    "orders",
    frozenset(
        ("quarantine-breach", "quarantined-vehicle-moving", "zone-crossing", "missed-check-in",
         "release-due", "breach-tip", "transfer-not-arrived")
    ),
    _before,
    _event,
    (
        lambda draw: _order(draw, filed=draw(filed_at), until=draw(moments)),
        lambda draw: _order(draw, filed=draw(filed_at), home="home-2"),
        lambda draw: deletion("order", "o1", draw(moments)),
        lambda draw: permit(
            "p1", "o1", (start := draw(moments)), start + 3 * HOUR_MS, filed=draw(filed_at),
            places=draw(st.sampled_from((None, ("inner",), ("home-2",)))),
        ),
        lambda draw: transfer(
            "t1", (start := draw(moments)), start + HOUR_MS, start + 2 * HOUR_MS,
            filed=draw(filed_at), people=("wang",), vehicle=draw(st.sampled_from((CAR, None))),
        ),
        lambda draw: zone("home-1", filed=draw(filed_at)),
        lambda draw: deletion("zone", "home-1", draw(moments)),
        lambda draw: residence("r-wang", "wang", "h9", filed=draw(filed_at), grid="g9"),
        lambda draw: policy(
            "missed-check-in", filed=draw(filed_at), since="02-09 00:00", times_a_day=3,
        ),
    ),
)  # fmt: skip
