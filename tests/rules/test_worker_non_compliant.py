"""D38: somebody is at work who must not be, or who is on no roster."""

import pytest

from schemas.alerts import Alert
from tests.alerts.build import (
    ALWAYS,
    Line,
    at_work,
    clock,
    code_change,
    deletion,
    notice,
    order,
    permit,
    policy,
    put,
    recorded_ms,
    risk_area,
    worker,
)
from tests.alerts.running import Deployment, after, steps

ORDER = order("o1", "wang", start="02-01 10:00")
NIGHT = clock("02-10 23:00")


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    deployment = after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))
    assert not deployment.broken, deployment.broken
    return deployment


def found(*lines: Line) -> list[Alert]:
    """What there is of this rule, by the time of its first match."""
    alerts = [alert for alert in told(*lines).final if alert.rule == "worker-non-compliant"]
    return sorted(alerts, key=lambda alert: (alert.first_seen, alert.id))


def test_a_worker_under_order_is_high() -> None:
    enterprise = put("enterprise", "e1", ALWAYS, ALWAYS, name="Works", grid="g5")
    (alert,) = found(
        ORDER, enterprise, at_work("wang", "02-10 08:00"), at_work("wang", "02-10 17:00")
    )
    assert (alert.severity, alert.evidence_class, alert.order) == ("high", "digital", "o1")
    assert (alert.subject.kind, alert.count, alert.grid) == ("person", 2, "g5")
    assert alert.reason.en == "Enterprise e1 reported a worker on site who is under order o1."
    assert "o1" in alert.reason.zh


def test_each_day_is_an_alert_of_its_own() -> None:
    assert len(found(ORDER, at_work("wang", "02-10 08:00"), at_work("wang", "02-11 08:00"))) == 2


@pytest.mark.parametrize("colour", ["red", "yellow", "none"])
def test_a_code_that_is_not_green(colour: str) -> None:
    (alert,) = found(
        code_change("wang", "02-09 08:00", colour), at_work("wang", "02-10 08:00", "ill")
    )
    assert (alert.severity, alert.order) == ("medium", None)
    assert "has no green health code" in alert.reason.en


def test_the_last_code_by_then_counts_and_no_code_on_record_says_nothing() -> None:
    red, green = (
        code_change("wang", "02-09 08:00", "red"),
        code_change("wang", "02-10 07:00", "green"),
    )
    assert found(red, green, at_work("wang", "02-10 08:00")) == []
    assert found(at_work("wang", "02-10 08:00"), code_change("wang", "02-10 09:00", "red")) == []
    # The green one was held up on its way.
    late = code_change("wang", "02-10 07:00", "green", recorded="02-10 09:00")
    (alert,) = found(red, at_work("wang", "02-10 08:00"), late)
    assert alert.state == "retracted"


def test_who_is_absent_or_unknown_is_not_at_work() -> None:
    lines = [at_work("wang", "02-10 08:00", "absent"), at_work(None, "02-10 09:00")]
    assert found(ORDER, code_change(None, "02-09 08:00", "red"), *lines) == []


def test_a_roster_may_lag_half_a_day() -> None:
    lines = [worker("w1", "li"), at_work("wang", "02-10 08:00")]
    assert found(*lines, clock("02-10 19:59")) == []
    (alert,) = found(*lines, clock("02-10 20:00"))
    assert (alert.severity, alert.first_seen) == ("medium", "2020-02-10T00:00:00.000Z")
    assert "is not on the roster" in alert.reason.en
    in_time = worker("w2", "wang", filed="02-10 18:00")
    assert found(*lines, in_time, NIGHT) == []
    late = worker("w2", "wang", filed="02-10 21:00")
    (alert,) = found(*lines, NIGHT, late)
    assert alert.state == "retracted"
    assert "roster-filed" in alert.reason.en


def test_another_roster_or_one_that_ended_does_not_count_and_none_at_all_does() -> None:
    elsewhere = [
        worker("w1", "li"),
        worker("w2", "wang", "e2"),
        worker("w3", "wang", until="02-01 00:00"),
    ]
    assert len(found(*elsewhere, at_work("wang", "02-10 08:00"), NIGHT)) == 1
    assert found(worker("w2", "wang", "e2"), at_work("wang", "02-10 08:00"), NIGHT) == []


def test_an_observation_that_is_not_over() -> None:
    listed = [risk_area("a"), notice("b1", ("wang", "li"))]
    (alert,) = found(*listed, at_work("wang", "02-05 08:00"))
    assert "observation" in alert.reason.en
    assert alert.severity == "medium"
    assert found(*listed, at_work("wang", "02-06 08:00")) == []
    assert (
        len(
            found(
                policy("worker-non-compliant", filed=ALWAYS, observation_d=15),
                *listed,
                at_work("wang", "02-06 08:00"),
            )
        )
        == 1
    )
    assert found(notice("b1", ("wang",)), at_work("wang", "02-05 08:00")) == []


def test_all_that_speaks_against_it_is_told() -> None:
    lines = [worker("w1", "li"), ORDER, code_change("wang", "02-09 08:00", "red")]
    (alert,) = found(*lines, at_work("wang", "02-10 08:00"), NIGHT)
    assert "order o1, and has no green health code, and is not on the roster" in alert.reason.en
    assert "，且" in alert.reason.zh
    assert alert.count == 1


@pytest.mark.parametrize(("places", "count"), [(None, 0), (["e1"], 0), (["e2"], 1)])
def test_a_permit_lets_somebody_work(places: list[str] | None, count: int) -> None:
    leave = permit("p1", "o1", "02-10 07:00", "02-10 18:00", filed="02-09 10:00", places=places)
    deployment = told(ORDER, leave, at_work("wang", "02-10 08:00"))
    assert len(deployment.final) == count
    assert deployment.counts.get("suppressed:worker-non-compliant:permit", 0) == 1 - count
    assert len(found(ORDER, leave, at_work("wang", "02-10 19:00"))) == 1


def test_an_order_that_had_ended_takes_the_alert_back() -> None:
    lines = [ORDER, at_work("wang", "02-10 08:00")]
    ended = order("o1", "wang", start="02-01 10:00", until="02-10 00:00", filed="02-10 12:00")
    (alert,) = found(*lines, ended)
    assert alert.state == "retracted"
    assert "order-ended" in alert.reason.en
    (alert,) = found(code_change("wang", "02-09 08:00", "red"), *lines, ended)
    assert (alert.state, alert.severity, alert.order) == ("open", "medium", None)
    assert found(ORDER, deletion("order", "o1", "02-09 00:00"), lines[1]) == []
    held_up = at_work("wang", "02-10 08:00", recorded="02-10 18:00")
    assert found(ORDER, ended, held_up) == []


def test_an_order_that_is_filed_afterwards_or_names_somebody_else_accuses_nobody() -> None:
    late = order("o1", "wang", start="02-01 10:00", filed="02-10 09:00")
    assert found(at_work("wang", "02-10 08:00"), late) == []
    other = order("o1", "li", start="02-01 10:00", filed="02-02 10:00")
    assert found(ORDER, other, at_work("wang", "02-10 08:00")) == []


def test_a_green_code_never_beats_an_order() -> None:
    (alert,) = found(
        ORDER, code_change("wang", "02-09 08:00", "green"), at_work("wang", "02-10 08:00")
    )
    assert alert.severity == "high"


def test_partitions_and_crashes_do_not_matter() -> None:
    lines = [
        worker("w1", "li"), ORDER, code_change("zhao", "02-09 08:00", "red"),
        at_work("wang", "02-10 08:00"), at_work("li", "02-10 08:00"),
        at_work("zhao", "02-10 08:10"), NIGHT,
    ]  # fmt: skip
    one = Deployment().run(steps(lines)).final
    for count in (1, 4):
        many = Deployment(partitions=count).run(steps(lines), crashes=(3, 6)).final
        assert [(a.id, a.reason, a.count) for a in many] == [(a.id, a.reason, a.count) for a in one]
    assert len(one) == 2
