"""D19: who stays a day or two nights is in some register."""

from typing import Any

import pytest

from schemas.alerts import Alert
from tests.alerts.build import (
    ALWAYS,
    Line,
    clock,
    hit,
    link,
    policy,
    put,
    recorded_ms,
    report,
    residence,
    resident,
    site,
)
from tests.alerts.running import Deployment, after, steps

CAR = "皖K12345"
CAME = hit(CAR, "gate-1", "02-10 21:00", "in")


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    deployment = after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))
    assert not deployment.broken, deployment.broken
    return deployment


def found(*lines: Line) -> list[Alert]:
    """What there is of this rule, by the time of its first match."""
    alerts = [each for each in told(*lines).final if each.rule == "unregistered-resident"]
    return sorted(alerts, key=lambda alert: (alert.first_seen, alert.id))


def new_face(when: str = "02-10 10:00", address: str | None = "1 Mill Lane", **more: Any) -> Line:
    """Somebody tells of a new face."""
    data = {"kind": "new-face", "reporter_role": "resident", "address": address, **more}
    return report("tip", "hotline", when, **{k: v for k, v in data.items() if v is not None})


def lives(filed: str, since: str, address: str = "1 mill lane") -> Line:
    """Somebody is registered at an address."""
    who = {"id_type": "resident_id", "id_number": "33042119800101011X"}
    return put("residence", f"r-{since[:5]}", filed, since, person=who, address=address)


def test_a_vehicle_that_stays_a_day_is_medium_half_a_day_later() -> None:
    lines = [CAME, clock("02-11 05:00")]
    assert found(*lines, clock("02-12 08:59")) == []
    (alert,) = found(*lines, clock("02-12 09:00"))
    assert (alert.severity, alert.evidence_class) == ("medium", "vehicle")
    assert (alert.subject.key, alert.site) == (f"vehicle:{CAR}", "gate-1")
    assert alert.first_seen == "2020-02-12T01:00:00.000Z"
    assert "stayed in home-1" in alert.reason.en
    assert "home-1" in alert.reason.zh


def test_one_night_is_none_and_two_are() -> None:
    gone = hit(CAR, "gate-1", "02-11 07:00", "out")
    lines = [CAME, clock("02-11 05:00"), gone]
    assert found(*lines, clock("02-14 00:00")) == []
    again = [
        hit(CAR, "gate-1", "02-12 21:00", "in"),
        clock("02-13 05:00"),
        hit(CAR, "gate-1", "02-13 06:00", "out"),
    ]
    (alert,) = found(*lines, *again, clock("02-14 00:00"))
    # The second night, and the half day in which a register may lag.
    assert alert.first_seen == "2020-02-13T09:00:00.000Z"


@pytest.mark.parametrize(
    "register",
    [
        [resident(CAR, filed="02-12 08:00", since="02-12 08:00")],
        [link("l1", "wang", CAR), residence("r1", "wang", filed="02-12 08:00")],
        [
            link("l1", "wang", CAR),
            residence("r1", "wang", filed="02-12 08:00"),
            residence("r2", "li"),
        ],
    ],
)
def test_what_is_registered_by_then(register: list[Line]) -> None:
    assert found(CAME, clock("02-11 05:00"), *register, clock("02-12 10:00")) == []


def test_a_registration_of_somebody_else_does_not_count() -> None:
    moved = [
        resident(CAR),
        put("resident-vehicle", CAR, "01-02 00:00", "01-02 00:00", plate="浙F12345"),
    ]
    strangers = [
        link("l1", "wang", CAR), residence("r1", "wang"),
        residence("r1", "li", filed="01-02 00:00", since="01-02 00:00"),
    ]  # fmt: skip
    assert len(found(*moved, *strangers, CAME, clock("02-11 05:00"), clock("02-12 10:00"))) == 1


def test_a_registration_that_is_late_authorises() -> None:
    lines = [CAME, clock("02-11 05:00"), clock("02-12 09:00")]
    (alert,) = found(*lines, resident(CAR, filed="02-12 10:00", since="02-12 10:00"))
    assert (alert.state, alert.outcome) == ("resolved", "authorised")
    assert "registration was filed" in alert.reason.en
    assert "已登记" in alert.reason.zh


def test_a_registration_for_that_time_that_is_filed_late_withdraws() -> None:
    lines = [CAME, clock("02-11 05:00"), clock("02-12 09:00")]
    person = [
        link("l1", "wang", CAR),
        residence("r1", "wang", filed="02-12 10:00", since="02-11 00:00"),
    ]
    (alert,) = found(*lines, *person)
    assert alert.state == "retracted"
    assert "registered" in alert.reason.en


def test_a_night_that_is_taken_back_takes_this_back() -> None:
    lines = [CAME, clock("02-11 05:00"), clock("02-12 09:00")]
    left = hit(CAR, "gate-1", "02-10 22:00", "out", recorded="02-12 10:00")
    assert [alert.state for alert in found(*lines, left)] == ["retracted"]


def test_a_new_face_that_is_in_no_register_a_day_and_a_half_later() -> None:
    lines = [new_face(grid="g4"), clock("02-11 21:59")]
    assert found(*lines) == []
    (alert,) = found(*lines, clock("02-11 22:00"))
    assert (alert.severity, alert.evidence_class, alert.grid) == ("medium", "tip", "g4")
    assert (alert.subject.kind, alert.subject.label) == ("address", "1milllane")
    assert "new face" in alert.reason.en
    assert "新面孔" in alert.reason.zh


def test_who_was_there_before_is_no_registration_of_a_new_face() -> None:
    neighbours = [
        lives("01-01 00:00", "01-01 00:00"),
        lives("02-10 12:00", "02-10 12:00", "2 Mill Lane"),
    ]
    (alert,) = found(*neighbours, new_face(), clock("02-11 22:00"))
    assert alert.grid is None
    assert found(new_face(), lives("02-11 10:00", "02-11 10:00"), clock("02-11 22:00")) == []
    (late,) = found(new_face(), clock("02-11 22:00"), lives("02-12 10:00", "02-12 10:00"))
    assert (late.state, late.outcome) == ("resolved", "authorised")


def test_a_residence_that_moved_away_is_none() -> None:
    moved = lives("02-11 09:00", "02-11 09:00")
    elsewhere = {
        **moved,
        "id": "2",
        "time": "2020-02-11T02:00:00Z",
        "data": {**moved["data"], "address": "x"},
    }
    assert len(found(new_face(), moved, elsewhere, clock("02-11 22:00"))) == 1


def test_other_tips_and_tips_without_a_place_say_nothing() -> None:
    other = report("tip", "hotline", "02-10 10:01", kind="incident", reporter_role="x", address="y")
    assert (
        found(new_face(address=None), new_face("02-10 10:02", " "), other, clock("02-12 22:00"))
        == []
    )


def test_the_hours_are_a_policy() -> None:
    rule = policy("unregistered-resident", filed=ALWAYS, stay_h=10, lag_h=0)
    (alert,) = found(rule, CAME, clock("02-11 05:00"), clock("02-11 08:00"))
    assert alert.first_seen == "2020-02-10T23:00:00.000Z"


def test_partitions_and_crashes_do_not_matter() -> None:
    lines = [
        site("gate-7", "community", ("county", "home-2"), grid="g7"),
        CAME, hit("皖K54321", "gate-7", "02-10 22:00", "in"), new_face(),
        *(clock(f"02-1{day} {hour}:00") for day in (1, 2) for hour in ("05", "12", "22")),
        resident(CAR, filed="02-13 10:00", since="02-13 10:00"), clock("02-13 11:00"),
    ]  # fmt: skip
    one = Deployment().run(steps(lines)).final
    for count in (1, 4):
        many = Deployment(partitions=count).run(steps(lines), crashes=(2, 6, 9)).final
        assert [(a.id, a.state, a.count) for a in many] == [(a.id, a.state, a.count) for a in one]
    mine = [alert for alert in one if alert.rule == "unregistered-resident"]
    assert sorted(alert.state for alert in mine) == ["open", "open", "resolved"]
    assert {alert.grid for alert in mine} == {None, "g7"}
