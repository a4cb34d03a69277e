"""Sessions and one-time links: how long they hold, and what they survive."""

from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from schemas.access import Grant, add_token
from services.api.session import LINK_MS, SESSION_MS, Sessions, is_own_page
from services.api.store.database import Database
from tests.clock import Clock

WHO = Grant("duty desk", "dispatcher")


@pytest.fixture
def tokens_path(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.json"
    add_token(path, "t", WHO)
    return path


async def started(database: Database, clock: Clock, tokens_path: Path) -> Sessions:
    sessions = Sessions(database, clock, tokens_path)
    await sessions.start()
    return sessions


async def test_a_session_holds_twelve_hours(
    database: Database, clock: Clock, tokens_path: Path
) -> None:
    sessions = await started(database, clock, tokens_path)
    value = await sessions.open(WHO)
    assert await sessions.grant_of_cookie(value) == WHO
    assert await sessions.grant_of_cookie(value + "x") is None
    assert await sessions.grant_of_cookie(None) is None
    clock.now_ms += SESSION_MS - 1
    assert await sessions.grant_of_cookie(value) == WHO
    clock.now_ms += 1
    assert await sessions.grant_of_cookie(value) is None


async def test_a_session_survives_a_restart_until_it_ends(
    database: Database, clock: Clock, tokens_path: Path
) -> None:
    sessions = await started(database, clock, tokens_path)
    kept, ended, old = [await sessions.open(WHO) for _ in range(3)]
    await sessions.close(ended)
    assert await sessions.grant_of_cookie(ended) is None
    again = await started(database, clock, tokens_path)
    assert await again.grant_of_cookie(kept) == WHO
    assert await again.grant_of_cookie(ended) is None
    clock.now_ms += SESSION_MS
    assert await (await started(database, clock, tokens_path)).grant_of_cookie(old) is None


async def test_a_change_of_the_tokens_ends_the_sessions_at_the_next_start(
    database: Database, clock: Clock, tokens_path: Path
) -> None:
    value = await (await started(database, clock, tokens_path)).open(WHO)
    add_token(tokens_path, "another", WHO)
    assert await (await started(database, clock, tokens_path)).grant_of_cookie(value) is None


async def test_a_link_signs_in_once_within_ten_minutes(
    database: Database, clock: Clock, tokens_path: Path
) -> None:
    sessions = await started(database, clock, tokens_path)
    code, late = await sessions.new_link(WHO), await sessions.new_link(WHO)
    assert await sessions.use_link(code) == WHO
    assert await sessions.use_link(code) is None
    clock.now_ms += LINK_MS
    assert await sessions.use_link(late) is None


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://api:8080"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://api:8080"}, True),
        ({"origin": "http://api:9090"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_cookie_counts_only_from_the_own_page(headers: dict[str, str], own: bool) -> None:
    raw = [(key.encode(), value.encode()) for key, value in {"host": "api:8080", **headers}.items()]
    assert is_own_page(HTTPConnection({"type": "http", "headers": raw})) is own
