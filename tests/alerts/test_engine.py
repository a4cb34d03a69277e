"""The engine with a small county: what it remembers, what it waits for, what it survives."""

from collections.abc import Sequence

import msgspec
import pytest

from rules.facts import OrderFacts
from rules.registers import Registers
from schemas.confusion import fold
from schemas.times import DAY_MS, HOUR_MS
from services.alerts.engine.book import Book
from services.alerts.engine.decode import Event, Other
from services.alerts.engine.engine import MOST_WAITING, Engine
from tests.alerts.build import (
    COUNTY,
    FOREVER_MS,
    Line,
    check,
    clock,
    deletion,
    events,
    filed,
    hit,
    link,
    ms,
    order,
    permit,
    person,
    policy,
    scan,
    site,
    text,
)
from tests.alerts.running import Deployment, after, steps

CAR, LIKE_IT = "浙F12345", "浙F72345"
BREACH = check("wang", "inner", "02-03 09:00")


def states(deployment: Deployment) -> list[tuple[str, str, str]]:
    """Rule, state and severity of each alert."""
    return sorted((alert.rule, alert.state, alert.severity) for alert in deployment.final)


# Repeats.


def test_a_repeat_has_no_second_effect() -> None:
    run = after(order("o1"), BREACH, BREACH, clock("02-03 10:00"), BREACH)
    assert run.alert(rule="quarantine-breach").count == 1
    assert run.counts["duplicates"] == 2
    # What partitions tell one another, and the clock, are no events.
    assert run.counts["applied"] == 3
    assert run.counts["joins-and-ticks"] >= 1


def test_a_repeat_within_one_batch_has_none_either() -> None:
    run = Deployment().run(steps([order("o1"), BREACH, BREACH]), commits=())
    assert run.alert(rule="quarantine-breach").count == 1
    assert run.counts["duplicates"] == 1


def test_a_repeat_after_a_day_is_remembered_by_the_episode() -> None:
    again = {**BREACH, "recordedtime": text("02-05 09:00")}
    run = after(order("o1"), BREACH, clock("02-05 08:00"), again)
    assert run.alert(rule="quarantine-breach").count == 1
    assert "duplicates" not in run.counts


def test_the_same_id_of_another_source_is_another_event() -> None:
    lines = [check("wang", where, "02-03 09:00", event_id="e1") for where in ("inner", "inner-2")]
    assert after(order("o1"), *lines).alert(rule="quarantine-breach").count == 2


# A scan is a vehicle and its people.


def test_a_scan_is_judged_as_a_vehicle_and_as_its_people() -> None:
    run = after(
        order("o1", vehicles=[CAR]),
        scan("exit", "02-03 09:00", plate=CAR, people=("wang", "li")),
    )
    assert states(run) == [
        ("quarantine-breach", "open", "critical"),
        ("quarantined-vehicle-moving", "open", "medium"),
    ]
    breach = run.alert(rule="quarantine-breach")
    assert [each.id for each in breach.evidence] == ["exit@02-03 09:00#1"]
    assert breach.subject.key == person("wang")


def test_a_typed_plate_has_full_confidence_for_a_first_sight() -> None:
    run = after(scan("bound", "02-10 10:00", plate=CAR), scan("exit", "02-10 10:40", plate=CAR))
    assert states(run) == [("first-seen-vehicle", "open", "low")]


def test_people_without_an_identifier_and_empty_roads_raise_nothing() -> None:
    run = after(
        order("o1"),
        check(None, "inner", "02-03 09:00"),
        hit(None, "inner", "02-03 09:00"),
        scan("exit", "02-03 09:00", people=("li",)),
    )
    assert run.final == []


# Sites that are not filed.

ELSEWHERE = check("wang", "new", "02-03 09:00")


@pytest.mark.parametrize(
    ("filed_at", "judged"),
    [("02-03 09:01", True), ("02-06 09:00", True), ("02-06 09:00:00.001", False)],
)
def test_an_event_waits_72_hours_for_its_site(filed_at: str, judged: bool) -> None:
    run = after(order("o1"), ELSEWHERE, site("new", filed=filed_at), clock(filed_at))
    assert run.counts["site-not-filed"] == 1
    assert bool(run.final) is judged


def test_a_site_that_was_filed_too_late_is_waited_for_in_vain() -> None:
    run = after(order("o1"), ELSEWHERE, clock("02-06 09:00"), clock("02-06 11:00"))
    assert run.counts["waited-in-vain"] == 1
    assert run.engines[0].book.waiting == {}
    run.run(steps([site("new", filed="02-06 12:00"), clock("02-06 12:00")]))
    assert run.final == []


def test_vehicles_wait_too_and_are_judged_in_order_of_time() -> None:
    run = after(
        hit(CAR, "new", "02-10 10:00", "in"),
        hit(CAR, "inner", "02-10 10:40"),
        site("new", "boundary", filed="02-10 11:00"),
        clock("02-10 11:00"),
    )
    assert states(run) == [("first-seen-vehicle", "open", "low")]


def test_what_waits_survives_a_crash_and_is_judged_by_the_next_worker() -> None:
    run = after(order("o1"), ELSEWHERE)
    run.take(steps([site("new", filed="02-03 10:00")])[0])
    run.crash()
    run.commit()
    assert states(run) == [("quarantine-breach", "open", "critical")]


def test_a_site_with_validity_from_later_on_does_not_judge_what_was_before() -> None:
    run = after(order("o1"), ELSEWHERE, site("new", filed="02-03 10:00", since="02-03 10:00"))
    assert run.final == []
    assert list(run.engines[0].book.waiting) == ["new"]


def test_no_more_than_so_many_wait() -> None:
    engine = Engine(Registers(), Book())
    ((_, one),) = events(hit(CAR, "new", "02-03 09:00"))
    engine.apply([msgspec.structs.replace(one, id=str(n)) for n in range(MOST_WAITING + 2)])
    assert engine.flush({}).counts["waiting-overflow"] == 2


# Time.


def test_an_event_older_than_14_days_is_history_only() -> None:
    late = "02-18 09:00:00.001"
    run = after(
        order("o1", vehicles=[CAR], last_day="2020-03-31"),
        check("wang", "inner", "02-04 09:00", recorded=late),
        hit(CAR, "inner", "02-04 09:00", recorded=late),
    )
    assert run.final == []
    assert run.counts["archived"] == 2
    at_the_bound = check("wang", "inner", "02-04 09:00", recorded="02-18 09:00", event_id="x")
    assert after(order("o1", last_day="2020-03-31"), at_the_bound).alert().severity == "high"


IN = hit(CAR, "bound", "02-10 10:00", "in")
INNER = hit(CAR, "inner", "02-10 10:40")


def test_a_deadline_fires_at_its_time_and_once() -> None:
    run = after(IN, INNER, clock("02-10 11:59:59.999"))
    assert run.alert().severity == "low"
    assert run.counts.get("deadlines-fired", 0) == 0
    run.run(steps([clock("02-10 12:00")]))
    assert (run.alert().severity, run.alert().revision) == ("medium", 2)
    assert run.counts["deadlines-fired"] == 1
    run.run(steps([clock("02-10 12:01"), clock("02-10 18:00")]))
    assert run.alert().revision == 2
    assert run.counts["deadlines-fired"] == 1


def test_a_deadline_survives_a_crash() -> None:
    run = after(IN, INNER)
    run.crash()
    run.run(steps([clock("02-10 13:00")]))
    assert run.alert().severity == "medium"


def test_all_that_is_due_fires_in_order_when_the_clock_leaps() -> None:
    other = "苏E55566"
    run = after(
        IN,
        INNER,
        hit(other, "bound", "02-10 10:30", "in"),
        hit(other, "inner", "02-10 10:50"),
        clock("02-28 00:00"),
    )
    assert states(run) == [("first-seen-vehicle", "open", "medium")] * 2
    book = run.engines[0].book
    assert (book.groups, book.deadlines) == ({}, {})
    assert set(book.established["county"].days) == {CAR, other}


def test_the_newest_reading_of_a_plate_stands_after_its_vehicle_is_established() -> None:
    """Two variants of one entrance are established within seconds; neither withdraws the other."""
    run = after(
        hit(LIKE_IT, "bound", "02-10 09:59:58", "in", confidence=0.93),
        IN,
        INNER,
        clock("02-10 13:00"),
        *(clock(ms("02-16 09:00") + n * HOUR_MS // 4) for n in range(12)),
    )
    assert states(run) == [("first-seen-vehicle", "open", "medium")]
    assert run.engines[0].book.groups == {}


def test_a_read_while_variants_are_being_established_changes_nothing() -> None:
    run = after(
        hit(LIKE_IT, "bound", "02-10 09:59:58", "in", confidence=0.93),
        IN,
        INNER,
        clock(ms("02-10 09:59:59") + 145 * HOUR_MS),
        hit("浙F1234S", "inner", ms("02-10 09:59:59") + 145 * HOUR_MS),
        clock("02-20 00:00"),
    )
    assert states(run) == [("first-seen-vehicle", "open", "medium")]


def test_a_late_read_on_the_edge_of_the_look_back_makes_a_vehicle_known() -> None:
    """In whatever order the reads arrive, a vehicle seen the day before is no first sight."""
    past = [hit(CAR, "inner", "01-10 10:00", event_id="past"), clock("01-20 00:00")]
    # 30 days after the past, and known by it; the entrance a day later would not be.
    between = hit(CAR, "inner-2", "02-09 09:00", recorded="02-10 11:00", event_id="between")
    in_order = after(*past, between, IN, INNER)
    late = after(*past, IN, INNER, between)
    assert in_order.final == []
    assert states(late) == [("first-seen-vehicle", "retracted", "low")]
    assert late.engines[0].book.groups[fold(CAR)].reads == []


# Sites in no region: what is read there is read in the deployment.
NOWHERE = (site("bound-0", "boundary", ()), site("inner-0", zones=()))
IN_NOWHERE = hit(CAR, "bound-0", "02-10 10:00", "in")


def test_who_enters_the_deployment_is_followed_into_its_regions() -> None:
    assert states(after(*NOWHERE, IN_NOWHERE, INNER)) == [("first-seen-vehicle", "open", "low")]
    assert after(*NOWHERE, IN, hit(CAR, "inner-0", "02-10 10:40")).final == []
    left = after(*NOWHERE, IN_NOWHERE, INNER, hit(CAR, "bound", "02-10 10:50", "out"))
    assert [(alert.state, alert.outcome) for alert in left.final] == [("resolved", "transit")]


@pytest.mark.parametrize("settled", [[], [clock("02-01 00:00")]])
def test_who_is_known_in_a_region_is_known_in_the_deployment(settled: Sequence[Line]) -> None:
    here = hit(CAR, "inner", "01-20 10:00" if settled else "02-09 10:00", event_id="past")
    inside = hit(CAR, "inner-0", "02-10 10:40")
    assert after(*NOWHERE, here, *settled, IN_NOWHERE, inside).final == []
    # The other way round it does not hold: nobody in the county has seen it.
    there = {**here, "data": {**here["data"], "site": "inner-0"}}
    assert len(after(*NOWHERE, there, *settled, IN, INNER).final) == 1


def test_a_late_read_in_a_region_makes_it_known_in_the_deployment() -> None:
    inside = hit(CAR, "inner-0", "02-10 10:40")
    before = hit(CAR, "inner", "02-09 10:00", recorded="02-10 11:00", event_id="before")
    run = after(*NOWHERE, IN_NOWHERE, inside, before)
    assert states(run) == [("first-seen-vehicle", "retracted", "low")]


# What is filed while an event is on its way.


def test_an_order_that_ended_while_a_check_was_on_its_way_excuses_it() -> None:
    late = check("wang", "inner", "02-03 09:00", recorded="02-03 11:00")
    ended = order("o1", until="02-03 08:00", filed="02-03 10:00")
    in_order = after(order("o1"), BREACH, ended)
    assert states(in_order) == [("quarantine-breach", "retracted", "critical")]
    late_one = after(order("o1"), ended, late)
    assert [alert.state for alert in late_one.final] == ["retracted"]


def test_an_order_filed_before_a_late_check_arrives_accuses_nobody() -> None:
    late = check("wang", "inner", "02-03 09:00", recorded="02-03 11:00")
    assert after(order("o1", filed="02-03 10:00"), late).final == []
    assert len(after(order("o1"), late).final) == 1


def test_a_doubtful_exit_before_a_late_entrance_is_an_exit() -> None:
    """A plate that was known long ago is not known now: its doubtful reads count too."""
    past = [hit(CAR, "inner", "01-01 10:00", event_id="past"), clock("01-20 00:00")]
    out = hit(CAR, "bound-2", "02-10 10:55", "out", confidence=0.6)
    entrance = hit(CAR, "bound", "02-10 10:00", "in", recorded="02-10 11:00")
    seen = hit(CAR, "inner", "02-10 10:40", recorded="02-10 11:00")
    (alert,) = after(*past, out, entrance, seen).final
    assert (alert.state, alert.outcome) == ("resolved", "transit")


def test_known_vehicles_stay_known_from_day_to_day() -> None:
    days = [hit(CAR, "inner", ms("01-05 10:00") + n * 20 * DAY_MS) for n in range(4)]
    entrance = ms("01-05 10:00") + 75 * DAY_MS
    run = after(
        *days,
        hit(CAR, "bound", entrance, "in"),
        hit(CAR, "inner", entrance + HOUR_MS),
        clock(entrance + 2 * HOUR_MS),
    )
    assert run.final == []
    assert run.engines[0].book.groups == {}


def test_a_vehicle_is_new_again_after_31_days() -> None:
    run = after(hit(CAR, "inner", "01-05 10:00"), clock("01-20 00:00"), IN, INNER)
    assert states(run) == [("first-seen-vehicle", "open", "low")]


def test_without_history_nothing_is_first_seen() -> None:
    """Scenario 19."""
    lines = steps([IN, INNER, clock("02-10 13:00")])
    assert Deployment(since_ms=None).run(lines).final == []
    assert Deployment(since_ms=ms("01-12 00:00")).run(lines).final == []
    assert Deployment(since_ms=ms("01-11 10:00")).run(lines).alert().severity == "medium"


def test_old_histories_and_identities_are_let_go() -> None:
    run = after(order("o1", last_day="2020-12-31"), BREACH, IN, INNER, clock("02-10 13:00"))
    assert len(run.engines[0].book.histories) == 2
    run.run(steps([clock("04-01 00:00"), clock("07-01 00:00")]))
    book = run.engines[0].book
    assert book.histories == {}
    assert book.identities.seen == set()
    assert not any(book.by_order.values())
    assert not any(table.days for table in book.established.values())
    assert len(run.final) == 2


# Registers that change.

PERMIT = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-03 11:00")


def test_a_late_permit_takes_a_breach_back_and_its_end_gives_it_back() -> None:
    run = after(order("o1"), BREACH)
    assert states(run) == [("quarantine-breach", "open", "critical")]
    run.run(steps([PERMIT]))
    assert states(run) == [("quarantine-breach", "retracted", "critical")]
    shorter = permit(
        "p1", "o1", "02-03 08:00", "02-03 08:30", filed="02-03 12:00", since="02-03 08:00"
    )
    run.run(steps([shorter]))
    assert states(run) == [("quarantine-breach", "open", "critical")]


def test_a_permit_that_was_filed_before_an_event_arrives_late_covers_it() -> None:
    late = check("wang", "inner", "02-03 09:00", recorded="02-03 12:00")
    run = after(order("o1"), PERMIT, late)
    assert run.final == []
    assert run.counts["suppressed:quarantine-breach:permit"] == 1


def test_a_permit_read_before_the_events_that_it_excuses() -> None:
    """A worker that lags has read further in the registers than in the events."""
    run = after(order("o1"), PERMIT, BREACH)
    assert states(run) == [("quarantine-breach", "retracted", "critical")]


def test_the_end_of_a_link_takes_a_moving_vehicle_back() -> None:
    sold = link("l1", "wang", CAR, filed="02-05 00:00", until="02-01 00:00")
    run = after(order("o1"), link("l1", "wang", CAR), hit(CAR, "inner", "02-03 09:00"))
    assert states(run) == [("quarantined-vehicle-moving", "open", "medium")]
    run.run(steps([sold]))
    assert states(run) == [("quarantined-vehicle-moving", "retracted", "medium")]


def test_a_cover_of_the_person_is_counted_for_the_car() -> None:
    leave = permit("p1", "o1", "02-03 08:00", "02-03 12:00", filed="02-02 00:00")
    run = after(order("o1", vehicles=[CAR]), leave, hit(CAR, "inner", "02-03 09:00"))
    assert run.final == []
    assert run.counts["suppressed:quarantined-vehicle-moving:permit"] == 1


def test_an_order_corrected_to_somebody_else_takes_the_breach_back() -> None:
    run = after(order("o1"), BREACH, order("o1", "li", filed="02-04 00:00", since="02-01 10:00"))
    assert states(run) == [("quarantine-breach", "retracted", "critical")]


def test_what_was_filed_while_nobody_was_on_duty_takes_its_effect() -> None:
    run = after(order("o1"), BREACH)
    run.take(steps([PERMIT])[0])
    run.crash()
    run.commit()
    assert states(run) == [("quarantine-breach", "retracted", "critical")]


def test_a_site_of_several_versions_is_read_as_of_the_event() -> None:
    moved = site("inner", "inner", ("county", "home-1"), filed="02-03 10:00", since="02-03 10:00")
    run = after(
        order("o1"),
        moved,
        check("wang", "inner", "02-03 11:00"),
        check("wang", "inner", "02-03 09:00", recorded="02-03 11:00"),
    )
    assert run.alert().count == 1


def test_a_zone_with_a_history_is_read_as_of_the_event() -> None:
    gone = deletion("zone", "county", "02-10 10:20")
    run = after(IN, gone, INNER, clock("02-10 11:00"))
    # The second site lies in no region by then, so that the vehicle left this one unseen.
    assert run.final == []


def test_a_site_that_had_ended_before_a_policy_began_is_read_as_of_the_event() -> None:
    run = after(
        order("o1"),
        site("old", until="02-05 00:00"),
        policy("quarantine-breach", filed="02-02 00:00", since="02-10 00:00", grace_s=0),
        check("wang", "old", "02-03 09:00"),
        check("wang", "old", "02-06 09:00"),
    )
    assert (run.alert().count, run.counts["site-not-filed"]) == (1, 1)


def test_a_policy_counts_from_its_filing() -> None:
    strict = policy("quarantine-breach", filed="02-01 10:30", grace_s=0)
    run = after(
        order("o1"),
        check("wang", "inner", "02-01 10:20"),
        strict,
        check("wang", "inner", "02-01 10:40"),
    )
    assert (run.alert().count, run.alert().policy_version) == (1, f"p@{text('02-01 10:30')}")


# Failures.


class Broken(Registers):
    """Registers that cannot be asked about one person."""

    def orders_of(self, person_key: str, at_ms: int, known_ms: int) -> Sequence[OrderFacts]:
        if person_key == person("li"):
            raise RuntimeError("the cat is on the keyboard")
        return super().orders_of(person_key, at_ms, known_ms)


def test_an_event_that_a_rule_fails_on_is_set_aside_and_the_rest_goes_on() -> None:
    registers = Broken()
    for line in (*COUNTY, order("o1"), order("o2", "li")):
        registers.apply(filed(line))
    engine = Engine(registers, Book(), history_since_ms=FOREVER_MS)
    bad = check("li", "inner", "02-03 09:00")
    batch = [event for _, event in events(bad, BREACH)]
    engine.apply(batch)
    output = engine.flush({"t": 2})
    assert output.failed == [(batch[0], "RuntimeError: the cat is on the keyboard")]
    assert output.counts["rule-failed"] == 1
    assert len(output.findings) == 1
    # It was not done, so that it is no repeat when it is sent again.
    engine.apply(batch)
    again = engine.flush({"t": 4})
    assert (len(again.failed), again.counts["duplicates"]) == (1, 1)


# What a batch leads to.


def one_engine(*lines: Line) -> Engine:
    """An engine over the county and some registers."""
    registers = Registers()
    for line in (*COUNTY, *lines):
        registers.apply(filed(line))
    return Engine(registers, Book(), history_since_ms=FOREVER_MS)


def only(line: Line) -> list[Event]:
    """The events of a line."""
    return [event for _, event in events(line)]


def test_an_engine_tells_whether_there_is_something_to_commit() -> None:
    engine = one_engine(order("o1"))
    engine.apply(only(clock("02-03 08:00")))
    # The deadlines of the order.
    assert (engine.pending, engine.unsaved) == (False, True)
    engine.flush({})
    assert (engine.pending, engine.unsaved) == (False, False)
    engine.apply(only(check("zhao", "inner", "02-03 08:30")))
    assert (engine.pending, engine.unsaved) == (False, True)
    engine.flush({})
    assert (engine.pending, engine.unsaved) == (False, False)
    engine.apply(only(BREACH))
    assert (engine.pending, engine.unsaved) == (True, True)


def test_a_change_of_the_registers_is_told_without_any_event() -> None:
    registers = Registers()
    for line in (*COUNTY, order("o1")):
        registers.apply(filed(line))
    engine = Engine(registers, Book())
    engine.apply(only(BREACH))
    assert len(engine.flush({}).findings) == 1
    registers.apply(filed(PERMIT))
    ((_, finding),) = engine.flush({}).findings
    assert b"withdrawn" in finding


def test_an_event_without_a_rule_only_moves_the_clock() -> None:
    engine = one_engine()
    engine.apply([Other("e1", "s", "cordon.tip.v1", text("02-03 09:00"), text("02-03 09:00"))])
    output = engine.flush({})
    assert (output.findings, output.counts["without-rule"]) == ([], 1)
    assert engine.book.clock == text("02-03 09:00")


def test_a_finding_carries_the_clock_and_a_number_of_its_own() -> None:
    run = after(order("o1"), BREACH, check("wang", "inner-2", "02-03 09:10"))
    first, second = run.findings
    assert [each.id.rpartition("/")[2] for each in run.findings] == ["1", "2"]
    assert (first.type, second.type) == ("cordon.finding.opened.v1", "cordon.finding.matched.v1")
    assert (second.time, second.recordedtime) == (text("02-03 09:10"), text("02-03 09:10"))


def test_the_marker_comes_last_with_the_offsets_and_the_clock() -> None:
    engine = one_engine()
    engine.apply(only(clock("02-03 08:00")))
    ((key, value),) = engine.flush({"a": 3, "b": 9}).state
    book = Book()
    marker = book.load([(key, value or b"")])
    assert marker is not None
    assert (marker.next_offsets, marker.clock) == ({"a": 3, "b": 9}, text("02-03 08:00"))
    assert book.clock == text("02-03 08:00")


def test_a_closed_engine_hears_no_more_of_the_registers() -> None:
    registers = Registers()
    engine = Engine(registers, Book())
    engine.close()
    for line in (*COUNTY, order("o1")):
        registers.apply(filed(line))
    engine.apply(only(BREACH))
    assert engine.flush({}).findings != []
