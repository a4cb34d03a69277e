"""D07: a gate that was forced, unless it was in maintenance."""

from tests.alerts.build import ALWAYS, gate, site
from tests.alerts.running import Deployment, after, steps


def test_a_forced_gate_is_one_high_alert_within_its_quiet_gap() -> None:
    after_all = after(
        gate("inner", "02-12 19:02"), gate("inner", "02-12 19:12"), gate("inner", "02-12 19:23")
    )
    first, second = sorted(after_all.final, key=lambda alert: alert.first_seen)
    assert (first.rule, first.severity, first.site, first.count) == (
        "forced-gate", "high", "inner", 2,
    )  # fmt: skip
    assert (first.subject.kind, first.subject.key) == ("site", "site:inner")
    assert (first.evidence[0].source, first.evidence[0].type) == (
        "gate-inner", "cordon.gate-event.v1",
    )  # fmt: skip
    assert second.count == 1
    assert "inner" in first.reason.en
    assert "inner" in first.reason.zh


def test_maintenance_raises_nothing_and_is_counted_once() -> None:
    quiet = after(
        gate("inner", "02-12 19:02", mode="maintenance"), gate("inner", "02-12 19:03", "open")
    )
    assert quiet.final == []
    assert quiet.counts["suppressed:forced-gate:maintenance"] == 1


def test_a_late_report_is_historical() -> None:
    (alert,) = after(gate("inner", "02-12 19:02", recorded="02-12 20:02")).final
    assert (alert.historical, alert.severity) == (True, "medium")


def test_a_gate_of_a_site_that_is_filed_later_gets_its_grid() -> None:
    lines = [
        gate("new", "02-12 19:02"),
        site("new", "inner", (), filed="02-12 19:30", since=ALWAYS, grid="g7"),
    ]
    (alert,) = Deployment().run(steps(lines)).final
    assert alert.grid == "g7"
