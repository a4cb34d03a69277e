"""The OpenAPI document says what the service does."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.ingest.desk import Desk, check, hit, report, scan

EVENTS = {
    "/v1/checkpoint-scans": scan(persons=2),
    "/v1/plate-hits": hit(),
    "/v1/health-checks": check(),
    "/v1/field-reports": report("heartbeat", status="ok"),
    "/v1/clock": {"type": "cordon.clock.v1", "time": "2020-02-01T08:00:00+08:00"},
}


async def document(desk: Desk) -> dict[str, Any]:
    """Return the document as it is served: to anyone, without a token."""
    answer = await desk.http.get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def references(value: Any) -> Iterator[str]:
    """Yield every reference in a document."""
    if isinstance(value, dict):
        yield from (each for key, each in value.items() if key == "$ref")
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from references(each)


async def test_it_names_every_path_and_every_answer(desk: Desk) -> None:
    paths = (await document(desk))["paths"]
    others = {"/v1/decisions", "/v1/decisions/list", "/healthz", "/readyz", "/metrics"}
    assert set(paths) == {*EVENTS, *others}
    for path in EVENTS:
        answers = paths[path]["post"]["responses"]
        assert {"202", "400", "401", "403", "413", "415", "422", "429", "503"} <= set(answers)
        problems = {status: answer for status, answer in answers.items() if status != "202"}
        for answer in problems.values():
            assert list(answer["content"]) == ["application/problem+json"]
    identifiers = [way["operationId"] for path in paths.values() for way in path.values()]
    assert len(identifiers) == len(set(identifiers))


async def test_its_references_lead_somewhere(desk: Desk) -> None:
    found = await document(desk)
    names = set(references(found))
    assert names == {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}


@pytest.mark.parametrize("path", EVENTS)
async def test_it_describes_the_bodies(desk: Desk, path: str) -> None:
    found = await document(desk)
    content = found["paths"][path]["post"]["requestBody"]["content"]
    schema = {**content["application/json"]["schema"], "components": found["components"]}
    event = EVENTS[path]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(event, schema, cls=jsonschema.Draft202012Validator)
    jsonschema.validate([event, event], schema, cls=jsonschema.Draft202012Validator)
    wrongs: list[Any] = [{}, [event, 5], [event] * 501, "x"]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema, cls=jsonschema.Draft202012Validator)
    assert "application/x-ndjson" in content


async def test_it_describes_decisions_and_the_list(desk: Desk) -> None:
    found = await document(desk)
    described = found["paths"]["/v1/decisions"]["post"]
    scans = described["requestBody"]["content"]["application/json"]["schema"]
    parts = {"components": found["components"]}
    event = scan(persons=2, data_plate="?")
    jsonschema.validate(event, {**scans, **parts}, cls=jsonschema.Draft202012Validator)
    answer = await desk.post("/v1/decisions", event)
    told = described["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), {**told, **parts}, cls=jsonschema.Draft202012Validator)
    asked = await desk.http.get("/v1/decisions/list", headers={"Authorization": "Bearer device"})
    listed = found["paths"]["/v1/decisions/list"]["get"]["responses"]["200"]
    schema = listed["content"]["application/json"]["schema"]
    jsonschema.validate(asked.json(), {**schema, **parts}, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_there_is_no_other_page_of_it(desk: Desk, path: str) -> None:
    assert (await desk.http.get(path)).status_code == 404
