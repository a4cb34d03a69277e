"""Workers on site: orders, codes of the authority, arrivals from listed areas, and rosters."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.times import HOUR_MS
from tests.alerts.build import (
    Line,
    at_work,
    check,
    code_change,
    deletion,
    notice,
    order,
    permit,
    risk_area,
    worker,
)
from tests.alerts.histories.family import DAWN, Family, accepted, filed_at, moments

WHO = ("wang", "li")


def _before(draw: st.DrawFn) -> Sequence[Line]:
    return (
        order("o1", "wang", start="02-09 20:00"),
        worker("k-zhao", "zhao"),
        *([worker("k-wang", "wang")] if draw(st.booleans()) else []),
    )


def _event(draw: st.DrawFn, number: int) -> Line:
    when = draw(moments)
    who = draw(st.sampled_from(WHO))
    more: dict[str, Any] = {"recorded": accepted(draw, when)}
    if draw(st.integers(0, 2)) == 0:
        return code_change(who, when, draw(st.sampled_from(("green", "red", "yellow"))), **more)
    if draw(st.integers(0, 3)) == 0:
        return check(who, draw(st.sampled_from(("inner", "gate-1"))), when, **more)
    return at_work(who, when, draw(st.sampled_from(("well", "ill", "absent"))), **more)


FAMILY = Family(
    "workers",
    frozenset(("worker-non-compliant", "quarantine-breach")),
    _before,
    _event,
    (
        lambda draw: order(
            "o1", "wang", start="02-09 20:00", filed=draw(filed_at), until=draw(moments)
        ),
        lambda draw: deletion("order", "o1", draw(moments)),
        lambda draw: order("o2", "li", "home-2", start="02-08 20:00", filed=draw(filed_at)),
        lambda draw: permit(
            "p1",
            "o1",
            (start := draw(moments)),
            start + 5 * HOUR_MS,
            filed=draw(filed_at),
            places=draw(st.sampled_from((None, ("e1",), ("e2",)))),
        ),
        lambda draw: worker("k-li", "li", filed=draw(filed_at)),
        lambda draw: worker("k-wang", "wang", filed=draw(filed_at), until=draw(moments)),
        lambda draw: risk_area("a1", filed=DAWN - 26 * 24 * HOUR_MS),
        lambda draw: deletion("risk-area", "a1", draw(moments)),
        lambda draw: notice("n1", WHO, draw(moments)),
    ),
    most=8,
)
