"""D39: a vehicle does not keep to what its exemption says."""

import pytest

from schemas.alerts import Alert
from tests.alerts.build import Line, deletion, exempt, hit, route, site
from tests.alerts.running import Deployment, after, steps

TRUCK = "鄂J12345"
CHANNEL = exempt("trip", TRUCK, corridor=["county"], stops=["rest"])
AWAY = site("away", "inner", ("elsewhere",))
REST = site("rest", "inner", ("elsewhere",))
COUNTY = (CHANNEL, AWAY, REST)


def seen(where: str, when: str, *, confidence: float = 0.97, direction: str = "internal") -> Line:
    """The truck is read."""
    return hit(TRUCK, where, f"02-10 {when}", direction, confidence=confidence)


def deviations(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule that stand."""
    return [
        alert
        for alert in deployment.final
        if alert.rule == "green-channel-deviation" and alert.state != "retracted"
    ]


def test_off_its_corridor() -> None:
    deployment = after(
        *COUNTY, seen("inner", "10:00"), seen("away", "10:30"), seen("away", "10:50")
    )
    (alert,) = deviations(deployment)
    assert (alert.severity, alert.evidence_class, alert.count) == ("medium", "vehicle", 2)
    assert (alert.site, alert.subject.key) == ("away", f"vehicle:{TRUCK}")
    assert "outside its corridor" in alert.reason.en
    assert "偏离通道" in alert.reason.zh


@pytest.mark.parametrize(
    "lines",
    [
        [seen("inner", "10:00"), seen("rest", "10:30")],
        [seen("away", "10:30", confidence=0.89)],
        [exempt("other", TRUCK, corridor=["elsewhere"]), seen("away", "10:30")],
        [exempt("fleet", TRUCK, "fleet"), seen("away", "10:30")],
        [exempt("whole", TRUCK, filed="02-10 11:00"), seen("away", "10:30")],
    ],
    ids=["approved stop", "doubtful", "another corridor", "a fleet", "filed later"],
)
def test_what_keeps_it_from_being_a_deviation(lines: list[Line]) -> None:
    assert deviations(after(*COUNTY, *lines)) == []
    assert deviations(Deployment(partitions=4).run(steps([*COUNTY, *reversed(lines)]))) == []


def test_an_exemption_without_a_corridor_or_of_another_kind_has_no_way_to_keep_to() -> None:
    for entry in (exempt("trip", TRUCK), exempt("trip", TRUCK, "fleet", corridor=["county"])):
        assert deviations(after(AWAY, entry, seen("away", "10:30"))) == []


def test_a_corridor_that_is_filed_later_accuses_nobody() -> None:
    later = exempt("trip", TRUCK, corridor=["county"], filed="02-10 12:00")
    assert deviations(after(AWAY, later, seen("away", "10:30"))) == []


def test_too_long_a_stop() -> None:
    stood = after(*COUNTY, seen("inner", "10:00"), seen("inner", "11:10"))
    (alert,) = deviations(stood)
    assert "for 70 min" in alert.reason.en
    for others in (
        [seen("inner", "10:00"), seen("inner", "11:00")],
        [seen("rest", "10:00"), seen("rest", "11:10")],
        [seen("inner", "10:00"), seen("inner-2", "10:30"), seen("inner", "11:10")],
        [seen("bound", "10:00", direction="out"), seen("bound", "11:10", direction="in")],
    ):
        assert deviations(after(*COUNTY, *others)) == []


def test_a_reading_between_that_comes_late_ends_the_stop() -> None:
    between = hit(TRUCK, "inner-2", "02-10 10:30", recorded="02-10 12:00")
    deployment = after(*COUNTY, seen("inner", "10:00"), seen("inner", "11:10"), between)
    assert deviations(deployment) == []


def test_it_goes_on_after_its_exemption_has_ended() -> None:
    ends = exempt("trip", TRUCK, corridor=["county"], until="02-10 11:00")
    lines = [ends, AWAY, seen("inner", "10:00"), seen("inner-2", "12:00"), seen("inner", "13:00")]
    (alert,) = deviations(after(*lines))
    assert "after its exemption has ended" in alert.reason.en
    assert alert.count == 1
    assert deviations(after(ends, AWAY, seen("inner-2", "12:00"))) == []
    long_after = hit(TRUCK, "inner", "02-11 10:00")
    assert deviations(after(ends, AWAY, seen("inner", "10:00"), long_after)) == []
    anew = exempt("next", TRUCK, corridor=["county"], since="02-10 11:00", filed="02-10 14:00")
    assert deviations(after(*lines, anew)) == []
    gone = deletion("exemption", "trip", "02-10 11:00")
    assert len(deviations(after(CHANNEL, gone, *lines[2:]))) == 1


def test_a_plate_that_may_be_cloned_is_not_said_to_stray() -> None:
    way = route("inner", "inner-2")
    lines = [
        seen("inner", "10:00"),
        seen("inner-2", "10:10"),
        seen("inner", "11:00"),
        seen("inner-2", "11:10"),
        seen("away", "12:30"),
    ]
    deployment = after(*COUNTY, way, *lines)
    assert deviations(deployment) == []
    assert deployment.counts["suppressed:green-channel-deviation:clone-suspicion"] == 1
