"""D08: who came in at a checkpoint without any check there, and who refused one."""

from collections.abc import Sequence
from typing import Any

import pytest

from rules.check_incomplete import merge
from schemas.alerts import Alert
from schemas.joins import Fact
from tests.alerts.build import (
    ALWAYS,
    Line,
    check,
    clock,
    deletion,
    exempt,
    heartbeat,
    hit,
    ms,
    policy,
    scan,
    site,
    text,
)
from tests.alerts.running import Deployment, after, steps

CAR = "浙F12345"
CAME = hit(CAR, "exit", "02-10 10:00", "in")
LATER = clock("02-10 10:15")


def found(deployment: Deployment) -> list[Alert]:
    """The alerts of this rule that stand, in order."""
    assert deployment.failed == []
    return sorted(
        (a for a in deployment.final if a.rule == "check-incomplete" and a.state != "retracted"),
        key=lambda alert: alert.first_seen,
    )


def of(line: Line, **data: Any) -> Line:
    """A line with other data."""
    return {**line, "data": {**line["data"], **data}}


def test_a_vehicle_without_any_check_is_an_alert_after_a_quarter_of_an_hour() -> None:
    assert found(after(CAME, clock("02-10 10:14:59"))) == []
    (alert,) = found(after(CAME, LATER))
    assert (alert.severity, alert.evidence_class, alert.site) == ("medium", "vehicle", "exit")
    assert (alert.subject.kind, alert.subject.key) == ("site", "site:exit")
    assert alert.first_seen == text("02-10 10:15")
    assert (alert.evidence[0].id, alert.evidence[0].source) == (f"{CAR}@02-10 10:00", "camera-exit")
    assert "15 minutes" in alert.reason.en
    assert "15 分钟" in alert.reason.zh
    assert CAR not in alert.reason.en


@pytest.mark.parametrize("when", ["02-10 09:45", "02-10 09:59", "02-10 10:15"])
@pytest.mark.parametrize("who", ["wang", None])
def test_any_check_there_within_the_time_counts(when: str, who: str | None) -> None:
    checked = check(who, "exit", when, by="officer")
    assert found(after(*sorted([checked, CAME], key=lambda x: x["time"]), LATER)) == []


@pytest.mark.parametrize("when", ["02-10 09:44", "02-10 10:16"])
def test_a_check_at_another_time_or_place_does_not(when: str) -> None:
    far = check("wang", "exit", when)
    there = check("wang", "gate-1", "02-10 10:00")
    lines = sorted([far, there, CAME], key=lambda x: x["time"])
    assert len(found(after(*lines, clock("02-10 10:17")))) == 1


def test_a_check_that_comes_late_retracts() -> None:
    late = check("wang", "exit", "02-10 10:03", recorded="02-10 11:00")
    run = after(CAME, LATER, late)
    assert found(run) == []
    assert [a.state for a in run.final if a.rule == "check-incomplete"] == ["retracted"]


@pytest.mark.parametrize(
    "line",
    [
        hit(CAR, "exit", "02-10 10:00", "out"),
        hit(CAR, "exit", "02-10 10:00", "unknown"),
        hit(CAR, "inner", "02-10 10:00", "in"),
        hit(None, "exit", "02-10 10:00", "in"),
        scan("exit", "02-10 10:00", plate=CAR, people=("wang",)),
    ],
)
def test_who_need_not_be_checked_raises_nothing(line: Line) -> None:
    assert found(after(line, LATER)) == []


def test_a_scan_of_an_empty_vehicle_is_no_check() -> None:
    (alert,) = found(after(scan("exit", "02-10 10:00", plate=CAR), LATER))
    assert alert.evidence[0].source == "desk-exit"


def test_lanes_must_fit_where_both_are_named() -> None:
    came = of(CAME, lane="1")
    people = scan("exit", "02-10 10:01", people=("wang",))
    assert found(after(came, people, LATER)) == []
    assert found(after(came, of(people, lane="1"), LATER)) == []
    assert len(found(after(came, of(people, lane="2"), LATER))) == 1
    assert found(after(CAME, of(people, lane="2"), LATER)) == []


def test_frames_of_one_passage_are_one_match_and_two_hours_one_alert() -> None:
    again = hit(CAR, "exit", "02-10 10:00:10", "in")
    back = hit(CAR, "exit", "02-10 11:00", "in")
    (alert,) = found(after(CAME, again, LATER, back, clock("02-10 11:20")))
    assert alert.count == 2


def test_a_refusal_is_an_alert_of_its_own() -> None:
    refused = check("wang", "exit", "02-10 10:05")
    refused["data"]["person"]["refusal"] = True
    (alert,) = found(after(refused))
    assert (alert.severity, alert.evidence_class) == ("medium", "person")
    assert alert.first_seen == text("02-10 10:05")
    assert "refused" in alert.reason.en
    (with_plate,) = found(after(of(refused, plate=CAR)))
    assert with_plate.id != alert.id
    assert "vehicle" in with_plate.reason.en
    assert "车辆" in with_plate.reason.zh
    unknown = check(None, "exit", "02-10 10:05")
    unknown["data"]["person"]["refusal"] = True
    assert len(found(after(unknown))) == 1
    elsewhere = check("wang", "inner", "02-10 10:05")
    elsewhere["data"]["person"]["refusal"] = True
    assert found(after(elsewhere)) == []


@pytest.mark.parametrize(
    ("exemption", "kept"),
    [
        (exempt("x", CAR), True),
        (exempt("x", CAR, corridor=["county"]), True),
        (exempt("x", CAR, corridor=["home-1"], stops=["exit"]), True),
        (exempt("x", CAR, corridor=["home-1"]), False),
        (exempt("x", CAR, until="02-10 09:00"), False),
    ],
)
def test_an_exemption_explains_the_vehicle(exemption: Line, kept: bool) -> None:
    run = after(exemption, CAME, LATER)
    assert (found(run) == []) is kept
    assert run.counts.get("suppressed:check-incomplete:green-channel", 0) == kept


def test_an_exemption_filed_later_retracts_and_one_of_another_vehicle_does_not() -> None:
    assert found(after(CAME, LATER, exempt("x", CAR, filed="02-10 12:00"))) == []
    moved = [exempt("x", CAR), exempt("x", "苏E55566", filed="01-02 00:00")]
    assert len(found(after(*moved, CAME, LATER))) == 1


def test_a_site_that_works_offline_raises_nothing() -> None:
    run = after(of(CAME, capture_mode="buffered"), LATER)
    assert found(run) == []
    assert run.counts["suppressed:check-incomplete:offline"] == 1


def test_a_site_that_was_closed_raises_nothing() -> None:
    assert found(after(CAME, deletion("site", "exit", "02-10 09:00"), LATER)) == []


def test_what_comes_late_waits_for_its_check_as_long() -> None:
    late = hit(CAR, "exit", "02-10 10:00", "in", recorded="02-10 12:00")
    assert found(after(late, clock("02-10 12:14"))) == []
    (alert,) = found(after(late, clock("02-10 12:15")))
    assert (alert.first_seen, alert.historical, alert.severity) == (
        text("02-10 10:15"), True, "low",
    )  # fmt: skip


def outage() -> list[Line]:
    """A checkpoint is cut off for two hours and sends what it kept when it is back."""
    lines = [site("exit", "checkpoint", heartbeat_s=60, filed="01-02 00:00")]
    lines += [heartbeat("box", ms("02-10 09:50") + m * 60_000, "exit") for m in range(11)]
    back = ms("02-10 12:00")
    for n in range(60):
        when = ms("02-10 10:01") + n * 120_000 - (n % 7) * 1000
        lines.append(hit(f"浙F{n:05d}", "exit", when, "in", recorded=back + n * 500))
    lines.append(heartbeat("box", back - 1, "exit"))
    lines += [heartbeat("box", back + m * 60_000, "exit") for m in range(1, 60)]
    lines += [clock(ms("02-10 10:00") + m * 30_000) for m in range(360)]
    return sorted(lines, key=lambda line: line.get("recordedtime") or line["time"])


@pytest.mark.parametrize("partitions", [1, 4])
def test_an_outage_is_one_silence_and_no_storm(partitions: int) -> None:
    run = Deployment(partitions=partitions).run(steps(outage()))
    assert found(run) == []
    (silence,) = [a for a in run.final if a.rule == "source-silent" and a.state != "retracted"]
    assert (silence.state, silence.site) == ("resolved", "exit")
    assert run.counts["suppressed:check-incomplete:source-silent"] == 60


def day() -> list[Line]:
    """A morning at a checkpoint: some are checked, some are not."""
    lines: list[Line] = []
    for n in range(40):
        at = ms("02-10 08:00") + n * 240_000
        late = at + (3_600_000 if n % 5 == 0 else 0)
        lines.append(hit(f"浙F{n:05d}", "exit", at, "in", recorded=late))
        if n % 9 == 0:
            late = at + 60_000 + (5_400_000 if n % 2 else 0)
            lines.append(check("wang", "exit", at + 60_000, recorded=late))
    lines += [clock(ms("02-10 08:00") + m * 60_000) for m in range(400)]
    return sorted(lines, key=lambda line: line.get("recordedtime") or line["time"])


def standing(run: Deployment) -> list[tuple[str, str, int]]:
    """What stands of this rule."""
    return sorted((a.id, a.first_seen, a.count) for a in found(run))


@pytest.mark.parametrize("commits", [None, (), range(0, 1000, 7)])
def test_partitions_batches_and_crashes_change_nothing(commits: Sequence[int] | None) -> None:
    arriving = steps(day())
    one = standing(Deployment().run(arriving))
    assert len(one) == 4
    assert standing(Deployment(partitions=4).run(arriving, commits=commits)) == one
    crashes = range(0, 1000, 61)
    many = Deployment(partitions=12).run(arriving, commits=commits, crashes=crashes)
    assert standing(many) == one


def test_a_policy_sets_the_time() -> None:
    run = after(policy("check-incomplete", filed=ALWAYS, within_min=5), CAME, clock("02-10 10:05"))
    assert [alert.first_seen for alert in found(run)] == [text("02-10 10:05")]


def test_checks_are_thinned_out_without_changing_any_answer() -> None:
    def fact(second: int, what: str = "check/") -> Fact:
        return Fact(second * 1000, "desk", str(second), second * 1000, "t", "exit", what)

    checks = [fact(second) for second in (0, 10, 20, 299, 300, 301)]
    lane = fact(15, "check/2")
    near, far, refused = fact(400, "in/"), fact(601 + 300, "in/"), fact(10, "refusal/")
    facts = [*checks, lane, near, far, refused]
    kept = sorted(merge(facts))
    assert kept == sorted([fact(0), fact(299), fact(300), fact(301), lane, far, refused])
    assert sorted(merge([*kept, *facts])) == kept
    assert sorted(merge([*facts, *kept])) == kept
