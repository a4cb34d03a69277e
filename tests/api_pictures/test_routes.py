"""Figures over time over HTTP, from a store with alerts in it."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from schemas.intake_reports import IntakeReport
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from services.api.gates.news import News
from services.api.overdue import DEFAULTS
from services.api.pictures import routes
from services.api.store.database import Database
from tests.api.conftest import clock, hub, store  # noqa: F401 — these are fixtures.
from tests.api.examples import AT, finding
from tests.api_life.conftest import Call, Tell, app, call, tell  # noqa: F401 — likewise.


@pytest.fixture
async def pictures(
    app: FastAPI,  # noqa: F811
    database: Database,
    clock: list[int],  # noqa: F811
) -> News:
    """The route, and the news that it shows."""

    async def limits() -> Mapping[str, float]:
        return DEFAULTS

    news = News()
    app.include_router(routes.router(database, news, limits, lambda: clock[0]))
    return news


async def get(call: Call, role: str = "viewer", **params: Any) -> httpx.Response:  # noqa: F811
    return await call("GET", "/v1/pictures", role, params=params)


async def test_the_last_day_is_told_in_steps(
    pictures: News,
    call: Call,  # noqa: F811
    tell: Tell,  # noqa: F811
    clock: list[int],  # noqa: F811
) -> None:
    await tell(finding("a"), finding("b", grid="g1"))
    clock[0] = AT + MINUTE_MS
    acked = await call("POST", "/v1/alerts/a/ack", revision=1, json={})
    assert acked.status_code == 200, acked.text
    answer = (await get(call)).json()
    assert answer["step_s"] == 3600
    steps = answer["figures"]["steps"]
    assert len(steps) == 24
    assert sum(step["raised"] for step in steps) == 2
    assert steps[-1]["acked_s"] == [60.0, 60.0]
    assert (steps[-1]["waited"], steps[-1]["in_time"], steps[-1]["actors"]) == (1, 1, 1)
    assert answer["figures"]["operator_hours"] == 1
    limited = (await get(call, "limited")).json()
    assert sum(step["raised"] for step in limited["figures"]["steps"]) == 1


async def test_minutes_are_those_that_are_over(
    pictures: News,
    call: Call,  # noqa: F811
    clock: list[int],  # noqa: F811
) -> None:
    for n in range(3):
        at = format_ms(AT + n * MINUTE_MS)
        pictures.take(IntakeReport(process="p", at=at, accepted=n, rejected=1))
    clock[0] = AT + 2 * MINUTE_MS
    minutes = (await get(call)).json()["minutes"]
    assert (minutes["accepted"], minutes["rejected"]) == ([0, 1], [1, 1])
    assert (await get(call, "limited")).json()["minutes"]["at"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"since": format_ms(AT - 32 * DAY_MS)}, "until"),
        ({"since": format_ms(AT), "until": format_ms(AT)}, "until"),
        ({"since": "yesterday"}, "since"),
        ({"step_s": 60}, "step_s"),
        ({"step_s": 59}, "step_s"),
    ],
)
async def test_what_cannot_be_drawn_is_refused(
    pictures: News,
    call: Call,  # noqa: F811
    params: dict[str, Any],
    field: str,
) -> None:
    answer = await get(call, **params)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_steps_of_a_minute_are_for_some_hours(
    pictures: News,
    call: Call,  # noqa: F811
    clock: list[int],  # noqa: F811
) -> None:
    since = format_ms(clock[0] - 2 * HOUR_MS)
    answer = await get(call, since=since, until=format_ms(clock[0]), step_s=60)
    assert len(answer.json()["figures"]["steps"]) == 120
