"""D37: premises that are open without an approval."""

import pytest

from schemas.alerts import Alert
from tests.alerts.build import Line, approval, clock, looked, policy, recorded_ms
from tests.alerts.running import Deployment, after, steps


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    deployment = after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))
    assert not deployment.broken, deployment.broken
    return deployment


def found(*lines: Line) -> list[Alert]:
    """What there is of this rule, by the time of its first match."""
    return sorted(told(*lines).final, key=lambda alert: alert.first_seen)


TWICE = [looked("shop", "02-10 09:00"), looked("shop", "02-10 09:30")]


def test_open_twice_without_an_approval_is_one_medium_alert() -> None:
    (alert,) = found(*TWICE, looked("shop", "02-10 10:00"))
    assert (alert.severity, alert.evidence_class, alert.count) == ("medium", "system", 2)
    assert (alert.subject.kind, alert.subject.key) == ("premises", "premises:shop")
    assert alert.first_seen == "2020-02-10T01:30:00.000Z"
    assert "60 minutes" in alert.reason.en
    assert "60 分钟" in alert.reason.zh


@pytest.mark.parametrize("second", ["02-10 09:29", "02-11 09:01"])
def test_one_look_is_not_enough(second: str) -> None:
    # A delivery, or somebody who cleans; and another one the day after.
    assert found(TWICE[0], looked("shop", second), looked("other", "02-10 09:40")) == []


def test_closed_in_between_are_two_looks() -> None:
    shut = looked("shop", "02-10 09:10", False)
    assert found(TWICE[0], shut, TWICE[1]) == []
    assert len(found(TWICE[0], shut, TWICE[1], looked("shop", "02-10 10:00"))) == 1


def test_the_distances_are_a_policy() -> None:
    near = policy("opened-without-approval", filed="02-01 00:00", apart_s=600, within_h=48)
    assert len(found(near, TWICE[0], looked("shop", "02-10 09:10"))) == 1
    assert len(found(near, TWICE[0], looked("shop", "02-12 08:00"))) == 1


def test_an_approval_lets_premises_open() -> None:
    deployment = told(approval("a1", "shop"), *TWICE)
    assert deployment.final == []
    assert deployment.counts["suppressed:opened-without-approval:approval"] == 1
    assert found(approval("a1", "shop", since="02-10 09:10"), *TWICE) == []
    assert len(found(approval("a1", "shop", until="02-10 08:00"), *TWICE)) == 1
    assert len(found(approval("a1", "other"), *TWICE)) == 1


def test_an_approval_that_is_filed_afterwards_takes_the_alert_back() -> None:
    (alert,) = found(*TWICE, approval("a1", "shop", "02-10 00:00", filed="02-10 12:00"))
    assert alert.state == "retracted"
    assert "approval:a1" in alert.reason.en
    only_first = approval("a1", "shop", "02-10 00:00", "02-10 09:10", filed="02-10 12:00")
    (alert,) = found(*TWICE, only_first)
    assert (alert.state, "approval:a1" in alert.reason.en) == ("retracted", True)
    since_then = approval("a1", "shop", "02-10 12:00")
    assert [alert.state for alert in found(*TWICE, since_then)] == ["open"]


def test_an_approval_that_names_other_premises_by_now_does_not_count() -> None:
    moved = approval("a1", "other", "02-09 00:00", filed="02-09 00:00")
    assert len(found(approval("a1", "shop"), moved, *TWICE)) == 1


def test_a_look_that_comes_late_counts_at_its_time() -> None:
    late = looked("shop", "02-10 09:00", recorded="02-10 12:00")
    (alert,) = found(TWICE[1], late)
    assert alert.first_seen == "2020-02-10T01:30:00.000Z"
    shut = looked("shop", "02-10 09:10", False, recorded="02-10 12:00")
    (alert,) = found(*TWICE, shut)
    assert alert.state == "retracted"


def test_partitions_and_crashes_do_not_matter() -> None:
    lines = [
        approval("a1", "b"),
        *(looked(s, f"02-10 {h}:00") for h in ("09", "10", "11") for s in "abc"),
    ]
    one = Deployment().run(steps(lines)).final
    many = Deployment(partitions=4).run(steps(lines), crashes=(2, 5)).final
    assert [(a.id, a.count) for a in many] == [(a.id, a.count) for a in one]
    assert [alert.count for alert in one] == [2, 2]
