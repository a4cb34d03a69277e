"""What all tests share: one real broker for the whole run, and names that do not clash on it."""

import os
import uuid

import hypothesis
import pytest

from tests.shared_broker import shared_bootstrap


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the broker, so that `-m 'not broker'` leaves them all out."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.broker)


# A law holds or it does not; how long an example takes says how busy the machine is.
hypothesis.settings.register_profile("cordon", deadline=None)
hypothesis.settings.load_profile("cordon")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the one real broker of this run, started at first use."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker has a folder inside the run's, and is a child of the run's main process.
        return shared_bootstrap(base.parent / "kafka", os.getppid())
    return shared_bootstrap(base / "kafka", os.getpid())


@pytest.fixture
def namespace() -> str:
    """A prefix for topics, groups and transactional ids that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"
