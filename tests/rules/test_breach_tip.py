"""D16: a tip that somebody under order has gone out."""

from typing import Any

import pytest

from tests.alerts.build import (
    ALWAYS,
    Line,
    Moment,
    clock,
    identifier,
    order,
    put,
    report,
)
from tests.alerts.running import Deployment, after, steps

O1 = order("o1", household="h1")
HOME = put(
    "residence", "r1", ALWAYS, ALWAYS,
    person=identifier("wang"), address="Renmin Road 5-301", grid="g7",
)  # fmt: skip


def tip(when: Moment, kind: str = "suspected-breach", **data: Any) -> Line:
    """Somebody calls."""
    return report("tip", "hotline", when, kind=kind, reporter_role="neighbour", **data)


def test_tips_about_an_order_are_one_medium_task_within_twelve_hours() -> None:
    tips = [tip("02-05 09:00", order="o1"), tip("02-05 20:59", order="o1")]
    (alert,) = after(O1, HOME, *tips).final
    assert (alert.rule, alert.severity, alert.evidence_class) == ("breach-tip", "medium", "tip")
    assert (alert.order, alert.subject.key, alert.grid, alert.count) == ("o1", "order:o1", "g7", 2)
    assert "neighbour" in alert.reason.en
    assert "named the order" in alert.reason.en
    assert "隔离令 o1" in alert.reason.zh
    later = after(O1, HOME, *tips, tip("02-06 09:00", order="o1"))
    assert len(later.final) == 2


def test_two_households_are_two_tasks() -> None:
    o2 = order("o2", "li", household="h2")
    final = after(O1, o2, tip("02-05 09:00", order="o1"), tip("02-05 09:01", order="o2")).final
    assert sorted(alert.order or "" for alert in final) == ["o1", "o2"]


@pytest.mark.parametrize("address", ["Renmin Road 5-301", "ＲＥＮＭＩＮ road5-301 "])
def test_an_address_leads_to_whoever_lives_there(address: str) -> None:
    o2 = order("o2", "li", household="h1")
    home = put(
        "residence", "r1", ALWAYS, ALWAYS,
        person=identifier("wang"), address="Renmin Road 5-301", household="h1",
    )  # fmt: skip
    final = after(O1, o2, home, tip("02-05 09:00", address=address)).final
    assert sorted(alert.order or "" for alert in final) == ["o1", "o2"]
    assert all("an address" in alert.reason.en for alert in final)


def test_an_order_and_its_address_are_one_alert() -> None:
    # Every partition is told the clock.
    by_order = tip("02-05 09:00", order="o1")
    by_address = tip("02-05 09:30", address="renminroad5-301")
    arriving = steps([O1, HOME, clock("02-05 08:00"), by_order, by_address])
    (alert,) = Deployment().run(arriving).final
    assert alert.count == 2
    for partitions in (4, 12):
        assert Deployment(partitions=partitions).run(arriving).final == [alert]
    turned = Deployment().run([*arriving[:3], *reversed(arriving[3:])]).final
    assert [(each.id, each.count) for each in turned if each.outcome != "duplicate"] == [
        (alert.id, 2)
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        tip("02-05 09:00", address="Renmin Road 5-302"),
        tip("02-05 09:00", address="  "),
        tip("02-05 09:00", grid="g7"),
        tip("02-05 09:00", "incident", order="o1"),
        tip("02-05 09:00", order="o9"),
        tip("02-01 09:00", order="o1", recorded="02-02 10:00"),
    ],
    ids=["neighbours", "blank", "grid", "incident", "no such order", "before it was filed"],
)
def test_what_concerns_no_order_raises_nothing(nothing: Line) -> None:
    assert after(O1, HOME, nothing).final == []


def test_who_has_moved_and_who_left_the_household_is_not_concerned() -> None:
    moved = put(
        "residence", "r1", "02-02 09:00", ALWAYS, person=identifier("wang"), address="Elsewhere"
    )
    assert after(O1, HOME, moved, tip("02-05 09:00", address="Renmin Road 5-301")).final == []
    home = put(
        "residence", "r2", ALWAYS, ALWAYS,
        person=identifier("zhao"), address="Renmin Road 5-301", household="h1",
    )  # fmt: skip
    left = order("o1", filed="02-02 09:00", household="h2")
    assert after(O1, left, home, tip("02-05 09:00", address="Renmin Road 5-301")).final == []


def test_the_end_of_an_order_filed_later_retracts_a_tip() -> None:
    ended = order("o1", filed="02-05 12:00", until="02-04 00:00", household="h1")
    (alert,) = after(O1, tip("02-05 09:00", order="o1"), ended).final
    assert alert.state == "retracted"
    assert "order-ended" in alert.reason.en


def test_an_end_that_was_filed_before_a_late_tip_came_keeps_it_from_being_one() -> None:
    ended = order("o1", filed="02-05 12:00", until="02-04 00:00", household="h1")
    quiet = after(O1, ended, tip("02-05 09:00", order="o1", recorded="02-05 13:00"))
    assert quiet.final == []
    assert quiet.counts["suppressed:breach-tip:order-ended"] == 1


def test_a_late_tip_is_historical() -> None:
    (alert,) = after(O1, tip("02-05 09:00", order="o1", recorded="02-05 10:00")).final
    assert (alert.severity, alert.historical) == ("low", True)
