"""A migrated database of each kind."""

from collections.abc import AsyncIterator

import pytest

from services.api.store.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, migrated, of each kind."""
    database = Database(database_url)
    yield database
    await database.close()
