"""Shifts: who signs in and out, who swaps, and keepers that are under order themselves."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.alerts.build import Line, deletion, identifier, order, policy, put, report, text
from tests.alerts.histories.family import DAWN, Family, accepted, filed_at, moments

KEEPERS = ("an", "bo", "cai")
HOURS = 3_600_000


def _shift(
    shift_id: str, start: int, end: int, members: Sequence[object], filed: int, **more: Any
) -> Line:
    return put(
        "duty-shift", shift_id, filed, start, place="inner", start=text(start), end=text(end),
        members=list(members), min_staff=2, **more,
    )  # fmt: skip


def _first(draw: st.DrawFn, filed: int, **more: Any) -> Line:
    start = DAWN + draw(st.integers(0, 2)) * HOURS
    return _shift("s1", start, start + 10 * HOURS, KEEPERS, filed, order="o1", **more)


def _second(draw: st.DrawFn, filed: int) -> Line:
    start = DAWN + draw(st.integers(2, 12)) * HOURS
    members = draw(st.sampled_from((("an", identifier("wang")), KEEPERS, ("bo", "cai"))))
    return _shift("s2", start, start + 8 * HOURS, members, filed)


def _before(draw: st.DrawFn) -> Sequence[Line]:
    filed = DAWN - 12 * HOURS
    return (order("o1", start="02-08 10:00"), _first(draw, filed), _second(draw, filed + 1))


def _event(draw: st.DrawFn, number: int) -> Line:
    when = draw(moments)
    member = draw(st.sampled_from((*KEEPERS, *KEEPERS, identifier("wang"))))
    return report(
        "duty-sign-in", "roster", when, recorded=accepted(draw, when),
        shift=draw(st.sampled_from(("s1", "s1", "s2"))), member=member,
        kind=draw(st.sampled_from(("in", "in", "out"))),
    )  # fmt: skip


FAMILY = Family(
    "duties",
    frozenset(("watch-gap", "duty-no-show")),
    _before,
    _event,
    (
        lambda draw: _first(draw, draw(moments)),
        lambda draw: _second(draw, draw(moments)),
        lambda draw: deletion("duty-shift", draw(st.sampled_from(("s1", "s2"))), draw(moments)),
        lambda draw: order("o1", start="02-08 10:00", filed=draw(filed_at), until=draw(moments)),
        lambda draw: deletion("order", "o1", draw(moments)),
        lambda draw: order("o3", "wang", "home-2", start=draw(moments)),
        lambda draw: policy("watch-gap", filed=draw(filed_at), since="02-08 00:00", keepers=1),
    ),
    most=12,
)
