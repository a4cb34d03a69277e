"""At a checkpoint: vehicles with and without a check, refusals, codes, fevers and passes."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.alerts.build import (
    Line,
    check,
    deletion,
    exempt,
    gate,
    heartbeat,
    hit,
    identifier,
    link,
    order,
    policy,
    put,
    route,
    scan,
    site,
    text,
    watch,
)
from tests.alerts.histories.family import DAWN, LONG_AGO, Family, accepted, filed_at, moments

WHO = ("wang", "li")
PLATES = ("浙F12345", "浙F72345")
LANES = (None, "1", "2")


def _pass(draw: st.DrawFn, filed: int) -> Line:
    return put(
        "pass", "p7", filed, "02-01 08:00", medium="paper",
        valid_to=draw(st.sampled_from((None, text("02-10 12:00")))),
        scope=draw(st.sampled_from((["county"], ["home-1"]))),
        holders=draw(st.sampled_from((None, [identifier("wang")]))),
        revoked=draw(st.sampled_from((None, None, True))),
    )  # fmt: skip


def _before(draw: st.DrawFn) -> Sequence[Line]:
    heartbeat_s = draw(st.sampled_from((0, 0, 1800)))
    return (
        site("exit", "checkpoint", heartbeat_s=heartbeat_s, grid="g3"),
        route("exit", "inner", 30, 40),
        _pass(draw, LONG_AGO),
    )


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    more: dict[str, Any] = {"recorded": accepted(draw, when)}
    lane = draw(st.sampled_from(LANES))
    kind = draw(st.integers(0, 9))
    if kind < 3:
        mode = draw(st.sampled_from(("online", "online", "online", "buffered")))
        return hit(
            draw(st.sampled_from(PLATES)), "exit", when, draw(st.sampled_from(("in", "in", "out"))),
            lane=lane, capture_mode=mode, **more,
        )  # fmt: skip
    if kind == 3:
        if draw(st.booleans()):
            mode = draw(st.sampled_from(("normal", "normal", "maintenance")))
            return gate("exit", when, mode=mode, **more)
        return heartbeat("box", when, "exit")
    if kind == 4:
        people = draw(st.sampled_from(((), ("wang",), WHO)))
        plate = draw(st.sampled_from((None, *PLATES)))
        if not people and not plate:
            plate = PLATES[0]
        return scan("exit", when, plate=plate, people=people, lane=lane, **more)
    line = check(
        draw(st.sampled_from((*WHO, None))),
        draw(st.sampled_from(("exit", "exit", "inner", "bound"))),
        when,
        by=draw(st.sampled_from(("document", "officer", "code"))),
        pass_=draw(st.sampled_from((None, None, "p7", "p8"))),
        code=draw(st.sampled_from((None, "none", "green", "red"))),
        issued=DAWN - 3_600_000,
        temperature=draw(st.sampled_from((None, 36.5, 37.5, 38.4))),
        **more,
    )
    if draw(st.integers(0, 4)) == 0:
        line["data"]["person"]["refusal"] = True
    if draw(st.integers(0, 3)) == 0:
        line["data"]["plate"] = PLATES[0]
    if "code" in line["data"]["person"] and draw(st.booleans()):
        line["data"]["person"]["code"]["expires_at"] = text(DAWN + 60_000)
    return line


FAMILY = Family(
    "checkpoints",
    frozenset(
        ("adverse-health-code", "health-code-invalid", "fever", "pass-invalid", "check-incomplete",
         "identity-conflict", "forced-gate")
    ),
    _before,
    _event,
    (
        lambda draw: _pass(draw, draw(filed_at)),
        lambda draw: deletion("pass", "p7", draw(moments)),
        lambda draw: exempt(
            "x1", draw(st.sampled_from(PLATES)), draw(st.sampled_from(("fleet", "green-channel"))),
            filed=draw(filed_at), corridor=draw(st.sampled_from((None, ("exit",), ("home-1",)))),
        ),
        lambda draw: site("exit", "checkpoint", filed=draw(filed_at), until=draw(moments)),
        lambda draw: deletion("route", "exit-inner", draw(moments)),
        lambda draw: policy(
            "check-incomplete", filed=draw(filed_at), since="02-09 00:00", within_min=5
        ),
        lambda draw: watch("w1", draw(st.sampled_from((*PLATES, "wang"))), filed=draw(filed_at)),
        lambda draw: link("l1", "wang", PLATES[0], filed=draw(filed_at)),
        lambda draw: order("o1", "wang", start=draw(moments)),
    ),
)  # fmt: skip
