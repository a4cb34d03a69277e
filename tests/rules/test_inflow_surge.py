"""D23: far more vehicles come into a region within an hour than usually do."""

from collections.abc import Sequence

import pytest

from rules.inflow_surge import entries, hours_of, merge
from schemas.alerts import Alert
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS
from tests.alerts.build import (
    ALWAYS,
    FOREVER_MS,
    Line,
    Moment,
    clock,
    exempt,
    hit,
    ms,
    policy,
    scan,
    site,
    text,
)
from tests.alerts.running import Deployment, after, steps

TEN = ms("02-10 10:00")
WEEK_MS = 7 * DAY_MS


def found(deployment: Deployment) -> list[Alert]:
    """The alerts of this rule that stand, in order."""
    assert deployment.failed == []
    return sorted(
        (a for a in deployment.final if a.rule == "inflow-surge" and a.state != "retracted"),
        key=lambda alert: (alert.first_seen, alert.id),
    )


def arrivals(start: Moment, count: int, where: str = "bound", first: int = 0) -> list[Line]:
    """Vehicles that come in, one a minute."""
    return [
        hit(f"浙F{n:05d}", where, ms(start) + (n - first) * 60_000, "in")
        for n in range(first, first + count)
    ]


def ticks(start: Moment, minutes: int) -> list[Line]:
    """A tick a minute."""
    return [clock(ms(start) + n * 60_000) for n in range(minutes)]


def test_more_than_ten_within_an_hour_where_nobody_came_before() -> None:
    assert found(after(*arrivals(TEN, 10), *ticks("02-10 10:11", 60))) == []
    (alert,) = found(after(*arrivals(TEN, 11), clock("02-10 10:12")))
    assert (alert.severity, alert.state, alert.evidence_class) == ("info", "open", "system")
    assert (alert.subject.kind, alert.subject.key) == ("region", "region:county")
    assert alert.first_seen == text("02-10 10:00")
    assert (alert.site, alert.historical) == (None, False)
    assert "11 vehicles" in alert.reason.en
    assert "11 辆" in alert.reason.zh
    (many,) = found(after(*arrivals(TEN, 21), clock("02-10 10:30")))
    assert (many.severity, many.id) == ("medium", alert.id)


@pytest.mark.parametrize("since_ms", [None, ms("02-10 00:00"), ms("01-13 10:00") + 1])
def test_without_a_history_it_stays_silent(since_ms: int | None) -> None:
    lines = [*arrivals(TEN, 30), clock("02-10 10:40")]
    assert found(after(*lines, since_ms=since_ms)) == []
    assert len(found(after(*lines, since_ms=ms("01-13 10:00")))) == 1


def test_what_is_usual_at_this_hour_of_the_week_is_no_surge() -> None:
    counts = (20, 22, 18, 24)
    before = [
        line
        for week, count in zip((4, 3, 2, 1), counts, strict=True)
        for line in arrivals(TEN - week * WEEK_MS, count)
    ]
    # The mean is 21 and the standard deviation 2.2: up to 29.9 are usual.
    lines = [*before, *arrivals(TEN, 29), clock("02-10 10:40")]
    assert [a for a in found(after(*lines)) if a.first_seen == text(TEN)] == []
    lines = [*before, *arrivals(TEN, 30), clock("02-10 10:40")]
    (alert,) = [a for a in found(after(*lines)) if a.first_seen == text(TEN)]
    assert "more than 30 are unusual" in alert.reason.en
    assert "21 came" in alert.reason.en


def test_a_vehicle_counts_once_an_hour_and_only_where_it_comes_in() -> None:
    again = [hit("浙F00001", "bound", TEN + n * 100_000, "in", event_id=f"a{n}") for n in range(30)]
    out = [hit(f"浙F1{n:04d}", "bound", TEN + n * 1000, "out") for n in range(20)]
    inside = [hit(f"浙F2{n:04d}", "inner", TEN + n * 1000, "in") for n in range(20)]
    none = [hit(None, "bound", TEN + n * 1000, "in", event_id=f"n{n}") for n in range(20)]
    poor = [hit(f"浙F3{n:04d}", "bound", TEN + n * 1000, "in", confidence=0.84) for n in range(20)]
    preview = [hit(f"浙F4{n:04d}", "bound", TEN + n, "in", preview=True) for n in range(20)]
    lines = [*again, *out, *inside, *none, *poor, *preview, *arrivals(TEN, 9)]
    lines.sort(key=lambda line: line["time"])
    assert found(after(*lines, clock("02-10 11:10"))) == []


def test_exempt_vehicles_do_not_count() -> None:
    coaches = [exempt(f"x{n}", f"浙F{n:05d}", "fleet") for n in range(5)]
    assert found(after(*coaches, *arrivals(TEN, 15), clock("02-10 10:40"))) == []
    listed = [exempt(f"x{n}", f"浙F{n:05d}", "whitelist") for n in range(5)]
    assert len(found(after(*listed, *arrivals(TEN, 15), clock("02-10 10:40")))) == 1


def test_scans_at_the_boundary_count_and_sites_without_a_region_are_the_deployments() -> None:
    alone = site("edge", "boundary", ())
    scans = [scan("edge", TEN + n * 60_000, plate=f"苏E{n:05d}") for n in range(11)]
    elsewhere = [scan("exit", TEN + n * 60_000, plate=f"苏E{n:05d}") for n in range(11)]
    run = after(alone, *scans, *elsewhere, clock("02-10 10:40"))
    assert [alert.subject.key for alert in found(run)] == ["region:deployment"]


def test_late_arrivals_count_in_their_hour_and_old_ones_not_at_all() -> None:
    def late(delay_ms: int) -> list[Line]:
        return [
            hit(f"浙F{n:05d}", "bound", TEN + n * 1000, "in", recorded=TEN + n * 1000 + delay_ms)
            for n in range(11)
        ]

    (alert,) = found(after(*late(3 * HOUR_MS), clock(TEN + 4 * HOUR_MS)))
    assert (alert.historical, alert.first_seen) == (True, text(TEN))
    assert found(after(*late(73 * HOUR_MS), clock(TEN + 80 * HOUR_MS))) == []


def test_a_site_that_was_no_boundary_then_does_not_count() -> None:
    moved = site("bound", "inner", filed="02-09 00:00")
    assert found(after(moved, *arrivals(TEN, 20), clock("02-10 10:40"))) == []


@pytest.mark.parametrize("commits", [None, (), range(0, 1000, 9)])
def test_partitions_batches_and_crashes_change_nothing(commits: Sequence[int] | None) -> None:
    lines = [*arrivals("02-08 10:00", 14), *arrivals(TEN, 25), *arrivals(TEN, 25, "bound-2", 10)]
    lines += [*ticks("02-08 10:00", 90), *ticks(TEN, 150)]
    lines += arrivals(TEN + HOUR_MS, 13, first=50)
    arriving = steps(sorted(lines, key=lambda line: line["time"]))

    def standing(run: Deployment) -> list[tuple[str, str, int, str]]:
        return [(a.id, a.first_seen, a.count, a.reason.en) for a in found(run)]

    one = standing(Deployment(since_ms=FOREVER_MS).run(arriving))
    assert [each[2] for each in one] == [1, 2]
    assert standing(Deployment(partitions=4).run(arriving, commits=commits)) == one
    crashes = range(0, 400, 37)
    many = Deployment(partitions=12).run(arriving, commits=commits, crashes=crashes)
    assert standing(many) == one


def test_a_policy_sets_the_bounds() -> None:
    strict = policy("inflow-surge", filed=ALWAYS, at_least=3, times_medium=1)
    (alert,) = found(after(strict, *arrivals(TEN, 4), clock("02-10 10:40")))
    assert alert.severity == "medium"


def test_what_is_settled_becomes_a_count_and_counts_the_same() -> None:
    def of(at_ms: int, *vehicles: int) -> Fact:
        digits = "".join(f"{vehicle:010x}" for vehicle in vehicles)
        return entries("county", at_ms, at_ms, FOREVER_MS, digits)

    portions = [of(TEN, 1, 2), of(TEN, 2, 3), of(TEN + 300_000, 3, 4), of(TEN + HOUR_MS, 1)]
    kept = list(merge(portions))
    assert {at: hour.count for at, hour in hours_of(kept).items()} == {TEN: 4, TEN + HOUR_MS: 1}
    later = of(TEN + 90 * HOUR_MS, 9)
    settled = sorted(merge([*kept, later]))
    assert [fact.what for fact in settled[:2]] == ["4", "1"]
    assert hours_of(settled)[TEN] == hours_of(kept)[TEN]
    assert sorted(merge([*settled, of(TEN, 77)])) == settled
