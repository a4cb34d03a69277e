"""The leader's round: tasks of alerts, results that alerts still lack, tasks that are overdue.

It follows the feed of the store from where it stands: the place is kept in the transaction that
creates the tasks, so that a crash or a change of the leader neither doubles nor forgets any.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog
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
from services.api.tasks.kinds import created_by
from services.api.tasks.machine import Act
from services.api.tasks.task import OPEN, Task

_ROUND_S: Final = 1.0
# So few in one transaction: findings wait for the one writer meanwhile.
_EVENTS: Final = 5
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
        if not await database.read(_has_news):
            return False
        directory, limits = await self._desk.directory(), await self._desk.limits()
        created, gap = await database.write(lambda c: _take(c, directory, limits, now_ms))
        for task in created:
            TASKS_CREATED.labels(task.kind, "alert").inc()
        if gap:
            TASK_FAILURES.labels("gap").inc()
            _log.error("task_feed_gap", missed=gap)
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


def _has_news(connection: Connection) -> bool:
    row = counters.c.name == _FOLLOWED
    followed = connection.scalar(select(counters.c.value).where(row))
    return counter(connection, "feed") > (followed or 0)


def _take(
    connection: Connection, directory: Directory, limits: Mapping[str, float], now_ms: int
) -> tuple[list[Task], int]:
    """Make and end the tasks of the next events; return what was made, and how many are lost."""
    followed = _place(connection)
    events = events_after(connection, followed, _EVENTS)
    if not events:
        # What lies between was forgotten, all of it.
        newest = counter(connection, "feed")
        set_counter(connection, _FOLLOWED, newest)
        return [], newest - followed
    made: list[Task] = []
    for event in events:
        made += _of_event(connection, event, directory, limits, now_ms)
    set_counter(connection, _FOLLOWED, events[-1].n)
    return made, events[0].n - followed - 1


def _place(connection: Connection) -> int:
    """Return up to which event tasks were made. The migration has set it for a store that is older
    than tasks: what was raised before is left to the desk, which has seen to it without them."""
    row = counters.c.name == _FOLLOWED
    followed = connection.scalar(select(counters.c.value).where(row))
    if followed is None:
        connection.execute(insert(counters).values(name=_FOLLOWED, value=0))
    return int(followed or 0)


def _of_event(
    connection: Connection,
    event: FeedEvent,
    directory: Directory,
    limits: Mapping[str, float],
    now_ms: int,
) -> list[Task]:
    told = _decode(event.body)
    alert = told.data
    if event.type in _RAISES or event.type == _DISPATCHED:
        dispatched = event.type == _DISPATCHED
        rows = created_by(alert, dispatched=dispatched)
        if event.type == _REOPENED or dispatched:
            # What was done before is done; what somebody still has in hand is enough.
            in_hand = {task.kind for task in _open(connection, alert.id)}
            rows = [row for row in rows if row.kind not in in_hand]
        if not rows or alert.state in ("resolved", "retracted"):
            return []
        again = str(alert.revision) if event.type == _REOPENED else ""
        author = (told.actor if dispatched else None) or making.AUTHOR
        routing = route(alert, directory, now_ms)
        tasks = making.of_alert(alert, rows, routing, limits, author, now_ms, again)
        return transactions.create(connection, tasks, "system", now_ms)
    if event.type in _ENDS:
        _end(connection, alert, now_ms)
    return []


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
