"""Figures over time over HTTP: what the pictures of the console are drawn from."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from msgspec import Struct
from sqlalchemy import Connection, select
from starlette.responses import Response

from schemas.problems import rejected
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS, format_ms
from services.api.alerts import instant_of
from services.api.gates.news import News
from services.api.guard import READERS, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.people.areas import Within
from services.api.people.limit import Limit
from services.api.pictures.figures import Figures, Happening, figures_of
from services.api.store.database import Database
from services.api.store.tables import alert_events as events

LONGEST_MS: Final = 31 * DAY_MS
MOST_STEPS: Final = 500
_PAGE: Final = 1_000
_decode = msgspec.json.Decoder(Happening).decode


class Minutes(Struct, frozen=True):
    """Events that ingest took in during each minute from `since` on."""

    at: list[str]
    accepted: list[int]
    rejected: list[int]


class Pictures(Struct, frozen=True):
    """Figures in [since, until) in steps of `step_s`; `minutes` has what this process has heard of
    events, for a day at most, and is empty for a reader who is limited to areas."""

    since: str
    until: str
    step_s: int
    figures: Figures
    minutes: Minutes


def router(
    database: Database,
    news: News,
    limits: Callable[[], Awaitable[Mapping[str, float]]],
    clock_ms: Callable[[], int],
) -> APIRouter:
    """Return the route; `limits` are those of escalation that are in force."""
    routes = APIRouter(prefix="/v1/pictures", tags=["alerts"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Pictures), 401, 403, 422),
    )
    async def pictures(
        within: Within,
        since: Annotated[str | None, Query(description="RFC 3339; unset: a day before")] = None,
        until: Annotated[str | None, Query(description="RFC 3339; unset: now")] = None,
        step_s: Annotated[int, Query(ge=60, le=86_400)] = 3_600,
    ) -> Response:
        """Alerts by rule and grid, how soon they were taken on, what they turned out to be, and
        events a minute: of the last day, or in [since, until), which is 31 days at most."""
        until_ms = instant_of(until, "until") or clock_ms() + SECOND_MS
        since_ms = instant_of(since, "since") or until_ms - DAY_MS
        if not 0 < until_ms - since_ms <= LONGEST_MS:
            raise rejected("must lie within 31 days after since", "until")
        step_ms = step_s * SECOND_MS
        if (until_ms - since_ms) > MOST_STEPS * step_ms:
            raise rejected(f"makes more than {MOST_STEPS} steps", "step_s")
        now = await limits()

        def read(connection: Connection) -> Figures:
            happened = _happened(connection, since_ms, until_ms, within)
            return figures_of(happened, since_ms, until_ms, step_ms, now)

        return json_answer(
            Pictures(
                since=format_ms(since_ms),
                until=format_ms(until_ms),
                step_s=step_s,
                figures=await database.read(read),
                minutes=_minutes(news, since_ms, until_ms, within),
            )
        )

    return routes


def _happened(
    connection: Connection, since_ms: int, until_ms: int, within: Limit | None
) -> Iterator[Happening]:
    query = (
        select(events.c.committed_ms, events.c.body)
        .where(events.c.committed_ms >= since_ms, events.c.committed_ms < until_ms)
        .order_by(events.c.n)
        .execution_options(yield_per=_PAGE)
    )
    for row in connection.execute(query):
        one = _decode(row.body)
        alert = one.data
        if within is None or within.covers(alert.grid, alert.site, alert.order):
            one.committed_ms = row.committed_ms
            yield one


def _minutes(news: News, since_ms: int, until_ms: int, within: Limit | None) -> Minutes:
    if within is not None:
        return Minutes([], [], [])
    # The newest minute is not over, and would look like a fall.
    over_ms = until_ms - until_ms % MINUTE_MS
    kept = [each for each in list(news.minutes) if since_ms <= each.minute_ms < over_ms]
    return Minutes(
        [format_ms(each.minute_ms) for each in kept],
        [each.accepted for each in kept],
        [each.rejected for each in kept],
    )
