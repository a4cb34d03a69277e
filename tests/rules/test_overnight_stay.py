"""D20: a vehicle that is not at home here spends the night."""

import itertools

import pytest

from schemas.alerts import Alert
from schemas.times import HOUR_MS
from tests.alerts.build import (
    Line,
    at,
    clock,
    exempt,
    heartbeat,
    hit,
    ms,
    resident,
    site,
    text,
    zone,
)
from tests.alerts.running import Deployment, after, steps

CAR = "皖K12345"
CAME = hit(CAR, "gate-1", "02-10 21:00", "in")
DAWN = clock("02-11 05:00")
INNER = site("inner", position=at(120.0))


def stays(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule that stand."""
    return [
        alert
        for alert in deployment.final
        if alert.rule == "overnight-stay" and alert.state != "retracted"
    ]


def test_a_night_in_a_community_is_told_at_five() -> None:
    assert stays(after(CAME, clock("02-11 04:59:59"))) == []
    (alert,) = stays(after(CAME, DAWN))
    assert (alert.severity, alert.evidence_class, alert.site) == ("low", "vehicle", "gate-1")
    assert (alert.first_seen, alert.historical) == (text("02-11 05:00"), False)
    assert alert.subject.key == f"vehicle:{CAR}"
    assert "into home-1 at gate-1 and was there the whole night" in alert.reason.en
    assert "整夜" in alert.reason.zh


def test_further_nights_belong_to_the_same_alert_for_three_days() -> None:
    (alert,) = stays(after(CAME, clock("02-16 00:00")))
    assert (alert.count, alert.last_seen) == (3, text("02-13 05:00"))


@pytest.mark.parametrize(
    "left",
    [
        hit(CAR, "gate-1", "02-11 04:00", "out"),
        hit(CAR, "gate-2", "02-11 04:00", "in"),
        hit(CAR, "inner", "02-10 23:00"),
        hit(CAR, "gate-1", "02-11 01:30", "in"),
    ],
    ids=["out", "another community", "elsewhere", "in again"],
)
def test_who_was_read_before_the_night_was_over_had_left(left: Line) -> None:
    assert stays(after(INNER, CAME, left, DAWN)) == []
    assert stays(after(INNER, left, {**CAME, "recordedtime": text("02-11 06:00")})) == []
    late = {**left, "recordedtime": text("02-11 07:00")}
    assert stays(after(INNER, CAME, DAWN, late)) == []


def test_a_doubtful_reading_elsewhere_is_no_sign_of_having_left() -> None:
    doubtful = hit(CAR, "inner", "02-10 23:00", confidence=0.93)
    assert len(stays(after(INNER, CAME, doubtful, DAWN))) == 1
    assert stays(after(hit(CAR, "gate-1", "02-10 21:00", "in", confidence=0.89), DAWN)) == []


def test_two_of_three_nights_count_when_none_of_them_is_whole() -> None:
    def night(day: int, until: str = "02:30") -> list[Line]:
        return [
            hit(CAR, "gate-1", f"02-{day} 00:30", "in"),
            hit(CAR, "gate-1", f"02-{day} {until}", "out"),
        ]

    (alert,) = stays(after(*night(11), *night(13), clock("02-13 05:00")))
    assert (alert.count, alert.first_seen) == (1, text("02-13 05:00"))
    assert "two of three nights" in alert.reason.en
    assert stays(after(*night(11), *night(14), clock("02-14 05:00"))) == []
    assert stays(after(*night(11), *night(12, "01:29"), clock("02-12 05:00"))) == []


def test_who_is_at_home_or_exempt_stays() -> None:
    assert stays(after(resident(CAR), CAME, DAWN)) == []
    assert stays(after(CAME, resident(CAR, filed="02-10 22:00"), DAWN)) == []
    for exempted in (
        exempt("e", CAR, "fleet"),
        exempt("e", CAR, corridor=["home-1"]),
        exempt("e", CAR, corridor=["gate-1"]),
    ):
        deployment = after(exempted, CAME, DAWN)
        assert stays(deployment) == []
        assert [name for name in deployment.counts if "suppressed:overnight" in name]
    assert len(stays(after(exempt("e", CAR, corridor=["home-2"]), CAME, DAWN))) == 1


def test_who_is_registered_afterwards_takes_the_alert_back() -> None:
    deployment = after(CAME, DAWN, resident(CAR, filed="02-11 10:00"))
    (alert,) = deployment.final
    assert alert.state == "retracted"
    assert f"resident-vehicle:{CAR}" in alert.reason.en


def test_a_gate_that_was_silent_accuses_nobody() -> None:
    armed = site("gate-1", "community", ("county", "home-1"), heartbeat_s=60)
    alive = heartbeat("gate-box", "02-10 20:58", "gate-1")
    deployment = after(armed, alive, CAME, clock("02-10 23:00"), DAWN)
    assert stays(deployment) == []
    assert deployment.counts["suppressed:overnight-stay:source-silent"] == 1


def test_a_gate_in_no_community_zone_stands_for_itself() -> None:
    lines = [zone("x", "grid"), site("gate-x", "community", ("x", "nowhere"))]
    (alert,) = stays(after(*lines, hit(CAR, "gate-x", "02-10 21:00", "in"), DAWN))
    assert "into gate-x" in alert.reason.en


def test_any_order_partitions_and_crashes_end_the_same() -> None:
    lines = [
        CAME,
        hit(CAR, "inner", "02-11 08:00"),
        hit(CAR, "gate-1", "02-11 20:00", "in"),
        hit(CAR, "inner", "02-11 23:30"),
    ]
    wanted = None
    for order in itertools.permutations(range(4)):
        late = [
            {**lines[place], "recordedtime": text(ms("02-12 09:00") + number * HOUR_MS)}
            for number, place in enumerate(order)
        ]
        for partitions in (1, 4):
            deployment = Deployment(partitions=partitions)
            deployment.run(steps([INNER, *late, clock("02-13 09:00")]))
            (alert,) = stays(deployment)
            found = (alert.id, alert.count, alert.last_seen)
            assert found == (wanted := wanted or found)
    for number in range(3):
        deployment = Deployment().run(steps([CAME, clock("02-11 01:00"), DAWN]), crashes={number})
        assert len(stays(deployment)) == 1


def test_a_misread_of_a_resident_is_no_stranger() -> None:
    night = (hit("浙F1234S", "gate-1", "02-10 21:00", "in"), DAWN)
    assert len(stays(after(*night))) == 1
    quiet = after(resident("浙F12345"), *night)
    assert stays(quiet) == []
    assert quiet.counts["suppressed:overnight-stay:look-alike"] == 1
    assert stays(after(*night, resident("浙F12345", filed="02-12 10:00"))) == []
