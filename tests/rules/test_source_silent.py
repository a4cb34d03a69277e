"""D32: a site or a device that should report and does not, until it is heard again."""

from collections.abc import Sequence

import pytest

from rules.source_silent import join_lives, life
from schemas.alerts import Alert
from schemas.joins import Fact
from schemas.times import DAY_MS
from tests.alerts.build import (
    ALWAYS,
    Line,
    clock,
    device,
    heartbeat,
    hit,
    ms,
    policy,
    report,
    scan,
    site,
    text,
)
from tests.alerts.running import Deployment, after, steps

WATCHED = site("cam", "inner", heartbeat_s=60, grid="g1")
MINUTES = [heartbeat("box", f"02-10 10:0{minute}", "cam") for minute in range(5)]


def silent(deployment: Deployment) -> list[Alert]:
    """The alerts about silence that stand, in order."""
    return sorted(
        (a for a in deployment.final if a.rule == "source-silent" and a.state != "retracted"),
        key=lambda alert: (alert.first_seen, alert.id),
    )


def ticks(first: int, last: int) -> list[Line]:
    """A tick in each minute after ten o'clock."""
    return [clock(ms("02-10 10:00") + minute * 60_000) for minute in range(first, last + 1)]


def test_a_silent_site_is_one_alert_that_is_resolved_when_it_is_back() -> None:
    lines = [WATCHED, *MINUTES, clock("02-10 10:07:04")]
    assert silent(after(*lines)) == []
    (alert,) = silent(after(*lines, clock("02-10 10:07:05")))
    assert (alert.severity, alert.state, alert.site, alert.grid, alert.evidence_class) == (
        "medium", "open", "cam", "g1", "system",
    )  # fmt: skip
    assert (alert.subject.kind, alert.subject.key) == ("site", "site:cam")
    assert alert.first_seen == alert.last_seen == text("02-10 10:07")
    assert "10:04;" in alert.reason.en
    assert "60" in alert.reason.zh
    (back,) = silent(
        after(*lines, *ticks(8, 9), hit(None, "cam", "02-10 10:09"), clock("02-10 10:10"))
    )
    assert (back.id, back.state, back.outcome) == (alert.id, "resolved", "cleared")
    assert (back.first_seen, back.last_seen) == (text("02-10 10:07"), text("02-10 10:09"))
    assert "heard again" in back.reason.en


def test_a_second_silence_is_an_alert_of_its_own() -> None:
    lines = [WATCHED, heartbeat("box", "02-10 10:00", "cam"), *ticks(1, 9)]
    lines += [heartbeat("box", "02-10 10:10", "cam"), *ticks(11, 19)]
    first, second = silent(after(*lines))
    assert (first.state, second.state) == ("resolved", "open")
    assert second.first_seen == text("02-10 10:13")


def test_a_site_never_heard_and_one_that_need_not_report_are_not_silent() -> None:
    quiet = [site("quiet", heartbeat_s=0), heartbeat("box", "02-10 10:00", "quiet")]
    never = [site("never", heartbeat_s=60)]
    assert silent(after(*quiet, *never, *ticks(1, 30))) == []


def test_what_was_heard_before_heartbeats_were_asked_for_arms_nothing() -> None:
    old = site("cam", "inner")
    new = site("cam", "inner", heartbeat_s=60, filed="02-10 10:05")
    assert silent(after(old, heartbeat("box", "02-10 10:04", "cam"), new, *ticks(6, 30))) == []


def test_a_site_that_need_not_report_any_more_arms_nothing() -> None:
    free = site("cam", "inner", heartbeat_s=0, filed="02-10 09:00")
    assert silent(after(WATCHED, free, heartbeat("box", "02-10 10:00", "cam"), *ticks(1, 30))) == []


def test_what_arrives_out_of_turn_is_a_sign_of_life_too() -> None:
    lines = [
        WATCHED,
        heartbeat("box", "02-10 10:00", "cam"),
        heartbeat("box", "02-10 10:06", "cam"),
    ]
    late = heartbeat("box", "02-10 10:02:30", "cam", recorded="02-10 10:03")
    (gap,) = silent(after(*lines, clock("02-10 10:07")))
    assert gap.first_seen == text("02-10 10:03")
    # Three minutes to either side: as long as is allowed.
    assert silent(after(*lines, late, clock("02-10 10:07"))) == []


@pytest.mark.parametrize("sign", ["hit", "scan", "gate", "heartbeat"])
def test_whatever_comes_from_a_site_is_a_sign_of_life(sign: str) -> None:
    signs = {
        "hit": hit("浙F12345", "cam", "02-10 10:02", recorded="02-10 10:04"),
        "scan": scan("cam", "02-10 10:04", people=("wang",)),
        "gate": report("gate-event", "g", "02-10 10:04", site="cam", kind="open"),
        "heartbeat": heartbeat("box", "02-10 10:04", "cam"),
    }
    (alert,) = silent(after(WATCHED, signs[sign], *ticks(5, 9)))
    # It counts from when it was accepted, not from when it happened.
    assert alert.first_seen == text("02-10 10:07")


def test_announced_maintenance_is_no_silence() -> None:
    resting = heartbeat("box", "02-10 10:05", "cam", status="maintenance")
    run = after(WATCHED, *MINUTES, resting, *ticks(6, 30))
    assert silent(run) == []
    assert run.counts["suppressed:source-silent:maintenance"] == 1


@pytest.mark.parametrize(
    "closed",
    [
        site("cam", "inner", heartbeat_s=0, filed="02-10 10:20"),
        site("cam", "inner", heartbeat_s=60, until="02-10 10:06", filed="02-10 10:20"),
    ],
)
def test_a_site_that_turns_out_to_have_been_closed_was_not_silent(closed: Line) -> None:
    run = after(WATCHED, *MINUTES, *ticks(5, 19), closed, clock("02-10 10:21"))
    assert silent(run) == []
    assert run.counts["suppressed:source-silent:not-expected"] == 1


def test_a_device_of_its_own_rhythm_is_its_own_subject() -> None:
    lines = [site("gate", "inner"), device("box", "gate", heartbeat_s=30)]
    lines += [heartbeat("box", "02-10 10:00"), hit("浙F12345", "gate", "02-10 10:00")]
    (alert,) = silent(after(*lines, *ticks(1, 4)))
    assert (alert.subject.kind, alert.subject.key, alert.site) == ("source", "source:box", "gate")
    assert alert.first_seen == text("02-10 10:01:30")
    (back,) = silent(after(*lines, *ticks(1, 4), heartbeat("box", "02-10 10:05"), *ticks(6, 6)))
    assert back.state == "resolved"


def test_a_camera_that_must_report_lives_by_its_readings() -> None:
    lines = [site("gate", "inner"), device("camera-gate", "gate", heartbeat_s=60)]
    hits = [hit("浙F12345", "gate", f"02-10 10:0{minute}") for minute in range(4)]
    (alert,) = silent(after(*lines, *hits, *ticks(4, 9)))
    assert alert.first_seen == text("02-10 10:06")


def test_a_heartbeat_without_a_site_is_one_of_the_sites_device() -> None:
    lines = [WATCHED, device("box", "cam", heartbeat_s=600), heartbeat("box", "02-10 10:00")]
    (alert,) = silent(after(*lines, *ticks(1, 9)))
    assert (alert.subject.key, alert.first_seen) == ("site:cam", text("02-10 10:03"))


def conditions(deployment: Deployment) -> dict[tuple[str, str], Sequence[tuple[int, int]]]:
    """What every partition knows of silence."""
    (told,) = {
        tuple(sorted((key, tuple(spans)) for key, spans in each.book.conditions.items() if spans))
        for each in deployment.engines
    }
    return dict(told)


@pytest.mark.parametrize("partitions", [1, 4])
def test_every_partition_knows_when_a_site_and_its_devices_were_silent(partitions: int) -> None:
    lines = [WATCHED, device("eye", "cam", heartbeat_s=30), *MINUTES]
    lines += [heartbeat("eye", "02-10 10:02"), *ticks(5, 9)]
    run = Deployment(partitions=partitions).run(steps(lines))
    eye, forever = ms("02-10 10:02"), 1 << 62
    assert conditions(run) == {
        ("source-silent", "source:eye"): ((eye, forever),),
        ("source-silent", "cam"): ((eye, forever), (ms("02-10 10:04"), forever)),
    }
    back = [heartbeat("box", "02-10 10:10", "cam"), heartbeat("eye", "02-10 10:11")]
    run.run(steps([*back, clock("02-10 10:11:30")]))
    assert conditions(run) == {
        ("source-silent", "source:eye"): ((eye, ms("02-10 10:11")),),
        ("source-silent", "cam"): (
            (eye, ms("02-10 10:11")), (ms("02-10 10:04"), ms("02-10 10:10")),
        ),
    }  # fmt: skip


def busy() -> list[Line]:
    """A camera whose readings go to many partitions, an outage, and a return."""
    lines = [WATCHED, device("camera-cam", "cam", heartbeat_s=60)]
    start = ms("02-10 10:00")
    for second in [*range(0, 900, 7), *range(2400, 3000, 7)]:
        lines.append(hit(f"浙F{second:05d}", "cam", start + second * 1000))
    lines += [clock(start + second * 1000) for second in range(0, 3600, 5)]
    lines.sort(key=lambda line: line["time"])
    return lines


def seen(run: Deployment) -> list[tuple[str, str, str, str | None, str, str]]:
    """What stands of silence."""
    return [
        (a.id, a.subject.key, a.state, a.outcome, a.first_seen, a.last_seen) for a in silent(run)
    ]


@pytest.mark.parametrize("partitions", [4, 12])
def test_partitions_batches_and_crashes_change_nothing(partitions: int) -> None:
    arriving = steps(busy())
    one = seen(Deployment().run(arriving))
    assert [(each[1], each[2]) for each in one] == [
        ("source:camera-cam", "resolved"), ("site:cam", "resolved"),
        ("source:camera-cam", "open"), ("site:cam", "open"),
    ]  # fmt: skip
    # The last of the first stretch came at 896 s.
    assert one[0][4] == text(ms("02-10 10:00") + (896 + 180) * 1000)
    many = Deployment(partitions=partitions).run(arriving, commits=range(0, 10_000, 3))
    assert seen(many) == one
    crashed = Deployment(partitions=partitions).run(
        arriving, commits=range(0, 10_000, 5), crashes=range(0, 1000, 97)
    )
    assert seen(crashed) == one
    at_once = Deployment(partitions=partitions).run(arriving, commits=())
    assert seen(at_once) == one


def test_nothing_is_raised_only_to_be_withdrawn_where_all_is_known() -> None:
    arriving = steps(busy())
    for commits in ((), range(0, 10_000, 41)):
        run = Deployment().run(arriving, commits=commits)
        assert {a.state for a in run.final if a.rule == "source-silent"} == {"resolved", "open"}


def test_a_deadline_comes_after_a_restart_too() -> None:
    arriving = steps([WATCHED, *MINUTES, *ticks(5, 9)])
    last_beat = len(MINUTES)
    run = Deployment().run(arriving, crashes=(last_beat, last_beat + 1))
    assert [alert.first_seen for alert in silent(run)] == [text("02-10 10:07")]


def test_a_silence_of_days_is_neither_forgotten_nor_told_twice() -> None:
    days = [clock(ms("02-10 11:00") + hour * 3_600_000) for hour in range(9 * 24)]
    lines = [WATCHED, heartbeat("box", "02-10 09:00", "cam"), clock("02-10 09:30"), *MINUTES]
    lines += [clock("02-10 10:30"), *days]
    run = after(*lines)
    assert [alert.state for alert in silent(run)] == ["resolved", "open"]
    end = ms("02-10 11:00") + 9 * DAY_MS
    run.run(steps([heartbeat("box", end, "cam"), clock(end + 60_000)]))
    assert [alert.state for alert in silent(run)] == ["resolved", "resolved"]
    assert len(run.final) == 2


def test_a_policy_may_be_more_patient() -> None:
    lines = [WATCHED, policy("source-silent", filed=ALWAYS, missed=10), *MINUTES]
    assert silent(after(*lines, *ticks(5, 13))) == []
    (alert,) = silent(after(*lines, *ticks(5, 15)))
    assert alert.first_seen == text("02-10 10:14")


def test_a_site_without_an_entry_of_its_own_gets_no_grid() -> None:
    lonely = device("box", "nowhere", heartbeat_s=60)
    (alert,) = silent(after(lonely, heartbeat("box", "02-10 10:00"), *ticks(1, 5)))
    assert (alert.site, alert.grid) == ("nowhere", None)


def test_lives_join_the_same_in_any_order() -> None:
    def of(first: int, last: int, least: int = 10) -> Fact:
        return life("site:cam", "cam", first, last, least, "ok")

    facts = [of(0, 5), of(12, 20), of(40, 41), of(35, 52), of(3, 14), of(70, 70, 5)]
    expected = [of(0, 20), of(35, 52), of(70, 70, 5)]
    assert sorted(join_lives(facts)) == sorted(expected)
    assert sorted(join_lives(facts[::-1])) == sorted(expected)
    assert sorted(join_lives([*expected, *facts])) == sorted(expected)


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_a_reading_in_between_does_not_end_announced_maintenance(partitions: int) -> None:
    resting = heartbeat("box", "02-10 10:00", "cam", status="maintenance")
    read = hit("浙F12345", "cam", "02-10 10:01")
    for lines in ([resting, read], [read, resting]):
        arriving = steps([WATCHED, *lines, *ticks(2, 30)])
        assert silent(Deployment(partitions=partitions).run(arriving)) == []
    # A heartbeat that says otherwise does.
    woken = heartbeat("box", "02-10 10:02", "cam")
    arriving = steps([WATCHED, resting, woken, *ticks(3, 30)])
    assert len(silent(Deployment(partitions=partitions).run(arriving))) == 1
