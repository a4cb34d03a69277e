"""Problems: the form of RFC 9457, and the field that is named."""

from typing import Any

import msgspec
import pytest

from schemas.events import Event, HealthCheck
from schemas.problems import CONTENT_TYPE, Problem, Rejected, invalid, rejected


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (400, "Malformed input"),
        (403, "Not allowed"),
        (422, "Invalid value"),
        (418, "Error"),
    ],
)
def test_a_rejection_carries_its_problem(status: int, title: str) -> None:
    error = rejected("too hot", "data.temperature", status)
    assert error.problem == Problem(
        title=title, status=status, detail="too hot", field="data.temperature"
    )
    assert str(error) == "too hot"


def test_a_problem_without_detail_says_its_title() -> None:
    assert str(Rejected(Problem(title="Full", status=503))) == "Full"


def test_what_is_absent_is_not_written() -> None:
    assert CONTENT_TYPE == "application/problem+json"
    assert msgspec.json.encode(rejected("no").problem) == (
        b'{"title":"Invalid value","status":422,"detail":"no"}'
    )


def complaint(value: Any) -> Problem:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Event[HealthCheck])
    return invalid(caught.value).problem


GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a",
    "source": "s",
    "type": "t",
    "time": "2026-03-01T00:00:00Z",
    "data": {"site": "gate", "person": {"verified_by": "none"}},
}


@pytest.mark.parametrize(
    ("value", "field", "detail"),
    [
        ([], None, "Expected `object`, got `array`"),
        ({}, "specversion", "Object missing required field `specversion`"),
        (GOOD | {"id": 5}, "id", "Expected `str`, got `int`"),
        (GOOD | {"data": {}}, "data.site", "Object missing required field `site`"),
        (
            GOOD | {"data": {"site": "g", "person": {}}},
            "data.person.verified_by",
            "Object missing required field `verified_by`",
        ),
        (
            GOOD | {"data": {"site": "g", "person": {"verified_by": "none", "symptoms": ["a", 5]}}},
            "data.person.symptoms[1]",
            "Expected `str`, got `int`",
        ),
        (
            GOOD
            | {
                "data": {
                    "site": "g",
                    "person": {"verified_by": "none", "declarations": {"k" * 65: True}},
                }
            },
            "data.person.declarations",
            "Expected `str` of length <= 64",
        ),
    ],
)
def test_a_decoders_complaint_names_the_field(value: Any, field: str | None, detail: str) -> None:
    problem = complaint(value)
    assert (problem.field, problem.detail, problem.status) == (field, detail, 422)
