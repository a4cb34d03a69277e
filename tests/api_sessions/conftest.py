"""A migrated database and a clock that stands still until a test moves it."""

import pytest

from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
