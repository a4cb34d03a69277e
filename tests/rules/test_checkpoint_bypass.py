"""D29: a vehicle went past a checkpoint that no way leads around."""

import itertools

from schemas.alerts import Alert
from schemas.times import MINUTE_MS
from tests.alerts.build import (
    ALWAYS,
    Line,
    clock,
    heartbeat,
    hit,
    ms,
    route,
    scan,
    site,
    text,
)
from tests.alerts.running import Deployment, after, steps

CAR = "浙F6M118"
ALIKE = "浙F6M1L8"
GATE = site("post", "checkpoint", mandatory=True, filed=ALWAYS)
WAY = route("inner", "inner-2", 20, 25, via=["post"])
COUNTY = (GATE, WAY)
BEFORE = hit(CAR, "inner", "02-10 10:00")
BEYOND = hit(CAR, "inner-2", "02-10 10:25")


def bypasses(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule that stand."""
    return [
        alert
        for alert in deployment.final
        if alert.rule == "checkpoint-bypass" and alert.state != "retracted"
    ]


def test_a_vehicle_beyond_a_checkpoint_that_did_not_see_it() -> None:
    (alert,) = bypasses(after(*COUNTY, BEFORE, BEYOND))
    assert (alert.severity, alert.evidence_class, alert.site) == ("medium", "vehicle", "inner-2")
    assert (alert.subject.key, alert.count) == (f"vehicle:{CAR}", 1)
    assert "not at the checkpoint post between" in alert.reason.en
    assert "25 min" in alert.reason.en
    assert "post" in alert.reason.zh


def test_any_reading_at_the_checkpoint_clears_it_however_doubtful() -> None:
    for seen in (
        scan("post", "02-10 10:12", plate=CAR, people=["wang"]),
        hit(CAR, "post", "02-10 10:12", confidence=0.4),
        hit(ALIKE, "post", "02-10 10:12", confidence=0.6),
    ):
        assert bypasses(after(*COUNTY, BEFORE, seen, BEYOND)) == []
        late = {**seen, "recordedtime": text("02-10 13:00")}
        deployment = after(*COUNTY, BEFORE, BEYOND, late)
        assert bypasses(deployment) == []
        assert [alert.state for alert in deployment.final] == ["retracted"]


def test_a_checkpoint_that_is_not_mandatory_or_not_on_every_way() -> None:
    free = site("post", "checkpoint")
    assert bypasses(after(free, WAY, BEFORE, BEYOND)) == []
    around = route("inner-2", "inner", 30, 40)
    # It is the way back, and that is filed for itself.
    assert len(bypasses(after(*COUNTY, around, BEFORE, BEYOND))) == 1
    other = {**route("inner", "inner-2", 30, 40), "id": "other"}
    other["data"] = {**other["data"], "id": "other"}
    assert bypasses(after(*COUNTY, other, BEFORE, BEYOND)) == []


def test_it_holds_the_other_way_round_too() -> None:
    back = (hit(CAR, "inner-2", "02-10 10:00"), hit(CAR, "inner", "02-10 10:25"))
    assert len(bypasses(after(*COUNTY, *back))) == 1
    around = route("inner-2", "inner", 30, 40)
    assert bypasses(after(*COUNTY, around, *back)) == []


def test_a_doubtful_reading_or_one_much_later_says_nothing() -> None:
    doubtful = hit(CAR, "inner-2", "02-10 10:25", confidence=0.94)
    assert bypasses(after(*COUNTY, BEFORE, doubtful)) == []
    assert bypasses(after(*COUNTY, BEFORE, hit(CAR, "inner-2", "02-10 13:01"))) == []
    assert len(bypasses(after(*COUNTY, BEFORE, hit(CAR, "inner-2", "02-10 12:59")))) == 1


def test_sooner_than_anybody_can_drive_it_is_a_contradiction() -> None:
    deployment = after(*COUNTY, BEFORE, hit(CAR, "inner-2", "02-10 10:10"))
    assert bypasses(deployment) == []


def test_a_silent_checkpoint_accuses_nobody() -> None:
    armed = site("post", "checkpoint", mandatory=True, heartbeat_s=60)
    lines = [
        armed,
        WAY,
        heartbeat("post-box", "02-10 09:50", "post"),
        clock("02-10 09:58"),
        BEFORE,
        BEYOND,
        clock("02-10 10:40"),
    ]
    deployment = after(*lines)
    assert bypasses(deployment) == []
    assert deployment.counts["suppressed:checkpoint-bypass:source-silent"] == 1


def test_every_order_of_arrival_ends_the_same() -> None:
    lines = [
        BEFORE,
        hit(CAR, "post", "02-10 10:12", confidence=0.5),
        BEYOND,
        hit(CAR, "inner", "02-10 11:00"),
    ]
    for order in itertools.permutations(range(4)):
        late = [
            {**lines[place], "recordedtime": text(ms("02-10 12:00") + number * MINUTE_MS)}
            for number, place in enumerate(order)
        ]
        for partitions in (1, 4):
            deployment = Deployment(partitions=partitions)
            deployment.run(steps([*COUNTY, *late, clock("02-10 14:00")]))
            (alert,) = bypasses(deployment)
            assert (alert.site, alert.count, alert.historical) == ("inner", 1, True)


def test_a_crash_between_loses_no_track() -> None:
    lines: list[Line] = [*COUNTY, BEFORE, BEYOND]
    for number in range(4):
        deployment = Deployment().run(steps(lines), crashes={number})
        assert len(bypasses(deployment)) == 1


def test_one_alert_per_checkpoint_within_six_hours() -> None:
    again = (hit(CAR, "inner", "02-10 14:00"), hit(CAR, "inner-2", "02-10 14:30"))
    (alert,) = bypasses(after(*COUNTY, BEFORE, BEYOND, *again))
    assert alert.count == 2


def test_a_clock_that_is_wrong_accuses_nobody() -> None:
    skewed = [
        hit("浙F00000", "inner-2", f"02-10 {hour:02d}:{minute:02d}", event_id=f"{hour}:{minute}",
            recorded=f"02-10 {hour:02d}:{minute:02d}:50")
        for hour in (8, 9) for minute in range(60)
    ]  # fmt: skip
    deployment = after(*COUNTY, *skewed, BEFORE, BEYOND)
    assert bypasses(deployment) == []
    assert deployment.counts["suppressed:checkpoint-bypass:clock-skew"] == 1


def test_a_way_that_was_long_is_no_contradiction_and_a_short_one_no_bypass() -> None:
    # When they were read the way took two minutes at least; by now it takes twenty.
    quick = route("inner", "inner-2", 2, 25, via=["post"])
    slow = route("inner", "inner-2", 20, 25, via=["post"], filed="02-10 12:00")
    deployment = after(GATE, quick, BEFORE, hit(CAR, "inner-2", "02-10 10:10"), slow)
    assert bypasses(deployment) == []
    assert deployment.counts["suppressed:checkpoint-bypass:contradiction"] == 1
