"""D36: a reporter has not said that there is nothing to report."""

from typing import Any

import pytest

from services.alerts.engine.calendar import LocalDays
from tests.alerts.build import ALWAYS, Line, Moment, clock, deletion, put, report
from tests.alerts.running import Deployment, after, steps


def reporter(filed: Moment = "02-03 18:00", since: Moment | None = None, **more: Any) -> Line:
    """Somebody reports every day by five."""
    data = {"due_local": "17:00", "grid": "g7", **more}
    return put("reporter", "li", filed, filed if since is None else since, **data)


def nil(when: Moment, day: str, **more: Any) -> Line:
    """Nothing to report for a day."""
    return report("nil-report", "office", when, reporter="li", day=day, **more)


R1 = reporter()
FOUR = nil("02-04 16:58", "2020-02-04")


def test_a_report_that_is_missing_is_low_and_on_the_second_day_medium() -> None:
    assert after(R1, clock("02-04 17:29")).final == []
    (alert,) = after(R1, clock("02-04 17:30")).final
    assert (alert.rule, alert.severity, alert.grid) == ("nil-report-missing", "low", "g7")
    assert (alert.subject.key, alert.first_seen) == ("reporter:li", "2020-02-04T09:30:00.000Z")
    assert "due at 17:00" in alert.reason.en
    assert "nor the one" not in alert.reason.en
    final = after(R1, clock("02-04 17:30"), clock("02-05 17:30"), clock("02-06 17:30")).final
    final = sorted(final, key=lambda alert: alert.first_seen)
    assert [alert.severity for alert in final] == ["low", "medium", "medium"]
    assert "nor the one" in final[1].reason.en
    assert "前一日亦缺报" in final[1].reason.zh


def test_only_days_are_asked_about_on_which_somebody_could_owe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # At its start the engine knows of no instant up to which it knows of everything.
    asked: list[int] = []
    start_ms = LocalDays.start_ms

    def counted(self: LocalDays, day: int, minute: int = 0) -> int:
        asked.append(day)
        return start_ms(self, day, minute)

    monkeypatch.setattr(LocalDays, "start_ms", counted)
    (alert,) = after(R1, clock("02-04 17:30")).final
    assert alert.severity == "low"
    assert max(asked) - min(asked) < 7


def test_a_report_in_time_is_good_for_its_day_only() -> None:
    assert after(R1, FOUR, clock("02-04 23:00")).final == []
    (alert,) = after(R1, FOUR, clock("02-05 17:30")).final
    assert alert.severity == "low"


def test_a_report_on_paper_that_is_entered_late_retracts() -> None:
    paper = nil("02-04 16:50", "2020-02-04", recorded="02-04 20:00")
    (alert,) = after(R1, clock("02-04 17:30"), paper).final
    assert alert.state == "retracted"


def test_a_report_that_was_made_late_resolves() -> None:
    (alert,) = after(R1, clock("02-04 17:30"), nil("02-04 18:00", "2020-02-04")).final
    assert (alert.state, alert.outcome) == ("resolved", "cleared")


def test_nobody_owes_a_report_of_a_holiday() -> None:
    lines = [
        R1,
        reporter("02-04 09:00", "02-03 18:00", valid_to="2020-02-04T00:00:00+08:00"),
        reporter("02-04 09:01", "02-07 00:00"),
        *(clock(f"02-{day:02d} 17:30") for day in range(4, 8)),
    ]
    (alert,) = after(*lines).final
    assert (alert.first_seen[:10], alert.severity) == ("2020-02-07", "low")
    # A holiday that is filed afterwards retracts.
    filed = reporter("02-04 20:00", "02-03 18:00", valid_to="2020-02-04T00:00:00+08:00")
    (alert,) = after(R1, clock("02-04 17:30"), filed).final
    assert alert.state == "retracted"


def test_who_is_filed_after_the_hour_or_deleted_before_it_owes_nothing() -> None:
    assert after(reporter("02-04 17:10", "02-03 18:00"), clock("02-04 23:00")).final == []
    gone = put("reporter", "li", "02-04 09:00", "02-03 18:00", due_local="17:00",
               valid_to="2020-02-04T10:00:00+08:00")  # fmt: skip
    assert after(R1, gone, clock("02-04 23:00")).final == []
    line = {**R1, "type": "cordon.reporter.delete.v1", "time": "2020-02-04T02:00:00Z", "id": "x",
            "data": {"id": "li", "author": "t"}}  # fmt: skip
    assert after(R1, line, clock("02-06 23:00")).final == []


def test_an_outage_of_the_system_inhibits() -> None:
    device = put("device", "office", ALWAYS, ALWAYS, site="inner", heartbeat_s=60, secret="s" * 16)
    lines = [device, R1, FOUR, nil("02-05 16:59", "2020-02-03")]
    out = after(*lines, clock("02-05 17:10"), clock("02-05 17:30"))
    assert {alert.rule for alert in out.final} == {"source-silent"}
    assert out.counts["suppressed:nil-report-missing:source-silent"] == 1


@pytest.mark.parametrize(("partitions", "crashes"), [(1, (3, 20)), (4, (9,))])
def test_days_are_told_once_with_restarts_and_in_any_partition(
    partitions: int, crashes: tuple[int, ...]
) -> None:
    lines = steps([R1, FOUR, *(clock(f"02-{day:02d} 17:30") for day in range(4, 27))])
    whole = Deployment().run(lines)
    assert len(whole.final) == 22
    assert {alert.state for alert in whole.final} == {"open"}
    assert Deployment(partitions=partitions).run(lines, crashes=crashes).final == whole.final


def test_a_report_of_nobody_who_is_filed_says_nothing() -> None:
    assert after(FOUR, clock("02-05 17:30")).final == []


def test_an_entry_that_is_read_before_it_is_filed_takes_effect_when_it_is() -> None:
    filings = [
        reporter("02-09 00:00"),
        deletion("reporter", "li", "02-10 06:00"),
        reporter("02-13 01:00", "02-09 00:00", due_local="12:00"),
    ]
    ticks = [clock(f"02-{day} 06:00") for day in range(10, 17)]
    ahead = after(*filings, *ticks).final
    in_step = after(*filings[:2], *ticks[:3], filings[2], *ticks[3:]).final
    standing = [
        [each.first_seen[5:16] for each in final if each.state != "retracted"]
        for final in (ahead, in_step)
    ]
    assert [sorted(each) for each in standing] == [
        ["02-09T04:30", "02-13T04:30", "02-14T04:30", "02-15T04:30"]
    ] * 2
