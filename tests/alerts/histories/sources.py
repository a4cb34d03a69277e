"""Devices: what they count, how late they send, when they fall silent, and how many come in."""

from collections.abc import Sequence

from hypothesis import strategies as st

from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS
from tests.alerts.build import (
    Line,
    check,
    device,
    exempt,
    gate,
    heartbeat,
    hit,
    policy,
    put,
    site,
)
from tests.alerts.histories.family import LONG_AGO, Family, filed_at, moments


def _before(draw: st.DrawFn) -> Sequence[Line]:
    rules = {
        "clock-skew": {"events": draw(st.integers(1, 4))},
        "read-quality": {"min_reads": draw(st.integers(1, 3)), "readings": 5},
        "inflow-surge": {"at_least": draw(st.integers(1, 2))},
    }
    return (
        put("policy", "p", LONG_AGO, LONG_AGO, response_level="1", rules=rules),
        site("inner", heartbeat_s=draw(st.sampled_from((0, 60, 1800))), grid="g1"),
        site("bound", "boundary"),
        device("camera-inner", "inner", heartbeat_s=draw(st.sampled_from((None, 600)))),
    )


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    kind = draw(st.integers(0, 9))
    if kind < 2:
        return _run(draw, when)
    if kind < 4:
        return [
            hit(f"浙F{draw(st.integers(0, 9)):05d}", "bound", when + n * 40_000, "in")
            for n in range(draw(st.integers(1, 4)))
        ]
    if kind < 6:
        status = draw(st.sampled_from(("ok", "ok", "maintenance")))
        return heartbeat("box", when, "inner", status=status)
    if kind == 6:
        return gate("inner", when, "open", recorded=when + draw(st.sampled_from((0, 90_000))))
    if kind == 7:
        measured = draw(st.sampled_from((36.5, 37.4)))
        return [
            check("wang", "inner", when + n * MINUTE_MS, temperature=measured) for n in range(5)
        ]
    plate = draw(st.sampled_from((None, "浙F12345")))
    return hit(plate, "inner", when, confidence=draw(st.sampled_from((0.97, 0.7))))


def _run(draw: st.DrawFn, when: int) -> Sequence[Line]:
    """Readings one after the other, all as much behind."""
    behind_ms = draw(st.sampled_from((0, 29, 31, 40, -40))) * SECOND_MS
    poor = draw(st.booleans())
    mode = draw(st.sampled_from(("online", "online", "buffered")))
    return [
        hit(
            None if poor else f"浙F1{n:04d}", "inner", when + n * 20_000 - behind_ms,
            confidence=0.97, capture_mode=mode, recorded=when + n * 20_000,
        )
        for n in range(draw(st.integers(1, 5)))
    ]  # fmt: skip


FAMILY = Family(
    "sources",
    frozenset(("source-silent", "clock-skew", "read-quality", "inflow-surge")),
    _before,
    _event,
    (
        lambda draw: site("inner", heartbeat_s=0, filed=draw(filed_at)),
        lambda draw: site("inner", heartbeat_s=600, filed=draw(moments)),
        lambda draw: device("camera-inner", "inner", filed=draw(moments), heartbeat_s=60),
        lambda draw: exempt("x1", "浙F00001", "fleet", filed=draw(filed_at)),
        lambda draw: policy("source-silent", filed=draw(filed_at), name="q", missed=5,
                            since=LONG_AGO + HOUR_MS),
    ),
)  # fmt: skip
