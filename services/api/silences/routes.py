"""Silences over HTTP: make, list, preview, end."""

import uuid
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select
from starlette.responses import Response

from schemas.alerts import Alert
from schemas.problems import instant, rejected
from schemas.times import DAY_MS, format_ms
from services.api.audit.chain import Entry, record
from services.api.filters import Filters
from services.api.guard import LEADERS, READERS, Actor, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.paging import Cursor, PageSize, cursor_of, place_of
from services.api.people.areas import Within
from services.api.people.limit import Limit
from services.api.silences import stored
from services.api.silences.forms import Matchers, matchers_of
from services.api.silences.matchers import Matcher
from services.api.silences.silence import (
    LONGEST_MS,
    Phase,
    Silence,
    hides,
    phase,
)
from services.api.store.database import Database
from services.api.store.kept import LIVE
from services.api.store.rows import conditions
from services.api.store.store import AlertStore
from services.api.store.tables import alerts

# Silences of others' past can be looked up for so long.
_LISTED_MS: Final = 5 * DAY_MS
# A preview names so many alerts, and counts so many of the last day.
_NAMED: Final = 200
_MOST_COUNTED: Final = 20_000
_ALERT = msgspec.json.Decoder(Alert)


class Wanted(BaseModel):
    """What a silence, or a preview of one, would hide."""

    model_config = ConfigDict(extra="ignore")

    matchers: Matchers


class SilenceBody(Wanted):
    """A silence; the author is whoever sends it."""

    comment: Annotated[str, Field(min_length=1, max_length=2000)]
    startsAt: Annotated[str, Field(max_length=40)] | None = None
    endsAt: Annotated[str, Field(max_length=40)]


class Status(Struct, frozen=True):
    """Whether a silence is yet to begin, in force, or over."""

    state: Phase


class Shown(Struct, frozen=True, rename="camel"):
    """A silence in Alertmanager's words; `critical` = it hides critical alerts too."""

    id: str
    status: Status
    matchers: tuple[Matcher, ...]
    created_by: str
    comment: str
    critical: bool
    starts_at: str
    ends_at: str
    updated_at: str


class Silences(Struct, frozen=True):
    """Silences, the last made first."""

    items: list[Shown]
    next: str | None


class Named(Struct, frozen=True):
    """An alert that would be hidden."""

    id: str
    rule: str
    severity: str
    label: str


class Preview(Struct, frozen=True):
    """What a silence would hide: of the alerts that live, how many and the newest of them; and how
    many of those raised or seen in the last 24 hours (`counted_all` false = of the newest 20,000).

    `critical_kept` are alerts that live and would match, but stay: the caller does not lead.
    """

    live: int
    critical_kept: int
    items: list[Named]
    last_24_h: int
    counted_all: bool


def router(store: AlertStore, database: Database, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["silences"])

    @routes.post(
        "/silences:preview",
        response_class=Response,
        responses=answers(200, inline(Preview), 401, 403, 422),
    )
    async def preview(body: Wanted, grant: Actor, within: Within) -> Response:
        """Which alerts a silence with these matchers would hide, if the caller made it now."""
        now_ms = clock_ms()
        silence = Silence(
            id="",
            matchers=matchers_of(body.matchers, "matchers"),
            author=grant.name,
            comment="",
            critical=grant.role in LEADERS,
            starts_ms=now_ms,
            ends_ms=now_ms,
            updated_ms=now_ms,
        )
        found = await database.read(lambda c: _preview(c, silence, within, now_ms))
        return json_answer(found, 200)

    @routes.post(
        "/silences",
        status_code=201,
        response_class=Response,
        responses=answers(201, inline(Shown), 401, 403, 422),
    )
    async def make(body: SilenceBody, grant: Actor, within: Within) -> Response:
        """Silence alerts, for at most 30 days. One by a dispatcher never hides critical alerts."""
        now_ms = clock_ms()
        if within is not None:
            raise HTTPException(403, "whoever is limited to some areas may not silence")
        starts_ms = max(now_ms, instant(body.startsAt, "startsAt") if body.startsAt else now_ms)
        ends_ms = instant(body.endsAt, "endsAt")
        if ends_ms <= starts_ms:
            raise rejected("must lie after the start, and in the future", "endsAt")
        if ends_ms - now_ms > LONGEST_MS:
            raise rejected("must lie within 30 days from now", "endsAt")
        silence = Silence(
            id=str(uuid.uuid4()),
            matchers=matchers_of(body.matchers, "matchers"),
            author=grant.name,
            comment=body.comment,
            critical=grant.role in LEADERS,
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            updated_ms=now_ms,
        )

        def work(connection: Connection) -> None:
            stored.add(connection, silence)
            detail = {"ends": format_ms(ends_ms), "critical": silence.critical}
            record(
                connection,
                Entry.by(grant, now_ms, "silence.create", f"silence:{silence.id}", detail),
            )

        await database.write(work)
        await store.mark()
        return json_answer(shown(silence, now_ms), 201)

    @routes.get(
        "/silences",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Silences), 401, 403, 422),
    )
    async def page(
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Silences that are in force or to come, and those that ended in the last five days."""
        now_ms = clock_ms()
        before = place_of(cursor)
        found, more = await database.read(
            lambda c: stored.page(c, now_ms - _LISTED_MS, before, limit)
        )
        items = [shown(one, now_ms) for one in found]
        return json_answer(Silences(items, cursor_of(more)), 200)

    @routes.get(
        "/silences/{silence_id}",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Shown), 401, 403, 404),
    )
    async def get(silence_id: str) -> Response:
        """One silence."""
        found = await database.read(lambda c: stored.get(c, silence_id))
        if found is None:
            raise HTTPException(404, "no such silence")
        return json_answer(shown(found, clock_ms()), 200)

    @routes.delete(
        "/silences/{silence_id}",
        response_class=Response,
        responses=answers(200, inline(Shown), 401, 403, 404, 409),
    )
    async def end(silence_id: str, grant: Actor, within: Within) -> Response:
        """End a silence now; it stays on record, and its alerts are not silenced any more."""
        now_ms = clock_ms()
        if within is not None:
            raise HTTPException(403, "whoever is limited to some areas may not end a silence")

        def work(connection: Connection) -> Silence | None:
            found = stored.get(connection, silence_id)
            if found is None or phase(found, now_ms) == "expired":
                return found
            starts_ms = min(found.starts_ms, now_ms)
            ended = msgspec.structs.replace(
                found, starts_ms=starts_ms, ends_ms=now_ms, updated_ms=now_ms
            )
            stored.replace(connection, ended)
            record(connection, Entry.by(grant, now_ms, "silence.end", f"silence:{silence_id}"))
            return None

        over = await database.write(work)
        if over is not None:
            raise HTTPException(409, "the silence is over already")
        found = await database.read(lambda c: stored.get(c, silence_id))
        if found is None:
            raise HTTPException(404, "no such silence")
        await store.mark()
        return json_answer(shown(found, now_ms), 200)

    return routes


def _preview(
    connection: Connection, silence: Silence, within: Limit | None, now_ms: int
) -> Preview:
    visible = conditions(Filters(within=within))
    columns = (alerts.c.body, alerts.c.raised_n)
    newest = select(*columns).order_by(alerts.c.raised_n.desc())
    everything = msgspec.structs.replace(silence, critical=True)
    named: list[Named] = []
    live = kept = 0
    for row in connection.execute(newest.where(alerts.c.state.in_(LIVE), *visible)):
        alert = _ALERT.decode(row.body)
        if hides(silence, alert):
            live += 1
            if len(named) < _NAMED:
                named.append(Named(alert.id, alert.rule, alert.severity, alert.subject.label))
        elif hides(everything, alert):
            kept += 1
    recent = newest.where(alerts.c.updated_ms >= now_ms - DAY_MS, *visible)
    rows = connection.execute(recent.limit(_MOST_COUNTED + 1)).all()
    seen = sum(hides(silence, _ALERT.decode(row.body)) for row in rows[:_MOST_COUNTED])
    return Preview(live, kept, named, seen, len(rows) <= _MOST_COUNTED)


def shown(one: Silence, now_ms: int) -> Shown:
    """Return a silence as it is told."""
    return Shown(
        id=one.id,
        status=Status(phase(one, now_ms)),
        matchers=one.matchers,
        created_by=one.author,
        comment=one.comment,
        critical=one.critical,
        starts_at=format_ms(one.starts_ms),
        ends_at=format_ms(one.ends_ms),
        updated_at=format_ms(one.updated_ms),
    )
