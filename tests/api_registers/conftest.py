"""A desk on the real broker with a database of its own, and the API's routes around it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.persons import PseudonymKey
from schemas.settings import Settings
from schemas.topics import TOPICS
from services.api import problems
from services.api.imports import routes as imports
from services.api.imports.work import Imports
from services.api.registers import orders
from services.api.registers.desk import Desk
from services.api.registers.routes import router
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault


@dataclass
class Clock:
    """The wall clock, which a test can put back or forward."""

    offset_ms: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.offset_ms


@pytest.fixture
async def topics(kafka: str) -> None:
    """The register topics; they may be there already."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        wanted = [
            NewTopic(topic.name, 1, 1, topic_configs=topic.config())
            for topic in TOPICS
            if topic.name.startswith("cordon.registers.")
        ]
        answer = await admin.create_topics(wanted)
        for _, code, *_ in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)
    finally:
        await admin.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(kafka: str, tmp_path: Path, database_url: str) -> Settings:
    return Settings(kafka=kafka, data_dir=tmp_path, clock="events", database_url=database_url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A fresh database, migrated, of each kind."""
    database = Database(settings.store_url)
    yield database
    await database.close()


@pytest.fixture
async def desk(
    topics: None, settings: Settings, database: Database, clock: Clock
) -> AsyncIterator[Desk]:
    """A desk that has read the registers."""
    desk = Desk(settings, database, clock, PseudonymKey.fixed_for_tests())
    await desk.start()
    await desk.wait_ready()
    yield desk
    await desk.stop()


@asynccontextmanager
async def client_of(
    desk: Desk, database: Database, clock: Clock, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the desk's routes; the token of each role is the role's own name."""
    app = FastAPI()
    app.state.tokens = TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES})
    app.state.sessions = Sessions(database, clock, folder / "tokens.json")
    problems.install(app)
    vault = Vault(MasterKeys.load_or_create(folder / "vault.key"))
    work = Imports(desk, database, vault, clock, ZoneInfo("Asia/Shanghai"))
    app.include_router(imports.router(work, database, clock))
    app.include_router(router(desk))
    app.include_router(orders.router(desk, clock, ZoneInfo("Asia/Shanghai")))
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://api",
            headers={"Authorization": "Bearer admin"},
        ) as client:
            yield client
    finally:
        await work.stop()


@pytest.fixture
async def client(
    desk: Desk, database: Database, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin's token."""
    async with client_of(desk, database, clock, tmp_path) as client:
        yield client
