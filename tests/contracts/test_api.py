"""The API's document: whoever adds a route is held to it without a word here."""

from typing import Final

import pytest

from tests.contracts.conftest import Running
from tests.contracts.fuzzing import bears_all

# The service runs in another thread of this process: its use of chance is no fault of a strategy.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
_PARTS: Final = 12


@pytest.mark.parametrize("part", range(_PARTS))
def test_no_request_finds_a_fault(api: Running, part: int) -> None:
    bears_all(api.url, api.document, part, _PARTS)
