"""A migrated database, a clock that a test moves, and passwords that are quick to hash."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.api.people.passwords import Passwords
from services.api.store.database import Database
from tests.doors import quick_passwords


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


@pytest.fixture
def passwords() -> Passwords:
    return quick_passwords()
