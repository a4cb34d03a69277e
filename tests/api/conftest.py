"""A store on a fresh database, the hub behind it, and the application over both."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from services.api import suppressions
from services.api.app import create_app
from services.api.feed.hub import Hub
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from tests.api.examples import AT

QUEUE = 8


def clock_ms() -> int:
    """A clock that stands still."""
    return AT


@pytest.fixture
def clock() -> list[int]:
    """What the clock of the store shows, in ms UTC; a test may set it."""
    return [AT]


@pytest.fixture
def hub() -> Hub:
    """A hub whose live readers may be 8 events behind."""
    return Hub(QUEUE)


@pytest.fixture
async def store(database: Database, hub: Hub, clock: list[int]) -> AlertStore:
    """The store, with the hub behind it."""
    store = await AlertStore.open(database, hub.publish, lambda: clock[0])
    hub.begin(store.epoch, store.last_n)
    return store


@pytest.fixture
def app(store: AlertStore, hub: Hub, database: Database, tmp_path: Path) -> FastAPI:
    """The application; the token of a role is its name, and the clock stands still."""
    tokens = TokenFile({digest(role): Grant(f"a {role}", role) for role in ROLES})
    return create_app(
        store=store,
        hub=hub,
        tokens=tokens,
        database=database,
        sessions=Sessions(database, clock_ms, tmp_path / "tokens.json"),
        clock_ms=clock_ms,
        ready=lambda: {"findings": True, "broker": False},
        routers=[suppressions.router(store, store.engine_ms)],
        max_body_bytes=10_000,
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A dispatcher's client."""
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": "Bearer dispatcher"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://api", headers=headers
    ) as client:
        yield client
