"""A migrated database of each kind, and a vault with keys of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.api.store.database import Database
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, migrated, of each kind."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    """Where the master keys lie."""
    return tmp_path / "vault.key"


@pytest.fixture
def vault(keys_path: Path) -> Vault:
    """A vault with a fresh key."""
    return Vault(MasterKeys.load_or_create(keys_path))
