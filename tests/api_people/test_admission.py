"""Streams end when what let their readers in is over, or stands for something else by now."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from websockets.exceptions import ConnectionClosed

from schemas.access import Grant, TokenFile, add_token
from services.api.app import create_app
from services.api.feed.admission import Admissions
from services.api.feed.frames import SSE
from services.api.feed.hub import Hub, Reader
from services.api.filters import NO_FILTERS
from services.api.metrics import REGISTRY
from services.api.people.passwords import Passwords
from services.api.people.users import Change, Users
from services.api.session import COOKIE, SESSION_MS, Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from tests.api.examples import AT
from tests.api.test_subscribe import WITHIN_S, address, jsonl, sse, ws  # noqa: F401
from tests.clock import Clock

ADMIN = Grant("the admin", "admin")


@pytest.fixture
def clock() -> Clock:
    return Clock(AT)


@pytest.fixture
def hub() -> Hub:
    return Hub(100)


@pytest.fixture
def tokens_path(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.json"
    add_token(path, "viewer", Grant("a viewer", "viewer"))
    add_token(path, "other", Grant("another", "viewer"))
    return path


@pytest.fixture
async def sessions(database: Database, clock: Clock, tokens_path: Path) -> Sessions:
    sessions = Sessions(database, clock, tokens_path)
    await sessions.start()
    return sessions


@pytest.fixture
async def app(
    database: Database, hub: Hub, clock: Clock, tokens_path: Path, sessions: Sessions
) -> FastAPI:
    store = await AlertStore.open(database, hub.publish, clock)
    hub.begin(store.epoch, store.last_n)
    return create_app(
        store=store,
        database=database,
        hub=hub,
        tokens=TokenFile.load(tokens_path),
        sessions=sessions,
        clock_ms=clock,
        ready=dict,
        routers=[],
        max_body_bytes=10_000,
    )


@pytest.fixture
def admissions(app: FastAPI, hub: Hub, sessions: Sessions, tokens_path: Path) -> Admissions:
    return Admissions(hub, sessions, app.state, tokens_path)


@pytest.fixture
async def users(database: Database, clock: Clock) -> Users:
    users = Users(database, Passwords(), clock)
    await users.start()
    return users


def sent_away(why: str, registry: CollectorRegistry = REGISTRY) -> float:
    return registry.get_sample_value("cordon_api_feed_sent_away_total", {"why": why}) or 0.0


@pytest.mark.parametrize("way", [sse, jsonl, ws])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Change(disabled=True), "ended"),
        (Change(role="dispatcher"), "ended"),
        (Change(areas=["north"]), "ended"),
    ],
)
async def test_a_user_who_is_changed_hears_no_more(
    address: str,  # noqa: F811
    admissions: Admissions,
    hub: Hub,
    users: Users,
    sessions: Sessions,
    way: Callable[..., Any],
    change: Change,
    why: str,
) -> None:
    user = await users.add("li", "viewer", None, None, ADMIN)
    cookie = await sessions.open(Grant("li", "viewer", account="li"))
    before = sent_away(why)
    own = {"Authorization": "", "Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
    async with asyncio.timeout(WITHIN_S), way(address, "", **own) as take:
        await take(1)
        await admissions.look()
        assert len(hub.readers) == 1
        await users.change("li", user.revision, change, ADMIN)
        await admissions.look()
        with pytest.raises((StopAsyncIteration, ConnectionClosed)) as ended:
            await take(1)
        if isinstance(ended.value, ConnectionClosed):
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1008
    assert sent_away(why) == before + 1


@pytest.mark.parametrize("way", [sse, jsonl, ws])
async def test_a_token_that_is_taken_out_of_the_file_serves_no_more(
    address: str,  # noqa: F811
    admissions: Admissions,
    tokens_path: Path,
    hub: Hub,
    way: Callable[..., Any],
) -> None:
    other = {"Authorization": "Bearer other"}
    async with (
        asyncio.timeout(WITHIN_S),
        way(address, "") as take,
        way(address, "", **other) as stays,
    ):
        await take(1)
        await stays(1)
        tokens_path.unlink()  # noqa: ASYNC240 — a moment, in a test.
        await admissions.look()
        # What is no file lets nobody in, and shuts nobody out.
        assert len(hub.readers) == 2
        add_token(tokens_path, "other", Grant("another", "viewer"))
        await admissions.look()
        with pytest.raises((StopAsyncIteration, ConnectionClosed)):
            await take(1)
        assert len(hub.readers) == 1
        add_token(tokens_path, "other", Grant("another", "viewer", areas=("north",)))
        before = sent_away("changed")
        await admissions.look()
        assert sent_away("changed") == before + 1
        with pytest.raises((StopAsyncIteration, ConnectionClosed)):
            await stays(1)


async def test_a_session_that_is_over_ends_its_streams(
    address: str,  # noqa: F811
    admissions: Admissions,
    sessions: Sessions,
    clock: Clock,
) -> None:
    cookie = await sessions.open(Grant("li", "viewer", account="li"))
    own = {"Authorization": "", "Cookie": f"{COOKIE}={cookie}"}
    async with asyncio.timeout(WITHIN_S), jsonl(address, "", **own) as take:
        await take(1)
        clock.now_ms += SESSION_MS
        await admissions.look()
        with pytest.raises(StopAsyncIteration):
            await take(1)


async def test_a_reader_that_takes_nothing_is_cut_off_at_the_second_look(hub: Hub) -> None:
    reader = Reader(0, NO_FILTERS, SSE)
    hub.join(reader)
    hub.dismiss(reader)
    assert (reader.dismissed, reader.cut.is_set()) == (True, False)
    hub.dismiss(reader)
    assert reader.cut.is_set()
    hub.leave(reader)
