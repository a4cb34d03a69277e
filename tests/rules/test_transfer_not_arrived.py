"""D15: who is to be moved and does not arrive; and the zone that an arrival changes."""

from typing import Any

import msgspec
import pytest

from schemas.alerts import Alert
from tests.alerts.build import (
    Line,
    arrived,
    check,
    clock,
    deletion,
    hit,
    order,
    policy,
    recorded_ms,
    route,
    transfer,
)
from tests.alerts.running import Deployment, after, steps

ORDER = order("o1", "wang", start="01-23 10:00", vehicles=["浙F12345"])


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    deployment = after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))
    assert not deployment.broken, deployment.broken
    assert not deployment.failed, deployment.failed
    return deployment


def of(deployment: Deployment, rule: str = "transfer-not-arrived") -> list[Alert]:
    """What there is of a rule, by the time of its first match."""
    found = [
        msgspec.structs.replace(alert, revision=0)
        for alert in deployment.final
        if alert.rule == rule
    ]
    return sorted(found, key=lambda alert: (alert.first_seen, alert.id))


def standing(deployment: Deployment, rule: str) -> list[Alert]:
    """What stands of a rule."""
    return [alert for alert in of(deployment, rule) if alert.state != "retracted"]


def planned(eta: str = "01-28 12:00", filed: str = "01-27 18:00", **more: Any) -> Line:
    """Somebody is to be in the facility by an hour."""
    people = more or {"orders": ["o1"]}
    return transfer("t1", "01-28 09:00", "01-28 12:00", eta, filed=filed, **people)


def test_nobody_is_missed_before_an_hour_after_the_eta() -> None:
    assert of(told(ORDER, planned(), clock("01-28 12:59"))) == []
    (alert,) = of(told(ORDER, planned(), clock("01-28 13:00")))
    assert (alert.severity, alert.evidence_class, alert.order) == ("high", "system", "o1")
    assert (alert.subject.kind, alert.subject.key) == ("transfer", "transfer:t1")
    assert (alert.first_seen, alert.count) == ("2020-01-28T05:00:00.000Z", 1)
    assert "expected at 2020-01-28 12:00" in alert.reason.en
    assert "2020-01-28 12:00" in alert.reason.zh
    assert alert.evidence[0].id == "transfer/t1"


def test_the_margin_is_a_policy() -> None:
    lines = [policy("transfer-not-arrived", filed="01-01 00:00", margin_s=600), ORDER, planned()]
    (alert,) = of(told(*lines, clock("01-28 13:00")))
    assert alert.first_seen == "2020-01-28T04:10:00.000Z"


def test_who_arrives_in_time_is_not_missed() -> None:
    assert (
        of(told(ORDER, planned(), arrived("t1", ["wang"], "01-28 12:59"), clock("01-28 14:00")))
        == []
    )


def test_who_arrives_late_clears_the_alert() -> None:
    lines = [ORDER, planned(), clock("01-28 13:01"), arrived("t1", ["wang"], "01-28 13:20")]
    (alert,) = of(told(*lines))
    assert (alert.state, alert.outcome, alert.count) == ("resolved", "cleared", 2)
    assert (alert.severity, alert.evidence_class) == ("high", "person")
    assert "arrived at 2020-01-28 13:20" in alert.reason.en
    assert "2020-01-28 13:20" in alert.reason.zh
    assert alert.evidence[-1].id == lines[-1]["id"]


def test_an_arrival_in_time_that_is_reported_late_withdraws() -> None:
    late = arrived("t1", ["wang"], "01-28 12:50", recorded="01-28 15:00")
    (alert,) = of(told(ORDER, planned(), clock("01-28 13:01"), late))
    assert alert.state == "retracted"
    assert "arrived-in-time" in alert.reason.en


def test_each_person_is_missed_alone() -> None:
    # Scenario 31: one of a coach is missing.
    people = ["wang", "li", "zhao"]
    lines = [planned(people=people), arrived("t1", ["wang", "zhao"], "01-28 11:50")]
    (alert,) = of(told(*lines, clock("01-28 14:00")))
    assert (alert.order, alert.count) == (None, 1)


def test_persons_and_orders_may_name_the_same() -> None:
    lines = [
        ORDER, order("o2", "li", start="01-23 10:00"), order("o3", "wang", start="02-23 10:00"),
        planned(orders=["o1", "o9"], people=["wang", "li"]), clock("01-28 13:00"),
    ]  # fmt: skip
    assert sorted(str(alert.order) for alert in of(told(*lines))) == ["o1", "o2"]


def test_an_order_that_has_ended_expects_nobody() -> None:
    ended = order("o1", "wang", start="01-23 10:00", until="01-28 10:00")
    assert of(told(ended, planned(), clock("01-28 13:00"))) == []


def test_somebody_else_is_low() -> None:
    lines = [ORDER, planned(), arrived("t1", ["wang", "li", None, None], "01-28 12:00", by="none")]
    extra = of(told(*lines))
    assert [(alert.severity, alert.evidence_class) for alert in extra] == [("low", "tip")] * 3
    assert "does not name" in extra[0].reason.en
    assert "名单之外" in extra[0].reason.zh
    passes = arrived("t1", ["li"], "01-28 12:00", by="none", pass_="p1")
    (alert,) = of(told(ORDER, planned(), passes))
    assert alert.evidence_class == "digital"


def test_an_arrival_of_a_transfer_that_is_not_filed_waits_for_it() -> None:
    lines = [ORDER, arrived("t1", ["wang", "li"], "01-28 12:00")]
    assert of(told(*lines)) == []
    (alert,) = of(told(*lines, planned(filed="01-28 12:30"), clock("01-28 14:00")))
    assert alert.severity == "low"


def test_a_transfer_that_is_cancelled_in_time_misses_nobody() -> None:
    gone = deletion("transfer", "t1", "01-28 12:30")
    assert of(told(ORDER, planned(), gone, clock("01-28 13:00"))) == []
    late = deletion("transfer", "t1", "01-28 13:30")
    (alert,) = of(told(ORDER, planned(), clock("01-28 13:00"), late))
    assert alert.state == "open"


def test_an_eta_that_is_moved_in_time_moves_the_deadline() -> None:
    moved = planned("01-28 14:00", "01-28 12:30")
    assert of(told(ORDER, planned(), moved, clock("01-28 14:59"))) == []
    (alert,) = of(told(ORDER, planned(), moved, clock("01-28 15:00")))
    assert alert.first_seen == "2020-01-28T07:00:00.000Z"


def test_an_eta_that_is_moved_afterwards_withdraws_until_it_is_over_again() -> None:
    lines = [ORDER, planned(), clock("01-28 13:00"), planned("01-28 14:00", "01-28 13:30")]
    (alert,) = of(told(*lines))
    assert alert.state == "retracted"
    assert "transfer-changed" in alert.reason.en
    (again,) = of(told(*lines, clock("01-28 15:00")))
    assert (again.id, again.state, again.count) == (alert.id, "open", 1)


@pytest.mark.parametrize(
    ("people", "states"), [(["wang"], {"open"}), (["li"], {"open", "retracted"})]
)
def test_a_change_of_persons_afterwards(people: list[str], states: set[str]) -> None:
    lines = [planned(people=["wang"]), clock("01-28 13:00")]
    changed = planned(filed="01-28 14:00", people=people)
    found = of(told(*lines, changed))
    assert {alert.state for alert in found} == states


def test_a_change_afterwards_that_moves_nothing_leaves_the_alert() -> None:
    lines = [ORDER, planned(), clock("01-28 13:00")]
    sealed = planned(filed="01-28 14:00")
    sealed["data"]["sealed"] = True
    (alert,) = of(told(*lines, sealed))
    assert (alert.state, alert.count) == ("open", 1)


def test_a_transfer_that_is_cancelled_after_a_change_withdraws() -> None:
    lines = [ORDER, planned(), clock("01-28 13:00"), planned("01-28 16:00", "01-28 13:30")]
    found = of(told(*lines, deletion("transfer", "t1", "01-28 14:00"), clock("01-28 18:00")))
    assert [alert.state for alert in found] == ["retracted"]


@pytest.mark.parametrize("crash", range(5))
def test_a_deadline_fires_once_after_a_restart(crash: int) -> None:
    lines = [ORDER, planned(), clock("01-28 12:00"), clock("01-28 13:30"), clock("01-28 14:00")]
    deployment = Deployment(partitions=4).run(steps(lines), crashes=(crash,))
    (alert,) = of(deployment)
    assert (alert.first_seen, alert.count) == ("2020-01-28T05:00:00.000Z", 1)
    assert len([each for each in deployment.findings if each.data.verb == "opened"]) == 1


# The zone that an arrival changes.

MOVED = [ORDER, planned(), arrived("t1", ["wang"], "01-28 12:00")]


def breaches(*lines: Line, rule: str = "quarantine-breach", partitions: int = 1) -> list[str]:
    """Where rules about orders stand."""
    deployment = Deployment(partitions=partitions).run(steps(lines))
    assert not deployment.broken, deployment.broken
    return [str(alert.site) for alert in standing(deployment, rule)]


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_after_an_arrival_the_facility_is_the_zone(partitions: int) -> None:
    there = check("wang", "facility-gate", "01-28 16:00")
    home = check("wang", "gate-1", "01-28 16:00")
    assert breaches(*MOVED, there, partitions=partitions) == []
    assert breaches(*MOVED, home, partitions=partitions) == ["gate-1"]
    assert breaches(*MOVED[:2], there, partitions=partitions) == ["facility-gate"]
    assert breaches(*MOVED[:2], home, partitions=partitions) == []


def test_before_the_arrival_home_was_the_zone() -> None:
    assert breaches(*MOVED, check("wang", "gate-1", "01-28 08:00", recorded="01-28 16:00")) == []


@pytest.mark.parametrize("partitions", [1, 4])
def test_an_arrival_that_is_told_later_excuses_and_does_not_accuse(partitions: int) -> None:
    late = arrived("t1", ["wang"], "01-28 12:00", recorded="01-28 20:00")
    there = check("wang", "facility-gate", "01-28 16:00")
    home = check("wang", "gate-1", "01-28 16:00")
    deployment = Deployment(partitions=partitions).run(steps([*MOVED[:2], there, late]))
    (alert,) = of(deployment, "quarantine-breach")
    assert alert.state == "retracted"
    assert "transfer:t1" in alert.reason.en
    assert breaches(*MOVED[:2], home, late, partitions=partitions) == []


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_check_that_comes_before_the_arrival_is_told_is_asked_again(partitions: int) -> None:
    # It was accepted later, and read first: partitions run apart.
    home = check("wang", "gate-1", "01-28 13:30")
    lines = [*MOVED[:2], home, MOVED[2]]
    assert breaches(*lines, partitions=partitions) == ["gate-1"]


def test_vehicles_follow_their_person() -> None:
    rule = "quarantined-vehicle-moving"
    there = hit("浙F12345", "facility-gate", "01-28 16:00")
    home = hit("浙F12345", "gate-1", "01-28 16:00")
    assert breaches(*MOVED, there, rule=rule) == []
    assert breaches(*MOVED, home, rule=rule) == ["gate-1"]
    late = arrived("t1", ["wang"], "01-28 12:00", recorded="01-28 20:00")
    assert breaches(*MOVED[:2], there, late, rule=rule) == []


def test_an_order_that_is_filed_anew_says_itself_where_its_person_has_to_be() -> None:
    there = check("wang", "facility-gate", "01-30 16:00")
    home = check("wang", "gate-1", "01-30 16:00")
    other = check("wang", "gate-2", "01-30 16:00")
    # Home again, from the next day on.
    back = order(
        "o1", "wang", "home-1", start="01-23 10:00", since="01-29 00:00", filed="01-29 00:00"
    )
    assert breaches(*MOVED, back, there) == ["facility-gate"]
    assert breaches(*MOVED, back, home) == []
    # The same order with another last day; it still names the zone that the transfer left.
    same = order("o1", "wang", "home-1", start="01-23 10:00", filed="01-29 00:00")
    assert breaches(*MOVED, same, there) == []
    # A correction of the order.
    elsewhere = order("o1", "wang", "home-2", start="01-23 10:00", filed="01-29 00:00")
    assert breaches(*MOVED, elsewhere, other) == []


def test_a_second_transfer_moves_on() -> None:
    second = transfer(
        "t2", "01-30 09:00", "01-30 10:00", "01-30 10:00", filed="01-29 00:00", people=["wang"]
    )
    second["data"].update(from_zone="facility", to_zone="home-2")
    lines = [*MOVED, second, arrived("t2", ["wang"], "01-30 10:00")]
    assert breaches(*lines, check("wang", "gate-2", "01-30 16:00")) == []
    assert breaches(*lines, check("wang", "facility-gate", "01-29 16:00")) == []
    assert breaches(*lines, check("wang", "facility-gate", "01-30 16:00")) == ["facility-gate"]


def test_somebody_else_who_arrives_moves_no_order() -> None:
    lines = [ORDER, planned(people=["li"]), arrived("t1", ["wang"], "01-28 12:00")]
    assert breaches(*lines, check("wang", "facility-gate", "01-28 16:00")) == ["facility-gate"]


def test_an_arrival_that_is_corrected_moves_nobody_any_more() -> None:
    there = check("wang", "facility-gate", "01-28 16:00")
    wrong = arrived("t1", ["wang"], "01-28 12:00", event_id="x1")
    right = {
        **arrived("t1", ["li"], "01-28 12:00", recorded="01-28 17:00", event_id="x2"),
        "corrects": "x1",
    }
    assert breaches(ORDER, planned(), wrong, there, right) == ["facility-gate"]


def test_an_arrival_stands_after_a_restart() -> None:
    lines = [
        *MOVED,
        check("wang", "facility-gate", "01-28 16:00"),
        check("wang", "gate-1", "01-29 16:00"),
    ]
    for crashes in ((2,), (3,), (2, 3, 4)):
        deployment = Deployment(partitions=2).run(steps(lines), crashes=crashes)
        assert [alert.site for alert in standing(deployment, "quarantine-breach")] == ["gate-1"]


# The vehicle on its way.

BUS = "浙F8A123"
BY_BUS = {**planned()}
BY_BUS["data"] = {**BY_BUS["data"], "vehicle": BUS}
WAY = route("inner", "facility-gate", 60, 90)


def seen(when: str, where: str = "inner", **more: Any) -> Line:
    """The bus is read somewhere."""
    return hit(BUS, where, when, **more)


def test_the_last_place_where_the_vehicle_was_read_is_named() -> None:
    lines = (ORDER, BY_BUS, seen("01-28 10:30"), seen("01-28 11:00", "bound"))
    (alert,) = of(told(*lines, clock("01-28 13:00")))
    assert alert.first_seen == "2020-01-28T05:00:00.000Z"
    assert "last read at bound at 2020-01-28 11:00" in alert.reason.en
    assert "bound" in alert.reason.zh


def test_a_reading_on_a_filed_way_moves_the_eta() -> None:
    lines = (WAY, ORDER, BY_BUS, seen("01-28 11:30"))
    assert of(told(*lines, clock("01-28 13:59"))) == []
    (alert,) = of(told(*lines, clock("01-28 14:00")))
    assert alert.first_seen == "2020-01-28T06:00:00.000Z"
    assert "expected at 2020-01-28 13:00" in alert.reason.en
    # By two hours at most.
    late = told(*lines, *(seen(f"01-28 {hour}:30") for hour in (12, 13, 14)), clock("01-28 18:00"))
    assert [each.first_seen for each in standing(late, "transfer-not-arrived")] == [
        "2020-01-28T07:00:00.000Z"
    ]
    assert of(told(*lines, arrived("t1", ["wang"], "01-28 13:30"), clock("01-28 18:00"))) == []


def test_a_reading_that_comes_late_takes_the_alert_back() -> None:
    late = seen("01-28 11:30", recorded="01-28 13:10")
    found = told(WAY, ORDER, BY_BUS, clock("01-28 13:05"), late, clock("01-28 13:20"))
    assert standing(found, "transfer-not-arrived") == []
    assert len(of(found)) == 1


@pytest.mark.parametrize(
    "reading",
    [
        seen("01-28 11:30", confidence=0.84),
        seen("01-28 08:30"),
        hit("浙F8A124", "inner", "01-28 11:30"),
    ],
)
def test_what_says_nothing_of_the_way_moves_nothing(reading: Line) -> None:
    (alert,) = of(told(WAY, ORDER, BY_BUS, reading, clock("01-28 13:00")))
    assert "last read" not in alert.reason.en


@pytest.mark.parametrize("partitions", [2, 5])
def test_the_vehicle_may_be_in_another_partition(partitions: int) -> None:
    lines = (WAY, ORDER, BY_BUS, seen("01-28 11:30"), clock("01-28 13:59"), clock("01-28 14:01"))
    found = Deployment(partitions=partitions).run(steps(lines))
    (alert,) = of(found)
    assert alert.first_seen == "2020-01-28T06:00:00.000Z"
