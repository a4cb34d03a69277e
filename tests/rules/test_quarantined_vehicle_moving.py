"""D10, read by read."""

from typing import Any

import pytest

from rules import quarantined_vehicle_moving
from rules.facts import Cover, Read
from rules.match import Match
from schemas.alerts import Subject
from tests.alerts.build import (
    Line,
    deletion,
    link,
    match,
    order,
    permit,
    read,
    site_facts,
    world,
)

RULE = quarantined_vehicle_moving.RULE
CAR = "浙F12345"
WANGS_CAR = link("l1", "wang", CAR)


def found(
    one: Read, *lines: Line, without: bool = False, **parameters: Any
) -> list[tuple[str, Match] | Cover]:
    """What the rule says of a read; wang is under o1 and, unless without, drives the car."""
    registers = world(order("o1"), *(() if without else (WANGS_CAR,)), *lines)
    return list(
        quarantined_vehicle_moving.detect(
            one, site_facts(one.site), registers, {**RULE.defaults, **parameters}, "default@1"
        )
    )


def moving(one: Read, *lines: Line, without: bool = False) -> Match:
    """The one finding."""
    ((key, only),) = found(one, *lines, without=without)  # type: ignore[misc]
    assert key == f"o1/{CAR}"
    assert isinstance(only, Match)
    return only


SEEN = read(CAR, "inner", "02-03 09:00")


def test_a_linked_vehicle_outside_the_zone() -> None:
    one = moving(SEEN)
    assert (one.severity, one.evidence_class, one.order) == ("medium", "vehicle", "o1")
    assert (one.site, one.detail) == ("inner", "home-1")


def test_at_home_or_another_car_or_within_the_grace_it_is_none() -> None:
    assert found(read(CAR, "gate-1", "02-03 09:00")) == []
    assert found(read("浙F54321", "inner", "02-03 09:00")) == []
    assert found(read(CAR, "inner", "02-01 11:59")) == []
    assert moving(read(CAR, "inner", "02-01 12:00"))


@pytest.mark.parametrize(("confidence", "enough"), [(0.84, False), (0.85, True)])
def test_a_doubtful_read_is_none(confidence: float, enough: bool) -> None:
    assert bool(found(read(CAR, "inner", "02-03 09:00", confidence=confidence))) is enough


@pytest.mark.parametrize(("strength", "enough"), [(0.59, False), (0.6, True)])
def test_a_weak_link_is_none(strength: float, enough: bool) -> None:
    weak = link("l1", "wang", CAR, strength=strength)
    assert bool(found(SEEN, weak, without=True)) is enough


def test_a_vehicle_that_the_order_names_needs_no_link() -> None:
    named = order("o1", vehicles=[CAR], filed="02-01 11:00")
    assert moving(SEEN, named, without=True).severity == "medium"
    no_more = order("o1", filed="02-02 00:00")
    assert found(SEEN, named, no_more, without=True) == []


@pytest.mark.parametrize(
    ("role", "severity", "detail"),
    [
        ("driver", "low", "home-1/shared"),
        ("owner", "low", "home-1/shared"),
        ("household", "medium", "home-1"),
    ],
)
def test_another_driver_or_owner_without_an_order_lowers_it(
    role: str, severity: str, detail: str
) -> None:
    one = moving(SEEN, link("l2", "li", CAR, role, 0.3))
    assert (one.severity, one.detail) == (severity, detail)


def test_another_driver_under_order_too_does_not_lower_it() -> None:
    other = order("o2", "li", "home-1", start="02-01 10:00")
    weak = link("l2", "li", CAR, "driver", 0.3)
    assert moving(SEEN, other, weak).severity == "medium"
    strong = link("l2", "li", CAR, "driver", 0.9)
    keys = [each[0] for each in found(SEEN, other, strong) if isinstance(each, tuple)]
    assert keys == [f"o1/{CAR}", f"o2/{CAR}"]


def test_historical_is_one_lower() -> None:
    one = moving(read(CAR, "inner", "02-03 09:00", recorded="02-03 10:00"))
    assert (one.severity, one.historical) == ("low", True)


def test_a_car_sold_is_no_longer_his() -> None:
    """Scenario 29: sold on 1 February; seen on the 5th; a read of 31 January comes late."""
    issued = order("o1", start="01-25 10:00")
    sold = link("l1", "wang", CAR, filed="02-01 12:00", until="02-01 00:00")
    assert found(read(CAR, "inner", "02-05 09:00"), issued, sold) == []
    late = read(CAR, "inner", "01-31 09:00", recorded="02-05 09:00")
    one = moving(late, issued, sold)
    assert (one.severity, one.historical) == ("low", True)


def test_a_link_or_an_order_filed_later_accuses_nobody() -> None:
    assert found(SEEN, link("l1", "wang", CAR, filed="02-03 09:01"), without=True) == []
    assert found(read(CAR, "inner", "02-01 09:00")) == []


@pytest.mark.parametrize(("recorded", "found_out"), [("02-03 09:02", 1), ("02-03 11:00", 0)])
def test_what_is_filed_meanwhile_accuses_only_what_came_in_time(
    recorded: str, found_out: int
) -> None:
    one = read(CAR, "inner", "02-03 09:00", recorded=recorded)
    assert len(found(one, link("l1", "wang", CAR, filed="02-03 09:01"), without=True)) == found_out
    named = order("o2", "li", "home-2", filed="02-03 09:01", vehicles=(CAR,))
    assert len(found(one, named, without=True)) == found_out


def test_a_permit_filed_before_a_late_read_arrives_covers_it() -> None:
    late = read(CAR, "inner", "02-03 09:00", recorded="02-03 11:00")
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-03 10:00")
    assert found(late, leave) == [Cover("permit", "p1")]


def test_what_covers_the_person_covers_the_car() -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-02 00:00")
    assert found(SEEN, leave) == [Cover("permit", "p1")]


def test_the_thresholds_are_policy() -> None:
    assert found(SEEN, min_confidence=0.98) == []
    assert found(SEEN, min_strength=0.95) == []
    assert found(SEEN, grace_s=3 * 86_400) == []


# What is filed later.


def excused(*lines: Line, county: tuple[Line, ...] | None = None) -> str | None:
    """Why a finding of the car at the site inner at nine is none."""
    before = (order("o1"), WANGS_CAR)
    registers = world(*before, *lines) if county is None else world(*before, *lines, county=county)
    return quarantined_vehicle_moving.excuse(match("02-03 09:00"), CAR, registers)


def test_excuses() -> None:
    assert excused() is None
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-05 00:00")
    assert excused(leave) == "permit:p1"
    assert excused(leave, county=()) is None
    assert excused(order("o1", until="02-03 08:00", filed="02-05 00:00")) == "order-ended"
    sold = link("l1", "wang", CAR, filed="02-05 00:00", until="02-03 00:00")
    assert excused(sold) == "link-ended"
    assert excused(deletion("vehicle-link", "l1", "02-05 00:00")) is None
    bare = match("02-03 09:00", order=None)
    assert quarantined_vehicle_moving.excuse(bare, CAR, world()) is None


def test_the_reason_says_whether_somebody_else_may_drive() -> None:
    subject = Subject("vehicle", f"vehicle:{CAR}", "浙F1**45")
    alone = quarantined_vehicle_moving.describe(moving(SEEN), subject)
    shared = quarantined_vehicle_moving.describe(
        moving(SEEN, link("l2", "li", CAR, "owner")), subject
    )
    for reason in (alone, shared):
        for text in (reason.en, reason.zh):
            assert all(word in text for word in ("浙F1**45", "o1", "inner", "home-1"))
            assert "/shared" not in text
    assert alone.en != shared.en
    assert alone.zh != shared.zh
