"""Batches around the desk of the registers' tests, with tasks and a vault."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from services.api import problems
from services.api.batches.desk import BatchDesk
from services.api.batches.routes import router
from services.api.overdue import DEFAULTS
from services.api.registers import routes as registers
from services.api.registers.desk import Desk
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.tasks.desk import TaskDesk
from services.api.tasks.task import Task
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault
from tests.api_registers.conftest import Clock, clock, database, desk, settings, topics

__all__ = ["clock", "database", "desk", "settings", "topics"]


@pytest.fixture
async def tasks(database: Database, clock: Clock) -> TaskDesk:
    """The desk of tasks; nothing is approved here."""
    store = await AlertStore.open(database, lambda published: None, clock)

    async def limits() -> Mapping[str, float]:
        return DEFAULTS

    async def file(task: Task) -> None:
        raise AssertionError(task)

    return TaskDesk(database, store, limits, clock, file)


@pytest.fixture
async def client(
    desk: Desk, database: Database, tasks: TaskDesk, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A dispatcher's client."""
    app = FastAPI()
    app.state.tokens = TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES})
    app.state.sessions = Sessions(database, clock, tmp_path / "tokens.json")
    problems.install(app)
    vault = Vault(MasterKeys.load_or_create(tmp_path / "vault.key"))
    zone = ZoneInfo("Asia/Shanghai")
    app.include_router(registers.router(desk))
    app.include_router(router(BatchDesk(desk, database, vault, tasks, clock, zone)))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://api",
        headers={"Authorization": "Bearer dispatcher"},
    ) as client:
        yield client
