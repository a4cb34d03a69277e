"""Tasks over HTTP: lists, counts, what changed, and what is done with one.

Officers poll `GET /v1/tasks/changes` with the cursor of their last look, instead of holding a
stream as readers of alerts do. Tasks change a few times a minute and not thousands of times, a
handheld's network comes and goes, and one look costs a seek in an index; it holds no connection,
needs no hub, and any process that shares the database can answer it.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from schemas.access import Grant
from schemas.alerts import Reason, Severity
from schemas.problems import rejected
from schemas.times import DAY_MS
from services.api.alerts import instant_of
from services.api.guard import LEADERS, Actor, Reader, allowed
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.paging import Cursor, PageSize, place_of
from services.api.people import areas
from services.api.people.limit import may_see
from services.api.revisions import IfMatch, etag, revision_of
from services.api.routing.route import Routing
from services.api.store.transactions import UnknownAlert
from services.api.tasks import transactions
from services.api.tasks.desk import TaskDesk
from services.api.tasks.kinds import KINDS_OF
from services.api.tasks.machine import Act, Deed, Missing, Refused
from services.api.tasks.making import Wish
from services.api.tasks.task import State, Task, TaskHistory, TaskKind, TaskPage
from services.api.tasks.texts import plain
from services.api.tasks.transactions import Counts, Stale, UnknownTask

# Longer is no task but a plan.
_LONGEST_MS: Final = 366 * DAY_MS
# What only a leader does: to judge the work of others, and to drop it.
_OF_LEADERS: Final[tuple[Deed, ...]] = ("evaluate", "cancel")
_TASK: Final = inline(Task)
_TASKS: Final = inline(TaskPage)
_PLAIN: Final = r"^[^\x00]*$"

ShortText = Annotated[str, Field(min_length=1, max_length=128, pattern=_PLAIN)]
LongText = Annotated[str, Field(min_length=1, max_length=2000, pattern=_PLAIN)]
Word = Annotated[str | None, Query(min_length=1, max_length=256, pattern=_PLAIN)]
TaskId = Annotated[str, Field(max_length=64, pattern=_PLAIN)]
CheckAnswers = Callable[[Task, str | None, Mapping[str, Any]], Mapping[str, Any]]


class Text(BaseModel):
    """What is to be done, in both languages."""

    model_config = ConfigDict(extra="forbid")

    en: LongText
    zh: LongText


class NewTask(BaseModel):
    """A task that somebody asks for. Of alert, household, grid and unit, one says where."""

    model_config = ConfigDict(extra="forbid")

    kind: TaskKind
    text: LongText | Text
    severity: Severity = "medium"
    unit: ShortText | None = None
    alert: ShortText | None = None
    order: ShortText | None = None
    household: ShortText | None = None
    grid: Annotated[str, Field(min_length=1, max_length=64, pattern=_PLAIN)] | None = None
    site: ShortText | None = None
    due: Annotated[str, Field(max_length=40)] | None = None


class Doing(BaseModel):
    """What goes with an act; each of them needs some of these, and takes `note`."""

    model_config = ConfigDict(extra="forbid")

    note: LongText | None = None
    reason: LongText | None = None
    for_: LongText | None = Field(None, alias="for")
    result: Annotated[str, Field(max_length=32)] | None = None
    answers: Annotated[dict[str, JsonValue], Field(max_length=64)] = {}
    accepted: bool | None = None
    unit: ShortText | None = None


def router(desk: TaskDesk, check_answers: CheckAnswers) -> APIRouter:
    """Return the routes; `check_answers` brings what was found into the form of its campaign."""
    routes = APIRouter(prefix="/v1", tags=["tasks"])

    async def query_of(
        grant: Reader,
        mine: Annotated[bool, Query(description="only those that I have claimed")] = False,
        my_unit: Annotated[bool, Query(description="only those of units that I belong to")] = False,
        unit: Word = None,
        state: Annotated[list[State], Query()] = [],  # noqa: B006 — FastAPI copies defaults.
        kind: Annotated[list[TaskKind], Query()] = [],  # noqa: B006
        alert: Word = None,
        campaign: Word = None,
        order: Word = None,
        subject: Word = None,
        grid: Word = None,
        overdue: Annotated[bool, Query(description="only those that are overdue now")] = False,
    ) -> transactions.Query:
        units = await desk.units_of(grant) if my_unit else None
        if unit is not None:
            units = frozenset((unit,)) if units is None else units & {unit}
        return transactions.Query(
            states=frozenset(state),
            kinds=frozenset(kind),
            units=units,
            assignee=grant.name if mine else None,
            alert=alert,
            campaign=campaign,
            order=order,
            subject=subject,
            grid=grid,
            within=await desk.within(grant),
            overdue_ms=desk.clock_ms() if overdue else None,
        )

    Wanted = Annotated[transactions.Query, Depends(query_of)]

    @routes.get(
        "/tasks",
        response_class=Response,
        responses=answers(200, _TASKS, 401, 403, 422),
    )
    async def page(
        query: Wanted,
        by: Annotated[
            transactions.By, Query(description="the last created, or what is due, first")
        ] = "created",
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Tasks, the last created or what is due first; `next` is the cursor of the next page."""
        items = await desk.page(query, place_of(cursor), limit + 1, by)
        more = str(items[limit - 1].n) if len(items) > limit else None
        return json_answer(TaskPage(items[:limit], more))

    @routes.get(
        "/tasks/changes",
        response_class=Response,
        responses=answers(200, _TASKS, 401, 403, 422),
    )
    async def changes(query: Wanted, after: Cursor = None, limit: PageSize = 100) -> Response:
        """Tasks that changed after the cursor `after` (without one: since ever), each once, as it
        is now and in the order of the last changes; `next` is the cursor for the next look."""
        items, upto = await desk.changes(query, int(after or 0), limit)
        return json_answer(TaskPage(items, str(upto)))

    @routes.get(
        "/tasks/counts",
        response_class=Response,
        responses=answers(200, inline(Counts), 401, 403, 422),
    )
    async def counts(query: Wanted) -> Response:
        """How many tasks each unit has in which state; `remainder` = still to be done."""
        return json_answer(Counts(await desk.counts(query)))

    @routes.post(
        "/tasks",
        status_code=201,
        response_class=Response,
        responses=answers(201, _TASK, 400, 401, 403, 404, 422),
    )
    async def create(body: NewTask, grant: Actor, within: areas.Within) -> Response:
        """Offer a task to a unit: the one named, or whose the alert, household or grid is."""
        wish = wish_of(body, desk.clock_ms())
        try:
            if body.alert is not None and not may_see(within, await desk.alert(body.alert)):
                raise HTTPException(404, "no such alert")
            task = await desk.create(wish, body.alert, grant)
        except UnknownAlert as error:
            raise HTTPException(404, "no such alert") from error
        return one(task, 201)

    @routes.get(
        "/tasks/{task_id}",
        response_class=Response,
        responses=answers(200, _TASK, 401, 403, 404, 422),
    )
    async def get(task_id: TaskId, grant: Reader) -> Response:
        """One task; its ETag is the revision for If-Match."""
        return one(await seen(desk, grant, task_id))

    @routes.get(
        "/tasks/{task_id}/history",
        response_class=Response,
        responses=answers(200, inline(TaskHistory), 401, 403, 404, 422),
    )
    async def history(task_id: TaskId, grant: Reader) -> Response:
        """Every step of a task: who did what, and when."""
        await seen(desk, grant, task_id)
        return json_answer(TaskHistory(await desk.history(task_id)))

    @routes.post(
        "/tasks/{task_id}/{deed}",
        response_class=Response,
        responses=answers(200, _TASK, 400, 401, 403, 404, 409, 422, 428),
    )
    async def act(
        task_id: TaskId,
        deed: Deed,
        grant: Actor,
        body: Doing | None = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Do something with a task. If-Match carries the revision that the caller saw.

        `wait` needs `for`, `done` needs `result` and the `answers` of its campaign,
        `not-executable` needs `reason`, `evaluate` needs `accepted`; `offer` may name a `unit`.
        """
        if deed in _OF_LEADERS:
            allowed(grant, *LEADERS)
        revision = revision_of(if_match)
        task = await seen(desk, grant, task_id)
        body = body or Doing.model_validate({})
        for name in ("note", "reason", "for_"):
            text = getattr(body, name)
            if text is not None:
                plain(text, name.rstrip("_"))
        found = check_answers(task, body.result, body.answers) if deed == "done" else {}
        wanted = Act(
            name=deed,
            actor=grant.name,
            note=body.note,
            reason=body.reason,
            waiting_for=body.for_,
            result=body.result,
            answers=found,
            accepted=body.accepted,
            unit=body.unit,
        )
        try:
            return one(await desk.act(task_id, revision, wanted, grant))
        except Stale as error:
            raise HTTPException(
                409, f"somebody was faster: {error}", headers=etag(error.current)
            ) from error
        except Refused as error:
            raise HTTPException(403 if error.forbidden else 409, str(error)) from error
        except Missing as error:
            raise rejected(str(error), error.field) from error

    @routes.get(
        "/alerts/{alert_id}/route",
        response_class=Response,
        responses=answers(200, inline(Routing), 401, 403, 404),
    )
    async def route_of(alert_id: str, grant: Reader) -> Response:
        """Where an alert goes: to the territory of its subject and to the gate where it was."""
        try:
            return json_answer(await desk.routing(await desk.alert(alert_id)))
        except UnknownAlert as error:
            raise HTTPException(404, "no such alert") from error

    return routes


async def seen(desk: TaskDesk, grant: Grant, task_id: str) -> Task:
    """Return a task that the caller may see; raises HTTPException 404 for any other."""
    try:
        task = await desk.get(task_id)
    except UnknownTask as error:
        raise HTTPException(404, "no such task") from error
    within = await desk.within(grant)
    if within is not None and not within.covers(task):
        raise HTTPException(404, "no such task")
    return task


def wish_of(body: NewTask, now_ms: int) -> Wish:
    """Return what a body asks for. Raises Rejected, naming the field."""
    name = KINDS_OF[body.kind].name
    if isinstance(body.text, str):
        plain(body.text, "text")
        text = Reason(f"{name.en}: {body.text}", f"{name.zh}：{body.text}")
    else:
        text = Reason(plain(body.text.en, "text.en"), plain(body.text.zh, "text.zh"))
    return Wish(
        kind=body.kind,
        text=text,
        severity=body.severity,
        unit=body.unit,
        order=body.order,
        household=body.household,
        grid=body.grid,
        site=body.site,
        due_ms=due_of(body.due, now_ms),
    )


def due_of(text: str | None, now_ms: int) -> int | None:
    """Return when something is due, ms UTC. Raises Rejected for a time that is past, or too far."""
    due_ms = instant_of(text, "due")
    if due_ms is not None and not now_ms < due_ms <= now_ms + _LONGEST_MS:
        raise rejected("must lie in the future, and within a year", "due")
    return due_ms


def one(task: Task, status: int = 200) -> Response:
    """Return a task as an answer."""
    answer = json_answer(task, status)
    answer.headers.update(etag(task.revision))
    return answer
