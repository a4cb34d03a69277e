"""The document of ingest, live and with a clock that is set."""

import pytest

from tests.contracts.conftest import Running
from tests.contracts.fuzzing import bears_all

# The service runs in another thread of this process: its use of chance is no fault of a strategy.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)


def test_no_request_finds_a_fault(ingest: Running) -> None:
    bears_all(ingest.url, ingest.document, 0, 1)
