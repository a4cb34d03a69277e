"""D30: one plate at two sites sooner than any vehicle can drive."""

import itertools

import pytest

from rules.cloned_plate import SUSPICION
from schemas.alerts import Alert
from schemas.times import DAY_MS, MINUTE_MS, parse_ms
from tests.alerts.build import (
    Line,
    at,
    clock,
    hit,
    ms,
    order,
    policy,
    resident,
    route,
    scan,
    site,
    text,
)
from tests.alerts.running import Deployment, after, steps

CAR = "浙F6M118"
ALIKE = "浙F6M1L8"
WAY = route("inner", "inner-2")
NOON = clock("02-10 12:00")


def seen(where: str, when: str, *, colour: str | None = None, **more: object) -> Line:
    """The plate is read, with the colour of the body."""
    vehicle = {"type": "car", "colour": colour} if colour else {"type": "car"}
    return hit(CAR, where, f"02-10 {when}", vehicle=vehicle, **more)  # type: ignore[arg-type]


FIRST = (seen("inner", "10:00"), seen("inner-2", "10:20"))
SECOND = (seen("inner", "11:10"), seen("inner-2", "11:25"))


def clones(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule that stand."""
    return [
        alert
        for alert in deployment.final
        if alert.rule == "cloned-plate" and alert.state != "retracted"
    ]


def test_two_contradictions_are_one_medium_alert() -> None:
    (alert,) = clones(after(resident(CAR), WAY, *FIRST, *SECOND, NOON))
    assert (alert.severity, alert.evidence_class, alert.count) == ("medium", "vehicle", 2)
    assert (alert.subject.key, alert.site) == (f"vehicle:{CAR}", "inner-2")
    assert (alert.first_seen, alert.last_seen) == (text("02-10 10:20"), text("02-10 11:25"))
    assert alert.evidence[0].source == "camera-inner-2"
    assert "15 min after inner" in alert.reason.en
    assert "48 min" in alert.reason.en
    assert "inner" in alert.reason.zh


def test_one_contradiction_says_nothing_unless_the_vehicles_look_unlike() -> None:
    assert clones(after(WAY, *FIRST, NOON)) == []
    pale = (seen("inner", "10:00", colour="white"), seen("inner-2", "10:20", colour="black"))
    (alert,) = clones(after(WAY, *pale, NOON))
    assert "vehicle colour differs" in alert.reason.en
    assert "车身颜色" in alert.reason.zh


def test_a_reading_without_colour_is_not_unlike() -> None:
    pale = (seen("inner", "10:00", colour="white"), seen("inner-2", "10:20"))
    assert clones(after(WAY, *pale, NOON)) == []


def test_one_misreading_is_never_enough() -> None:
    # The reading at inner-2 contradicts the one before it and the one after it.
    lines = (seen("inner", "10:00"), seen("inner-2", "10:15"), seen("inner", "10:30"))
    assert clones(after(WAY, *lines, NOON)) == []


def test_doubtful_readings_and_possible_ways_say_nothing() -> None:
    doubtful = (seen("inner", "11:10"), seen("inner-2", "11:25", confidence=0.94))
    assert clones(after(WAY, *FIRST, *doubtful, NOON)) == []
    slow = (seen("inner", "11:10"), seen("inner-2", "11:51"))
    assert clones(after(WAY, *FIRST, *slow, NOON)) == []


def test_two_contradictions_more_than_a_day_apart_do_not_bear_each_other_out() -> None:
    lines = (hit(CAR, "inner", "02-11 10:30"), hit(CAR, "inner-2", "02-11 10:45"))
    assert clones(after(WAY, *FIRST, *lines, clock("02-11 12:00"))) == []


def test_it_waits_ten_minutes_for_readings_on_their_way() -> None:
    deployment = after(WAY, *FIRST, *SECOND, clock("02-10 11:34:59"))
    assert clones(deployment) == []
    deployment.run(steps([clock("02-10 11:35")]))
    assert len(clones(deployment)) == 1


def test_the_wait_outlives_a_crash() -> None:
    lines = steps([WAY, *FIRST, *SECOND, clock("02-10 11:30"), NOON])
    for number in range(len(lines)):
        deployment = Deployment().run(lines, crashes={number})
        assert clones(deployment) == clones(after(WAY, *FIRST, *SECOND, clock("02-10 11:30"), NOON))


def test_any_order_of_arrival_and_any_partitions_end_the_same() -> None:
    # Each was accepted in the end an hour after the last happened, in whatever order.
    lines = [*FIRST, *SECOND]
    wanted = None
    for places in itertools.permutations(range(4)):
        late = [
            {**lines[place], "recordedtime": text(ms("02-10 12:30") + number * MINUTE_MS)}
            for number, place in enumerate(places)
        ]
        for partitions in (1, 4):
            deployment = Deployment(partitions=partitions)
            deployment.run(steps([WAY, *late, clock("02-10 14:00")]))
            (alert,) = clones(deployment)
            found = (alert.id, alert.count, alert.severity, alert.evidence)
            assert found == (wanted := wanted or found)


def test_a_late_reading_is_compared_on_both_sides() -> None:
    late = seen("inner-2", "10:20", recorded="02-10 13:00")
    second = (seen("inner", "11:10"), seen("inner-2", "11:25"))
    (alert,) = clones(after(WAY, seen("inner", "10:00"), *second, late, clock("02-10 13:30")))
    assert alert.count == 2
    assert alert.historical is False


def test_distance_stands_for_a_route_from_two_kilometres_on() -> None:
    far = (site("inner", position=at(120.0)), site("inner-2", position=at(120.9)))
    assert len(clones(after(*far, *FIRST, *SECOND, NOON))) == 1
    near = (site("inner", position=at(120.0)), site("inner-2", position=at(120.01)))
    assert clones(after(*near, *FIRST, *SECOND, NOON)) == []


def test_a_clock_that_is_wrong_contradicts_nothing() -> None:
    skewed = [
        hit("浙F00000", "inner-2", f"02-10 {hour:02d}:{minute:02d}", event_id=f"{hour}:{minute}",
            recorded=ms(f"02-10 {hour:02d}:{minute:02d}") + 100_000)
        for hour in (8, 9) for minute in range(0, 60)
    ]  # fmt: skip
    deployment = after(WAY, *skewed, *FIRST, *SECOND, NOON)
    assert [alert.rule for alert in deployment.final] == ["clock-skew"]
    assert deployment.counts["suppressed:cloned-plate:clock-skew"] == 2


def test_a_plate_that_is_taken_for_a_look_alike_is_no_clone() -> None:
    # The other car passes inner-2 often, before and after: it is what was read there.
    often = [
        hit(ALIKE, where, f"02-10 {when}")
        for where, when in (("inner-2", "07:00"), ("inner", "08:00"), ("inner-2", "09:00"))
    ]
    late = [{**line, "recordedtime": text("02-10 11:50")} for line in often]
    for lines in ([*often, *FIRST, *SECOND], [*FIRST, *SECOND, *late]):
        deployment = after(WAY, *lines, NOON)
        assert clones(deployment) == []
        assert deployment.counts["suppressed:cloned-plate:look-alike"] >= 2
    seldom = often[:2]
    assert len(clones(after(WAY, *seldom, *FIRST, *SECOND, NOON))) == 1


def test_the_suspicion_is_told_for_as_long_as_the_alert_may_go_on() -> None:
    deployment = after(WAY, *FIRST, *SECOND, NOON)
    for engine in deployment.engines:
        spans = engine.book.conditions[SUSPICION, CAR]
        assert spans == [(ms("02-10 10:00"), ms("02-10 11:25") + 7 * DAY_MS)]


def test_a_route_that_is_filed_anew_takes_the_ground_away() -> None:
    quick = route("inner", "inner-2", 5, 8, filed="02-10 13:00", since="02-01 00:00")
    assert clones(after(WAY, *FIRST, *SECOND, NOON, quick)) == []


def test_a_policy_sets_the_share_and_the_wait() -> None:
    strict = policy("cloned-plate", filed="02-01 00:00", share=0.3)
    assert clones(after(WAY, strict, *FIRST, *SECOND, NOON)) == []
    quick = policy("cloned-plate", filed="02-01 00:00", wait_s=0)
    assert len(clones(after(WAY, quick, *FIRST, *SECOND))) == 1


def test_what_was_corrected_contradicts_nothing() -> None:
    wrong = seen("inner-2", "11:25", event_id="wrong")
    right = hit("浙F99999", "inner-2", "02-10 11:25", event_id="right", recorded="02-10 11:26")
    right["corrects"] = "wrong"
    lines = (WAY, *FIRST, seen("inner", "11:10"), wrong, right, NOON)
    assert clones(after(*lines)) == []
    # Neither does it when a later reading would.
    again = seen("inner", "11:40")
    deployment = after(*lines[:-1], again, NOON)
    assert clones(deployment) == []


def test_where_nothing_is_placed_there_are_no_tracks() -> None:
    deployment = after(*FIRST, *SECOND, NOON)
    assert all(len(engine.book.tracks) == 0 for engine in deployment.engines)


@pytest.mark.parametrize("colour", ["white", None])
def test_a_scan_counts_as_a_reading(colour: str | None) -> None:
    lines = [scan("inner", "02-10 11:10", plate=CAR), seen("inner-2", "11:25", colour=colour)]
    (alert,) = clones(after(WAY, *FIRST, *lines, NOON))
    assert parse_ms(alert.first_seen) == ms("02-10 10:20")


def test_what_rests_on_a_suspected_plate_is_one_severity_lower_and_says_so() -> None:
    lines = [
        order("o1", vehicles=[CAR]),
        site("inner", position=at(120.0)),
        site("inner-2", position=at(120.9)),
    ]
    alone = after(*lines, *FIRST)
    assert alone.alert(rule="quarantined-vehicle-moving").severity == "medium"
    deployment = after(*lines, *FIRST, *SECOND, NOON)
    moving = deployment.alert(rule="quarantined-vehicle-moving")
    assert len(clones(deployment)) == 1
    assert moving.severity == "low"
    assert "suspected to be cloned" in moving.reason.en
    assert "套牌" in moving.reason.zh
    ended = deployment.run(steps([route("inner", "inner-2", 5, 8, filed="02-10 13:00")]))
    moving = ended.alert(rule="quarantined-vehicle-moving")
    assert clones(ended) == []
    assert moving.severity == "medium"
    assert "cloned" not in moving.reason.en


def test_between_sites_of_which_no_way_is_known_nothing_is_impossible() -> None:
    other = route("bound", "inner-2")
    lines = [seen("inner", "10:00"), seen("inner-2", "10:05"), seen("bound", "10:10")]
    deployment = after(WAY, other, *lines, *SECOND, NOON)
    (alert,) = clones(deployment)
    assert alert.count == 2
