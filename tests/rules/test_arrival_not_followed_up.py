"""D21: who arrives with a destination is received, and who is announced comes."""

from typing import Any

import pytest

from schemas.alerts import Alert
from tests.alerts.build import (
    Line,
    check,
    clock,
    deletion,
    notice,
    order,
    policy,
    recorded_ms,
    residence,
    scan,
    site,
)
from tests.alerts.running import Deployment, after, steps


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    deployment = after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))
    assert not deployment.broken, deployment.broken
    return deployment


def found(*lines: Line) -> list[Alert]:
    """What there is of this rule, by the time of its first match."""
    alerts = [each for each in told(*lines).final if each.rule == "arrival-not-followed-up"]
    return sorted(alerts, key=lambda alert: (alert.first_seen, alert.id))


def came(when: str = "02-10 10:00", grid: str = "g2", where: str = "bound", **more: Any) -> Line:
    """Somebody comes in and says where they go."""
    return scan(where, when, people=("wang",), destination={"grid": grid}, **more)


def left(when: str) -> Line:
    """Somebody goes out again."""
    return scan("bound", when, people=("wang",), direction="out")


def test_who_is_not_received_within_four_hours_is_medium() -> None:
    assert found(came(), clock("02-10 13:59")) == []
    (alert,) = found(came(), clock("02-10 14:00"))
    assert (alert.severity, alert.evidence_class, alert.grid) == ("medium", "person", "g2")
    assert (alert.first_seen, alert.site) == ("2020-02-10T06:00:00.000Z", "bound")
    assert alert.subject.kind == "person"
    assert "destination grid g2" in alert.reason.en
    assert "网格 g2" in alert.reason.zh


@pytest.mark.parametrize(
    "receipt",
    [
        check("wang", "gate-1", "02-10 13:00"),
        left("02-10 13:00"),
        residence("r1", "wang", filed="02-10 13:00", since="02-10 13:00"),
        order("o1", "wang", start="02-10 13:00"),
    ],
)
def test_receipt_in_time(receipt: Line) -> None:
    assert found(came(), receipt, clock("02-10 15:00")) == []


def test_who_lives_here_needs_no_receipt() -> None:
    lines = [residence("r1", "wang"), residence("r2", "li")]
    assert found(*lines, came(), clock("02-10 15:00")) == []
    assert (
        len(found(lines[1], order("o1", "li", start="02-10 09:00"), came(), clock("02-10 15:00")))
        == 1
    )


def test_who_says_no_destination_or_leaves_or_is_nobody_is_not_followed() -> None:
    unknown = came("02-10 10:10")
    unknown["data"]["persons"] = [{"verified_by": "none"}]
    lines = [scan("bound", "02-10 10:00", people=("wang",)), unknown, left("02-10 10:30")]
    assert found(*lines, came("02-10 11:00", where="inner"), clock("02-10 18:00")) == []


def test_another_destination_begins_the_time_anew() -> None:
    lines = [came(), came("02-10 12:00", "g3", "exit"), came("02-10 13:00", "g3", "exit")]
    assert found(*lines, clock("02-10 15:59")) == []
    (alert,) = found(*lines, clock("02-10 16:00"))
    assert alert.grid == "g3"


def test_each_arrival_is_judged_alone() -> None:
    lines = [came(), left("02-10 20:00"), came("02-10 21:00"), came("02-12 10:00")]
    alerts = found(*lines, clock("02-12 15:00"))
    assert [alert.first_seen[:13] for alert in alerts] == [
        "2020-02-10T06", "2020-02-10T17", "2020-02-12T06",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "receipt",
    [
        check("wang", "gate-1", "02-10 15:00"),
        residence("r1", "wang", filed="02-10 15:00", since="02-10 15:00"),
        left("02-10 15:00"),
    ],
)
def test_receipt_that_is_late_clears(receipt: Line) -> None:
    (alert,) = found(came(), clock("02-10 14:00"), receipt)
    assert (alert.state, alert.outcome, alert.count) == ("resolved", "cleared", 2)
    assert "received after the deadline" in alert.reason.en
    assert "逾期" in alert.reason.zh


@pytest.mark.parametrize(
    "receipt",
    [
        check("wang", "gate-1", "02-10 13:00", recorded="02-10 15:00"),
        residence("r1", "wang", filed="02-10 15:00", since="02-10 13:00"),
    ],
)
def test_receipt_that_is_told_late_withdraws(receipt: Line) -> None:
    (alert,) = found(came(), clock("02-10 14:00"), receipt)
    assert alert.state == "retracted"
    assert "received" in alert.reason.en


def test_a_gate_of_the_destination_that_is_silent_speaks_against_it() -> None:
    gate = site("gate-9", "community", ("county",), grid="g2")
    gate["data"]["heartbeat_s"] = 60
    lines = [site("shop", "inner", grid="g2"), gate]
    beat = check("li", "gate-9", "02-10 09:59")
    quiet = told(*lines, beat, came(), clock("02-10 10:30"), clock("02-10 15:00"))
    assert [each for each in quiet.final if each.rule == "arrival-not-followed-up"] == []
    assert quiet.counts["suppressed:arrival-not-followed-up:source-silent"] == 1
    assert len(found(*lines, came(grid="g3"), clock("02-10 15:00"))) == 1


def test_who_is_announced_and_does_not_come_is_low() -> None:
    said = notice("n1", ("wang", "li"), "02-08 10:00", arrival="2020-02-10")
    lines = [said, scan("bound", "02-10 10:00", people=("li",))]
    assert found(*lines, clock("02-11 23:59")) == []
    (alert,) = found(*lines, clock("02-12 00:00"))
    assert (alert.severity, alert.evidence_class, alert.count) == ("low", "digital", 1)
    assert "announced for 2020-02-10" in alert.reason.en
    assert "2020-02-10" in alert.reason.zh
    (alert,) = found(*lines, clock("02-12 00:00"), scan("bound", "02-13 10:00", people=("wang",)))
    assert (alert.state, alert.outcome) == ("resolved", "cleared")


def test_who_is_announced_is_expected_once_and_only_if_it_still_stands() -> None:
    said = notice("n1", ("wang",), "02-08 10:00", arrival="2020-02-10")
    end = clock("02-12 00:00")
    assert found(said, residence("r1", "wang", filed="02-09 00:00"), end) == []
    assert found(said, deletion("arrival-notice", "n1", "02-09 00:00"), end) == []
    assert found(said, notice("n1", ("li",), "02-09 10:00", arrival="2020-02-08"), end) == []
    assert found(said, notice("n1", ("wang",), "02-09 10:00", arrival="2020-02-11"), end) == []
    # It tells who came already.
    assert (
        found(notice("n1", ("wang",), "02-12 10:00", arrival="2020-02-10"), clock("02-14 00:00"))
        == []
    )


def test_the_hours_are_a_policy() -> None:
    lines = [policy("arrival-not-followed-up", filed="01-01 00:00", receipt_h=1, arrival_h=1)]
    assert len(found(*lines, came(), clock("02-10 11:00"))) == 1
    said = notice("n1", ("wang",), "02-08 10:00", arrival="2020-02-10")
    assert len(found(*lines, said, clock("02-11 01:00"))) == 1


def test_what_is_settled_stays_when_its_facts_are_forgotten() -> None:
    lines = [
        notice("n1", ("wang",), "02-08 10:00", arrival="2020-02-10"),
        scan("bound", "02-10 10:00", people=("wang",)),
        *(clock(f"02-{day} 00:00") for day in range(11, 29)),
        residence("r9", "wang", filed="02-28 00:00", since="02-28 00:00"),
    ]
    assert found(*lines) == []
    crashed = Deployment(partitions=2).run(steps([*lines, clock("02-29 00:00")]), crashes=(19, 20))
    assert crashed.final == []


def test_partitions_and_crashes_do_not_matter() -> None:
    lines = [
        notice("n1", ("wang", "li"), "02-08 10:00", arrival="2020-02-10"), came("02-12 10:00"),
        clock("02-12 15:00"), check("wang", "gate-1", "02-12 16:00"), clock("02-12 17:00"),
    ]  # fmt: skip
    one = Deployment().run(steps(lines)).final
    for count in (1, 4):
        many = Deployment(partitions=count).run(steps(lines), crashes=(1, 3)).final
        assert [(a.id, a.state, a.count) for a in many] == [(a.id, a.state, a.count) for a in one]
    assert len(one) == 3
