"""What is put together of the reports of ingest."""

from typing import Any

import pytest

from schemas.intake_reports import DeviceReport, IntakeReport
from schemas.times import MINUTE_MS, TimeProblem, format_ms, parse_ms
from services.api.gates.news import DEVICE_MINUTES, MINUTES_KEPT, PULSES_KEPT, News, hour_of

NOON = parse_ms("2026-03-02T12:00:00Z")


def second(n: int, sites: dict[str, int], accepted: int = 0, rejected: int = 0) -> IntakeReport:
    at = format_ms(NOON + 1000 * n)
    return IntakeReport(process="p", at=at, accepted=accepted, rejected=rejected, sites=sites)


def devices(at_ms: int, *told: DeviceReport) -> IntakeReport:
    return IntakeReport(process="p", at=format_ms(at_ms), devices=list(told))


def camera(**more: Any) -> DeviceReport:
    return DeviceReport(**{"device": "token", "source": "cam", "site": "gate", **more})


def test_pulses_are_told_after_a_number() -> None:
    news = News()
    assert news.pulses(None) == ([], 0)
    for n in range(3):
        news.take(second(n, {"gate": n}))
    found, following = news.pulses(1)
    assert [pulse.sites for pulse in found] == [{"gate": 1}, {"gate": 2}]
    assert following == 3
    assert news.pulses(3) == ([], 3)
    assert news.pulses(None) == ([], 3)
    # A number of another process, or of this one before its last start.
    assert len(news.pulses(77)[0]) == 3


def test_only_so_many_pulses_are_kept() -> None:
    news = News()
    for n in range(PULSES_KEPT + 5):
        news.take(second(n, {}))
    assert len(news.pulses(0)[0]) == PULSES_KEPT


def test_minutes_add_up_what_several_processes_tell() -> None:
    news = News()
    news.take(second(0, {}, accepted=5, rejected=1))
    news.take(second(60, {}, accepted=7))
    # The clock of another process is a little behind.
    news.take(second(59, {}, accepted=2))
    news.take(second(600, {}, accepted=1))
    told = [(minute.minute_ms - NOON, minute.accepted, minute.rejected) for minute in news.minutes]
    assert told == [(0, 7, 1), (60_000, 7, 0), (600_000, 1, 0)]
    for n in range(MINUTES_KEPT + 3):
        news.take(second(60 * n, {}))
    assert len(news.minutes) == MINUTES_KEPT


def test_a_device_keeps_what_a_later_report_does_not_tell() -> None:
    news = News()
    at = format_ms(NOON)
    first = camera(
        accepted=3, reads=3, unread=1, confidence=1.8, time=at, recorded=at, offset_ms=120
    )
    news.take(devices(NOON, first))
    refused = camera(rejected=2, refused=at, field="data.site", title="Invalid value")
    news.take(devices(NOON + 10_000, refused))
    news.take(devices(NOON + 20_000, camera(accepted=1, time=at, recorded=at, offset_ms=90)))
    [device] = news.devices.values()
    assert (device.newest.time, device.newest.field) == (at, "data.site")
    hour = hour_of(device, NOON + 30_000)
    assert (hour.accepted, hour.rejected, hour.reads, hour.unread) == (4, 2, 3, 1)
    assert (hour.confidence, hour.least_offset_ms) == (1.8, 90)


def test_the_hour_forgets_what_is_older() -> None:
    news = News()
    news.take(devices(NOON, camera(accepted=3)))
    news.take(devices(NOON + 50 * MINUTE_MS, camera(accepted=4)))
    [device] = news.devices.values()
    later = NOON + (DEVICE_MINUTES + 1) * MINUTE_MS
    assert hour_of(device, later).accepted == 4
    assert hour_of(device, later + DEVICE_MINUTES * MINUTE_MS).least_offset_ms is None


def test_a_clock_offset_of_a_heartbeat_stays() -> None:
    news = News()
    news.take(devices(NOON, camera(accepted=1, clock_offset_ms=-4_000)))
    news.take(devices(NOON, camera(accepted=1)))
    [device] = news.devices.values()
    assert device.newest.clock_offset_ms == -4_000


def test_the_devices_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.gates.news.MOST_DEVICES", 2)
    news = News()
    for name in ("a", "b", "a", "c"):
        news.take(devices(NOON, camera(source=name)))
    assert [key[1] for key in news.devices] == ["a", "c"]


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(TimeProblem):
        News().take(IntakeReport(process="p", at="now"))
