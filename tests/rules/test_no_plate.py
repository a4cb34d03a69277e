"""D35: a vehicle without a readable plate passes one site after another."""

from schemas.alerts import Alert
from tests.alerts.build import Line, hit, route, scan, site
from tests.alerts.running import Deployment, after, steps

WAY = route("inner", "inner-2", 10, 20)


def unread(where: str, when: str, colour: str | None = "white", type_: str = "car") -> Line:
    """A vehicle is seen, and no plate is read."""
    vehicle = {"type": type_, "colour": colour} if colour else {"type": type_}
    return hit(None, where, f"02-10 {when}", confidence=0, event_id=where + when, vehicle=vehicle)


FIRST = unread("inner", "10:00")
SECOND = unread("inner-2", "10:15")


def unplated(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule."""
    return [alert for alert in deployment.final if alert.rule == "no-plate"]


def test_the_second_of_two_joined_sites() -> None:
    (alert,) = unplated(after(WAY, FIRST, SECOND))
    assert (alert.severity, alert.evidence_class, alert.site) == ("low", "vehicle", "inner-2")
    assert (alert.subject.kind, alert.subject.key) == ("vehicle", "vehicle:car/white")
    assert alert.subject.label == "car/white"
    assert "15 min after one like it at inner" in alert.reason.en
    assert "inner" in alert.reason.zh


def test_at_a_checkpoint_it_is_medium() -> None:
    way = route("inner", "post", 10, 20)
    (alert,) = unplated(after(site("post", "checkpoint"), way, FIRST, unread("post", "10:15")))
    assert alert.severity == "medium"


def test_a_scan_without_a_plate_counts_too() -> None:
    line = scan("inner-2", "02-10 10:15", people=["wang"])
    line["data"]["vehicle"] = {"type": "car", "colour": "white"}
    assert len(unplated(after(WAY, FIRST, line))) == 1


def test_what_is_no_second_sight_of_the_same_vehicle() -> None:
    for lines in (
        [FIRST, unread("inner-2", "10:15", "black")],
        [FIRST, unread("inner-2", "10:15", "white", "van")],
        [FIRST, unread("inner-2", "10:15", None)],
        [FIRST, unread("inner-2", "10:09")],
        [FIRST, unread("inner-2", "10:21")],
        [FIRST, unread("inner-2", "10:31")],
        [FIRST, unread("inner", "10:15")],
        [FIRST, unread("exit", "10:15")],
        [FIRST, hit("浙F12345", "inner-2", "02-10 10:15")],
    ):
        assert unplated(after(WAY, *lines)) == []
    assert unplated(after(FIRST, SECOND)) == []


def test_a_route_holds_both_ways_unless_the_reverse_is_filed() -> None:
    back = [unread("inner-2", "10:00"), unread("inner", "10:15")]
    assert len(unplated(after(WAY, *back))) == 1
    assert unplated(after(WAY, route("inner-2", "inner", 20, 30), *back)) == []


def test_a_clock_that_is_wrong_joins_nothing() -> None:
    skewed = [
        hit("浙F00000", "inner-2", f"02-10 {hour:02d}:{minute:02d}", event_id=f"{hour}:{minute}",
            recorded=f"02-10 {hour:02d}:{minute:02d}:50")
        for hour in (8, 9) for minute in range(60)
    ]  # fmt: skip
    deployment = after(WAY, *skewed, FIRST, SECOND)
    assert unplated(deployment) == []
    assert deployment.counts["suppressed:no-plate:clock-skew"] == 1


def test_lateness_partitions_and_crashes_change_nothing() -> None:
    late = {**FIRST, "recordedtime": "2020-02-10T04:30:00Z"}
    wanted = [alert.id for alert in unplated(after(WAY, FIRST, SECOND))]
    for lines in ([WAY, FIRST, SECOND], [WAY, SECOND, late]):
        for partitions in (1, 4):
            run = Deployment(partitions=partitions).run(steps(lines), crashes={1, 2})
            assert [alert.id for alert in unplated(run)] == wanted
