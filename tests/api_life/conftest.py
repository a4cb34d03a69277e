"""The store, the hub and the application of the API's own tests, with a clock that tests move."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.alerts import FindingEvent
from services.api.app import create_app
from services.api.feed.hub import Hub
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.conftest import clock, hub, store  # noqa: F401 — these are fixtures.


class Tell(Protocol):
    """Lets the store merge findings, one transaction for all."""

    async def __call__(self, *findings: FindingEvent) -> None: ...


class Call(Protocol):
    """Calls the API as somebody with a role; returns the answer."""

    async def __call__(
        self, method: str, path: str, role: str = "dispatcher", **more: Any
    ) -> httpx.Response: ...


@pytest.fixture
def app(
    store: AlertStore,  # noqa: F811
    hub: Hub,  # noqa: F811
    database: Database,
    clock: list[int],  # noqa: F811
    tmp_path: Path,
) -> FastAPI:
    """The application; the token of a role is its name. `limited` sees grid g1 alone."""
    tokens = {digest(role): Grant(f"a {role}", role) for role in ROLES}
    tokens[digest("other")] = Grant("another dispatcher", "dispatcher")
    tokens[digest("limited")] = Grant("a limited dispatcher", "dispatcher", areas=("g1",))
    return create_app(
        store=store,
        hub=hub,
        tokens=TokenFile(tokens),
        database=database,
        sessions=Sessions(database, lambda: clock[0], tmp_path / "tokens.json"),
        clock_ms=lambda: clock[0],
        ready=dict,
        routers=[],
        max_body_bytes=100_000,
    )


@pytest.fixture
def tell(store: AlertStore) -> Tell:  # noqa: F811
    """Findings, told to the store."""
    offset = 0

    async def told(*findings: FindingEvent) -> None:
        nonlocal offset
        records = [Sourced(0, offset + place, one) for place, one in enumerate(findings)]
        offset += len(findings)
        await store.apply("t", records, {0: offset})

    return told


@asynccontextmanager
async def _client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


@pytest.fixture
async def call(app: FastAPI) -> AsyncIterator[Call]:
    """Calls of the API."""
    opened: AbstractAsyncContextManager[httpx.AsyncClient] = _client(app)
    async with opened as client:

        async def called(
            method: str, path: str, role: str = "dispatcher", **more: Any
        ) -> httpx.Response:
            headers = {"Authorization": f"Bearer {role}"} | more.pop("headers", {})
            if "revision" in more:
                headers["If-Match"] = str(more.pop("revision"))
            return await client.request(method, path, headers=headers, **more)

        yield called
