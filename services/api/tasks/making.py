"""How tasks come to be: of an alert, by the table, or by hand. Pure: the clock is an argument."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from schemas.alerts import Alert, Reason, Severity
from schemas.times import format_ms
from services.api.overdue import task_s
from services.api.routing.route import Destination, Routing
from services.api.tasks.kinds import KINDS_OF, Creation
from services.api.tasks.task import Task, TaskKind
from services.api.tasks.transactions import task_id

AUTHOR = "cordon"


class Wish(Struct, frozen=True, kw_only=True):
    """A task that somebody asks for; `within_s` or `due_ms` None = as the policy says."""

    kind: TaskKind
    text: Reason
    severity: Severity = "medium"
    unit: str | None = None
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
    facts: Mapping[str, Any] = {}
    due_ms: int | None = None
    within_s: float | None = None


def of_alert(
    alert: Alert,
    rows: Sequence[Creation],
    routing: Routing,
    limits: Mapping[str, float],
    author: str,
    at_ms: int,
    again: str = "",
) -> list[Task]:
    """Return the tasks that an alert creates; made of the same alert again they are the same.

    `again` tells apart what is asked anew, because the alert was reopened.
    """
    made = []
    for row in rows:
        there = {each.side: each for each in routing.destinations}
        # A side that has nothing to do with the alert leaves its task to the other one.
        to = there.get(row.side) or next(iter(there.values()), None)
        name = KINDS_OF[row.kind].name
        reason = alert.reason
        wish = Wish(
            kind=row.kind,
            text=Reason(f"{name.en}: {reason.en}", f"{name.zh}：{reason.zh}"),
            severity=alert.severity,
            order=alert.order,
            subject=alert.subject.key,
            label=alert.subject.label,
            grid=alert.grid,
            site=alert.site,
            within_s=row.within_s,
        )
        id_ = id_of(alert, row, again)
        made.append(made_of(wish, id_, to, alert.id, limits, author, at_ms))
    return made


def id_of(alert: Alert, row: Creation, again: str = "") -> str:
    """Return the id of the task that an alert creates by a row of the table."""
    return task_id("alert", alert.id, row.kind, row.side, again)


def made_of(
    wish: Wish,
    id_: str,
    to: Destination | None,
    alert: str | None,
    limits: Mapping[str, float],
    author: str,
    at_ms: int,
) -> Task:
    """Return a new task; what the wish does not say of its place comes from the destination."""
    span_s = wish.within_s if wish.within_s is not None else task_s(wish.severity, limits)
    due_ms = at_ms + int(span_s * 1_000) if wish.due_ms is None else wish.due_ms
    if wish.due_ms is not None:
        # A task that is due at once still needs a span in which it can escalate.
        span_s = max((due_ms - at_ms) / 1_000, 60.0)
    task = Task(
        id=id_,
        n=0,
        revision=1,
        kind=wish.kind,
        state="offered",
        severity=wish.severity,
        text=wish.text,
        author=author,
        created=format_ms(at_ms),
        due=format_ms(due_ms),
        span_s=span_s,
        unit=wish.unit,
        alert=alert,
        order=wish.order,
        subject=wish.subject,
        label=wish.label,
        household=wish.household,
        grid=wish.grid,
        site=wish.site,
        campaign=wish.campaign,
        item=wish.item,
        form=wish.form,
        files=wish.files,
        facts=dict(wish.facts),
    )
    if to is None:
        return task
    same_unit = wish.unit is None or wish.unit == to.unit
    return msgspec.structs.replace(
        task,
        unit=wish.unit or to.unit,
        side=to.side,
        officers=tuple(to.officers) if same_unit else (),
        household=wish.household or to.household,
        grid=to.grid or wish.grid,
    )
