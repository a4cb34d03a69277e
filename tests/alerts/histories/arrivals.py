"""People who come: from where, where to, with which document, and whether somebody sees to it."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.alerts.build import (
    Line,
    check,
    deletion,
    exempt,
    notice,
    order,
    put,
    residence,
    risk_area,
    scan,
    site,
    text,
)
from tests.alerts.histories.family import DAWN, Family, accepted, filed_at, moments

WHO = ("wang", "li")
PASSPORT = {"id_type": "passport", "id_number": "E12345678"}
AREAS = ("330327", "330327", "330400", "330300")
HOUR_MS = 3_600_000


def _before(draw: st.DrawFn) -> Sequence[Line]:
    return (
        risk_area("a1", filed="01-20 00:00", until=draw(st.sampled_from((None, "02-10 12:00")))),
        site("gate-3", "community", ("county", "home-2"), grid="g2", heartbeat_s=7200),
        *([residence("r-wang", "wang")] if draw(st.booleans()) else []),
    )


def _came(draw: st.DrawFn, when: int, **more: Any) -> Line:
    stay = (when - draw(st.integers(1, 16 * 24)) * HOUR_MS, when - HOUR_MS)
    if draw(st.booleans()):
        area = draw(st.sampled_from(AREAS))
        more["stays"] = [{"area": area, "from": text(stay[0]), "to": text(stay[1])}]
    if draw(st.booleans()):
        more["destination"] = {"grid": draw(st.sampled_from(("g2", "g3")))}
    people = draw(st.sampled_from((("wang",), ("li",), WHO)))
    plate = draw(st.sampled_from((None, "浙F12345")))
    by = draw(st.sampled_from(("document", "code", "none")))
    return scan("bound", when, people=people, plate=plate, by=by, **more)


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    more: dict[str, Any] = {"recorded": accepted(draw, when)}
    kind = draw(st.integers(0, 9))
    if kind < 3:
        return _came(draw, when, **more)
    if kind < 5:
        left = scan("bound-2", when, people=WHO, direction="out", **more)
        back = when + draw(st.sampled_from((5, 6, 9))) * HOUR_MS
        if back > DAWN + 25 * HOUR_MS:
            return left
        return [left, _came(draw, back, recorded=accepted(draw, back))]
    if kind == 5:
        where = draw(st.sampled_from(("gate-2", "gate-3")))
        return check(draw(st.sampled_from(WHO)), where, when, **more)
    if kind == 6:
        return scan("bound", when, people=draw(st.sampled_from((WHO, ("li",)))), direction="out")
    where = draw(st.sampled_from(("bound", "bound", "inner")))
    line = check(None, where, when, by=draw(st.sampled_from(("document", "video"))), **more)
    line["data"]["direction"] = draw(st.sampled_from(("in", "in", "out")))
    line["data"]["person"].update(PASSPORT)
    return line


FAMILY = Family(
    "arrivals",
    frozenset(
        ("risk-area-arrival", "arrival-not-followed-up", "risk-round-trip",
         "foreign-resident-unregistered")
    ),
    _before,
    _event,
    (
        lambda draw: risk_area("a1", filed=draw(moments), since="01-20 00:00", level="medium"),
        lambda draw: deletion("risk-area", "a1", draw(moments)),
        lambda draw: risk_area("a2", "330400", filed=draw(moments), since="02-01 00:00"),
        lambda draw: notice(
            "n1", draw(st.sampled_from((("wang",), WHO))), draw(moments),
            arrival=draw(st.sampled_from(("2020-02-09", "2020-02-10", "2020-02-11"))),
            area=draw(st.sampled_from(AREAS)), stay=("2020-01-28", "2020-02-09"),
        ),
        lambda draw: notice("n2", ("li",), draw(moments), stay=("2020-01-28", "2020-02-09")),
        lambda draw: deletion("arrival-notice", "n1", draw(moments)),
        lambda draw: residence("r-li", "li", filed=draw(filed_at), since=draw(moments)),
        lambda draw: residence("r-wang", "wang", "h2", filed=draw(filed_at)),
        lambda draw: deletion("residence", "r-wang", draw(moments)),
        lambda draw: put(
            "residence", "r-hotel", draw(filed_at), draw(moments), person=PASSPORT,
            address="Hotel", household="hotel",
        ),
        lambda draw: order("o1", draw(st.sampled_from(WHO)), start=draw(moments), household="h1"),
        lambda draw: exempt("x1", "浙F12345", "whitelist", filed=draw(filed_at)),
        lambda draw: exempt("x2", "wang", "whitelist", filed=draw(filed_at)),
    ),
    most=7,
)  # fmt: skip
