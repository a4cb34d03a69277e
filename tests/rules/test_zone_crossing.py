"""D11: the device of somebody under order has left the zone."""

from typing import Any

import pytest

from schemas.geo import to_gcj02
from tests.alerts.build import ALWAYS, Line, Moment, clock, deletion, order, permit, put, report
from tests.alerts.build import transfer as moved
from tests.alerts.running import Deployment, after, steps

# home-1 is a circle of 500 m around 120.9 E, 30.9 N; a hundredth of a degree is about 1.1 km.
HOME, NEAR, AWAY, FAR = (120.9, 30.9), (120.9, 30.904), (120.9, 30.91), (120.9, 30.92)
O1 = order("o1", start="02-05 08:00")


def fix(
    when: Moment, where: tuple[float, float], accuracy: float = 10, crs: str = "wgs84", **more: Any
) -> Line:
    """Where the device is."""
    position = {"lon": where[0], "lat": where[1], "crs": crs, "accuracy_m": accuracy}
    return report("position-fix", "band", when, order="o1", position=position, **more)


IN = fix("02-05 09:00", HOME)
LEFT = [IN, fix("02-05 10:00", AWAY), fix("02-05 10:01", FAR)]


def found(*lines: Line) -> list[tuple[str, str, str]]:
    """Severity, state and first match (hour and minute) of the alerts."""
    final = sorted(after(*lines).final, key=lambda alert: alert.first_seen)
    return [(each.severity, each.state, each.first_seen[11:16]) for each in final]


def test_two_fixes_outside_are_an_exit_until_the_device_is_back() -> None:
    assert found(O1, *LEFT[:2]) == []
    alert = after(O1, *LEFT).alert(rule="zone-crossing")
    assert (alert.severity, alert.order, alert.subject.key) == ("high", "o1", "order:o1")
    assert alert.first_seen == "2020-02-05T02:01:00.000Z"
    assert "has left the zone home-1" in alert.reason.en
    assert "1724 m from its edge, where 50 m" in alert.reason.en
    assert "离开区域 home-1" in alert.reason.zh
    back = [fix("02-05 11:00", HOME), fix("02-05 11:01", NEAR)]
    assert found(O1, *LEFT, back[0], fix("02-05 11:01", FAR), clock("02-05 12:00"))[0][1] == "open"
    home = after(O1, *LEFT, *back).alert(rule="zone-crossing")
    assert (home.id, home.state, home.outcome) == (alert.id, "resolved", "cleared")
    assert "is back in the zone" in home.reason.en
    again = [fix("02-05 12:00", AWAY), fix("02-05 12:01", AWAY)]
    assert found(O1, *LEFT, *back, *again) == [
        ("high", "resolved", "02:01"), ("high", "open", "04:01"),
    ]  # fmt: skip


def test_one_fix_outside_is_an_exit_when_nothing_says_otherwise_for_five_minutes() -> None:
    assert found(O1, *LEFT[:2], clock("02-05 10:04")) == []
    assert found(O1, *LEFT[:2], clock("02-05 10:05")) == [("high", "open", "02:05")]
    jump = [*LEFT[:2], fix("02-05 10:02", HOME), clock("02-05 10:30")]
    assert found(O1, *jump) == []
    later = [*LEFT[:2], clock("02-05 10:05"), fix("02-05 11:00", HOME)]
    assert found(O1, *later) == [("high", "open", "02:05")]
    assert found(O1, *later, clock("02-05 11:05")) == [("high", "resolved", "02:05")]


def test_who_never_was_inside_was_outside_at_the_start() -> None:
    travelling = fix("02-05 08:09", FAR)
    assert found(O1, travelling) == []
    outside = after(O1, travelling, fix("02-05 08:10", FAR)).alert(rule="zone-crossing")
    assert (outside.severity, outside.first_seen[11:16]) == ("high", "00:10")
    assert "outside from the start" in outside.reason.en
    assert "自始即在区域外" in outside.reason.zh


def test_accuracy_decides_what_is_outside() -> None:
    rough = [fix(f"02-05 10:0{minute}", (120.9, 30.9055), 60) for minute in (0, 1, 2)]
    assert found(O1, IN, *rough, clock("02-05 11:00")) == []
    sharp = [fix(f"02-05 10:0{minute}", (120.9, 30.9055), 10) for minute in (0, 1)]
    assert len(found(O1, IN, *sharp)) == 1
    # One in between breaks the row.
    assert found(O1, IN, sharp[0], rough[1], clock("02-05 11:00")) == []
    useless = after(O1, IN, fix("02-05 10:00", FAR, 201), fix("02-05 10:01", FAR, 201))
    assert useless.final == []
    assert useless.counts["suppressed:zone-crossing:inaccurate"] == 2


def test_a_zone_in_gcj_02_and_fixes_in_wgs_84_give_the_same() -> None:
    def square(crs: str) -> Line:
        ring = [(120.895, 30.895), (120.905, 30.895), (120.905, 30.905), (120.895, 30.905)]
        shown = [to_gcj02(*each) if crs == "gcj02" else each for each in (*ring, ring[0])]
        shape = {"type": "Polygon", "coordinates": [[list(each) for each in shown]]}
        return put("zone", "home-1", "01-02 00:00", ALWAYS, kind="community", crs=crs,
                   geometry=shape)  # fmt: skip

    near = [fix("02-05 10:00", (120.9, 30.9045)), fix("02-05 10:01", (120.9048, 30.9))]
    over = [fix("02-05 10:00", (120.9, 30.9056)), fix("02-05 10:01", (120.9056, 30.9))]
    for crs in ("wgs84", "gcj02"):
        assert found(square(crs), O1, IN, *near) == []
        assert found(square(crs), O1, IN, *over) == [("high", "open", "02:01")]
    shifted = [fix("02-05 10:00", to_gcj02(120.9, 30.9045), crs="gcj02"),
               fix("02-05 10:01", to_gcj02(120.9048, 30.9), crs="gcj02")]  # fmt: skip
    assert found(square("wgs84"), O1, IN, *shifted) == []
    circle = put("zone", "home-1", "01-02 00:00", ALWAYS, kind="community", crs="gcj02",
                 centre=list(to_gcj02(120.9, 30.9)), radius_m=500)  # fmt: skip
    assert found(circle, O1, *LEFT) == [("high", "open", "02:01")]


def test_a_zone_that_ends_closes_the_alert_and_is_no_return() -> None:
    end = deletion("zone", "home-1", "02-05 12:00")
    closed = after(O1, *LEFT, end, clock("02-05 12:01")).alert(rule="zone-crossing")
    assert (closed.state, closed.outcome, closed.severity) == ("resolved", "cleared", "high")
    assert "has ended while the device was outside" in closed.reason.en
    assert "已终止" in closed.reason.zh
    assert found(O1, IN, end, fix("02-05 12:10", FAR), fix("02-05 12:11", FAR)) == []


def test_the_end_of_the_order_closes_it_and_another_zone_starts_anew() -> None:
    end = order("o1", start="02-05 08:00", filed="02-05 10:30", until="02-05 12:00")
    assert found(O1, *LEFT, end, clock("02-05 11:59"))[0][1] == "open"
    assert found(O1, *LEFT, end, clock("02-05 12:00")) == [("high", "resolved", "02:01")]
    other = order("o1", home="home-2", start="02-05 08:00", filed="02-05 12:00")
    lines = [O1, *LEFT, other, fix("02-05 12:10", HOME), fix("02-05 12:11", HOME)]
    assert found(*lines) == [("high", "resolved", "02:01")]


@pytest.mark.parametrize(
    "cover",
    [
        permit("p1", "o1", "02-05 09:30", "02-05 11:00", filed="02-05 09:00"),
        permit("p1", "o1", "02-05 09:30", "02-05 11:00", filed="02-05 09:00", places=["there"]),
        moved("t1", "02-05 09:30", "02-05 11:00", "02-05 10:30", filed="02-05 09:00",
              people=["wang"]),
    ],
    ids=["permit", "permit with a zone", "transfer"],
)  # fmt: skip
def test_a_permit_or_a_transfer_keeps_it_from_being_one(cover: Line) -> None:
    there = put("zone", "there", ALWAYS, ALWAYS, kind="community", crs="wgs84",
                centre=[120.9, 30.915], radius_m=900)  # fmt: skip
    quiet = after(there, O1, cover, *LEFT)
    assert quiet.final == []
    kind = "transfer" if "transfer" in cover["type"] else "permit"
    assert quiet.counts[f"suppressed:zone-crossing:{kind}"] == 2


def test_a_permit_for_elsewhere_another_hour_or_another_order_covers_nothing() -> None:
    for cover in (
        permit("p1", "o1", "02-05 09:30", "02-05 11:00", filed="02-05 09:00", places=["inner"]),
        permit("p1", "o1", "02-05 10:30", "02-05 11:00", filed="02-05 09:00", since=ALWAYS),
    ):
        assert len(found(O1, cover, *LEFT)) == 1


def test_what_is_filed_later_retracts_and_so_does_what_came_of_it() -> None:
    late = permit("p1", "o1", "02-05 09:30", "02-05 11:00", filed="02-05 12:30")
    back = [fix("02-05 11:30", HOME), fix("02-05 11:31", HOME)]
    assert found(O1, *LEFT, late) == [("high", "retracted", "02:01")]
    assert found(O1, *LEFT, *back, late)[0][1] == "retracted"
    ended = order("o1", start="02-05 08:00", filed="02-05 12:30", until="02-05 09:30")
    alert = after(O1, *LEFT, ended).alert(rule="zone-crossing")
    assert alert.state == "retracted"
    before = order("o1", start="02-05 08:00", filed="02-05 11:00", until="02-05 09:30")
    slow = [fix("02-05 10:00", AWAY, recorded="02-05 11:30"),
            fix("02-05 10:01", FAR, recorded="02-05 11:31")]  # fmt: skip
    assert found(O1, IN, before, *slow) == []


def test_fixes_of_nobody_who_has_to_be_anywhere_say_nothing() -> None:
    assert found(*LEFT) == []
    assert found(order("o1", home="nowhere", start="02-05 08:00"), *LEFT) == []


@pytest.mark.parametrize("turn", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_any_order_of_arrival_ends_the_same(turn: tuple[int, ...]) -> None:
    fixes = [*LEFT, fix("02-05 10:02", FAR)]
    late = [{**each, "recordedtime": "2020-02-05T02:30:00.000Z"} for each in fixes]
    lines = steps([O1, clock("02-05 08:00"), *(late[place] for place in turn)])
    (alert,) = [each for each in Deployment().run(lines).final if each.state != "retracted"]
    assert (alert.first_seen, alert.state) == ("2020-02-05T02:01:00.000Z", "open")
    for partitions, crashes in ((4, ()), (1, (3, 4))):
        again = Deployment(partitions=partitions).run(lines, crashes=crashes).final
        assert alert.id in [each.id for each in again if each.state == "open"]


def test_a_zone_that_is_named_later_and_dated_back_closes_when_it_is_filed() -> None:
    moved_on = order("o1", home="home-2", start="02-05 08:00", filed="02-07 09:00")
    ticks = [clock("02-05 20:00"), clock("02-08 00:00")]
    out = [fix("02-05 10:00", AWAY), fix("02-05 10:01", FAR)]
    for lines in ([O1, *out, ticks[0], moved_on, ticks[1]], [O1, moved_on, *out, *ticks]):
        alert = after(*lines).alert(rule="zone-crossing")
        assert (alert.state, alert.last_seen) == ("resolved", "2020-02-07T01:00:00.000Z")
