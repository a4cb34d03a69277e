"""The public form around the desk of the registers' tests, with rates that a test can reach."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.persons import PseudonymKey
from services.api import problems
from services.api.registers import routes as registers
from services.api.registers.desk import Desk
from services.api.registration.reception import Reception
from services.api.registration.routes import router
from services.api.registration.site_code import SiteCodes
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault
from tests.api_registers.conftest import Clock, clock, database, desk, settings, topics

__all__ = ["clock", "database", "desk", "settings", "topics"]

KEY = PseudonymKey.fixed_for_tests()
MOST = 12


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault with keys of the test's own."""
    return Vault(MasterKeys.load_or_create(tmp_path / "vault.key"))


@pytest.fixture
async def client(
    desk: Desk, database: Database, vault: Vault, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A stranger's client: it has no token."""
    app = FastAPI()
    app.state.tokens = TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES})
    app.state.sessions = Sessions(database, clock, tmp_path / "tokens.json")
    problems.install(app)
    codes = SiteCodes(KEY)
    reception = Reception(
        database,
        vault,
        desk.intake,
        codes,
        clock,
        ZoneInfo("Asia/Shanghai"),
        {"address": (f"{MOST}/minute",), "site": (f"{MOST}/minute",)},
    )
    app.include_router(registers.router(desk))
    app.include_router(router(reception, codes, desk, database))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api"
    ) as client:
        yield client


@pytest.fixture
def code(clock: Clock) -> str:
    """The code of a site, good for a week."""
    from datetime import datetime

    today = datetime.fromtimestamp(clock() / 1000, ZoneInfo("Asia/Shanghai")).date()
    return SiteCodes(KEY).code("gate-1", today + timedelta(days=7))
