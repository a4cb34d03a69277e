"""D09, check by check."""

import pytest

from rules import quarantine_breach
from rules.facts import Check, Cover
from rules.match import Match
from rules.registers import Registers
from schemas.alerts import Subject
from tests.alerts.build import (
    Line,
    deletion,
    match,
    order,
    permit,
    person,
    seen,
    transfer,
    world,
)

RULE = quarantine_breach.RULE


def found(check: Check, *lines: Line) -> list[tuple[str, Match] | Cover]:
    """What the rule says of a check under o1 (wang, at home-1 from 1 February 10:00)."""
    registers = world(order("o1"), *lines)
    return list(quarantine_breach.detect(check, registers, RULE.defaults, "default@1"))


def breach(check: Check, *lines: Line) -> Match:
    """The one breach that a check is."""
    ((key, one),) = found(check, *lines)  # type: ignore[misc]
    assert key == "o1"
    assert isinstance(one, Match)
    return one


def test_a_check_outside_the_zone_breaks_the_order() -> None:
    one = breach(seen("wang", "inner", "02-03 09:00"))
    assert (one.order, one.site, one.grid) == ("o1", "inner", "g1")
    assert (one.severity, one.evidence_class, one.historical) == ("critical", "person", False)
    assert (one.first_ms, one.last_ms, one.count, one.policy) == (
        one.recorded_ms, one.recorded_ms, 1, "default@1",
    )  # fmt: skip


def test_a_check_inside_the_zone_is_none() -> None:
    assert found(seen("wang", "gate-1", "02-03 09:00")) == []


def test_another_persons_zone_is_outside() -> None:
    assert breach(seen("wang", "gate-2", "02-03 09:00")).site == "gate-2"


def test_nobody_elses_check_counts() -> None:
    assert found(seen("li", "inner", "02-03 09:00")) == []


@pytest.mark.parametrize(
    ("when", "breaks"),
    [
        ("02-01 09:59", False),
        ("02-01 10:00", False),
        ("02-01 11:59:59.999", False),
        ("02-01 12:00", True),
    ],
)
def test_two_hours_of_grace_count_from_the_start(when: str, breaks: bool) -> None:
    assert bool(found(seen("wang", "inner", when))) is breaks


def test_the_scan_that_led_to_the_order_does_not_break_it() -> None:
    issued = order("o2", "li", "home-1", start="02-03 09:00", filed="02-03 09:05")
    assert found(seen("li", "inner", "02-03 09:00"), issued) == []


def test_an_order_that_was_not_filed_yet_accuses_nobody() -> None:
    backdated = order("o2", "li", start="01-24 00:00", filed="01-26 09:00")
    assert found(seen("li", "inner", "01-25 09:00"), backdated) == []
    # Nor of what was seen before and arrived after it.
    late = seen("li", "inner", "01-25 09:00", recorded="01-26 09:00")
    assert found(late, backdated) == []


@pytest.mark.parametrize(
    ("recorded", "breaks"),
    [
        ("02-03 09:00:59", False),
        ("02-03 09:01", True),
        ("02-03 09:02", True),
        ("02-03 09:02:00.001", False),
    ],
)
def test_only_what_comes_in_time_is_judged_by_its_acceptance(recorded: str, breaks: bool) -> None:
    """Whoever was told that the order is filed sees it with the next event; an outage does not."""
    meanwhile = order("o2", "li", start="01-24 00:00", filed="02-03 09:01")
    late = seen("li", "inner", "02-03 09:00", recorded=recorded)
    assert bool(found(late, meanwhile)) is breaks


@pytest.mark.parametrize(("when", "breaks"), [("02-14 23:59", True), ("02-15 00:00", False)])
def test_an_order_is_active_until_its_validity_ends(when: str, breaks: bool) -> None:
    ended = order("o1", until="02-15 00:00", filed="02-02 00:00")
    assert bool(found(seen("wang", "inner", when), ended)) is breaks


def test_a_deleted_order_is_broken_only_before() -> None:
    gone = deletion("order", "o1", "02-10 00:00")
    assert found(seen("wang", "inner", "02-10 00:00"), gone) == []
    assert breach(seen("wang", "inner", "02-09 23:59"), gone)


def test_each_order_of_a_person_is_broken() -> None:
    second = order("o2", "wang", "home-2", start="02-02 00:00")
    check = seen("wang", "inner", "02-03 09:00")
    keys = [each[0] for each in found(check, second) if isinstance(each, tuple)]
    assert keys == ["o1", "o2"]


@pytest.mark.parametrize(
    ("places", "where", "covered"),
    [
        (None, "inner", True),
        (("inner",), "inner", True),
        (("inner",), "inner-2", False),
        (("home-2",), "gate-2", True),
        (("home-2",), "inner", False),
    ],
)
def test_a_permit_covers_its_places(
    places: tuple[str, ...] | None, where: str, covered: bool
) -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-02 00:00", places=places)
    result = found(seen("wang", where, "02-03 09:00"), leave)
    assert (result == [Cover("permit", "p1")]) is covered


@pytest.mark.parametrize(
    ("when", "covered"),
    [
        ("02-03 07:59", False),
        ("02-03 08:00", True),
        ("02-03 12:00", True),
        ("02-03 12:00:01", False),
    ],
)
def test_a_permit_covers_its_time(when: str, covered: bool) -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-02 00:00")
    assert (found(seen("wang", "inner", when), leave) == [Cover("permit", "p1")]) is covered


def test_another_orders_permit_covers_nothing() -> None:
    other = order("o2", "li", start="02-01 10:00")
    leave = permit("p1", "o2", "02-03 08:00", "02-03 12:00", filed="02-02 00:00")
    assert breach(seen("wang", "inner", "02-03 09:00"), other, leave)


def test_a_permit_filed_after_the_check_was_accepted_is_left_to_the_excuse() -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-03 09:01")
    assert breach(seen("wang", "inner", "02-03 09:00"), leave)


@pytest.mark.parametrize(
    ("eta", "when", "covered"),
    [
        ("02-03 11:30", "02-03 08:59", False),
        ("02-03 11:30", "02-03 09:00", True),
        ("02-03 11:30", "02-03 12:30", True),  # eta + 60 min
        ("02-03 11:30", "02-03 12:31", False),
        ("02-03 10:00", "02-03 12:00", True),  # the window ends later than that
        ("02-03 10:00", "02-03 12:01", False),
    ],
)
@pytest.mark.parametrize("named", ["by order", "by person"])
def test_a_transfer_covers_until_the_later_of_window_and_eta(
    eta: str, when: str, covered: bool, named: str
) -> None:
    move = transfer(
        "t1", "02-03 09:00", "02-03 12:00", eta, filed="02-02 00:00",
        orders=["o1"] if named == "by order" else None,
        people=None if named == "by order" else ["wang", "li"],
    )  # fmt: skip
    result = found(seen("wang", "inner", when), move)
    assert (result == [Cover("transfer", "t1")]) is covered


@pytest.mark.parametrize(
    ("by", "has_pass", "proof", "severity", "late"),
    [
        ("document", False, "person", "critical", "high"),
        ("officer", False, "person", "critical", "high"),
        ("code", False, "digital", "high", "medium"),
        ("video", False, "digital", "high", "medium"),
        ("none", False, "tip", "medium", "low"),
        ("none", True, "digital", "high", "medium"),
        ("document", True, "person", "critical", "high"),
        ("something new", False, "tip", "medium", "low"),
    ],
)
def test_evidence_sets_the_ceiling_and_lateness_takes_one_off(
    by: str, has_pass: bool, proof: str, severity: str, late: str
) -> None:
    now = breach(seen("wang", "inner", "02-03 09:00", by=by, has_pass=has_pass))
    assert (now.evidence_class, now.severity) == (proof, severity)
    after = breach(
        seen("wang", "inner", "02-03 09:00", recorded="02-03 09:30:01", by=by, has_pass=has_pass)
    )
    assert (after.evidence_class, after.severity, after.historical) == (proof, late, True)
    in_time = breach(seen("wang", "inner", "02-03 09:00", recorded="02-03 09:30", by=by))
    assert not in_time.historical


# What is filed later.


def excused(*lines: Line, county: Registers | None = None) -> str | None:
    """Why a breach of o1 at the site inner at nine is none."""
    registers = county or world(order("o1"), *lines)
    return quarantine_breach.excuse(match("02-03 09:00"), person("wang"), registers)


def test_nothing_filed_excuses_nothing() -> None:
    assert excused() is None


def test_a_late_permit_excuses() -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-05 00:00")
    assert excused({**leave, "data": {**leave["data"], "places": ["inner"]}}) == "permit:p1"
    assert excused({**leave, "data": {**leave["data"], "places": ["inner-2"]}}) is None


def test_a_late_transfer_excuses() -> None:
    times = ("02-03 08:30", "02-03 10:00", "02-03 09:30")
    assert excused(transfer("t1", *times, filed="02-05 00:00", people=["wang"])) == "transfer:t1"


def test_an_order_that_had_ended_by_then_excuses() -> None:
    assert excused(order("o1", until="02-03 08:00", filed="02-05 00:00")) == "order-ended"
    assert excused(order("o1", until="02-03 10:00", filed="02-05 00:00")) is None


def test_an_order_that_turns_out_to_be_somebody_elses_excuses() -> None:
    assert excused(order("o1", "li", filed="02-05 00:00", since="02-01 10:00")) == "order-ended"


def test_an_order_deleted_later_does_not_excuse() -> None:
    assert excused(deletion("order", "o1", "02-05 00:00")) is None


def test_without_a_site_or_an_order_nothing_excuses() -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-05 00:00")
    bare = world(order("o1"), leave, county=())
    assert excused(county=bare) is None
    assert quarantine_breach.excuse(match("02-03 09:00", order=None), "", world()) is None


def test_the_reason_names_order_place_zone_and_how_sure_it_is() -> None:
    reasons = []
    for by in ("document", "code", "none"):
        one = breach(seen("wang", "inner", "02-03 09:00", by=by))
        reason = quarantine_breach.describe(one, Subject("person", person("wang"), "person"))
        for word in ("home-isolation", "o1", "inner", "home-1"):
            assert word in reason.en
        assert all(word in reason.zh for word in ("o1", "inner", "home-1"))
        reasons.append(reason)
    assert len({reason.en for reason in reasons}) == 3
    assert len({reason.zh for reason in reasons}) == 3
