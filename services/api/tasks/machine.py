"""The life of a task as pure functions: who may do what in which state, and what its clock does.

offered → claimed → in-progress → done → evaluated; or not-executable, with the reason, from where
it can be offered again; or cancelled, when its ground is gone. Time is an argument.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from schemas.times import format_ms, parse_ms
from services.api.tasks.kinds import KINDS_OF
from services.api.tasks.task import OPEN, Evaluation, State, Task, Waiting

LEVELS: Final = 3

Deed = Literal[
    "claim",
    "start",
    "wait",
    "resume",
    "done",
    "evaluate",
    "not-executable",
    "offer",
    "cancel",
    "note",
]


class Act(Struct, frozen=True, kw_only=True):
    """One thing that somebody does with a task; each deed needs some of the fields.

    `leads` = the actor may act for the unit, whoever has claimed the task.
    """

    name: Deed
    actor: str
    leads: bool = False
    note: str | None = None
    reason: str | None = None
    waiting_for: str | None = None
    result: str | None = None
    answers: Mapping[str, Any] = {}
    accepted: bool | None = None
    unit: str | None = None


class Refused(Exception):
    """An act does not fit the task; `forbidden` = it is not this actor's to do."""

    def __init__(self, why: str, *, forbidden: bool = False) -> None:
        super().__init__(why)
        self.forbidden = forbidden


class Missing(ValueError):
    """An act lacks what it needs; `field` is the one of the body."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


# From which states a deed leads where; None = the task stays in its state.
_STEPS: Final[Mapping[Deed, tuple[tuple[State, ...], State | None]]] = {
    "claim": (("offered",), "claimed"),
    "start": (("claimed",), "in-progress"),
    "wait": (OPEN, None),
    "resume": (OPEN, None),
    # Whoever reports a result has begun, whether they said so or not.
    "done": (("claimed", "in-progress"), "done"),
    "evaluate": (("done",), "evaluated"),
    "not-executable": (OPEN, "not-executable"),
    "offer": ((*OPEN, "not-executable"), "offered"),
    "cancel": ((*OPEN, "not-executable"), "cancelled"),
    "note": ((*OPEN, "not-executable", "done", "evaluated", "cancelled"), None),
}
# The one who has claimed it does these, or who leads.
_OF_THE_ASSIGNEE: Final[tuple[Deed, ...]] = ("start", "wait", "resume", "done", "not-executable")


def acted(task: Task, act: Act, at_ms: int) -> Task:
    """Return the task after an act, at its next revision. Raises Refused, or Missing."""
    before, after = _STEPS[act.name]
    if task.state not in before:
        raise Refused(f"the task is {task.state}")
    if act.name in _OF_THE_ASSIGNEE and not act.leads and task.assignee != act.actor:
        holder = task.assignee or "nobody yet"
        raise Refused(f"the task is with {holder}: claim it first", forbidden=True)
    changed = _DO[act.name](task, act, at_ms)
    ended = format_ms(at_ms) if after in ("done", "cancelled") else changed.ended
    return msgspec.structs.replace(
        changed,
        revision=task.revision + 1,
        state=changed.state if changed.state != task.state or after is None else after,
        note=act.note or task.note,
        ended=ended,
    )


def overdue(task: Task, now_ms: int) -> bool:
    """Return whether a task should have been done by now."""
    return task.state in OPEN and task.waiting is None and parse_ms(task.due) <= now_ms


def next_ms(task: Task) -> int | None:
    """Return when a task will reach its next level, None = not as it stands."""
    level = task.level or 0
    if task.state not in OPEN or task.waiting is not None or level >= LEVELS:
        return None
    return parse_ms(task.due) + int(level * task.span_s * 1_000)


def escalated(task: Task, leader: Callable[[int], str | None]) -> Task:
    """Return the task one level higher; `leader` tells who is to know of a level."""
    level = (task.level or 0) + 1
    told = leader(level) or task.escalated_to
    return msgspec.structs.replace(task, revision=task.revision + 1, level=level, escalated_to=told)


def _claim(task: Task, act: Act, at_ms: int) -> Task:
    return msgspec.structs.replace(task, assignee=act.actor)


def _same(task: Task, act: Act, at_ms: int) -> Task:
    return task


def _wait(task: Task, act: Act, at_ms: int) -> Task:
    if not act.waiting_for:
        raise Missing("for", "says for whom the task waits")
    if task.waiting is not None:
        raise Refused(f"the task waits for {task.waiting.for_} already")
    return msgspec.structs.replace(task, waiting=Waiting(act.waiting_for, format_ms(at_ms)))


def _resume(task: Task, act: Act, at_ms: int) -> Task:
    if task.waiting is None:
        raise Refused("the task waits for nobody")
    return _resumed(task, at_ms)


def _resumed(task: Task, at_ms: int) -> Task:
    """Let the clock of a task run again: its due time moves on by the time that it stood."""
    if task.waiting is None:
        return task
    stood_ms = max(0, at_ms - parse_ms(task.waiting.since))
    due = format_ms(parse_ms(task.due) + stood_ms)
    return msgspec.structs.replace(task, waiting=None, due=due)


def _done(task: Task, act: Act, at_ms: int) -> Task:
    results = KINDS_OF[task.kind].results
    if act.result not in results:
        raise Missing("result", f"must be one of {', '.join(results)}")
    return msgspec.structs.replace(
        _resumed(task, at_ms), result=act.result, answers=dict(act.answers), reason=None
    )


def _evaluate(task: Task, act: Act, at_ms: int) -> Task:
    if act.accepted is None:
        raise Missing("accepted", "must be true or false")
    if act.actor == task.assignee:
        raise Refused("nobody evaluates their own work", forbidden=True)
    evaluation = Evaluation(by=act.actor, at=format_ms(at_ms), accepted=act.accepted, note=act.note)
    if act.accepted:
        owes = task.files is not None and task.result == "approved"
        return msgspec.structs.replace(task, evaluation=evaluation, owes=owes)
    # It goes back to whoever did it. Its clock ran out, or not, as it did.
    return msgspec.structs.replace(
        task, state="in-progress", evaluation=evaluation, result=None, ended=None, settles=None
    )


def _not_executable(task: Task, act: Act, at_ms: int) -> Task:
    if not act.reason:
        raise Missing("reason", "says why it cannot be done")
    return msgspec.structs.replace(_resumed(task, at_ms), reason=act.reason)


def _offer(task: Task, act: Act, at_ms: int) -> Task:
    unit = act.unit or task.unit
    if task.state == "offered" and unit == task.unit:
        raise Refused("the task is offered to this unit already")
    if not act.leads and task.assignee not in (None, act.actor):
        raise Refused(f"the task is with {task.assignee}", forbidden=True)
    officers = task.officers if unit == task.unit else ()
    return msgspec.structs.replace(
        _resumed(task, at_ms), unit=unit, officers=officers, assignee=None, reason=None
    )


_DO: Final[Mapping[Deed, Callable[[Task, Act, int], Task]]] = {
    "claim": _claim,
    "start": _same,
    "wait": _wait,
    "resume": _resume,
    "done": _done,
    "evaluate": _evaluate,
    "not-executable": _not_executable,
    "offer": _offer,
    "cancel": _same,
    "note": _same,
}
