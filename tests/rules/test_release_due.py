"""D14: the last day of an order is over, and nobody has decided."""

import pytest

from tests.alerts.build import ALWAYS, Line, clock, deletion, identifier, order, policy, put
from tests.alerts.running import Deployment, after, steps

# Exposed on 24 January, so that 7 February is the last day.
EXPOSED = "2020-01-24"
O1 = order("o1", start="01-24 10:00", exposure_date=EXPOSED)


def test_an_order_is_due_after_its_last_day_and_overdue_a_day_later() -> None:
    assert after(O1, clock("02-07 23:59")).final == []
    due = after(O1, clock("02-08 00:00")).alert(rule="release-due")
    assert (due.severity, due.order, due.subject.key) == ("info", "o1", "order:o1")
    assert (due.first_seen, due.site) == ("2020-02-07T16:00:00.000Z", None)
    overdue = after(O1, clock("02-08 00:00"), clock("02-09 00:00")).alert(rule="release-due")
    assert (overdue.id, overdue.severity, overdue.count, overdue.state) == (
        due.id, "medium", 2, "open",
    )  # fmt: skip
    assert "2020-02-07" in due.reason.en
    assert "24 hours" in overdue.reason.en
    assert "24 小时" in overdue.reason.zh


def test_a_last_day_that_is_filed_counts() -> None:
    longer = order("o1", start="01-24 10:00", exposure_date=EXPOSED, last_day="2020-02-10")
    assert after(longer, clock("02-10 23:59")).final == []
    assert after(longer, clock("02-11 00:00")).final != []


def test_a_new_exposure_starts_anew_and_keeps_the_first_order() -> None:
    again = order(
        "o1", start="01-24 10:00", exposure_date="2020-02-03", filed="02-04 09:00",
    )  # fmt: skip
    assert after(O1, again, clock("02-17 23:59")).final == []
    (alert,) = after(O1, again, clock("02-18 00:01")).final
    assert alert.first_seen == "2020-02-17T16:00:00.000Z"


@pytest.mark.parametrize(
    "decision",
    [
        deletion("order", "o1", "02-08 09:00"),
        order("o1", start="01-24 10:00", exposure_date=EXPOSED, filed="02-08 09:00",
              until="02-08 09:00"),
        order("o1", start="01-24 10:00", exposure_date="2020-02-03", filed="02-08 09:00"),
    ],
    ids=["deleted", "ended", "extended"],
)  # fmt: skip
def test_a_decision_resolves_it(decision: Line) -> None:
    (alert,) = after(O1, clock("02-08 00:00"), decision, clock("02-10 00:00")).final
    assert (alert.state, alert.outcome, alert.severity) == ("resolved", "cleared", "info")
    assert alert.last_seen == "2020-02-08T01:00:00.000Z"


def test_an_extended_order_is_due_again_as_another_alert() -> None:
    longer = order("o1", start="01-24 10:00", filed="02-09 09:00", last_day="2020-02-11")
    final = after(O1, clock("02-09 00:00"), longer, clock("02-12 00:00")).final
    assert sorted((alert.first_seen[:10], alert.state) for alert in final) == [
        ("2020-02-07", "resolved"), ("2020-02-11", "open"),
    ]  # fmt: skip


def test_filing_the_same_order_again_is_no_decision() -> None:
    again = order(
        "o1", start="01-24 10:00", exposure_date=EXPOSED, filed="02-08 09:00", household="h1"
    )
    (alert,) = after(O1, clock("02-08 00:00"), again, clock("02-09 00:00")).final
    assert (alert.state, alert.severity, alert.first_seen[:10]) == ("open", "medium", "2020-02-07")


def test_an_end_that_is_filed_later_retracts() -> None:
    ended = order(
        "o1", start="01-24 10:00", exposure_date=EXPOSED, filed="02-09 09:00", until="02-07 18:00"
    )
    (alert,) = after(O1, clock("02-09 00:00"), ended).final
    assert alert.state == "retracted"
    assert "order-ended" in alert.reason.en


def test_an_end_that_is_filed_before_it_raises_nothing() -> None:
    ended = order(
        "o1", start="01-24 10:00", exposure_date=EXPOSED, filed="02-07 09:00", until="02-07 18:00"
    )
    assert after(O1, ended, clock("02-09 00:00")).final == []


def test_an_order_that_was_filed_with_its_end_is_not_due() -> None:
    ending = order("o1", start="01-24 10:00", exposure_date=EXPOSED, until="02-07 18:00")
    assert after(ending, clock("02-10 00:00")).final == []


def test_an_order_that_is_filed_when_its_last_day_is_over_is_due_from_then_on() -> None:
    late = order("o1", start="01-24 10:00", exposure_date=EXPOSED, filed="02-20 09:00")
    (alert,) = after(late, clock("02-20 12:00")).final
    assert (alert.first_seen, alert.historical) == ("2020-02-20T01:00:00.000Z", False)


def test_the_health_office_sets_the_days_and_a_residence_names_the_grid() -> None:
    home = put("residence", "r1", ALWAYS, ALWAYS, person=identifier("wang"), address="1", grid="g7")
    other = put("residence", "r0", ALWAYS, ALWAYS, person=identifier("wang"), address="2")
    short = policy("release-due", filed="01-01 00:00", observation_d=7, overdue_h=2)
    final = after(other, home, short, O1, clock("02-01 00:00"), clock("02-01 02:00")).final
    assert [(alert.severity, alert.grid) for alert in final] == [("medium", "g7")]


def test_a_restart_tells_what_came_due_meanwhile_once() -> None:
    arriving = steps([O1, clock("02-01 00:00"), clock("02-10 00:00"), clock("02-11 00:00")])
    whole = Deployment().run(arriving)
    for partitions in (1, 4):
        for crashes in ((1,), (2,), (3,), (1, 2, 3)):
            again = Deployment(partitions=partitions).run(arriving, crashes=crashes)
            assert again.final == whole.final
            assert len([each for each in again.findings if each.data.verb == "opened"]) == 1


def test_an_order_that_is_long_overdue_is_told_once_and_resolved_when_it_ends() -> None:
    arriving = [O1, *(clock(f"02-{day:02d} 00:00") for day in range(8, 28))]
    lines = steps([*arriving, deletion("order", "o1", "02-27 12:00"), clock("02-27 13:00")])
    run = Deployment().run(lines, crashes=(18,))
    (alert,) = run.final
    assert (alert.state, alert.last_seen) == ("resolved", "2020-02-27T04:00:00.000Z")
    assert alert.revision == 3
