"""A migrated database and a clock that stands still until a test moves it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.api.store.database import Database


@dataclass
class Clock:
    """A clock in ms UTC."""

    now_ms: int = 1_650_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, migrated, of each kind."""
    database = Database(database_url)
    yield database
    await database.close()
