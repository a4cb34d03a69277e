"""A task as it is stored and answered."""

from typing import Any, Final, Literal, get_args

from msgspec import Struct

from schemas.alerts import Outcome, Reason, Severity
from services.api.routing.route import Side

TaskKind = Literal[
    "verify",
    "visit",
    "place-in-facility",
    "trace",
    "remedy",
    "errand",
    "inspect",
    "canvass-visit",
    "approve",
    "notify",
    "instruct",
    "answer",
    "report",
    "transfer",
]
State = Literal[
    "offered", "claimed", "in-progress", "done", "evaluated", "not-executable", "cancelled"
]
KINDS: Final[tuple[TaskKind, ...]] = get_args(TaskKind)
STATES: Final[tuple[State, ...]] = get_args(State)
# In these somebody still has to do it; only they can be overdue.
OPEN: Final[tuple[State, ...]] = ("offered", "claimed", "in-progress")


class Waiting(Struct, frozen=True, rename={"for_": "for"}):
    """For whom a task waits, in words, and since when: its clock stands still meanwhile."""

    for_: str
    since: str


class Evaluation(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What somebody else made of the result."""

    by: str
    at: str
    accepted: bool
    note: str | None = None


class Task(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A task at one revision. Instants are RFC 3339.

    `unit` does it, `officers` of it are asked in particular, `assignee` has claimed it. `due` moves
    on by the time that it waits for others. `level` (1 to 3) is how often its whole time, `span_s`,
    has passed again since it was due; `escalated_to` leads the unit, or the ones above. `settles`
    is the outcome that its result gives the alert, until the alert has it. `item` is what the task
    is about within its campaign, `form` the campaign's kind, `facts` what was known of it, and
    `answers` what was found. What is approved and accepted is filed in the register `files`; until
    that is done it is what Cordon `owes`.
    """

    id: str
    n: int
    revision: int
    kind: TaskKind
    state: State
    severity: Severity
    text: Reason
    author: str
    created: str
    due: str
    span_s: float
    unit: str | None = None
    side: Side | None = None
    officers: tuple[str, ...] = ()
    assignee: str | None = None
    alert: str | None = None
    order: str | None = None
    subject: str | None = None
    label: str | None = None
    household: str | None = None
    grid: str | None = None
    site: str | None = None
    campaign: str | None = None
    item: str | None = None
    form: str | None = None
    files: str | None = None
    facts: dict[str, Any] = {}
    waiting: Waiting | None = None
    result: str | None = None
    answers: dict[str, Any] = {}
    reason: str | None = None
    evaluation: Evaluation | None = None
    note: str | None = None
    level: int | None = None
    escalated_to: str | None = None
    settles: Outcome | None = None
    owes: bool = False
    ended: str | None = None


class TaskEvent(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One step in the history of a task."""

    n: int
    task: str
    revision: int
    at: str
    actor: str
    act: str
    state: State
    note: str | None = None


class TaskPage(Struct, frozen=True):
    """A page of tasks, and the cursor of what follows."""

    items: list[Task]
    next: str | None


class TaskHistory(Struct, frozen=True):
    """The steps of one task in order."""

    items: list[TaskEvent]
