"""D34, plates: a camera that reads worse than at this hour of the week before."""

from collections.abc import Sequence

import pytest

from schemas.alerts import Alert
from schemas.times import DAY_MS, HOUR_MS
from tests.alerts.build import ALWAYS, Line, clock, hit, ms, policy, site, text
from tests.alerts.running import Deployment, after, steps

SITE = site("cam", "inner", grid="g1", filed="01-02 00:00")
TEN = ms("02-10 10:00")
AFTER = clock("02-10 11:00:15")


def found(deployment: Deployment) -> list[Alert]:
    """The alerts of this rule that stand."""
    assert deployment.failed == []
    return [a for a in deployment.final if a.rule == "read-quality" and a.state != "retracted"]


def hour(start_ms: int, good: int, poor: int) -> list[Line]:
    """Readings within an hour; of the poor ones half have no plate, half a low confidence."""
    lines = []
    for n in range(good + poor):
        at_ms = start_ms + n * 40_000
        is_poor = n >= good
        plate = None if is_poor and n % 2 else f"浙F{n:05d}"
        confidence = 0.84 if is_poor else 0.85
        lines.append(hit(plate, "cam", at_ms, confidence=confidence, event_id=f"{at_ms}"))
    return lines


def week(good: int, poor: int, days: Sequence[int] = range(7, 0, -1)) -> list[Line]:
    """What the camera did at ten on the days before."""
    return [line for day in days for line in hour(TEN - day * DAY_MS, good, poor)]


def test_an_hour_far_worse_than_usual_is_an_alert() -> None:
    lines = [SITE, *week(18, 2), *hour(TEN, 14, 6)]
    assert found(after(*lines, clock("02-10 11:00:14"))) == []
    (alert,) = found(after(*lines, AFTER))
    assert (alert.severity, alert.site, alert.grid) == ("low", "cam", "g1")
    assert (alert.subject.kind, alert.subject.key) == ("source", "source:camera-cam")
    assert alert.first_seen == text("02-10 11:00")
    assert "6 of 20" in alert.reason.en
    assert "30 %" in alert.reason.en
    assert "10 %" in alert.reason.en
    assert "20 次" in alert.reason.zh


@pytest.mark.parametrize(
    "lines",
    [
        [*week(18, 2), *hour(TEN, 15, 5)],
        [*week(17, 3), *hour(TEN, 14, 6)],
        [*week(18, 2), *hour(TEN, 10, 9)],
        week(18, 2),
    ],
    ids=["a quarter", "twice", "few", "none"],
)
def test_what_is_no_drop(lines: Sequence[Line]) -> None:
    assert found(after(SITE, *lines, AFTER)) == []


def test_bad_hours_of_the_night_are_measured_by_nights() -> None:
    night = [line for d in range(7, 0, -1) for line in hour(TEN - d * DAY_MS - HOUR_MS, 20, 0)]
    usual = week(10, 10)
    ordered = sorted([*night, *usual], key=lambda line: line["time"])
    assert found(after(SITE, *ordered, *hour(TEN, 10, 10), AFTER)) == []


@pytest.mark.parametrize("before", [[], week(18, 2, (2, 1)), week(3, 0, (3, 2, 1))])
def test_a_camera_without_a_history_is_warming(before: Sequence[Line]) -> None:
    run = after(SITE, *before, *hour(TEN, 10, 10), AFTER)
    assert found(run) == []
    assert run.counts["suppressed:read-quality:warming"] == 1


def test_a_site_that_is_warming_raises_nothing() -> None:
    warm = site("cam", "inner", warm_until="02-10 11:00", filed="01-02 00:00")
    lines = [*week(18, 2), *hour(TEN, 14, 6), AFTER]
    assert found(after(warm, *lines)) == []
    over = site("cam", "inner", warm_until="02-10 10:30", filed="01-02 00:00")
    assert len(found(after(over, *lines))) == 1


def test_previews_do_not_count_and_a_bad_day_is_one_alert() -> None:
    previews = [hit(None, "cam", TEN + n, preview=True, event_id=f"p{n}") for n in range(50)]
    assert found(after(SITE, *week(18, 2), *previews, *hour(TEN, 20, 0), AFTER)) == []
    twice = [*hour(TEN, 14, 6), *hour(TEN + DAY_MS, 5, 20)]
    alerts = found(after(SITE, *week(18, 2), *twice, clock("02-12 12:00")))
    assert [alert.count for alert in alerts] == [1, 1]


def test_a_policy_sets_the_bounds() -> None:
    strict = policy("read-quality", filed=ALWAYS, min_reads=5, min_share=0.1, times_baseline=1)
    few = [SITE, strict, *week(5, 0, (3, 2, 1)), *hour(TEN, 4, 1), AFTER]
    assert len(found(after(*few))) == 1


@pytest.mark.parametrize("commits", [(), range(0, 2000, 23)])
def test_partitions_batches_and_crashes_change_nothing(commits: Sequence[int]) -> None:
    lines = [SITE, *week(18, 2), *hour(TEN, 14, 6), *hour(TEN + HOUR_MS, 20, 1), AFTER]
    arriving = steps([*lines, clock("02-10 13:00")])

    def standing(run: Deployment) -> list[tuple[str, str, int, str]]:
        return [(a.id, a.first_seen, a.count, a.reason.en) for a in found(run)]

    one = standing(Deployment().run(arriving))
    assert len(one) == 1
    assert standing(Deployment(partitions=4).run(arriving, commits=commits)) == one
    many = Deployment(partitions=12).run(arriving, commits=commits, crashes=range(0, 1000, 31))
    assert standing(many) == one
