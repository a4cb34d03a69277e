"""An event that corrects another takes its place, wherever and whenever either of them is read."""

from itertools import permutations

import pytest

from tests.alerts.build import (
    Line,
    check,
    clock,
    deletion,
    gate,
    hit,
    order,
    permit,
    report,
    residence,
    scan,
    site,
    watch,
)
from tests.alerts.running import Deployment, after, steps


def correcting(line: Line, event_id: str) -> Line:
    """The same event as a correction of an earlier one."""
    return {**line, "corrects": event_id}


def standing(run: Deployment) -> list[tuple[str, str, int]]:
    """Rule, subject's kind and count of what is open."""
    return sorted(
        (each.rule, each.subject.kind, each.count) for each in run.final if each.state == "open"
    )


ORDERS = (order("o1"), order("o2", "li"))
WRONG = check("wang", "exit", "02-10 10:00", event_id="c1", desk="desk")
RIGHT = correcting(check("zhao", "exit", "02-10 10:00", event_id="c2", desk="desk"), "c1")


@pytest.mark.parametrize("partitions", [1, 4, 12])
@pytest.mark.parametrize("events", list(permutations([WRONG, RIGHT])))
def test_a_check_of_the_wrong_person_is_taken_back(
    events: tuple[Line, ...], partitions: int
) -> None:
    run = Deployment(partitions=partitions).run(steps([*ORDERS, *events]))
    assert standing(run) == []


def test_the_reason_says_that_it_was_corrected() -> None:
    (breach,) = [each for each in after(*ORDERS, WRONG, RIGHT).final if each.order == "o1"]
    assert breach.state == "retracted"
    assert "corrected" in breach.reason.en


def test_a_correction_is_judged_itself() -> None:
    right = correcting(check("li", "exit", "02-10 10:00", event_id="c2", desk="desk"), "c1")
    assert standing(after(*ORDERS, WRONG, right)) == [("quarantine-breach", "person", 1)]


def test_a_correction_of_a_correction() -> None:
    back = correcting(check("wang", "exit", "02-10 10:00", event_id="c3", desk="desk"), "c2")
    run = after(*ORDERS, WRONG, RIGHT, back)
    assert standing(run) == [("quarantine-breach", "person", 1)]


def test_another_source_cannot_correct() -> None:
    other = correcting(check("zhao", "exit", "02-10 10:00", event_id="c2", desk="other"), "c1")
    assert standing(after(*ORDERS, WRONG, other)) == [("quarantine-breach", "person", 1)]


def test_one_of_several_matches_goes() -> None:
    later = check("wang", "exit", "02-10 10:30", event_id="c9", desk="desk")
    run = after(*ORDERS, WRONG, later, RIGHT)
    (breach,) = [each for each in run.final if each.state == "open" and each.order == "o1"]
    assert (breach.count, [each.id for each in breach.evidence]) == (1, ["c9"])


def test_a_correction_repeated_or_told_again_has_no_second_effect() -> None:
    lines = [*ORDERS, WRONG, RIGHT, RIGHT, WRONG]
    assert standing(Deployment(partitions=4).run(steps(lines))) == []


def test_a_correction_survives_a_crash() -> None:
    lines = steps([*ORDERS, WRONG, RIGHT])
    run = Deployment(partitions=4).run(lines, commits=(2,), crashes=(3,))
    assert standing(run) == []


def test_a_plate_that_was_read_wrong() -> None:
    linked = order("o1", vehicles=["浙F12345"])
    seen = hit("浙F12345", "inner", "02-10 10:00", event_id="h1")
    right = correcting(hit("浙F12346", "inner", "02-10 10:00", event_id="h2"), "h1")
    assert standing(after(linked, seen)) == [("quarantined-vehicle-moving", "vehicle", 1)]
    assert standing(Deployment(partitions=4).run(steps([linked, seen, right]))) == []


def test_a_scan_is_corrected_with_its_people() -> None:
    first = scan("exit", "02-10 10:00", people=["wang", "li"])
    again = {**scan("exit", "02-10 10:00", people=["zhao", "qian"]), "id": "again"}
    run = Deployment(partitions=4).run(steps([*ORDERS, first, correcting(again, first["id"])]))
    assert standing(run) == []


def test_a_new_vehicle_that_was_read_wrong_was_never_here() -> None:
    came = hit("皖K55566", "bound", "02-10 10:00", "in", event_id="h1")
    inside = hit("皖K55566", "inner", "02-10 10:30", event_id="h2")
    right = correcting(hit("皖K55567", "inner", "02-10 10:30", event_id="h3"), "h2")
    assert standing(after(came, inside)) == [("first-seen-vehicle", "vehicle", 1)]
    assert standing(after(came, inside, right)) == []


def test_a_fever_that_was_typed_wrong() -> None:
    hot = check("wang", "exit", "02-10 10:00", temperature=39.6, event_id="c1", desk="desk")
    fine = check("wang", "exit", "02-10 10:00", temperature=36.6, event_id="c2", desk="desk")
    assert standing(after(hot)) == [("fever", "person", 1)]
    assert standing(after(hot, correcting(fine, "c1"))) == []


def test_a_report_of_a_gate() -> None:
    forced = gate("inner", "02-10 10:00", event_id="g1")
    opened = correcting(gate("inner", "02-10 10:00", "open", event_id="g2"), "g1")
    assert standing(after(forced)) == [("forced-gate", "site", 1)]
    assert standing(Deployment(partitions=4).run(steps([forced, opened]))) == []


def test_what_waits_for_its_site_is_corrected_too() -> None:
    wrong = check("wang", "new", "02-10 10:00", event_id="c1", desk="desk")
    right = correcting(check("zhao", "new", "02-10 10:00", event_id="c2", desk="desk"), "c1")
    filed = site("new", "inner", (), filed="02-10 11:00", since="01-01 00:00")
    assert standing(after(*ORDERS, wrong, filed)) == [("quarantine-breach", "person", 1)]
    assert standing(after(*ORDERS, wrong, right, filed)) == []


def test_a_preview_can_correct_and_raises_nothing() -> None:
    linked = order("o1", vehicles=["浙F12345"])
    seen = hit("浙F12345", "inner", "02-10 10:00", event_id="h1")
    preview = hit("浙F12345", "inner", "02-10 10:00", event_id="h2", preview=True)
    assert standing(after(linked, seen, correcting(preview, "h1"))) == []


@pytest.mark.parametrize("partitions", [1, 4])
def test_whoever_is_not_in_the_corrected_scan_any_more_was_not_there(partitions: int) -> None:
    first = scan("exit", "02-10 10:00", people=["zhao", "wang"])
    again = {**scan("exit", "02-10 10:00", people=["zhao"]), "id": "again"}
    lines = [first, correcting(again, first["id"])]
    for events in (lines, lines[::-1]):
        run = Deployment(partitions=partitions).run(steps([*ORDERS, *events]))
        assert standing(run) == []


def test_a_correction_is_no_part_of_the_passage_that_it_corrects() -> None:
    read = hit("浙F12345", "inner", "02-10 10:00", event_id="h1")
    again = correcting(hit("浙F12345", "inner", "02-10 10:00", event_id="h2"), "h1")
    run = after(watch("w1", "浙F12345"), read, again)
    assert standing(run) == [("watch-list-hit", "vehicle", 1)]


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_what_is_told_after_the_correction_that_overtook_it_counts_no_more(
    partitions: int,
) -> None:
    def tip(event_id: str) -> Line:
        return report(
            "tip", "hotline", "02-10 10:00", event_id=event_id,
            kind="suspected-breach", reporter_role="neighbour", address="r-wang lane",
        )  # fmt: skip

    lines = [ORDERS[0], residence("r-wang", "wang"), tip("t1"), correcting(tip("t2"), "t1")]
    lines.append(clock("02-10 10:01"))
    run = Deployment(partitions=partitions).run(steps(lines), commits=())
    assert standing(run) == [("breach-tip", "order", 1)]


def test_what_was_corrected_before_it_came_is_a_sign_of_life_all_the_same() -> None:
    watched = site("inner", heartbeat_s=1800)
    first = gate("inner", "02-10 10:00", kind="open", event_id="g1")
    second = correcting(gate("inner", "02-10 12:00", kind="open", event_id="g2"), "g1")
    silences = [
        (alert.first_seen, alert.last_seen)
        for events in ([first, second], [second, first], [second, first, first])
        for alert in after(watched, *events, clock("02-10 12:10")).final
    ]
    assert silences == [("2020-02-10T03:30:00.000Z", "2020-02-10T04:00:00.000Z")] * 3


def test_what_a_corrected_event_was_about_may_change_long_after() -> None:
    wrong = check("wang", "inner", "02-10 10:00", event_id="c1")
    right = correcting(check("zhao", "inner", "02-10 10:00", event_id="c2"), "c1")
    days = [clock(f"02-{day} 12:00") for day in range(11, 29)]
    ended = deletion("order", "o1", "02-28 13:00")
    run = after(order("o1"), wrong, right, *days, ended, clock("02-28 14:00"))
    assert standing(run) == []
    book = run.engines[0].book
    assert set().union(*book.by_order.values(), *book.by_subject.values()) <= book.histories.keys()


FRAMES = [hit("浙F12345", "inner", f"02-10 10:00:{s:02d}", event_id=f"f{s}") for s in (0, 9, 18)]


def hits_without(*gone: int) -> list[tuple[str, str, int, list[str]]]:
    """The alerts after a passage of three frames, some of them corrected to another plate."""
    corrections = [
        correcting(
            {**frame, "id": f"r{s}", "data": {**frame["data"], "plate": "浙F99999"}}, f"f{s}"
        )
        for frame, s in zip(FRAMES, (0, 9, 18), strict=True)
        if s in gone
    ]
    run = after(watch("w1", "浙F12345"), *FRAMES, *corrections, clock("02-10 10:02"))
    return [
        (
            alert.first_seen[17:19],
            alert.last_seen[17:19],
            alert.count,
            [each.id for each in alert.evidence],
        )
        for alert in run.final
        if alert.rule == "watch-list-hit" and alert.state == "open"
    ]


def test_frames_of_a_passage_are_corrected_one_by_one() -> None:
    assert hits_without() == [("00", "18", 1, ["f0"])]
    assert hits_without(0) == [("09", "18", 1, ["f9"])]
    assert hits_without(18) == [("00", "09", 1, ["f0"])]
    assert hits_without(0, 9) == [("18", "18", 1, ["f18"])]
    # Without the one between them the two are too far apart for one passage.
    assert hits_without(9) == [("00", "18", 2, ["f0", "f18"])]
    assert hits_without(0, 9, 18) == []


def test_a_frame_of_an_order_s_vehicle_is_corrected_and_excused_as_before() -> None:
    frames = [hit("浙F12345", "inner", f"02-10 10:00:{s:02d}", event_id=f"f{s}") for s in (0, 9)]
    right = correcting(
        hit("浙F99999", "inner", "02-10 10:00", event_id="r0", recorded="02-10 10:01"), "f0"
    )
    leave = permit("p1", "o1", "02-10 09:00", "02-10 11:00", filed="02-10 10:00:30")
    before = (order("o1", vehicles=["浙F12345"]), *frames)
    assert standing(after(*before, right)) == [("quarantined-vehicle-moving", "vehicle", 1)]
    assert standing(after(*before, leave, right)) == []


def test_a_passage_of_many_frames_remembers_as_many_as_it_may() -> None:
    frames = [
        hit("浙F12345", "inner", f"02-10 10:{n // 12:02d}:{n % 12 * 5:02d}", event_id=f"f{n}")
        for n in range(100)
    ]
    gone = [
        correcting(
            hit("浙F99999", "inner", "02-10 10:00", event_id=f"r{n}", recorded="02-10 10:09"),
            f"f{n}",
        )
        for n in (0, 50)
    ]
    run = after(watch("w1", "浙F12345"), *frames, *gone, clock("02-10 10:10"))
    alert = run.alert(rule="watch-list-hit", state="open")
    assert (alert.count, alert.first_seen, alert.last_seen) == (
        1, "2020-02-10T02:00:05.000Z", "2020-02-10T02:08:15.000Z",
    )  # fmt: skip
