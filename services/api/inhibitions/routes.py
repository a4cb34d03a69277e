"""Inhibitions over HTTP: make, list, preview, end."""

import uuid
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select
from starlette.responses import Response

from schemas.access import Grant
from schemas.alerts import Alert
from schemas.problems import instant, rejected
from schemas.times import DAY_MS, format_ms
from services.api.audit.chain import Entry, record
from services.api.guard import READERS, Leader, require
from services.api.inhibitions import stored
from services.api.inhibitions.inhibition import (
    Inhibition,
    Phase,
    critical_in,
    inhibited_in,
    inhibits,
    phase,
)
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.paging import Cursor, PageSize, cursor_of, place_of
from services.api.people.areas import Within
from services.api.silences.forms import Matchers, matchers_of
from services.api.silences.matchers import Matcher
from services.api.store.database import Database
from services.api.store.kept import LIVE
from services.api.store.store import AlertStore
from services.api.store.tables import alerts

# Those that are over can be looked up for so long.
_LISTED_MS: Final = 5 * DAY_MS
# A preview names so many alerts.
_NAMED: Final = 200
_ALERT = msgspec.json.Decoder(Alert)

Equal = Literal["site", "grid", "order", "incident", "subject"]


class Wanted(BaseModel):
    """What an inhibition, or a preview of one, is about."""

    model_config = ConfigDict(extra="ignore")

    sourceMatchers: Matchers
    targetMatchers: Matchers
    equal: Annotated[list[Equal], Field(min_length=1, max_length=5)]


class InhibitionBody(Wanted):
    """An inhibition; the author is whoever sends it. Without `endsAt` it holds until somebody ends
    it."""

    comment: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
    endsAt: Annotated[str, Field(max_length=40)] | None = None


class Status(Struct, frozen=True):
    """Whether an inhibition is in force, or over."""

    state: Phase


class Shown(Struct, frozen=True, rename="camel"):
    """An inhibition in Alertmanager's words; `ends_at` null = until somebody ends it."""

    id: str
    status: Status
    source_matchers: tuple[Matcher, ...]
    target_matchers: tuple[Matcher, ...]
    equal: tuple[str, ...]
    created_by: str
    comment: str
    starts_at: str
    ends_at: str | None
    updated_at: str


class Inhibitions(Struct, frozen=True):
    """Inhibitions, the last made first."""

    items: list[Shown]
    next: str | None


class Named(Struct, frozen=True):
    """An alert that would be inhibited, and by which other."""

    id: str
    rule: str
    severity: str
    label: str
    by: str


class Preview(Struct, frozen=True):
    """What an inhibition would do now: how many alerts that live would inhibit, how many would be
    inhibited, and the newest of these. `critical_kept` would match too, but critical alerts are
    never inhibited."""

    sources: int
    live: int
    critical_kept: int
    items: list[Named]


def router(store: AlertStore, database: Database, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["inhibitions"])

    @routes.post(
        "/inhibitions:preview",
        response_class=Response,
        responses=answers(200, inline(Preview), 401, 403, 422),
    )
    async def preview(body: Wanted, grant: Leader, within: Within) -> Response:
        """Which alerts would be inhibited, if the caller made this inhibition now."""
        _let_in_everywhere(within)
        inhibition = _inhibition(body, grant, "", clock_ms(), None)
        return json_answer(await database.read(lambda c: _preview(c, inhibition)))

    @routes.post(
        "/inhibitions",
        status_code=201,
        response_class=Response,
        responses=answers(201, inline(Shown), 401, 403, 409, 422),
    )
    async def make(body: InhibitionBody, grant: Leader, within: Within) -> Response:
        """While an alert of one kind lives, mark those of another kind with the same labels."""
        _let_in_everywhere(within)
        now_ms = clock_ms()
        ends_ms = None if body.endsAt is None else instant(body.endsAt, "endsAt")
        if ends_ms is not None and ends_ms <= now_ms:
            raise rejected("must lie in the future", "endsAt")
        inhibition = _inhibition(body, grant, body.comment, now_ms, ends_ms)

        def work(connection: Connection) -> None:
            stored.add(connection, inhibition)
            ends = {} if ends_ms is None else {"ends": format_ms(ends_ms)}
            record(
                connection,
                Entry.by(grant, now_ms, "inhibition.create", f"inhibition:{inhibition.id}", ends),
            )

        try:
            await database.write(work)
        except stored.TooMany as error:
            raise HTTPException(409, f"{stored.MOST_IN_FORCE} are in force already") from error
        await store.mark()
        return json_answer(_shown(inhibition, now_ms), 201)

    @routes.get(
        "/inhibitions",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Inhibitions), 401, 403, 422),
    )
    async def page(
        cursor: Cursor = None,
        limit: PageSize = 100,
    ) -> Response:
        """Inhibitions that are in force, and those that ended in the last five days."""
        now_ms = clock_ms()
        before = place_of(cursor)
        found, more = await database.read(
            lambda c: stored.page(c, now_ms - _LISTED_MS, before, limit)
        )
        items = [_shown(one, now_ms) for one in found]
        return json_answer(Inhibitions(items, cursor_of(more)))

    @routes.get(
        "/inhibitions/{inhibition_id}",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Shown), 401, 403, 404),
    )
    async def get(inhibition_id: str) -> Response:
        """One inhibition."""
        found = await database.read(lambda c: stored.get(c, inhibition_id))
        if found is None:
            raise HTTPException(404, "no such inhibition")
        return json_answer(_shown(found, clock_ms()))

    @routes.delete(
        "/inhibitions/{inhibition_id}",
        response_class=Response,
        responses=answers(200, inline(Shown), 401, 403, 404, 409),
    )
    async def end(inhibition_id: str, grant: Leader, within: Within) -> Response:
        """End an inhibition now; it stays on record, and what it inhibited is so no more."""
        _let_in_everywhere(within)
        now_ms = clock_ms()

        def work(connection: Connection) -> Inhibition | None:
            found = stored.get(connection, inhibition_id)
            if found is None:
                return None
            if phase(found, now_ms) == "expired":
                raise HTTPException(409, "the inhibition is over already")
            ended = msgspec.structs.replace(found, ends_ms=now_ms, updated_ms=now_ms)
            stored.replace(connection, ended)
            record(
                connection, Entry.by(grant, now_ms, "inhibition.end", f"inhibition:{inhibition_id}")
            )
            return ended

        ended = await database.write(work)
        if ended is None:
            raise HTTPException(404, "no such inhibition")
        await store.mark()
        return json_answer(_shown(ended, now_ms))

    return routes


def _let_in_everywhere(within: Within) -> None:
    """Raise HTTPException 403 for whoever is limited: matchers know no areas."""
    if within is not None:
        raise HTTPException(403, "whoever is limited to some areas may not inhibit")


def _inhibition(
    body: Wanted, grant: Grant, comment: str, now_ms: int, ends_ms: int | None
) -> Inhibition:
    return Inhibition(
        id=str(uuid.uuid4()),
        source=matchers_of(body.sourceMatchers, "sourceMatchers"),
        target=matchers_of(body.targetMatchers, "targetMatchers"),
        equal=tuple(dict.fromkeys(body.equal)),
        author=grant.name,
        comment=comment,
        starts_ms=now_ms,
        ends_ms=ends_ms,
        updated_ms=now_ms,
    )


def _preview(connection: Connection, inhibition: Inhibition) -> Preview:
    newest = select(alerts.c.body).order_by(alerts.c.raised_n.desc())
    bodies = connection.scalars(newest.where(alerts.c.state.in_(LIVE)))
    living = [_ALERT.decode(body) for body in bodies]
    sources: dict[str | None, str] = {}
    count = live = kept = 0
    for alert in living:
        place = inhibits(inhibition, alert)
        if place is not None:
            count += 1
            sources[place] = min(alert.id, sources.get(place, alert.id))
    named: list[Named] = []
    for alert in living:
        by = sources.get(inhibited_in(inhibition, alert))
        if by is not None:
            live += 1
            if len(named) < _NAMED:
                label = alert.subject.label
                named.append(Named(alert.id, alert.rule, alert.severity, label, by))
        kept += critical_in(inhibition, alert) in sources
    return Preview(count, live, kept, named)


def _shown(one: Inhibition, now_ms: int) -> Shown:
    return Shown(
        id=one.id,
        status=Status(phase(one, now_ms)),
        source_matchers=one.source,
        target_matchers=one.target,
        equal=one.equal,
        created_by=one.author,
        comment=one.comment,
        starts_at=format_ms(one.starts_ms),
        ends_at=None if one.ends_ms is None else format_ms(one.ends_ms),
        updated_at=format_ms(one.updated_ms),
    )
