"""D24: who comes with a document from abroad is registered within a day."""

from typing import Any

import pytest

from schemas.alerts import Alert
from tests.alerts.build import Line, check, clock, person, policy, put, recorded_ms, residence
from tests.alerts.running import Deployment, after, steps

PASSPORT = {"id_type": "passport", "id_number": "E12345678"}


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    deployment = after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))
    assert not deployment.broken, deployment.broken
    return deployment


def found(*lines: Line) -> list[Alert]:
    """What there is of this rule, by the time of its first match."""
    alerts = [each for each in told(*lines).final if each.rule == "foreign-resident-unregistered"]
    return sorted(alerts, key=lambda alert: (alert.first_seen, alert.id))


def came(
    when: str = "02-10 10:00",
    where: str = "bound",
    direction: str = "in",
    who: Line = PASSPORT,
    **more: Any,
) -> Line:
    """Somebody with a passport is checked."""
    line = check(None, where, when, event_id=f"{where}@{when}", **more)
    line["data"]["direction"] = direction
    line["data"]["person"].update(who)
    return line


def lives(filed: str, since: str, who: Line = PASSPORT) -> Line:
    """A residence of the traveller is filed."""
    return put("residence", "r1", filed, since, person=who, address="Hotel")


def test_who_is_not_registered_after_a_day_is_medium() -> None:
    assert found(came(), clock("02-11 09:59")) == []
    (alert,) = found(came(), clock("02-11 10:00"))
    assert (alert.severity, alert.evidence_class, alert.site) == ("medium", "person", "bound")
    assert (alert.subject.kind, alert.first_seen) == ("person", "2020-02-11T02:00:00.000Z")
    assert "came in at bound" in alert.reason.en
    assert "bound" in alert.reason.zh


@pytest.mark.parametrize("id_type", ["foreign_permit", "hk_macau_permit", "tw_permit"])
def test_documents_from_abroad(id_type: str) -> None:
    numbers = {
        "foreign_permit": "CHN310080010101", "hk_macau_permit": "H12345678",
        "tw_permit": "12345678",
    }  # fmt: skip
    who = {"id_type": id_type, "id_number": numbers[id_type]}
    assert len(found(came(who=who), clock("02-11 10:00"))) == 1


def test_a_resident_of_the_mainland_owes_no_registration() -> None:
    line = came(who={})
    line["data"]["person"].update(check("wang", "bound", "02-10 10:00")["data"]["person"])
    assert found(line, clock("02-12 10:00")) == []
    assert person("wang")


@pytest.mark.parametrize(
    "answer",
    [
        lives("02-10 20:00", "02-10 20:00"),
        came("02-10 22:00", direction="out"),
        came("02-10 20:00", "inner", by="video"),
    ],
)
def test_what_is_done_within_the_day(answer: Line) -> None:
    assert found(came(), answer, clock("02-12 10:00")) == []


def test_who_was_registered_before_needs_nothing() -> None:
    assert found(lives("01-01 00:00", "01-01 00:00"), came(), clock("02-12 10:00")) == []
    other = {"id_type": "passport", "id_number": "E87654321"}
    moved = [lives("01-01 00:00", "01-01 00:00"), lives("01-02 00:00", "01-02 00:00", other)]
    assert len(found(*moved, came(), clock("02-12 10:00"))) == 1
    assert len(found(residence("r2", "wang"), came(), clock("02-12 10:00"))) == 1


def test_a_registration_that_is_late_clears() -> None:
    lines = [came(), clock("02-11 10:00")]
    (alert,) = found(*lines, lives("02-11 15:00", "02-11 15:00"))
    assert (alert.state, alert.outcome, alert.count) == ("resolved", "cleared", 2)
    assert "has registered" in alert.reason.en
    assert "已登记" in alert.reason.zh
    # After more than a week it is no answer to this any more.
    (alert,) = found(*lines, lives("02-19 15:00", "02-19 15:00"))
    assert (alert.state, alert.count) == ("open", 1)


@pytest.mark.parametrize(
    "answer",
    [
        lives("02-11 15:00", "02-10 20:00"),
        came("02-10 20:00", "inner", by="video", recorded="02-11 15:00"),
    ],
)
def test_a_registration_that_is_told_late_withdraws(answer: Line) -> None:
    (alert,) = found(came(), clock("02-11 10:00"), answer)
    assert alert.state == "retracted"
    assert "registered" in alert.reason.en


def test_checks_on_the_way_are_one_arrival_and_leaving_ends_it() -> None:
    lines = [came(), came("02-10 11:00", "exit"), clock("02-11 12:00")]
    assert len(found(*lines)) == 1
    again = [came("02-11 13:00", direction="out"), came("02-11 14:00"), clock("02-12 15:00")]
    assert len(found(*lines, *again)) == 2


def test_seen_inside_or_by_video_without_an_identifier_is_no_arrival() -> None:
    unknown = came("02-10 11:00", by="video", who={})
    assert (
        found(
            came(where="inner"),
            came("02-10 10:30", direction="unknown"),
            unknown,
            clock("02-12 10:00"),
        )
        == []
    )


def test_the_hours_are_a_policy() -> None:
    rule = policy("foreign-resident-unregistered", filed="01-01 00:00", within_h=6)
    assert len(found(rule, came(), clock("02-10 16:00"))) == 1


def test_partitions_and_crashes_do_not_matter() -> None:
    lines = [
        came(),
        clock("02-11 11:00"),
        lives("02-11 15:00", "02-11 15:00"),
        clock("02-11 16:00"),
    ]
    one = Deployment().run(steps(lines)).final
    for count in (1, 4):
        many = Deployment(partitions=count).run(steps(lines), crashes=(1, 3)).final
        assert [(a.id, a.state, a.count) for a in many] == [(a.id, a.state, a.count) for a in one]
    assert [alert.state for alert in one] == ["resolved"]
