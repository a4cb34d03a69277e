"""What bears a match out: a vehicle of somebody under order, and that they were not heard of."""

import pytest

from schemas.alerts import Alert
from tests.alerts.build import Line, at, check, clock, hit, link, order, report, scan, site
from tests.alerts.running import Deployment, after, steps

CAR = "浙F12345"
MOVING = "quarantined-vehicle-moving"
BEFORE = (order("o1", channel="phone"), link("l1", "wang", CAR), link("l2", "li", CAR))
DUE = clock("02-03 09:20:01")


def moving(*lines: Line) -> Alert:
    """The alert about the vehicle after these lines."""
    heard = report("check-in", "phone", "02-02 14:00", order="o1", result="ok")
    return after(*BEFORE, heard, *lines).alert(rule=MOVING)


def driven(when: str, recorded: str | None = None) -> Line:
    """The spouse drives the car past a site."""
    return scan("inner", when, plate=CAR, people=["li"], recorded=recorded)


def test_a_check_in_missed_within_two_hours_makes_it_high() -> None:
    alert = moving(driven("02-03 07:21"), DUE)
    assert (alert.severity, alert.evidence_class, alert.state) == ("high", "digital", "open")
    assert "check-in" in alert.reason.en
    assert "打卡" in alert.reason.zh


@pytest.mark.parametrize("when", ["02-03 07:19", "02-03 11:21"])
def test_outside_of_two_hours_it_does_not(when: str) -> None:
    alert = moving(driven(when), DUE, clock("02-03 11:30"))
    assert (alert.severity, alert.evidence_class) == ("low", "vehicle")
    assert "check-in" not in alert.reason.en


def test_it_is_no_breach_of_the_person() -> None:
    found = after(*BEFORE, driven("02-03 09:00"), DUE).final
    assert {alert.rule for alert in found} == {MOVING, "missed-check-in"}


def test_a_check_in_that_arrives_late_takes_it_back() -> None:
    late = report(
        "check-in", "phone", "02-03 08:55", order="o1", result="ok", recorded="02-03 10:00"
    )
    alert = moving(driven("02-03 09:00"), DUE, late)
    assert (alert.severity, alert.evidence_class) == ("low", "vehicle")


def test_what_came_late_is_one_lower() -> None:
    alert = moving(driven("02-03 09:00", "02-03 10:00"))
    assert (alert.severity, alert.historical) == ("medium", True)


def test_a_clone_suspicion_lowers_it_all_the_same() -> None:
    sites = (site("inner", position=at(120.0)), site("inner-2", position=at(120.9)))
    reads = [
        hit(CAR, where, f"02-03 09:{minute}")
        for minute, where in ((10, "inner"), (20, "inner-2"), (30, "inner"), (40, "inner-2"))
    ]
    alert = moving(*sites, DUE, *reads, clock("02-03 10:00"))
    assert (alert.severity, alert.evidence_class) == ("medium", "digital")
    assert "check-in" in alert.reason.en
    assert "cloned" in alert.reason.en


def test_the_day_after_it_is_known_still() -> None:
    """What the check-in's rule has forgotten stands where it was told."""
    days = [clock(f"02-{day:02d} 12:00") for day in range(4, 13)]
    again = driven("02-12 12:01")
    found = after(*BEFORE, driven("02-03 09:00"), DUE, *days, again, clock("02-15 12:00"))
    severities = {alert.first_seen: alert.severity for alert in found.final if alert.rule == MOVING}
    assert severities["2020-02-03T01:00:00.000Z"] == "high"


@pytest.mark.parametrize("partitions", [2, 5])
def test_another_partition_is_told(partitions: int) -> None:
    lines = (*BEFORE, driven("02-03 09:00"), check("li", "inner", "02-03 09:10"), DUE)
    alert = Deployment(partitions=partitions).run(steps(lines)).alert(rule=MOVING)
    assert alert.severity == "high"
