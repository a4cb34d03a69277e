"""Dead letters: the original bytes survive, whatever they are."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import DeadLetter


@given(st.none() | st.binary(), st.none() | st.binary())
def test_the_bytes_come_back_as_they_were(key: bytes | None, value: bytes | None) -> None:
    letter = DeadLetter(
        reason="not JSON",
        service="api",
        topic="cordon.findings.v1",
        partition=3,
        offset=7,
        recordedtime="2026-03-01T00:00:00.000Z",
        key=key,
        value=value,
    )
    assert msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter
