"""The leader's round: tasks of alerts, results that alerts still lack, tasks that are overdue.

It follows the feed of the store from where it stands: the place is kept in the transaction that
creates the tasks, so that a crash or a change of the leader neither doubles nor forgets any.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from schemas.alerts import SEVERITIES, Alert, AlertEvent, alert_type
from services.api.metrics import (
    TASK_ESCALATIONS,
    TASK_FAILURES,
    TASKS_CREATED,
    TASKS_OVERDUE,
)
from services.api.routing.directory import Directory
from services.api.routing.route import route
from services.api.store.tables import counters
from services.api.store.transactions import FeedEvent, counter, events_after, set_counter
from services.api.tasks import making, transactions
from services.api.tasks.desk import TaskDesk
from services.api.tasks.kinds import Creation, created_by
from services.api.tasks.machine import Act
from services.api.tasks.task import OPEN, Task

_ROUND_S: Final = 1.0
# They are looked at in a reader's transaction, since most of them ask for nothing.
_EVENTS: Final = 200
# So many of those that do ask are written in one transaction: findings wait for the one writer.
_AT_ONCE: Final = 25
# The row of `counters` that says up to which event of the feed tasks were made.
_FOLLOWED: Final = "task_feed"
_RAISES: Final = frozenset(alert_type(verb) for verb in ("raised", "updated", "reopened"))
_REOPENED: Final = alert_type("reopened")
_DISPATCHED: Final = alert_type("dispatched")
_ENDS: Final = frozenset(alert_type(verb) for verb in ("resolved", "retracted"))
_decode = msgspec.json.Decoder(AlertEvent).decode
_log = structlog.get_logger(__name__)


class Following:
    """Makes, ends and escalates tasks; it may stop and begin anywhere."""

    def __init__(self, desk: TaskDesk) -> None:
        self._desk = desk

    async def run(self) -> None:
        """Look until cancelled; failures are retried. It may run again later."""
        try:
            while True:
                try:
                    await self.look()
                except SQLAlchemyError as error:
                    TASK_FAILURES.labels("store").inc()
                    _log.error("tasks_store_failed", error=repr(error))
                await asyncio.sleep(_ROUND_S)
        finally:
            # Another process may lead now: how many are overdue is for it to tell.
            TASKS_OVERDUE.clear()

    async def look(self) -> None:
        """Do everything that is to be done by now."""
        while await self._follow():
            pass
        for task in await self._desk.database.read(transactions.pending):
            await self._desk.try_to_finish(task)
        await self._escalate()
        overdue = await self._desk.database.read(transactions.overdue)
        for severity in SEVERITIES:
            TASKS_OVERDUE.labels(severity).set(overdue.get(severity, 0))

    async def _follow(self) -> bool:
        """Take in the next events of the feed; return whether there were any."""
        database, now_ms = self._desk.database, self._desk.clock_ms()
        news = await database.read(_news)
        if news is None:
            return False
        asking = news.asking
        while asking:
            some, asking = asking[:_AT_ONCE], asking[_AT_ONCE:]
            directory, limits = await self._desk.directory(), await self._desk.limits()
            upto = some[-1].n if asking else news.upto
            take = partial(
                _take, some=some, upto=upto, directory=directory, limits=limits, now_ms=now_ms
            )
            for task in await database.write(take):
                TASKS_CREATED.labels(task.kind, "alert").inc()
        if not news.asking:
            await database.write(lambda c: _move(c, news.upto))
        if news.gap:
            TASK_FAILURES.labels("gap").inc()
            _log.error("task_feed_gap", missed=news.gap)
        return True

    async def _escalate(self) -> None:
        database, now_ms = self._desk.database, self._desk.clock_ms()
        if not await database.read(lambda c: transactions.any_due(c, now_ms)):
            return
        directory = await self._desk.directory()

        def leader(unit: str | None, level: int) -> str | None:
            return directory.leader(unit, level, now_ms)

        while risen := await database.write(lambda c: transactions.escalate(c, leader, now_ms)):
            for task in risen:
                TASK_ESCALATIONS.labels(task.kind, str(task.level)).inc()
                told = task.escalated_to
                _log.info("task_escalated", task=task.id, kind=task.kind, level=task.level, to=told)


class _Asking(Struct, frozen=True):
    """An event of the feed that tasks may follow from: its number, its alert, and what it asks for.

    `ids` are the tasks of the rows. With `looks` it depends on what is in hand.
    """

    n: int
    type: str
    alert: Alert
    author: str
    rows: Sequence[Creation]
    ids: Sequence[str]
    looks: bool


class _News(Struct, frozen=True):
    """The next events of the feed: up to which number, those that ask, and how many are lost."""

    upto: int
    asking: Sequence[_Asking]
    gap: int


def _news(connection: Connection) -> _News | None:
    """Return the next events as far as they ask for anything, None = there are none.

    What an alert asks for again in every revision is there, and what ends without any task is done.
    """
    row = counters.c.name == _FOLLOWED
    followed = connection.scalar(select(counters.c.value).where(row)) or 0
    newest = counter(connection, "feed")
    if newest <= followed:
        return None
    events = events_after(connection, followed, _EVENTS)
    if not events:
        # What lies between was forgotten, all of it.
        return _News(newest, (), newest - followed)
    asking = [one for event in events if (one := _asked(event)) is not None]
    there = transactions.known(connection, [id_ for one in asking for id_ in one.ids])
    busy = transactions.alerts_in_hand(connection, [one.alert.id for one in asking if one.looks])
    new = {one.n: one.alert.id for one in asking if not there.issuperset(one.ids)}
    busy.update(new.values())
    ending = {one.n for one in asking if one.type in _ENDS and one.alert.id in busy}
    left = [one for one in asking if one.n in new or one.n in ending]
    return _News(events[-1].n, left, events[0].n - followed - 1)


def _asked(event: FeedEvent) -> _Asking | None:
    """Return what an event asks for, None = nothing, as most do."""
    ends, dispatched = event.type in _ENDS, event.type == _DISPATCHED
    if not ends and not dispatched and event.type not in _RAISES:
        return None
    told = _decode(event.body)
    alert = told.data
    author = (told.actor if dispatched else None) or making.AUTHOR
    if ends:
        return _Asking(event.n, event.type, alert, author, (), (), looks=True)
    if alert.state in ("resolved", "retracted"):
        return None
    rows = created_by(alert, dispatched=dispatched)
    ids = [making.id_of(alert, row, _again(event.type, alert)) for row in rows]
    looks = dispatched or event.type == _REOPENED
    return _Asking(event.n, event.type, alert, author, rows, ids, looks) if rows else None


def _again(type_: str, alert: Alert) -> str:
    """Return what tells apart the tasks of an alert that was reopened."""
    return str(alert.revision) if type_ == _REOPENED else ""


def _take(
    connection: Connection,
    some: Sequence[_Asking],
    upto: int,
    directory: Directory,
    limits: Mapping[str, float],
    now_ms: int,
) -> list[Task]:
    """Make and end the tasks that some events ask for, and move the place to `upto`; return what
    was made."""
    if _place(connection) >= upto:
        # Another process led meanwhile, and has made them.
        return []
    made: list[Task] = []
    wanted: list[Task] = []

    def write() -> None:
        made.extend(transactions.create(connection, wanted, "system", now_ms))
        wanted.clear()

    for one in some:
        if one.looks:
            # It depends on what is in hand by then.
            write()
        if one.type in _ENDS:
            _end(connection, one.alert, now_ms)
            continue
        rows = one.rows
        if one.looks:
            # What was done before is done; what somebody still has in hand is enough.
            in_hand = {task.kind for task in _open(connection, one.alert.id)}
            rows = [row for row in rows if row.kind not in in_hand]
        routing = route(one.alert, directory, now_ms)
        again = _again(one.type, one.alert)
        wanted += making.of_alert(one.alert, rows, routing, limits, one.author, now_ms, again)
    write()
    set_counter(connection, _FOLLOWED, upto)
    return made


def _move(connection: Connection, upto: int) -> None:
    """Note that nothing is left to do up to an event; what is noted never goes back."""
    if _place(connection) < upto:
        set_counter(connection, _FOLLOWED, upto)


def _place(connection: Connection) -> int:
    """Return up to which event tasks were made. The migration has set it for a store that is older
    than tasks: what was raised before is left to the desk, which has seen to it without them."""
    row = counters.c.name == _FOLLOWED
    followed = connection.scalar(select(counters.c.value).where(row))
    if followed is None:
        connection.execute(insert(counters).values(name=_FOLLOWED, value=0))
    return int(followed or 0)


def _open(connection: Connection, alert_id: str) -> list[Task]:
    return [task for task in transactions.of_alert(connection, alert_id) if task.state in OPEN]


def _end(connection: Connection, alert: Alert, now_ms: int) -> None:
    """End what an alert has asked for that has ended itself.

    Where another alert took its place, what somebody has begun goes on under that one; what is only
    offered is dropped, because the other alert asks for the same.
    """
    survivor = alert.related[0] if alert.outcome == "duplicate" and alert.related else None
    why = alert.outcome or alert.state
    for task in _open(connection, alert.id):
        if survivor is not None and task.assignee is not None:
            moved = msgspec.structs.replace(task, alert=survivor, revision=task.revision + 1)
            transactions.change(
                connection, moved, making.AUTHOR, "system", "move", f"{why}: {survivor}", now_ms
            )
        elif alert.state == "retracted" or task.assignee is None:
            _cancel(connection, task, f"the alert is {why}", now_ms)


def _cancel(connection: Connection, task: Task, why: str, now_ms: int) -> None:
    deed = Act(name="cancel", actor=making.AUTHOR, leads=True, note=why)
    transactions.act(connection, task, deed, "system", now_ms)
