"""D33: a source whose online events are dated otherwise than they arrive."""

from collections import Counter
from collections.abc import Sequence

import pytest

from rules.clock_skew import median
from schemas.alerts import Alert
from schemas.versions import FOREVER
from tests.alerts.build import (
    ALWAYS,
    Line,
    Moment,
    check,
    clock,
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

SITE = site("cam", "inner", grid="g1", filed="01-02 00:00")


def found(deployment: Deployment) -> list[Alert]:
    """The alerts of this rule that stand, in order."""
    assert deployment.failed == []
    return sorted(
        (a for a in deployment.final if a.rule == "clock-skew" and a.state != "retracted"),
        key=lambda alert: alert.first_seen,
    )


def reads(
    start: Moment, count: int, behind_s: float, *, every_s: int = 1, mode: str = "online"
) -> list[Line]:
    """Readings of different plates, accepted one after the other, all as much behind."""
    lines = []
    for n in range(count):
        recorded = ms(start) + n * every_s * 1000
        when = recorded - int(behind_s * 1000)
        line = hit(f"浙F{n:05d}", "cam", when, recorded=recorded, event_id=f"{start}/{n}")
        line["data"]["capture_mode"] = mode
        lines.append(line)
    return lines


@pytest.mark.parametrize(("behind_s", "word"), [(45, "behind"), (-50, "ahead"), (4000, "behind")])
def test_a_hundred_events_with_a_wrong_clock_are_one_alert(behind_s: int, word: str) -> None:
    lines = [SITE, *reads("02-10 10:00", 100, behind_s)]
    assert found(after(*lines, clock("02-10 10:02:14"))) == []
    (alert,) = found(after(*lines, clock("02-10 10:02:15")))
    assert (alert.severity, alert.state, alert.evidence_class) == ("medium", "open", "system")
    assert (alert.subject.kind, alert.subject.key) == ("source", "source:camera-cam")
    assert (alert.site, alert.grid) == ("cam", "g1")
    # The end of the minute in which there were a hundred.
    assert alert.first_seen == text("02-10 10:02")
    assert word in alert.reason.en
    assert ("偏慢" if word == "behind" else "偏快") in alert.reason.zh


@pytest.mark.parametrize(
    "lines",
    [
        reads("02-10 10:00", 200, 29),
        reads("02-10 10:00", 99, 45),
        reads("02-10 10:00", 200, 7000, mode="buffered"),
        [*reads("02-10 10:00", 60, 0), *reads("02-10 10:01", 55, 300)],
    ],
    ids=["allowed", "too few", "buffered", "few of them"],
)
def test_what_is_no_wrong_clock(lines: Sequence[Line]) -> None:
    assert found(after(SITE, *lines, clock("02-10 10:30"))) == []


def test_a_new_day_counts_anew() -> None:
    half = reads("02-10 07:59", 60, 45), reads("02-10 08:00", 60, 45)
    assert found(after(SITE, *half[0], *half[1], clock("02-10 08:30"))) == []


def test_scans_checks_and_heartbeats_count_and_what_people_write_does_not() -> None:
    start = ms("02-10 10:00")
    lines: list[Line] = []
    for n in range(50):
        at = start + n * 2000
        lines.append(heartbeat("desk-cam", at - 60_000, "cam", recorded=at))
        one = scan("cam", at - 60_000, people=("wang", "li"), recorded=at + 1000)
        one["id"] = f"scan {n}"
        lines.append(one)
        tip = {"kind": "incident", "reporter_role": "resident"}
        lines.append(report("tip", "desk-cam", at - 3_600_000, recorded=at + 1000, **tip))
    assert found(after(SITE, *lines[:-3], clock("02-10 10:10"))) == []
    assert len(found(after(SITE, *lines, clock("02-10 10:10")))) == 1
    alone = [
        check(None, "cam", start + n * 1000 - 60_000, recorded=start + n * 1000, event_id=f"c{n}")
        for n in range(100)
    ]
    assert len(found(after(SITE, *alone, clock("02-10 10:10")))) == 1


def test_one_match_an_hour_and_every_partition_knows_how_long() -> None:
    lines = [
        *reads("02-10 10:00", 240, 0),
        *reads("02-10 10:30", 600, 45),
        *reads("02-10 11:10", 240, 45),
        *reads("02-10 11:30", 200, 0),
    ]
    run = Deployment(partitions=4).run(steps([SITE, *lines, clock("02-10 12:30")]))
    (alert,) = found(run)
    assert (alert.count, alert.first_seen) == (2, text("02-10 10:32"))
    for engine in run.engines:
        ((first_ms, last_ms),) = engine.book.conditions["clock-skew", "source:camera-cam"]
        assert (first_ms, last_ms) == (ms("02-10 10:30"), ms("02-10 11:30") - 1)
    still = after(SITE, *lines[:840], clock("02-10 12:30"))
    assert still.engines[0].book.conditions["clock-skew", "source:camera-cam"] == [
        (ms("02-10 10:30"), FOREVER)
    ]


@pytest.mark.parametrize("commits", [None, (), range(0, 2000, 17)])
def test_partitions_batches_and_crashes_change_nothing(commits: Sequence[int] | None) -> None:
    lines = [
        *reads("02-10 10:00", 150, 12, every_s=2),
        *reads("02-10 10:10", 250, 33, every_s=2),
        *reads("02-10 10:30", 150, 130, every_s=3),
    ]
    ticks = [clock(ms("02-10 10:00") + n * 20_000) for n in range(150)]
    ordered = sorted([*lines, *ticks], key=lambda line: line.get("recordedtime") or line["time"])
    arriving = steps([SITE, *ordered])

    def standing(run: Deployment) -> list[tuple[str, str, int, str]]:
        return [(a.id, a.first_seen, a.count, a.reason.en) for a in found(run)]

    one = standing(Deployment().run(arriving))
    assert len(one) == 1
    assert standing(Deployment(partitions=4).run(arriving, commits=commits)) == one
    crashes = range(0, 1000, 71)
    many = Deployment(partitions=12).run(arriving, commits=commits, crashes=crashes)
    assert standing(many) == one


@pytest.mark.parametrize("partitions", [1, 4])
def test_what_claims_to_come_from_the_future_is_told_at_once(partitions: int) -> None:
    ahead = [hit(f"浙F{n:05d}", "cam", 7_200_000 + ms(at), recorded=at, event_id=at) for n, at in
             enumerate(("02-10 10:01", "02-10 10:00", "02-10 10:30", "02-10 11:10"))]  # fmt: skip
    run = Deployment(partitions=partitions).run(steps([SITE, *ahead, clock("02-10 11:11")]))
    (alert,) = found(run)
    assert (alert.severity, alert.subject.key, alert.count) == ("medium", "source:camera-cam", 2)
    assert (alert.first_seen, alert.evidence[0].id) == (text("02-10 10:00"), "02-10 10:00")
    assert "7200 s" in alert.reason.en
    assert "7200" in alert.reason.zh
    assert {a.rule for a in run.final} == {"clock-skew"}
    # It is not applied, so that it is no repeat when it is sent again.
    assert run.counts["applied"] == 0
    assert "duplicates" not in run.counts


def test_a_policy_sets_how_many_and_how_much() -> None:
    strict = policy("clock-skew", filed=ALWAYS, events=20, skew_s=10)
    run = after(SITE, strict, *reads("02-10 10:00", 20, 12), clock("02-10 10:02"))
    assert len(found(run)) == 1


def test_the_median_of_what_was_counted() -> None:
    assert median(Counter({0: 5, 45: 4})) == 0
    assert median(Counter({0: 4, 45: 5})) == 45
    assert median(Counter({-60: 6, 45: 5})) == -60
    with pytest.raises(ValueError, match="nothing"):
        median(Counter())
