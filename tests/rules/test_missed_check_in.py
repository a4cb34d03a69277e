"""D12: somebody under order was not heard of when they had to be."""

from typing import Any

import pytest

from schemas.alerts import Alert
from tests.alerts.build import ALWAYS, Line, Moment, clock, order, policy, put, report
from tests.alerts.running import Deployment, after, steps

O1 = order("o1", start="02-05 08:00", channel="phone")


def check_in(when: Moment, result: str = "ok", **more: Any) -> Line:
    """How a check-in went."""
    return report("check-in", "app", when, order="o1", result=result, **more)


def visit(when: Moment, result: str = "cooperative", **more: Any) -> Line:
    """How a visit went."""
    return report("visit", "nurse", when, order="o1", result=result, **more)


def severity(*lines: Line) -> str | None:
    """The severity of the one alert of a day, None where there is none."""
    final = after(O1, *lines).final
    assert len(final) <= 1
    return final[0].severity if final else None


def only(deployment: Deployment) -> Alert:
    """The one alert."""
    return deployment.alert(rule="missed-check-in")


def test_once_is_low_and_twice_in_a_row_medium() -> None:
    assert severity(clock("02-05 09:19")) is None
    first = only(after(O1, clock("02-05 09:20")))
    assert (first.severity, first.order, first.subject.key, first.first_seen) == (
        "low", "o1", "order:o1", "2020-02-05T01:20:00.000Z",
    )  # fmt: skip
    assert "due at 09:00" in first.reason.en
    second = only(after(O1, clock("02-05 09:20"), clock("02-05 15:20")))
    assert (second.id, second.severity, second.count) == (first.id, "medium", 2)
    assert "2 in a row" in second.reason.en
    assert "连续 2 次" in second.reason.zh


@pytest.mark.parametrize("since", ["02-05 08:50", "02-05 09:10", "02-07 17:00"])
def test_an_order_that_is_filed_before_it_is_in_force_is_followed_up(since: Moment) -> None:
    early = order("o1", start=since, filed="02-03 08:00", since=since, channel="phone")
    found = after(early, clock("02-03 08:00"), clock("02-08 12:00")).final
    assert [alert.rule for alert in found] == ["missed-check-in"] * len(found)
    assert found[-1].last_seen <= "2020-02-08T01:20:00.000Z"
    assert {alert.last_seen for alert in found} >= {"2020-02-08T01:20:00.000Z"}


@pytest.mark.parametrize("result", ["call-failed", "unanswered"])
def test_a_call_that_fails_as_well_is_high(result: str) -> None:
    call = check_in("02-05 15:40", result)
    alert = only(after(O1, clock("02-05 15:20"), call))
    assert (alert.severity, alert.count) == ("high", 3)
    assert "could not be reached" in alert.reason.en
    assert "联系未果" in alert.reason.zh
    # A call between the two counts when the second is missed.
    assert severity(check_in("02-05 10:00", result), clock("02-05 15:19")) == "low"
    assert severity(check_in("02-05 10:00", result), clock("02-05 15:20")) == "high"


def test_a_call_at_night_and_one_behind_a_single_miss_change_nothing() -> None:
    call = check_in("02-05 22:30", "call-failed")
    assert severity(clock("02-05 15:20"), call, clock("02-05 23:00")) == "medium"
    heard = check_in("02-05 15:10")
    assert severity(heard, check_in("02-05 15:40", "unanswered")) == "low"


def test_who_is_heard_of_in_time_is_not_missed() -> None:
    lines = [check_in("02-05 08:30"), visit("02-05 15:19", "uncooperative"), clock("02-05 23:00")]
    assert severity(*lines) is None
    # What was said for the morning is not good for the afternoon.
    assert severity(check_in("02-05 09:19"), clock("02-05 15:20")) == "low"


def test_who_is_heard_of_afterwards_clears_it_and_starts_anew() -> None:
    lines = [clock("02-05 09:20"), check_in("02-05 10:00")]
    alert = only(after(O1, *lines))
    assert (alert.state, alert.outcome) == ("resolved", "cleared")
    again = after(O1, *lines, clock("02-06 09:20")).final
    assert sorted((each.state, each.severity) for each in again) == [
        ("open", "low"), ("resolved", "low"),
    ]  # fmt: skip


def test_a_run_goes_on_over_night_as_an_alert_of_the_next_day() -> None:
    lines = [check_in("02-05 09:00"), clock("02-05 15:20"), clock("02-06 09:20")]
    final = sorted(after(O1, *lines).final, key=lambda alert: alert.first_seen)
    assert [alert.severity for alert in final] == ["low", "medium"]
    call = check_in("02-06 10:00", "unanswered")
    final = sorted(after(O1, *lines, call).final, key=lambda alert: alert.first_seen)
    assert [alert.severity for alert in final] == ["low", "high"]


def test_what_comes_late_retracts() -> None:
    late = check_in("02-05 09:10", recorded="02-05 11:00")
    alert = only(after(O1, clock("02-05 09:20"), late))
    assert alert.state == "retracted"


def test_an_outage_of_the_channel_or_of_the_platform_inhibits() -> None:
    for source in ("app", "phone"):
        device = put(
            "device", source, ALWAYS, ALWAYS, site="inner", heartbeat_s=60, secret="s" * 16
        )  # fmt: skip
        alive = report("heartbeat", source, "02-05 09:00")
        heard = check_in("02-05 08:30", "unanswered")
        out = after(device, O1, heard, alive, clock("02-05 09:10"), clock("02-05 09:20"))
        assert {each.rule for each in out.final} == {"source-silent"}
        assert out.counts["suppressed:missed-check-in:source-silent"] == 1
        back = [
            report("heartbeat", source, f"02-05 {hour}:{minute:02d}")
            for hour in (10, 11, 12, 13, 14, 15)
            for minute in range(0, 60, 2)
        ]
        lines = steps([device, O1, heard, alive, clock("02-05 09:10"), *back])
        (alert,) = [
            each for each in Deployment().run(lines).final if each.rule == "missed-check-in"
        ]
        assert (alert.severity, alert.first_seen) == ("low", "2020-02-05T07:20:00.000Z")


def test_who_has_no_telephone_is_visited() -> None:
    visited = order("o1", start="02-05 08:00", channel="visit")
    met = [visit("02-05 09:00"), visit("02-05 15:00"), clock("02-05 23:00")]
    # Nothing that a telephone says of them is a failure.
    calls = [check_in("02-05 09:05", "call-failed"), check_in("02-05 10:00", "device-off")]
    assert after(visited, *met, *calls, clock("02-05 23:00")).final == []
    missing = only(after(visited, *calls, clock("02-05 15:20")))
    assert missing.severity == "medium"
    assert "visit" in missing.reason.en
    assert "上门随访" in missing.reason.zh
    shut = only(after(visited, clock("02-05 15:20"), visit("02-05 15:30", "unavailable")))
    assert shut.severity == "high"


def test_an_order_without_a_channel_is_followed_up_from_its_first_report_on() -> None:
    silent = order("o1", start="02-05 08:00")
    assert after(silent, clock("02-06 23:00")).final == []
    assert len(after(silent, check_in("02-05 10:00"), clock("02-05 15:20")).final) == 0
    alert = only(after(silent, check_in("02-05 10:00"), clock("02-06 09:20")))
    assert alert.first_seen == "2020-02-06T01:20:00.000Z"


def test_only_while_an_order_stands_and_from_its_start_on() -> None:
    planned = order(
        "o1", start="02-07 10:00", filed="02-05 08:00", since="02-05 08:00", channel="phone"
    )
    assert after(planned, clock("02-07 15:19")).final == []
    assert len(after(planned, clock("02-07 15:20")).final) == 1
    ahead = order("o1", start="02-09 08:00", filed="02-05 08:00", channel="phone")
    assert len(after(ahead, clock("02-06 00:00"), clock("02-09 09:20")).final) == 1
    done = order("o1", start="02-05 08:00", until="02-05 09:30", channel="phone")
    assert len(after(done, clock("02-05 09:20"), clock("02-08 00:00")).final) == 1
    late = order("o1", start="02-05 08:00", filed="02-05 09:10", channel="phone")
    assert after(late, clock("02-05 15:19")).final == []


def test_the_end_of_an_order_filed_later_retracts_and_one_filed_before_keeps_quiet() -> None:
    def ended(filed: Moment) -> Line:
        return order("o1", start="02-05 08:00", filed=filed, until="02-05 08:30", channel="phone")

    alert = only(after(O1, clock("02-05 09:20"), ended("02-05 10:00")))
    assert alert.state == "retracted"
    assert "order-ended" in alert.reason.en
    assert after(O1, ended("02-05 09:10"), clock("02-05 15:20")).final == []
    call = check_in("02-05 15:30", "unanswered")
    gone = order("o1", start="02-05 08:00", filed="02-05 16:00", until="02-05 15:25",
                 channel="phone")  # fmt: skip
    assert only(after(O1, clock("02-05 15:20"), call, gone)).severity == "medium"


def test_a_device_that_is_off_is_low() -> None:
    day = [check_in("02-05 09:00"), check_in("02-05 10:00", "device-off")]
    again = check_in("02-05 10:10", "device-off")
    assert severity(*day, again, clock("02-05 10:14")) is None
    alert = only(after(O1, *day, again, clock("02-05 10:15")))
    assert (alert.severity, alert.first_seen, alert.count) == ("low", "2020-02-05T02:15:00.000Z", 1)
    assert "reported off" in alert.reason.en
    assert "设备离线" in alert.reason.zh
    back = only(after(O1, *day, clock("02-05 10:15"), check_in("02-05 10:30")))
    assert back.state == "resolved"
    assert severity(*day, check_in("02-05 10:14"), clock("02-05 11:00")) is None
    night = [check_in("02-05 15:00"), check_in("02-05 22:30", "device-off"), clock("02-05 23:00")]
    quiet = after(O1, check_in("02-05 09:00"), *night)
    assert quiet.final == []
    assert quiet.counts["suppressed:missed-check-in:quiet-hours"] == 1


def test_a_device_is_not_off_where_its_platform_is_out() -> None:
    device = put("device", "app", ALWAYS, ALWAYS, site="inner", heartbeat_s=60, secret="s" * 16)
    day = [check_in("02-05 09:00"), check_in("02-05 10:00", "device-off")]
    out = after(device, O1, *day, clock("02-05 10:10"), clock("02-05 10:15"))
    assert {each.rule for each in out.final} == {"source-silent"}


def test_the_health_office_sets_the_times() -> None:
    often = policy(
        "missed-check-in", filed="01-01 00:00", times_a_day=3, first_due_h=6, last_due_h=12,
        quiet_from_h=0, quiet_to_h=7,
    )  # fmt: skip
    # At 6 they are asleep; 9 and 12 remain.
    alert = only(after(often, O1, clock("02-05 12:20")))
    assert (alert.count, alert.severity) == (2, "medium")


def test_who_is_left_alone_all_day_is_not_missed() -> None:
    never = policy("missed-check-in", filed="01-01 00:00", quiet_from_h=0, quiet_to_h=24)
    assert after(never, O1, clock("02-06 23:00")).final == []


def test_alerts_of_many_days_are_told_once_with_restarts_and_in_any_partition() -> None:
    lines = steps(
        [
            O1,
            *(clock(f"02-{day:02d} {hour}") for day in range(5, 27) for hour in ("09:20", "15:20")),
        ]
    )
    whole = Deployment().run(lines)
    assert len([each for each in whole.final if each.rule == "missed-check-in"]) == 22
    for partitions, crashes in ((1, (3, 20, 40)), (4, (30,))):
        again = Deployment(partitions=partitions).run(lines, crashes=crashes)
        assert again.final == whole.final


def test_a_person_who_stopped_reporting_long_ago_is_missed_every_day() -> None:
    ok = [check_in(f"02-{day:02d} {hour}") for day in range(5, 8) for hour in ("09:00", "15:00")]
    ticks = [clock(f"02-{day:02d} {hour}") for day in range(8, 24) for hour in ("09:20", "15:20")]
    run = Deployment().run(steps([O1, *ok, *ticks]), crashes=(20,))
    days = [each for each in run.final if each.rule == "missed-check-in"]
    assert [each.state for each in days] == ["open"] * 16


def test_no_order_no_check_in() -> None:
    assert after(check_in("02-05 08:30"), clock("02-05 23:00")).final == []
