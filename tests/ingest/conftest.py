"""One ingest for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ingest.desk import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An ingest on an empty folder, with the wall's clock."""
    async with Desk(tmp_path) as desk:
        yield desk
