"""How docs/tour.md is read: a page that could say anything would prove nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.bench.names import batch_of, table
from deploy.county.numbers import resident_id
from tests.api_tasks.tour import PAGE, Step, filled, holds, steps

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
KEPT = {"task": {"id": "t1", "items": [{"id": "i0"}, {"id": "i1"}]}}


def test_a_request_with_its_answer() -> None:
    page = (
        "Text.\n\n```http li ×2 → task\nPOST /v1/tasks/{{n}}\nIf-Match: 3\n\n{}\n```\n\n"
        '```json\n{"state": "done"}\n```\n\n```ingest device\nGET /v1/x\n```\n'
    )
    said = {"If-Match": "3"}
    assert steps(page) == [
        Step("http", "li", 2, "task", "POST", "/v1/tasks/{{n}}", said, "{}", '{"state": "done"}\n'),
        Step("ingest", "device", 1, None, "GET", "/v1/x", {}, "", "{}"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{task.id}}/{{task.items.1.id}}", "t1/i1"),
        ("{{task.items.n.id}}", "i1"),
        ("{{n}} {{30+n}}", "1 31"),
        ("{{number 100+n}}", resident_id(101)),
        ("{{names 1+n}}", table(batch_of(2)).decode("gb18030")),
        ("{{now}}", "2026-03-02T08:00:00+00:00"),
        ("{{now-2h}}", "2026-03-02T06:00:00+00:00"),
        ("{{now+45s}}", "2026-03-02T08:00:45+00:00"),
        ("{{today-9d}}", "2026-02-21"),
    ],
)
def test_holes(text: str, expected: str) -> None:
    assert filled(text, KEPT, 1, NOW) == expected


@pytest.mark.parametrize(
    ("answer", "expected", "holding"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": None}, False),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": []}, {"a": []}, True),
        ([1], {"a": 1}, False),
        (1, [1], False),
    ],
)
def test_an_answer_holds_at_least_what_is_shown(answer: Any, expected: Any, holding: bool) -> None:
    assert holds(answer, expected) is holding


def test_the_page_has_an_answer_wherever_something_is_done() -> None:
    page = steps(PAGE.read_text(encoding="utf-8"))
    acts = [step for step in page if step.method == "POST" and step.path.endswith("/done")]
    assert len(acts) > 8
    assert {step.who for step in page} == {"zhou", "chen", "wang", "li", "sun", "device"}
