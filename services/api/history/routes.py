"""The history of one alert over HTTP: its revisions, and what people wrote."""

from typing import Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from sqlalchemy import Connection, select
from starlette.responses import Response

from schemas.alerts import Alert
from schemas.times import format_ms
from services.api.acts import Acts
from services.api.guard import READERS, require
from services.api.history import stored
from services.api.history.stored import Revision
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.paging import Cursor, PageSize
from services.api.store.database import Database
from services.api.store.tables import alerts

_ACTS = msgspec.json.Decoder(Acts)


class Changed(Struct, frozen=True):
    """A field of an alert before and after; null = it had none."""

    before: Any
    after: Any


class Step(Struct, frozen=True, omit_defaults=True):
    """One revision: `verb` as in the event's type, `actor` where a person acted, `time` when it
    happened by the engine's clock (a person's by the wall's), `committed` when the store knew."""

    revision: int
    verb: str
    time: str
    committed: str
    changes: dict[str, Changed]
    actor: str | None = None


class Steps(Struct, frozen=True):
    """Revisions, the oldest first."""

    items: list[Step]
    next: str | None


class Note(Struct, frozen=True):
    """What somebody wrote."""

    at: str
    by: str
    text: str


class Notes(Struct, frozen=True):
    """All notes of an alert, the oldest first."""

    items: list[Note]


def router(database: Database) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @routes.get(
        "/{alert_id}/history",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Steps), 401, 403, 404, 422),
    )
    async def history(
        alert_id: str,
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Every revision of an alert: what changed, who did it, when."""
        after = int(cursor or 0)
        known, before, found = await database.read(
            lambda c: (_acts(c, alert_id), *stored.revisions(c, alert_id, after, limit + 1))
        )
        if known is None:
            raise HTTPException(404, "no such alert")
        more = str(found[limit - 1].n) if len(found) > limit else None
        return json_answer(Steps(_steps(before, found[:limit]), more))

    @routes.get(
        "/{alert_id}/notes",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Notes), 401, 403, 404),
    )
    async def notes(alert_id: str) -> Response:
        """What people wrote about an alert, and about those that it took the place of."""
        acts = await database.read(lambda c: _acts(c, alert_id))
        if acts is None:
            raise HTTPException(404, "no such alert")
        written = [Note(format_ms(one.at_ms), one.by, one.text) for one in acts.notes]
        return json_answer(Notes(written))

    return routes


def _acts(connection: Connection, alert_id: str) -> Acts | None:
    body = connection.scalar(select(alerts.c.acts).where(alerts.c.id == alert_id))
    return None if body is None else _ACTS.decode(body)


def _steps(before: Revision | None, found: list[Revision]) -> list[Step]:
    steps = []
    old = None if before is None else before.event.data
    for one in found:
        event = one.event
        steps.append(
            Step(
                revision=event.data.revision,
                verb=event.type.split(".")[2],
                time=event.time,
                committed=format_ms(one.committed_ms),
                changes=changes(old, event.data),
                actor=event.actor,
            )
        )
        old = event.data
    return steps


def changes(old: Alert | None, new: Alert) -> dict[str, Changed]:
    """Return the fields in which two revisions differ; without an old one, all of the new one."""
    was = {} if old is None else msgspec.to_builtins(old)
    now = msgspec.to_builtins(new)
    return {
        name: Changed(was.get(name), now.get(name))
        for name in [*now, *(name for name in was if name not in now)]
        if name != "revision" and was.get(name) != now.get(name)
    }
