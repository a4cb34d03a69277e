"""The desk of tasks: every change is one transaction, and a result goes on to its alert."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection

from schemas.access import Grant
from schemas.alerts import Alert, Outcome
from schemas.problems import Rejected
from services.api import acts
from services.api.guard import LEADERS
from services.api.metrics import ACTS, TASK_ACTS, TASK_FAILURES, TASKS_CREATED
from services.api.registers.link import Unavailable
from services.api.routing.directory import Directory
from services.api.routing.reader import DirectoryReader
from services.api.routing.route import Routing, route, territory_of
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import (
    Published,
    StaleRevision,
    UnknownAlert,
    apply_act,
    revision_of,
)
from services.api.tasks import transactions
from services.api.tasks.kinds import outcome_of
from services.api.tasks.machine import Act, Missing, Refused
from services.api.tasks.making import AUTHOR, Wish, made_of
from services.api.tasks.task import Task, TaskEvent
from services.api.tasks.transactions import By, Count, Query, Stale, Within

# Somebody else may act on the alert between the look at it and the result.
_TRIES: Final = 5
_decode_alert = msgspec.json.Decoder(Alert).decode
_log = structlog.get_logger(__name__)


class TaskDesk:
    """Tasks in the database, who they go to, and what their results make of alerts."""

    def __init__(
        self,
        database: Database,
        store: AlertStore,
        limits: Callable[[], Awaitable[Mapping[str, float]]],
        clock_ms: Callable[[], int],
        file: Callable[[Task], Awaitable[None]],
    ) -> None:
        """`limits` are those of the policy that governs (overdue.DEFAULTS); `file` puts what was
        approved into its register, and may be asked again."""
        self.database = database
        self.limits = limits
        self.clock_ms = clock_ms
        self._store = store
        self._file = file
        self._reader = DirectoryReader(database)

    async def directory(self) -> Directory:
        """Return what the registers say of homes, units and duties by now."""
        return await self._reader.directory()

    async def within(self, grant: Grant) -> Within | None:
        """Return what somebody sees who is limited to areas, None = everything."""
        if grant.areas is None:
            return None
        return Within(frozenset(grant.areas), grant.name, await self.units_of(grant))

    async def units_of(self, grant: Grant) -> frozenset[str]:
        """Return the units that somebody is a member or the leader of."""
        directory = await self.directory()
        return frozenset(directory.units_of(grant.name, self.clock_ms()))

    async def routing(self, alert: Alert) -> Routing:
        """Return where an alert goes as the registers stand."""
        return route(alert, await self.directory(), self.clock_ms())

    async def alert(self, alert_id: str) -> Alert:
        """Return an alert. Raises UnknownAlert."""
        found = await self._store.get(alert_id)
        if found is None:
            raise UnknownAlert(alert_id)
        return _decode_alert(found[1])

    async def create(self, wish: Wish, alert_id: str | None, grant: Grant) -> Task:
        """Create a task by hand. Raises UnknownAlert."""
        directory, now_ms = await self.directory(), self.clock_ms()
        to = territory_of(directory, now_ms, household=wish.household, grid=wish.grid)
        if alert_id is not None:
            alert = await self.alert(alert_id)
            found = route(alert, directory, now_ms)
            to = to or found.territory or found.gate
            wish = msgspec.structs.replace(
                wish,
                order=wish.order or alert.order,
                subject=wish.subject or alert.subject.key,
                label=wish.label or alert.subject.label,
                grid=wish.grid or alert.grid,
                site=wish.site or alert.site,
            )
        task = made_of(
            wish, uuid.uuid4().hex, to, alert_id, await self.limits(), grant.name, now_ms
        )
        (made,) = await self.add([task], grant.role, "hand")
        return made

    async def add(self, made: Sequence[Task], role: str, by: str) -> list[Task]:
        """Add tasks; those that are there already are left out. Return what was added."""
        now_ms = self.clock_ms()
        added = await self.database.write(lambda c: transactions.create(c, made, role, now_ms))
        for task in added:
            TASKS_CREATED.labels(task.kind, by).inc()
        return added

    async def act(self, id_: str, revision: int, deed: Act, grant: Grant) -> Task:
        """Apply an act to the revision that its actor saw.

        Raises UnknownTask, Stale, Refused and Missing.
        """
        now_ms = self.clock_ms()
        seen = await self.get(id_)
        settles = await self._settles(seen, deed)
        deed = msgspec.structs.replace(deed, leads=grant.role in LEADERS)

        def work(connection: Connection) -> tuple[Task, list[Published]]:
            task = _act(connection, id_, revision, deed, grant.role, settles, now_ms)
            if deed.name != "claim" or task.alert is None:
                return task, []
            return task, self._seen(connection, task.alert, grant, now_ms)

        try:
            task = await self._store.beside(work)
        except Stale:
            TASK_ACTS.labels(deed.name, "stale").inc()
            raise
        except Refused as error:
            TASK_ACTS.labels(deed.name, "forbidden" if error.forbidden else "refused").inc()
            raise
        except Missing:
            TASK_ACTS.labels(deed.name, "incomplete").inc()
            raise
        TASK_ACTS.labels(deed.name, "done").inc()
        return await self.try_to_finish(task) if task.settles is not None or task.owes else task

    async def try_to_finish(self, task: Task) -> Task:
        """Do as `finish`; where a register cannot take an entry now, the next round tries again."""
        try:
            return await self.finish(task)
        except (Unavailable, Rejected) as error:
            TASK_FAILURES.labels("file").inc()
            _log.error("task_not_filed", task=task.id, register=task.files, error=repr(error))
            return task

    async def finish(self, task: Task) -> Task:
        """Let the alert, or the register, of a task have what the task's result gives it.

        The task keeps it until that is done, so that a crash in between loses nothing. Where the
        alert does not take it, because it has ended, the task says so in its history.
        """
        said = []
        if task.settles is not None and task.alert is not None:
            said.append(await self._resolve(task.alert, task.settles, task))
        if task.owes:
            await self._file(task)
            said.append(f"filed in the register {task.files}")
        now_ms = self.clock_ms()

        def finished(connection: Connection) -> Task:
            fresh = transactions.get(connection, task.id)
            if fresh.settles is None and not fresh.owes:
                return fresh
            changed = msgspec.structs.replace(
                fresh, settles=None, owes=False, revision=fresh.revision + 1
            )
            return transactions.change(
                connection, changed, AUTHOR, "system", "settle", "; ".join(said), now_ms
            )

        return await self.database.write(finished)

    async def get(self, id_: str) -> Task:
        """Return a task. Raises UnknownTask."""
        return await self.database.read(lambda c: transactions.get(c, id_))

    async def history(self, id_: str) -> list[TaskEvent]:
        """Return the steps of a task in order."""
        return await self.database.read(lambda c: transactions.history(c, id_))

    async def page(self, query: Query, place: int | None, limit: int, by: By) -> list[Task]:
        """Return tasks, the last created or what is due first."""
        return await self.database.read(lambda c: transactions.page(c, query, place, limit, by))

    async def changes(self, query: Query, after: int, limit: int) -> tuple[list[Task], int]:
        """Return what changed after a step, and the step to go on from."""
        return await self.database.read(
            lambda c: transactions.changes_after(c, query, after, limit)
        )

    async def counts(self, query: Query) -> list[Count]:
        """Return how many tasks each unit has in which state."""
        now_ms = self.clock_ms()
        return await self.database.read(lambda c: transactions.counts(c, query, now_ms))

    def _seen(
        self, connection: Connection, alert_id: str, grant: Grant, now_ms: int
    ) -> list[Published]:
        """Acknowledge the alert of a task, as whoever claims it has seen it: one revision.

        Who gives the task back has seen it all the same. An alert that somebody has carried as far
        already, or that has ended, stays as it is.
        """
        revision = revision_of(connection, alert_id)
        if revision is None:
            # The store was begun anew, and this alert is not in it.
            return []
        deed = acts.Act(name="ack")
        try:
            told = apply_act(
                connection, self._store.cursor, alert_id, revision, deed, grant.name, None, now_ms,
                grant.role, None,
            )  # fmt: skip
        except acts.Refused:
            # It is acknowledged, dispatched or resolved: nothing is lacking, and nothing written.
            return []
        ACTS.labels("ack", "done").inc()
        return told

    async def _settles(self, task: Task, deed: Act) -> Outcome | None:
        if deed.name != "done" or task.alert is None or deed.result is None:
            return None
        try:
            alert = await self.alert(task.alert)
        except UnknownAlert:
            # The store was begun anew, and this alert is not in it.
            return None
        return outcome_of(alert.rule, task.kind, deed.result)

    async def _resolve(self, alert_id: str, outcome: Outcome, task: Task) -> str:
        """Resolve an alert; return what became of that, in words for the history."""
        deed = acts.Act(name="resolve", outcome=outcome)
        note = f"{task.kind}: {task.result} (task {task.id})"
        for _ in range(_TRIES):
            found = await self._store.get(alert_id)
            if found is None:
                return "the alert is not there any more"
            revision, _ = found
            actor = task.assignee or task.author
            try:
                await self._store.act(alert_id, revision, deed, actor, note, self.clock_ms())
            except StaleRevision:
                continue
            except acts.Refused as error:
                TASK_FAILURES.labels("settle").inc()
                _log.warning("alert_not_settled", alert=alert_id, task=task.id, error=str(error))
                return f"the alert did not become {outcome}: {error}"
            except UnknownAlert:
                return "the alert is not there any more"
            return f"the alert is {outcome}"
        TASK_FAILURES.labels("settle").inc()
        _log.warning("alert_not_settled", alert=alert_id, task=task.id, error="too many acts")
        return f"the alert did not become {outcome}: others acted on it at the same time"


def _act(
    connection: Connection,
    id_: str,
    revision: int,
    deed: Act,
    role: str,
    settles: Outcome | None,
    now_ms: int,
) -> Task:
    task = transactions.get(connection, id_, revision)
    if settles is not None:
        task = msgspec.structs.replace(task, settles=settles)
    return transactions.act(connection, task, deed, role, now_ms)
