"""A migrated database, a clock that a test moves, and passwords that are quick to hash."""

import pytest

from services.api.people.passwords import Passwords
from tests.clock import Clock
from tests.doors import quick_passwords


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def passwords() -> Passwords:
    return quick_passwords()
