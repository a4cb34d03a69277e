"""The life of a task: pure, with literal times."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import Reason
from schemas.times import MINUTE_MS, format_ms, parse_ms
from services.api.tasks.machine import (
    Act,
    Deed,
    Missing,
    Refused,
    acted,
    escalated,
    next_ms,
    overdue,
)
from services.api.tasks.task import OPEN, STATES, Task
from tests.api.examples import AT

HOUR = 60 * MINUTE_MS


def task(**changes: Any) -> Task:
    made = Task(
        id="t",
        n=1,
        revision=1,
        kind="verify",
        state="offered",
        severity="high",
        text=Reason("Verify", "核实"),
        author="zhou",
        created=format_ms(AT),
        due=format_ms(AT + HOUR),
        span_s=3_600,
        unit="grid-1-team",
        officers=("li",),
    )
    return msgspec.structs.replace(made, **changes)


def do(one: Task, name: Deed, actor: str = "li", after: int = 0, **more: Any) -> Task:
    return acted(one, Act(name=name, actor=actor, **more), AT + after)


def test_from_the_offer_to_the_evaluation() -> None:
    claimed = do(task(), "claim")
    assert (claimed.state, claimed.assignee, claimed.revision) == ("claimed", "li", 2)
    started = do(claimed, "start")
    assert started.state == "in-progress"
    done = do(started, "done", after=HOUR, result="at-home", answers={"a": 1}, note="seen")
    assert (done.state, done.result, done.note) == ("done", "at-home", "seen")
    assert (done.answers, done.ended) == ({"a": 1}, format_ms(AT + HOUR))
    evaluated = do(done, "evaluate", "wang", after=2 * HOUR, accepted=True)
    assert evaluated.state == "evaluated"
    assert evaluated.evaluation is not None
    assert (evaluated.evaluation.by, evaluated.evaluation.accepted) == ("wang", True)
    assert evaluated.revision == 5


def test_what_is_not_accepted_goes_back_to_whoever_did_it() -> None:
    done = do(do(task(), "claim"), "done", result="absent")
    back = do(done, "evaluate", "wang", accepted=False, note="ask the neighbour")
    assert (back.state, back.assignee, back.result, back.ended) == ("in-progress", "li", None, None)


def test_nobody_evaluates_their_own_work() -> None:
    done = do(do(task(), "claim"), "done", result="absent")
    with pytest.raises(Refused) as caught:
        do(done, "evaluate", leads=True, accepted=True)
    assert caught.value.forbidden


def test_not_executable_and_offered_again() -> None:
    claimed = do(task(), "claim")
    returned = do(claimed, "not-executable", reason="the road is closed")
    assert (returned.state, returned.reason) == ("not-executable", "the road is closed")
    again = do(returned, "offer", "wang", leads=True, unit="patrol")
    assert (again.state, again.unit, again.assignee, again.officers) == (
        "offered",
        "patrol",
        None,
        (),
    )
    assert again.reason is None


def test_a_task_is_given_back_by_whoever_has_it() -> None:
    claimed = do(task(), "claim")
    assert do(claimed, "offer").officers == ("li",)
    with pytest.raises(Refused, match="with li"):
        do(claimed, "offer", "he")
    with pytest.raises(Refused, match="already"):
        do(task(), "offer", "wang", leads=True)


def test_the_clock_stands_while_it_waits() -> None:
    claimed = do(task(), "claim")
    waiting = do(claimed, "wait", after=10 * MINUTE_MS, waiting_for="the hospital")
    assert waiting.waiting is not None
    assert (waiting.waiting.for_, waiting.state) == ("the hospital", "claimed")
    assert next_ms(waiting) is None
    assert not overdue(waiting, AT + 10 * HOUR)
    going = do(waiting, "resume", after=40 * MINUTE_MS)
    assert going.due == format_ms(AT + HOUR + 30 * MINUTE_MS)
    assert not overdue(going, AT + HOUR + 30 * MINUTE_MS - 1)
    assert overdue(going, AT + HOUR + 30 * MINUTE_MS)
    with pytest.raises(Refused):
        do(waiting, "wait", waiting_for="x")
    with pytest.raises(Refused):
        do(going, "resume")


@pytest.mark.parametrize("name", ["done", "not-executable", "offer"])
def test_whatever_ends_the_waiting_moves_the_due_time(name: Deed) -> None:
    waiting = do(do(task(), "claim"), "wait", waiting_for="the hospital")
    ended = do(waiting, name, after=HOUR, result="at-home", reason="x", unit="patrol")
    assert ended.waiting is None
    assert ended.due == format_ms(AT + 2 * HOUR)


@pytest.mark.parametrize(
    ("name", "field"),
    [("done", "result"), ("not-executable", "reason"), ("wait", "for")],
)
def test_an_act_names_what_it_lacks(name: Deed, field: str) -> None:
    with pytest.raises(Missing) as caught:
        do(do(task(), "claim"), name, result="seen on the moon")
    assert caught.value.field == field


def test_an_evaluation_says_whether() -> None:
    done = do(do(task(), "claim"), "done", result="absent")
    with pytest.raises(Missing) as caught:
        do(done, "evaluate", "wang")
    assert caught.value.field == "accepted"


@pytest.mark.parametrize("name", ["start", "wait", "done", "not-executable"])
def test_somebody_elses_task(name: Deed) -> None:
    claimed = do(task(), "claim")
    more: dict[str, Any] = {"result": "absent", "reason": "x", "waiting_for": "y"}
    with pytest.raises(Refused) as caught:
        do(claimed, name, "he", **more)
    assert caught.value.forbidden
    assert do(claimed, name, "wang", leads=True, **more).revision == 3


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("offered", {"claim", "wait", "not-executable", "cancel", "note"}),
        ("claimed", {"start", "wait", "done", "not-executable", "offer", "cancel", "note"}),
        ("in-progress", {"wait", "done", "not-executable", "offer", "cancel", "note"}),
        ("done", {"evaluate", "note"}),
        ("evaluated", {"note"}),
        ("not-executable", {"offer", "cancel", "note"}),
        ("cancelled", {"note"}),
    ],
)
def test_what_fits_a_state(state: Any, allowed: set[str]) -> None:
    deeds: tuple[Deed, ...] = (
        "claim", "start", "wait", "resume", "done", "evaluate", "not-executable", "offer",
        "cancel", "note",
    )  # fmt: skip
    one = task(state=state, assignee=None if state == "offered" else "li")
    fits = set()
    for name in deeds:
        try:
            do(one, name, "wang", leads=True, result="absent", reason="x", waiting_for="y",
               accepted=True)  # fmt: skip
        except Refused:
            continue
        fits.add(name)
    assert fits == allowed


# Levels.


@pytest.mark.parametrize(
    ("state", "at"),
    [
        *((state, AT + HOUR) for state in OPEN),
        *((state, None) for state in STATES if state not in OPEN),
    ],
)
def test_when_the_next_level_comes(state: Any, at: int | None) -> None:
    assert next_ms(task(state=state)) == at


def test_levels_go_up_the_leaders() -> None:
    leaders = {1: "wang", 2: "chen", 3: None}
    one = task()
    reached = []
    while (at_ms := next_ms(one)) is not None:
        one = escalated(one, leaders.get)
        reached.append((at_ms - AT, one.level, one.escalated_to))
    assert reached == [(HOUR, 1, "wang"), (2 * HOUR, 2, "chen"), (3 * HOUR, 3, "chen")]


def test_a_waiting_task_keeps_its_level_and_goes_on_from_there() -> None:
    one = escalated(do(task(), "claim"), {1: "wang"}.get)
    waiting = do(one, "wait", after=HOUR + 1, waiting_for="x")
    going = do(waiting, "resume", after=3 * HOUR + 1)
    assert (going.level, next_ms(going)) == (1, AT + 4 * HOUR)


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(0, HOUR)), max_size=8))
def test_pauses_add_up(pauses: list[tuple[int, int]]) -> None:
    one, now, stood = do(task(), "claim"), 0, 0
    for works_ms, waits_ms in pauses:
        now += works_ms
        one = do(one, "wait", after=now, waiting_for="x")
        now += waits_ms
        stood += waits_ms
        one = do(one, "resume", after=now)
    assert parse_ms(one.due) == AT + HOUR + stood
