"""What the OpenAPI document says of bodies and answers, which the handlers read and write raw."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from schemas import jsonschema
from schemas.decisions import Decision, OfflineList
from schemas.events import CHECKPOINT_SCAN, CLOCK_TYPE, EVENT_KINDS
from schemas.problems import CONTENT_TYPE, Problem
from services.ingest.outcome import Outcome

Schema = dict[str, Any]
Answers = dict[int | str, dict[str, Any]]

_TEMPLATE: Final = "#/components/schemas/{name}"
_PROBLEMS: Final = (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)
_RETRY_AFTER: Final[Schema] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
}
_TOKEN: Final = "token"
OPEN: Final[Schema] = {"security": []}


def items(path: str, documents: Sequence[str], max_items: int) -> dict[str, Any]:
    """Return the description of a path that takes items, each of which one of the JSON Schema
    documents of these names describes."""
    return {
        "summary": f"Post {path.removeprefix('/v1/')}",
        "status_code": 202,
        "responses": _answers(202, "Taken, item by item.", "Outcome"),
        "openapi_extra": _body(documents, max_items),
    }


def decision() -> dict[str, Any]:
    """Return the description of the path that decides about a scan."""
    scan = {"schema": _reference(_component(jsonschema.posted(CHECKPOINT_SCAN.type)))}
    told = _answers(200, "What to do; while `stored` is false, send the scan again.", "Decision")
    told[200]["headers"] = _RETRY_AFTER
    media = ("application/json", "application/cloudevents+json")
    return {
        "summary": "Store one scan and say what to do with it",
        "status_code": 200,
        "responses": told,
        "openapi_extra": {"requestBody": {"required": True, "content": dict.fromkeys(media, scan)}},
    }


def offline_list() -> dict[str, Any]:
    """Return the description of the path that gives handhelds their list."""
    return {
        "summary": "What a handheld keeps for when it has no network",
        "responses": {
            status: answer
            for status, answer in _answers(200, "The list.", "OfflineList").items()
            if status in (200, 401, 403, 500, 503)
        },
    }


def _body(documents: Sequence[str], max_items: int) -> Schema:
    """Return what a path takes: items as the JSON Schema documents of these names describe them."""
    forms = [_reference(_component(document)) for document in documents]
    item = forms[0] if len(forms) == 1 else {"anyOf": forms}
    array = {"type": "array", "items": item, "maxItems": max_items}
    lines = {"type": "string", "description": f"One item a line, at most {max_items}."}
    either = {"anyOf": [item, array]}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": either},
                "application/cloudevents+json": {"schema": item},
                "application/cloudevents-batch+json": {"schema": array},
                "application/x-ndjson": {"schema": lines},
            },
        }
    }


def _answers(status: int, description: str, component: str) -> Answers:
    """Return the answers of a path: the good one, and every problem."""
    content = {"application/json": {"schema": _reference(component)}}
    described: Answers = {status: {"description": description, "content": content}}
    described |= {number: problem(number) for number in _PROBLEMS}
    return described


def problem(status: int) -> dict[str, Any]:
    """Return an answer that is a problem document."""
    described: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {CONTENT_TYPE: {"schema": _reference("Problem")}},
    }
    return described | ({"headers": _RETRY_AFTER} if status in (429, 503) else {})


def install(app: FastAPI) -> None:
    """Add what the bodies and answers refer to, and the token that every other path needs."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        document = generated()
        components = document.setdefault("components", {})
        components["schemas"] = _schemas()
        components["securitySchemes"] = {_TOKEN: {"type": "http", "scheme": "bearer"}}
        document["security"] = [{_TOKEN: []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas() -> dict[str, Schema]:
    _, found = msgspec.json.schema_components(
        [Outcome, Problem, Decision, OfflineList], ref_template=_TEMPLATE
    )
    documents = jsonschema.documents()
    for name in (*(jsonschema.posted(kind.type) for kind in EVENT_KINDS), CLOCK_TYPE):
        document = _moved(documents[name])
        # What these documents share (a Person, a Vehicle) is the same in all of them.
        found.update(document.pop("$defs", {}))
        found[_component(name)] = {
            key: value for key, value in document.items() if key not in ("$schema", "$id")
        }
    return found


def _component(document: str) -> str:
    return document.removesuffix(".posted")


def _reference(name: str) -> Schema:
    return {"$ref": _TEMPLATE.format(name=name)}


def _moved(schema: Any) -> Any:
    """Return a schema whose references lead to the components of the OpenAPI document."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", _TEMPLATE.format(name=""))
            if key == "$ref"
            else _moved(value)
            for key, value in schema.items()
        }
    return [_moved(value) for value in schema] if isinstance(schema, list) else schema
