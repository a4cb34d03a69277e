"""D17: a household from an area that was on the risk list during the stay."""

from typing import Any

import msgspec
import pytest

from rules.facts import known_by
from schemas.alerts import Alert
from tests.alerts.build import (
    ALWAYS,
    NUMBERS,
    Line,
    check,
    clock,
    deletion,
    exempt,
    hit,
    ms,
    notice,
    order,
    person,
    policy,
    recorded_ms,
    residence,
    risk_area,
    scan,
)
from tests.alerts.running import Deployment, after, steps

EVERYBODY = ("wang", "li", "zhao")
STAY = {"area": "330327", "from": "2020-01-15", "to": "2020-01-22"}


def told(*lines: Line) -> Deployment:
    """The deployment after the lines; the clock is told with each of them."""
    return after(*(each for line in lines for each in (line, clock(recorded_ms(line)))))


def arrivals(*lines: Line) -> list[Alert]:
    """What stands of this rule after the lines."""
    return standing(told(*lines))


def standing(deployment: Deployment) -> list[Alert]:
    """What stands of this rule."""
    assert not deployment.broken, deployment.broken
    return [
        msgspec.structs.replace(alert, revision=0)
        for alert in deployment.final
        if alert.rule == "risk-area-arrival" and alert.state != "retracted"
    ]


def came(
    people: tuple[str, ...], when: str = "01-23 10:00", where: str = "bound", **more: Any
) -> Line:
    """A car comes in, and its people say where they were."""
    return scan(where, when, people=people, **{"stays": [STAY], "plate": "浙F12345", **more})


# Notices.


def test_a_household_from_a_listed_area_is_one_alert() -> None:
    (alert,) = arrivals(
        risk_area("a"),
        residence("r1", "li", grid=None),
        notice("b1", EVERYBODY),
        notice("b1", EVERYBODY, "01-23 11:00"),
    )
    assert (alert.severity, alert.evidence_class, alert.count) == ("high", "digital", 1)
    assert (alert.subject.kind, alert.subject.key) == ("household", "household:h1")
    assert alert.first_seen == "2020-01-23T02:00:00.000Z"
    assert alert.reason.en.startswith("3 of this household came from area 330327")
    assert "330327" in alert.reason.zh
    assert "高风险" in alert.reason.zh
    assert (alert.historical, alert.grid) == (False, None)
    assert alert.evidence[0].id == "arrival-notice/b1"


def test_a_household_that_is_reported_row_by_row_is_one_alert() -> None:
    rows = [notice(f"b{n}", (who,), f"01-23 10:0{n}") for n, who in enumerate(EVERYBODY)]
    (alert,) = arrivals(risk_area("a"), residence("r1", "li"), *rows)
    assert alert.count == 3
    assert alert.reason.en.startswith("3 of this household")


def test_another_arrival_and_another_household_are_alerts_of_their_own() -> None:
    found = arrivals(
        risk_area("a"),
        notice("b1", ("wang",)),
        notice(
            "b2", ("wang",), "01-23 11:00", arrival="2020-01-23", stay=("2020-01-20", "2020-01-22")
        ),
        notice("b3", ("li",), household="h2"),
    )
    assert len(found) == 3


@pytest.mark.parametrize(
    ("area", "listed", "times"),
    [
        ("330327", "330327", 1),
        ("330327", "330300", 1),
        ("330327", "330000", 1),
        ("330327", "330326", 0),
        ("330327", "330200", 0),
        # Who was somewhere in a prefecture was not in each of its counties.
        ("330300", "330327", 0),
    ],
)
def test_trailing_zeros_of_a_listing_are_wildcards(area: str, listed: str, times: int) -> None:
    assert len(arrivals(risk_area("a", listed), notice("b1", ("wang",), area=area))) == times


@pytest.mark.parametrize(
    ("since", "until", "times"),
    [
        ("01-22 23:59", None, 1),
        ("01-23 00:00", None, 0),
        ("01-01 00:00", "01-15 00:00", 0),
        ("01-01 00:00", "01-15 00:01", 1),
    ],
)
def test_the_listing_is_read_as_of_the_stay(since: str, until: str | None, times: int) -> None:
    listing = risk_area("a", filed="01-01 00:00", since=since, until=until)
    assert len(arrivals(listing, notice("b1", ("wang",)))) == times


def test_an_area_that_is_taken_off_the_list_counts_for_old_stays() -> None:
    lines = [risk_area("a"), deletion("risk-area", "a", "01-21 12:00"), notice("b1", ("wang",))]
    assert len(arrivals(*lines)) == 1
    later = notice("b2", ("li",), household="h2", stay=("2020-01-22", "2020-01-22"))
    assert len(arrivals(*lines, later)) == 1


def test_a_listing_that_is_filed_afterwards_accuses_nobody() -> None:
    late = risk_area("a", filed="01-24 00:00", since="01-01 00:00")
    assert arrivals(notice("b1", ("wang",)), late) == []


def test_a_listing_that_turns_out_wrong_takes_the_alert_back() -> None:
    found = told(
        risk_area("a"),
        notice("b1", ("wang",)),
        risk_area(
            "a", filed="01-23 12:00", since="01-20 00:00", until="01-20 00:01", area="330302"
        ),
    )
    (alert,) = found.final
    assert alert.state == "retracted"
    assert "area-not-listed" in alert.reason.en
    assert standing(found) == []


def test_the_higher_level_is_told() -> None:
    (alert,) = arrivals(
        risk_area("a", "330327", "medium"), risk_area("b", "330300"), notice("b1", ("wang",))
    )
    assert "(high)" in alert.reason.en
    (alert,) = arrivals(risk_area("a", "330327", "medium"), notice("b1", ("wang",)))
    assert "(medium)" in alert.reason.en


def test_who_came_long_after_the_stay_is_not_meant() -> None:
    lines = [risk_area("a"), notice("b1", ("wang",), "02-06 10:00", arrival="2020-02-06")]
    assert arrivals(*lines) == []
    assert len(arrivals(policy("risk-area-arrival", filed=ALWAYS, look_back_d=15), *lines)) == 1


def test_who_is_under_order_is_left_out_and_a_household_of_them_raises_nothing() -> None:
    ordered = order("o1", "wang", start="01-23 09:00")
    lines = [risk_area("a"), ordered]
    (alert,) = arrivals(*lines, notice("b1", EVERYBODY))
    assert alert.reason.en.startswith("2 of this household")
    kept = told(*lines, notice("b1", ("wang",)), clock("01-23 12:00"))
    assert standing(kept) == []
    assert kept.counts["suppressed:risk-area-arrival:already-under-order"] == 1


def test_an_order_that_follows_does_not_take_the_alert_back() -> None:
    lines = [risk_area("a"), notice("b1", ("wang",)), order("o1", "wang", start="01-23 12:00")]
    assert len(arrivals(*lines)) == 1


def test_an_order_that_came_before_the_notice_was_accepted_counts() -> None:
    lines = [order("o1", "wang", start="01-23 12:00"), risk_area("a")]
    assert arrivals(*lines, notice("b1", ("wang",), recorded="01-23 18:00")) == []


def test_a_late_notice_is_judged_at_its_own_time() -> None:
    # On the list only after the notice's time: it accuses nobody of what was said before.
    lines = [risk_area("a", filed="01-23 11:00", since="01-01 00:00")]
    assert arrivals(*lines, notice("b1", ("wang",), recorded="01-23 18:00")) == []
    (alert,) = arrivals(risk_area("a"), notice("b1", ("wang",), recorded="01-23 18:00"))
    assert (alert.severity, alert.historical) == ("medium", True)
    assert alert.first_seen == "2020-01-23T02:00:00.000Z"
    assert known_by(ms("01-23 10:00"), ms("01-23 18:00")) == ms("01-23 10:00")


def test_a_notice_of_more_than_fourteen_days_ago_is_history() -> None:
    assert arrivals(risk_area("a"), notice("b1", ("wang",), recorded="02-06 10:01")) == []


@pytest.mark.parametrize(
    "corrected",
    [
        {"area": "110000"},
        {"household": "h2", "area": "110000"},
        {"arrival": "2020-03-22"},
    ],
)
def test_a_notice_that_is_corrected_is_taken_back(corrected: Line) -> None:
    found = told(
        risk_area("a"),
        notice("b1", ("wang",)),
        notice("b1", ("wang",), "01-23 12:00", **corrected),
    )
    (alert,) = found.final
    assert (alert.state, alert.subject.key) == ("retracted", "household:h1")
    assert "notice-changed" in alert.reason.en


def test_a_notice_that_moves_to_another_household_moves_its_alert() -> None:
    (alert,) = arrivals(
        risk_area("a"),
        notice("b1", ("wang",)),
        notice("b1", ("wang",), "01-23 12:00", household="h2"),
    )
    assert alert.subject.key == "household:h2"


def test_a_notice_that_says_more_keeps_its_alert() -> None:
    first = told(risk_area("a"), notice("b1", ("wang",)))
    more = told(
        risk_area("a"), notice("b1", ("wang",)), notice("b1", ("wang", "li"), "01-23 12:00")
    )
    (alert,) = standing(more)
    assert alert.id == first.final[0].id
    assert alert.reason.en.startswith("2 of this household")


def test_a_deleted_notice_stands_and_one_that_comes_back_is_a_repeat() -> None:
    (alert,) = arrivals(
        risk_area("a"),
        notice("b1", ("wang",)),
        deletion("arrival-notice", "b1", "01-23 12:00"),
        notice("b1", ("wang",), "01-23 13:00"),
    )
    assert alert.count == 1


def test_the_whitelist_shortens_severity_only() -> None:
    lines = [risk_area("a"), notice("b1", ("wang", "li"))]
    (alert,) = arrivals(*lines, exempt("e1", "wang", "whitelist"))
    assert alert.severity == "high"
    both = [exempt("e1", "wang", "whitelist"), exempt("e2", "li", "whitelist")]
    (alert,) = arrivals(*both, *lines)
    assert alert.severity == "low"
    assert "whitelist" in alert.reason.en
    assert "白名单" in alert.reason.zh
    (alert,) = arrivals(exempt("e1", "wang"), exempt("e2", "li", "fleet"), *lines)
    assert alert.severity == "high"


# Declared stays.


def test_a_family_that_declares_its_stay_is_one_alert_of_its_household() -> None:
    lives = [residence("r1", "wang", grid="g7"), residence("r2", "li", grid="g7")]
    (alert,) = arrivals(risk_area("a"), *lives, came(("wang", "li")))
    assert (alert.severity, alert.evidence_class, alert.count) == ("high", "person", 2)
    assert alert.subject.key == "household:h1"
    assert (alert.site, alert.grid) == ("bound", "g7")
    assert alert.reason.en.startswith("2 of this household")


def test_a_party_without_a_household_is_known_by_its_vehicle() -> None:
    (alert,) = arrivals(
        risk_area("a"),
        came(("wang", "li"), destination={"grid": "g9"}),
        came(("wang", "li"), "01-23 12:00", "exit", destination={"grid": "g9"}),
    )
    assert (alert.subject.key, alert.subject.label) == ("household:vehicle:浙F12345", "浙F1**45")
    assert (alert.count, alert.grid) == (4, "g9")


def test_people_on_foot_are_a_party() -> None:
    (alert,) = arrivals(risk_area("a"), came(("wang", "li"), plate=None))
    assert (alert.subject.kind, alert.count) == ("household", 2)


def test_somebody_without_an_identifier_counts_too() -> None:
    line = came(())
    line["data"]["persons"] = [{"verified_by": "none"}, {"verified_by": "none"}]
    (alert,) = arrivals(risk_area("a"), line)
    assert (alert.severity, alert.evidence_class) == ("medium", "tip")
    assert alert.reason.en.startswith("2 of this household")


def test_who_is_under_order_at_the_check_is_kept() -> None:
    ordered = order("o1", "wang", start="01-01 10:00", until="01-30 00:00")
    ordered["data"]["household"] = "h5"
    kept = told(risk_area("a"), ordered, came(("wang",)))
    assert standing(kept) == []
    assert kept.counts["suppressed:risk-area-arrival:already-under-order"] == 1


def test_a_notice_and_a_declaration_of_one_arrival_are_one_alert() -> None:
    (alert,) = arrivals(
        risk_area("a"),
        residence("r1", "wang", household=None),
        residence("r2", "wang"),
        notice("b1", ("wang",), arrival="2020-01-23"),
        came(("wang",), "01-23 12:00"),
    )
    assert (alert.count, alert.evidence_class) == (2, "person")
    assert alert.reason.en.startswith("1 of this household")


def test_who_leaves_or_was_nowhere_or_only_looks_like_it_raises_nothing() -> None:
    found = told(
        risk_area("a", "420000"),
        came(("wang",), direction="out", stays=[{**STAY, "area": "420100"}]),
        scan("bound", "01-23 10:10", plate="鄂A12345", people=("li",)),
        scan("bound", "01-23 10:20", plate="鄂A12345", people=("li",), stays=[STAY]),
        check("zhao", "bound", "01-23 10:30"),
        hit("鄂A12345", "inner", "01-23 10:40"),
    )
    assert standing(found) == []


@pytest.mark.parametrize(
    "stay",
    [
        {"area": "Wenzhou"},
        {"area": "33032"},
        {"from": "yesterday"},
        {"to": "2020-01-14"},
        {"to": "2020-01-22T12:00:00"},
    ],
)
def test_a_stay_that_nobody_can_read_is_counted(stay: Line) -> None:
    found = told(risk_area("a"), came(("wang",), stays=[{**STAY, **stay}]))
    assert standing(found) == []
    assert found.counts["suppressed:risk-area-arrival:stay-unreadable"] == 1


@pytest.mark.parametrize("area", ["33", "3303", "330327", "330327101", "330327101002", " 330327"])
def test_an_area_is_a_code_of_any_depth(area: str) -> None:
    listed = risk_area("a", "330000")
    stays = [{"area": "110000", "from": "2020-01-01", "to": "2020-01-05"}, {**STAY, "area": area}]
    (alert,) = arrivals(listed, came(("wang",), stays=stays))
    assert alert.count == 1


def test_the_worst_stay_is_told() -> None:
    stays = [{**STAY, "area": "110000"}, STAY, {**STAY, "area": "120000"}]
    levels = [
        risk_area("a", "110000", "medium"),
        risk_area("b"),
        risk_area("c", "120000", "medium"),
    ]
    (alert,) = arrivals(*levels, came(("wang",), stays=stays))
    assert "330327" in alert.reason.en


def test_a_whitelisted_vehicle_shortens_severity() -> None:
    (alert,) = arrivals(risk_area("a"), exempt("e1", "浙F12345", "whitelist"), came(("wang",)))
    assert alert.severity == "low"


def test_a_declaration_stands_when_its_facts_are_forgotten() -> None:
    lines = [
        risk_area("a"), residence("r1", "wang"), came(("wang",)),
        *(clock(f"{day} 00:00") for day in ("01-24", "01-27", "01-30", "02-01", "02-08")),
        residence("r1", "wang", filed="02-09 00:00", household="h9"),
        clock("02-10 00:00"),
    ]  # fmt: skip
    (alert,) = arrivals(*lines)
    assert (alert.subject.key, alert.count) == ("household:h1", 1)


def test_partitions_and_crashes_do_not_matter() -> None:
    lives = [residence(f"r{who}", who, f"h{n % 2}") for n, who in enumerate(NUMBERS)]
    lines = [
        risk_area("a"), *lives, came(("wang", "li", "zhao", "qian")), notice("b1", ("wang",)),
        came(("qian",), "01-23 11:00", plate=None), clock("01-23 12:00"),
    ]  # fmt: skip
    one = standing(Deployment().run(steps(lines)))
    assert sorted(alert.count for alert in one) == [1, 2, 3]
    for count in (4, 12):
        many = Deployment(partitions=count).run(steps(lines), crashes=(3, 6))
        assert standing(many) == one
    assert {alert.subject.key for alert in one} == {"household:h0", "household:h1"}
    assert person("wang") not in str(one)
