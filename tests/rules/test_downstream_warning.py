"""D01b: where a vehicle on the watch list may be seen next."""

from schemas.alerts import Alert
from tests.alerts.build import clock, hit, route, text, watch
from tests.alerts.running import Deployment, after, steps

CAR = "浙F12345"
ENTRY = watch("w1", CAR)
WAY = route("inner", "inner-2", 20, 30)
SEEN = hit(CAR, "inner", "02-10 10:00")


def warnings(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule, in order of time."""
    found = [alert for alert in deployment.final if alert.rule == "downstream-warning"]
    return sorted(found, key=lambda alert: (alert.first_seen, alert.site or ""))


def test_the_next_site_is_warned() -> None:
    (alert,) = warnings(after(ENTRY, WAY, SEEN))
    assert (alert.severity, alert.site, alert.state) == ("info", "inner-2", "open")
    assert (alert.first_seen, alert.subject.key) == (text("02-10 10:00"), f"vehicle:{CAR}")
    assert "read at inner and may reach inner-2 from 20 to 60 min" in alert.reason.en
    assert "inner-2" in alert.reason.zh


def test_it_ends_when_the_vehicle_is_seen_there_or_the_time_is_over() -> None:
    there = hit(CAR, "inner-2", "02-10 10:40", confidence=0.5)
    (alert,) = warnings(after(ENTRY, WAY, SEEN, there))
    assert (alert.state, alert.outcome) == ("resolved", "cleared")
    assert "It was seen there" in alert.reason.en
    (alert,) = warnings(after(ENTRY, WAY, SEEN, clock("02-10 10:59:59")))
    assert alert.state == "open"
    (alert,) = warnings(after(ENTRY, WAY, SEEN, clock("02-10 11:00")))
    assert (alert.state, alert.outcome) == ("resolved", "expired")
    assert "over" in alert.reason.en


def test_a_late_reading_there_that_came_after_the_end_clears_it() -> None:
    there = hit(CAR, "inner-2", "02-10 10:40", recorded="02-10 12:00")
    first, *_ = warnings(after(ENTRY, WAY, SEEN, clock("02-10 11:30"), there))
    assert first.outcome == "cleared"


def test_one_passage_warns_once_and_the_next_one_anew() -> None:
    lines = [
        ENTRY, WAY, SEEN,
        hit(CAR, "inner", "02-10 10:08"),
        hit(CAR, "inner", "02-10 14:00"),
        clock("02-10 16:00"),
    ]  # fmt: skip
    first, second = warnings(after(*lines))
    assert (first.count, second.count) == (1, 1)
    assert (first.outcome, second.outcome) == ("expired", "expired")


def test_who_is_not_warned() -> None:
    through = route("inner", "inner-2", 20, 30, via=["exit"])
    far = route("inner", "inner-2", 130, 180)
    elsewhere = watch("w1", CAR, sites=["exit"])
    inward = watch("w1", CAR, direction="in")
    for lines in (
        [ENTRY, SEEN],
        [ENTRY, through, SEEN],
        [ENTRY, far, SEEN],
        [elsewhere, WAY, SEEN],
        [inward, WAY, SEEN],
        [WAY, SEEN],
        [ENTRY, WAY, hit(CAR, "inner", "02-10 10:00", confidence=0.8)],
        [ENTRY, WAY, hit(CAR, "inner", "02-10 10:00", recorded="02-10 11:01")],
        [WAY, SEEN, watch("w1", CAR, filed="02-10 10:30")],
    ):
        assert warnings(after(*lines)) == []


def test_a_route_holds_both_ways_unless_the_reverse_is_filed() -> None:
    back = hit(CAR, "inner-2", "02-10 10:00")
    (alert,) = warnings(after(ENTRY, WAY, back))
    assert (alert.site, "20 to 60" in alert.reason.en) == ("inner", True)
    (alert,) = warnings(after(ENTRY, WAY, route("inner-2", "inner", 25, 26), back))
    assert "25 to 52" in alert.reason.en


def test_an_entry_that_ended_before_takes_the_warning_back() -> None:
    ended = watch("w1", CAR, filed="02-10 10:10", until="02-10 09:00")
    (alert,) = warnings(after(ENTRY, WAY, SEEN, ended))
    assert alert.state == "retracted"


def test_partitions_and_crashes_change_nothing() -> None:
    lines = steps([ENTRY, WAY, SEEN, clock("02-10 10:30"), clock("02-10 12:00")])
    wanted = warnings(Deployment().run(lines))
    assert warnings(Deployment(partitions=4).run(lines)) == wanted
    for number in range(5):
        assert warnings(Deployment().run(lines, crashes={number})) == wanted
