"""The routes of passes around the desk of the registers' tests."""

from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.persons import PseudonymKey
from services.api import problems
from services.api.passes.routes import router
from services.api.passes.signing import PassSigner
from services.api.registers import routes as registers
from services.api.registers.desk import Desk
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault
from tests.api_registers.conftest import Clock, clock, database, desk, settings, topics

__all__ = ["clock", "database", "desk", "settings", "topics"]


@pytest.fixture
async def client(
    desk: Desk, database: Database, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A dispatcher's client."""
    app = FastAPI()
    app.state.tokens = TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES})
    app.state.sessions = Sessions(database, clock, tmp_path / "tokens.json")
    problems.install(app)
    vault = Vault(MasterKeys.load_or_create(tmp_path / "vault.key"))
    signer = PassSigner(PseudonymKey.fixed_for_tests())
    app.include_router(registers.router(desk))
    app.include_router(router(desk, database, vault, signer, clock, ZoneInfo("Asia/Shanghai")))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://api",
        headers={"Authorization": "Bearer dispatcher"},
    ) as client:
        yield client
