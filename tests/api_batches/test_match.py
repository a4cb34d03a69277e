"""What the registers make of a name."""

from typing import Any

import pytest

from services.api.batches.match import Evidence, Name, State, judge

PERSON = "person:0:" + "1" * 32
NAME = Name(PERSON, household="h-1", plate="浙F70002")
HOME = ("residence", {"id": "r-1", "household": "h-1"})
ELSEWHERE = ("residence", {"id": "r-2", "household": "h-2"})


@pytest.mark.parametrize(
    ("entries", "alerts", "state"),
    [
        ([], [], "PENDING"),
        ([HOME], [], "FOUND"),
        ([ELSEWHERE], [], "MISMATCH"),
        ([ELSEWHERE, HOME], [], "FOUND"),
        ([("order", {"id": "o-1"})], [], "FOUND"),
        ([("arrival-notice", {"id": "b-2", "batch": "b"})], [], "PENDING"),
        ([("arrival-notice", {"id": "c-2", "batch": "c"})], [], "FOUND"),
        ([("vehicle-link", {"id": "v", "plate": "浙F70003"})], [], "MISMATCH"),
        ([], ["a-1"], "FOUND"),
    ],
)
def test_a_name_is_found_elsewhere_or_pending(
    entries: list[tuple[str, dict[str, Any]]], alerts: list[str], state: State
) -> None:
    assert judge(NAME, "b", entries, alerts)[0] == state


def test_the_evidence_says_what_was_found_and_what_differs_the_surest_first() -> None:
    order = ("order", {"id": "o-1", "household": "h-9"})
    _, evidence = judge(NAME, "b", [HOME, order], ["a-1"])
    assert evidence == (
        Evidence("order", "o-1", ("household",)),
        Evidence("residence", "r-1"),
        Evidence("alert", "a-1"),
    )
