"""An event that corrects another takes its place, wherever and whenever either of them is read."""

from itertools import permutations

import pytest

from tests.alerts.build import (
    Line,
    check,
    clock,
    gate,
    hit,
    order,
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
