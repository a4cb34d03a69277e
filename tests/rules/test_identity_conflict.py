"""D31: the same identity, or the same pass, at two places at once."""

from tests.alerts.build import Line, check, clock, put
from tests.alerts.running import Deployment, after, steps

ROAD = put(
    "route", "r1", "01-01 00:00", "01-01 00:00",
    from_="exit", to="inner", min_s=2400, p50_s=3000,
)  # fmt: skip


def alerts(run: Deployment) -> list[tuple[str, str, int]]:
    """Subject, severity and count of each conflict that stands."""
    return [
        (each.subject.kind, each.severity, each.count)
        for each in run.final
        if each.rule == "identity-conflict" and each.state == "open"
    ]


def placed(site_id: str, lon: float) -> Line:
    """A site with a position."""
    return put(
        "site", site_id, "01-01 00:00", "01-01 00:00", name=site_id, role="checkpoint",
        zones=["county"], heartbeat_s=0, position={"lon": lon, "lat": 30.9, "crs": "wgs84"},
    )  # fmt: skip


def test_an_identity_at_two_sites_sooner_than_the_road_takes() -> None:
    run = after(ROAD, check("wang", "exit", "02-10 10:00"), check("wang", "inner", "02-10 10:05"))
    assert alerts(run) == [("person", "medium", 1)]
    (alert,) = [each for each in run.final if each.rule == "identity-conflict"]
    assert "5 min after exit" in alert.reason.en
    assert "40" in alert.reason.en
    assert "exit" in alert.reason.zh
    assert alert.site == "inner"


def test_the_road_holds_both_ways_unless_the_reverse_is_filed() -> None:
    back = (check("wang", "inner", "02-10 10:00"), check("wang", "exit", "02-10 10:20"))
    assert alerts(after(ROAD, *back)) == [("person", "medium", 1)]
    short = put("route", "r2", "01-01 00:00", "01-01 00:00",
                from_="inner", to="exit", min_s=600, p50_s=900)  # fmt: skip
    assert alerts(after(ROAD, short, *back)) == []


def test_whoever_takes_the_time_of_the_road_is_fine() -> None:
    assert alerts(after(ROAD, check("wang", "exit", "02-10 10:00"),
                        check("wang", "inner", "02-10 10:34"))) == []  # fmt: skip


def test_a_family_code_or_an_unknown_person_says_nothing() -> None:
    for by in ("code", "none", "video"):
        assert alerts(after(ROAD, check("wang", "exit", "02-10 10:00", by=by),
                            check("wang", "inner", "02-10 10:05", by=by))) == []  # fmt: skip
    assert alerts(after(ROAD, check(None, "exit", "02-10 10:00"),
                        check(None, "inner", "02-10 10:05"))) == []  # fmt: skip


def test_a_pass_at_two_gates_is_a_conflict_of_the_pass() -> None:
    lines = (
        check(None, "exit", "02-10 10:00", by="none", pass_="p7"),
        check(None, "inner", "02-10 10:05", by="none", pass_="p7"),
    )
    run = after(ROAD, *lines)
    assert alerts(run) == [("pass", "medium", 1)]
    (alert,) = [each for each in run.final if each.rule == "identity-conflict"]
    assert "The pass" in alert.reason.en


def test_where_no_road_is_filed_the_distance_counts() -> None:
    twice = (check("wang", "east", "02-10 10:00"), check("wang", "west", "02-10 10:05"))
    assert alerts(after(placed("east", 120.5), placed("west", 121.0), *twice)) == [
        ("person", "medium", 1)
    ]
    assert alerts(after(placed("east", 120.5), placed("west", 120.51), *twice)) == []


def test_without_road_and_positions_nothing_is_known() -> None:
    assert alerts(after(check("wang", "exit", "02-10 10:00"),
                        check("wang", "inner", "02-10 10:01"))) == []  # fmt: skip


def test_a_paper_check_says_little_of_when() -> None:
    late = check("wang", "inner", "02-10 10:05")
    late["data"]["capture_mode"] = "paper"
    assert alerts(after(ROAD, check("wang", "exit", "02-10 10:00"), late)) == []


def test_a_route_that_is_filed_later_accuses_nobody_and_may_excuse() -> None:
    lines = [check("wang", "exit", "02-10 10:00"), check("wang", "inner", "02-10 10:05")]
    later = {**ROAD, "time": "2020-02-10T12:00:00+08:00"}
    assert alerts(Deployment(partitions=4).run(steps([*lines, later]))) == []
    quick = {**later, "data": {**later["data"], "min_s": 240}}
    assert alerts(Deployment(partitions=4).run(steps([ROAD, *lines, quick]))) == []


def test_sites_that_are_filed_after_the_checks_are_measured_too() -> None:
    checks = [check("wang", "far-1", "02-10 10:00"), check("wang", "far-2", "02-10 10:05")]
    sites = [
        {**placed(each, lon), "time": "2020-02-10T03:00:00.000Z"}
        for each, lon in (("far-1", 120.0), ("far-2", 120.9))
    ]
    assert alerts(after(*checks, *sites, clock("02-10 11:30"))) == [("person", "medium", 1)]
