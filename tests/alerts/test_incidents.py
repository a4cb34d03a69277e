"""Alerts that are one incident name each other."""

import pytest

from rules.catalogue import BY_NAME
from rules.incidents import INCIDENTS, OF_RULE
from schemas.alerts import Alert
from tests.alerts.build import (
    Line,
    at_work,
    check,
    clock,
    deletion,
    gate,
    hit,
    link,
    order,
    permit,
    scan,
)
from tests.alerts.running import Deployment, after, steps

CAR = "苏E55566"
CAME = hit(CAR, "exit", "02-12 18:40", "in")
FORCED = gate("exit", "02-12 19:02")
LATER = clock("02-12 19:30")


def linked(found: Deployment) -> set[tuple[str, str]]:
    """The rules whose alerts name each other."""
    rules = {alert.id: alert.rule for alert in found.final}
    return {(alert.rule, rules[each]) for alert in found.final for each in alert.related or ()}


BOTH = {("forced-gate", "check-incomplete"), ("check-incomplete", "forced-gate")}


@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_a_forced_gate_and_a_missing_check(partitions: int) -> None:
    found = Deployment(partitions=partitions).run(steps((CAME, FORCED, LATER)))
    assert linked(found) == BOTH


def test_whichever_comes_first() -> None:
    late = {**FORCED, "time": "2020-02-12T10:50:00.000Z", "recordedtime": FORCED["time"]}
    assert linked(after(CAME, LATER, late)) == BOTH


def test_at_another_site_or_another_time_they_are_two() -> None:
    assert linked(after(CAME, gate("bound", "02-12 19:02"), LATER)) == set()
    assert linked(after(CAME, clock("02-12 19:00"), gate("exit", "02-12 19:26"))) == set()
    assert linked(after(CAME, clock("02-12 19:00"), gate("exit", "02-12 19:25"))) == BOTH


def test_a_withdrawn_one_is_named_no_more() -> None:
    checked = check("li", "exit", "02-12 18:45", recorded="02-12 19:20")
    found = after(CAME, FORCED, clock("02-12 19:10"), checked, LATER)
    assert linked(found) == set()
    assert found.alert(rule="check-incomplete").state == "retracted"
    assert found.alert(rule="forced-gate").related is None


def workers(*lines: Line) -> list[Alert]:
    """Wang, under order, at a gate and at work."""
    return after(
        order("o1"), check("wang", "inner", "02-10 07:55"), at_work("wang", "02-10 08:00"), *lines
    ).final


def test_a_worker_under_order_and_the_breach() -> None:
    found = {alert.rule: alert for alert in workers(clock("02-10 23:00"))}
    breach, at_their_work = found["quarantine-breach"], found["worker-non-compliant"]
    assert breach.related == [at_their_work.id]
    assert at_their_work.related == [breach.id]


def test_an_excuse_that_is_filed_later_parts_them() -> None:
    leave = permit("p1", "o1", "02-10 07:00", "02-10 07:58", filed="02-10 12:00", places=["inner"])
    found = {alert.rule: alert for alert in workers(leave, deletion("permit", "p2", "02-10 13:00"))}
    assert found["quarantine-breach"].state == "retracted"
    assert found["worker-non-compliant"].related is None


@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_a_vehicle_that_moves_and_a_missed_check_in(partitions: int) -> None:
    filed = (order("o1", channel="phone"), link("l1", "wang", CAR))
    driven = scan("inner", "02-03 09:00", plate=CAR, people=["li"])
    due, after_it = clock("02-03 09:20:01"), clock("02-03 09:21")
    found = Deployment(partitions=partitions).run(steps((*filed, driven, due, after_it)))
    moving, missed = "quarantined-vehicle-moving", "missed-check-in"
    assert linked(found) == {(moving, missed), (missed, moving)}


def test_only_who_may_have_the_others_is_told() -> None:
    incident = OF_RULE["missed-check-in"]
    assert incident.listener("quarantined-vehicle-moving", "o1") == "order:o1"
    assert incident.listener("missed-check-in", "o1") is None


def test_the_table_names_each_rule_once() -> None:
    names = [rule for incident in INCIDENTS for rule in incident.rules]
    assert len(names) == len(set(names))
    assert set(names) <= set(BY_NAME)
