"""What is done with tasks inside a transaction, as functions of a connection."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from schemas.alerts import Severity
from schemas.times import format_ms, parse_ms
from services.api.audit.chain import Entry, record, record_all
from services.api.store.tables import counters
from services.api.tasks.machine import Act, acted, escalated, next_ms
from services.api.tasks.tables import task_events, tasks
from services.api.tasks.task import OPEN, State, Task, TaskEvent

# In what order a list of tasks stands.
By = Literal["created", "due"]
# How many tasks escalate in one transaction: acts and findings wait for it.
_BATCH: Final = 200
_IDS_A_QUERY: Final = 500
# The row of `counters` that numbers the steps of tasks, and the one that numbers tasks.
_STEPS, _TASKS = "task_steps", "tasks"
_decode = msgspec.json.Decoder(Task).decode
_decode_event = msgspec.json.Decoder(TaskEvent).decode
_encode = msgspec.json.Encoder().encode
# Built once: every alert that rises asks these.
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_KNOWN: Final = select(tasks.c.id).where(tasks.c.id.in_(_IDS))
_IN_HAND: Final = (
    select(tasks.c.alert).distinct().where(tasks.c.alert.in_(_IDS), tasks.c.state.in_(OPEN))
)
_INSERT_TASKS: Final = insert(tasks)
_INSERT_STEPS: Final = insert(task_events)
_COUNT: Final = (
    update(counters)
    .where(counters.c.name == bindparam("of"))
    .values(value=counters.c.value + bindparam("by"))
    .returning(counters.c.value)
)


class UnknownTask(Exception):
    """There is no task with this id."""


class Stale(Exception):
    """What was to be changed is no longer at the revision that the caller saw."""

    def __init__(self, current: int) -> None:
        super().__init__(f"it is at revision {current}")
        self.current = current


class Within(Struct, frozen=True):
    """What somebody who is limited to areas sees: the tasks in them, of their units, and theirs."""

    areas: frozenset[str]
    name: str
    units: frozenset[str]

    def covers(self, task: Task) -> bool:
        """Return whether they see a task."""
        return task.grid in self.areas or task.unit in self.units or task.assignee == self.name

    def condition(self) -> ColumnElement[bool]:
        """Return the same in SQL."""
        return or_(
            tasks.c.grid.in_(sorted(self.areas)),
            tasks.c.unit.in_(sorted(self.units)),
            tasks.c.assignee == self.name,
        )


class Query(Struct, frozen=True, kw_only=True):
    """What a reader of tasks asks for; every filter that is given must hold.

    `units` = any of these. `within` None = everywhere. `overdue_ms` = should have been done by
    then.
    """

    states: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    units: frozenset[str] | None = None
    assignee: str | None = None
    alert: str | None = None
    campaign: str | None = None
    order: str | None = None
    subject: str | None = None
    grid: str | None = None
    within: Within | None = None
    overdue_ms: int | None = None


class Count(Struct, frozen=True, kw_only=True):
    """How many tasks of a unit are in which state; `remainder` = still to be done."""

    unit: str | None
    total: int
    offered: int
    claimed: int
    in_progress: int
    done: int
    evaluated: int
    not_executable: int
    cancelled: int
    overdue: int
    remainder: int


class Counts(Struct, frozen=True):
    """The counts of every unit."""

    units: list[Count]


def task_id(*parts: str) -> str:
    """Return the id of a task that is made of something: made of it again it is the same one."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def counted(connection: Connection, name: str, by: int) -> int:
    """Move a counter on and return its value; the first time it is made."""
    value = connection.scalar(_COUNT, {"of": name, "by": by})
    if value is None:
        connection.execute(insert(counters).values(name=name, value=by))
        return by
    return int(value)


def create(connection: Connection, made: Sequence[Task], role: str, at_ms: int) -> list[Task]:
    """Add tasks; those whose id is there already are left out. Return what was added."""
    there = known(connection, [task.id for task in made])
    unique: dict[str, Task] = {}
    for task in made:
        if task.id not in there:
            unique.setdefault(task.id, task)
    if not unique:
        return []
    n = counted(connection, _TASKS, len(unique)) - len(unique)
    fresh = [
        msgspec.structs.replace(task, n=number)
        for number, task in enumerate(unique.values(), n + 1)
    ]
    changed_n = _told(connection, [(task, task.author, "create", None) for task in fresh], at_ms)
    rows = [row_of(task) | {"changed_n": changed_n + place} for place, task in enumerate(fresh)]
    connection.execute(_INSERT_TASKS, rows)
    record_all(connection, [_created(task, role, at_ms) for task in fresh])
    return fresh


def known(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return which of these tasks there are."""
    there: set[str] = set()
    for start in range(0, len(ids), _IDS_A_QUERY):
        some = {"ids": ids[start : start + _IDS_A_QUERY]}
        there.update(connection.scalars(_KNOWN, some))
    return there


def alerts_in_hand(connection: Connection, alert_ids: Sequence[str]) -> set[str]:
    """Return which of these alerts have tasks that are to be done."""
    found: set[str] = set()
    for start in range(0, len(alert_ids), _IDS_A_QUERY):
        some = {"ids": alert_ids[start : start + _IDS_A_QUERY]}
        found.update(connection.scalars(_IN_HAND, some))
    return found


def act(connection: Connection, task: Task, deed: Act, role: str, at_ms: int) -> Task:
    """Apply an act to a task. Raises machine.Refused and machine.Missing."""
    changed = acted(task, deed, at_ms)
    note = deed.note or deed.reason or deed.waiting_for
    return change(connection, changed, deed.actor, role, deed.name, note, at_ms)


def change(
    connection: Connection,
    changed: Task,
    actor: str,
    role: str,
    what: str,
    note: str | None,
    at_ms: int,
) -> Task:
    """Write the next revision of a task, with its step and its entry of the audit log."""
    write(connection, [(changed, actor, what, note)], at_ms)
    detail: dict[str, Any] = {
        "kind": changed.kind,
        "state": changed.state,
        "revision": changed.revision,
    }
    if changed.result is not None:
        detail["result"] = changed.result
    _audit(connection, actor, role, f"task.{what}", changed.id, at_ms, detail)
    return changed


def write(
    connection: Connection, changes: Sequence[tuple[Task, str, str, str | None]], at_ms: int
) -> None:
    """Write the next revisions of tasks with their steps: (task, actor, act, note)."""
    changed_n = _told(connection, changes, at_ms)
    for place, (task, _, _, _) in enumerate(changes):
        row = row_of(task) | {"changed_n": changed_n + place}
        connection.execute(update(tasks).where(tasks.c.id == task.id).values(**row))


def get(connection: Connection, id_: str, revision: int | None = None) -> Task:
    """Return a task. Raises UnknownTask, and Stale where `revision` is another."""
    body = connection.scalar(select(tasks.c.body).where(tasks.c.id == id_))
    if body is None:
        raise UnknownTask(id_)
    task = _decode(body)
    if revision is not None and task.revision != revision:
        raise Stale(task.revision)
    return task


def page(connection: Connection, query: Query, place: int | None, limit: int, by: By) -> list[Task]:
    """Return tasks, the last created or what is due first, from behind the one with the number
    `place`."""
    wanted = select(tasks.c.body).where(*conditions(query)).limit(limit)
    if by == "created":
        wanted = wanted.order_by(tasks.c.n.desc())
        if place is not None:
            wanted = wanted.where(tasks.c.n < place)
    else:
        wanted = wanted.order_by(tasks.c.due_ms, tasks.c.n)
        if place is not None:
            due_ms = select(tasks.c.due_ms).where(tasks.c.n == place).scalar_subquery()
            wanted = wanted.where(tuple_(tasks.c.due_ms, tasks.c.n) > tuple_(due_ms, place))
    return [_decode(body) for body in connection.scalars(wanted)]


def changes_after(
    connection: Connection, query: Query, after: int, limit: int
) -> tuple[list[Task], int]:
    """Return tasks that changed after a step, in the order of their last steps, and the step up to
    which nothing is left out."""
    newest = connection.scalar(select(counters.c.value).where(counters.c.name == _STEPS)) or 0
    wanted = (
        select(tasks.c.changed_n, tasks.c.body)
        .where(tasks.c.changed_n > after, *conditions(query))
        .order_by(tasks.c.changed_n)
        .limit(limit)
    )
    rows = connection.execute(wanted).all()
    upto = rows[-1].changed_n if len(rows) == limit else max(after, int(newest))
    return [_decode(row.body) for row in rows], upto


def history(connection: Connection, id_: str) -> list[TaskEvent]:
    """Return the steps of a task in order."""
    query = select(task_events.c.body).where(task_events.c.task == id_).order_by(task_events.c.n)
    return [_decode_event(body) for body in connection.scalars(query)]


def of_alert(connection: Connection, alert_id: str) -> list[Task]:
    """Return all tasks of an alert."""
    query = select(tasks.c.body).where(tasks.c.alert == alert_id).order_by(tasks.c.n)
    return [_decode(body) for body in connection.scalars(query)]


def of_campaign(connection: Connection, campaign: str, states: Iterable[State] = ()) -> list[Task]:
    """Return the tasks of a campaign, all or those in some states, as they were created."""
    query = select(tasks.c.body).where(tasks.c.campaign == campaign).order_by(tasks.c.n)
    chosen = list(states)
    if chosen:
        query = query.where(tasks.c.state.in_(chosen))
    return [_decode(body) for body in connection.scalars(query)]


def pending(connection: Connection, limit: int = _BATCH) -> list[Task]:
    """Return tasks whose alert, or register, does not show their result yet."""
    query = select(tasks.c.body).where(tasks.c.pending).order_by(tasks.c.n).limit(limit)
    return [_decode(body) for body in connection.scalars(query)]


def any_due(connection: Connection, now_ms: int) -> bool:
    """Return whether some task has reached its next level."""
    query = select(tasks.c.id).where(tasks.c.clock_ms <= now_ms).limit(1)
    return connection.scalar(query) is not None


def escalate(
    connection: Connection, leader: Callable[[str | None, int], str | None], now_ms: int
) -> list[Task]:
    """Let tasks reach every level that is due by now; none are left when it returns nothing."""
    due = tasks.c.clock_ms <= now_ms
    query = select(tasks.c.body).where(due).order_by(tasks.c.clock_ms, tasks.c.n).limit(_BATCH)
    risen: list[Task] = []
    for body in connection.scalars(query).all():
        task = _decode(body)
        unit = task.unit
        while (at_ms := next_ms(task)) is not None and at_ms <= now_ms:
            task = escalated(task, lambda level, of=unit: leader(of, level))  # type: ignore[misc]
            write(connection, [(task, "cordon", "escalate", task.escalated_to)], now_ms)
        risen.append(task)
    return risen


def overdue(connection: Connection) -> dict[Severity, int]:
    """Return how many tasks are at some level now, by severity."""
    at_a_level = (tasks.c.level > 0, tasks.c.state.in_(OPEN))
    query = select(tasks.c.severity, func.count()).where(*at_a_level).group_by(tasks.c.severity)
    return {severity: count for severity, count in connection.execute(query)}


def counts(connection: Connection, query: Query, now_ms: int) -> list[Count]:
    """Return how many tasks each unit has in which state, by unit; those of nobody come first."""
    wanted = select(tasks.c.unit.label("unit"), *_states(now_ms)).where(*conditions(query))
    rows = connection.execute(wanted.group_by(tasks.c.unit)).mappings()
    found = [_count(row["unit"], row) for row in rows]
    return sorted(found, key=lambda count: count.unit or "")


def counts_of(
    connection: Connection, campaigns: Sequence[str], within: Within | None, now_ms: int
) -> dict[str, Count]:
    """Return how many tasks of campaigns are in which state, by campaign; those of all units."""
    wanted = select(tasks.c.campaign.label("campaign"), *_states(now_ms)).where(
        tasks.c.campaign.in_(campaigns), *conditions(Query(within=within))
    )
    rows = connection.execute(wanted.group_by(tasks.c.campaign)).mappings()
    return {row["campaign"]: _count(None, row) for row in rows}


def _states(now_ms: int) -> list[ColumnElement[Any]]:
    """Return the columns of a Count, but for the unit."""

    def among(*states: str) -> ColumnElement[int]:
        return func.sum(case((tasks.c.state.in_(states), 1), else_=0))

    late = (tasks.c.state.in_(OPEN), tasks.c.waiting.is_(False), tasks.c.due_ms <= now_ms)
    return [
        func.count().label("total"),
        among("offered").label("offered"),
        among("claimed").label("claimed"),
        among("in-progress").label("in_progress"),
        among("done").label("done"),
        among("evaluated").label("evaluated"),
        among("not-executable").label("not_executable"),
        among("cancelled").label("cancelled"),
        func.sum(case((_all(late), 1), else_=0)).label("overdue"),
        among(*OPEN, "not-executable").label("remainder"),
    ]


def _count(unit: str | None, row: RowMapping) -> Count:
    # PostgreSQL sums whole numbers to decimals.
    names = [name for name in Count.__struct_fields__ if name != "unit"]
    return Count(unit=unit, **{name: int(row[name] or 0) for name in names})


def conditions(query: Query) -> list[ColumnElement[bool]]:
    """Return a query in SQL."""
    found: list[ColumnElement[bool]] = []
    chosen: tuple[tuple[Any, frozenset[str] | None], ...] = (
        (tasks.c.state, query.states or None),
        (tasks.c.kind, query.kinds or None),
        (tasks.c.unit, query.units),
    )
    found += [column.in_(sorted(values)) for column, values in chosen if values is not None]
    same: Mapping[Any, str | None] = {
        tasks.c.assignee: query.assignee,
        tasks.c.alert: query.alert,
        tasks.c.campaign: query.campaign,
        tasks.c.order_id: query.order,
        tasks.c.subject: query.subject,
        tasks.c.grid: query.grid,
    }
    found += [column == value for column, value in same.items() if value is not None]
    if query.within is not None:
        found.append(query.within.condition())
    if query.overdue_ms is not None:
        found += [
            tasks.c.state.in_(OPEN),
            tasks.c.waiting.is_(False),
            tasks.c.due_ms <= query.overdue_ms,
        ]
    return found


def row_of(task: Task) -> dict[str, Any]:
    """Return the columns of a task, without `changed_n`."""
    return {
        "id": task.id,
        "n": task.n,
        "revision": task.revision,
        "kind": task.kind,
        "state": task.state,
        "severity": task.severity,
        "unit": task.unit,
        "assignee": task.assignee,
        "grid": task.grid,
        "order_id": task.order,
        "subject": task.subject,
        "alert": task.alert,
        "campaign": task.campaign,
        "item": task.item,
        "level": task.level or 0,
        "due_ms": parse_ms(task.due),
        "waiting": task.waiting is not None,
        "clock_ms": next_ms(task),
        "pending": task.settles is not None or task.owes,
        "body": _encode(task),
    }


def _told(
    connection: Connection, changes: Sequence[tuple[Task, str, str, str | None]], at_ms: int
) -> int:
    """Write the steps of tasks; return the number of the first one."""
    first = counted(connection, _STEPS, len(changes)) - len(changes) + 1
    rows = []
    for n, (task, actor, what, note) in enumerate(changes, first):
        event = TaskEvent(
            n=n,
            task=task.id,
            revision=task.revision,
            at=format_ms(at_ms),
            actor=actor,
            act=what,
            state=task.state,
            note=note,
        )
        rows.append({"n": n, "task": task.id, "at_ms": at_ms, "body": _encode(event)})
    connection.execute(_INSERT_STEPS, rows)
    return first


def _created(task: Task, role: str, at_ms: int) -> Entry:
    detail = {"kind": task.kind, "unit": task.unit, "alert": task.alert}
    return _entry(task.author, role, "task.create", task.id, at_ms, detail)


def _audit(
    connection: Connection,
    actor: str,
    role: str,
    action: str,
    about: str,
    at_ms: int,
    detail: dict[str, Any],
) -> None:
    record(connection, _entry(actor, role, action, about, at_ms, detail))


def _entry(
    actor: str, role: str, action: str, about: str, at_ms: int, detail: dict[str, Any]
) -> Entry:
    said = {name: value for name, value in detail.items() if value is not None}
    return Entry(at_ms=at_ms, actor=actor, role=role, action=action, about=about, detail=said)


def _all(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    first, *others = conditions
    for each in others:
        first = first & each
    return first
