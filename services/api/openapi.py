"""What the OpenAPI document says of answers that the routes encode themselves."""

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI

from schemas.alerts import Alert
from schemas.problems import CONTENT_TYPE, Problem
from schemas.suppressions import Suppressions

_TEMPLATE = "#/components/schemas/{name}"

ALERT: dict[str, Any] = {"$ref": _TEMPLATE.format(name="Alert")}
ALERT_PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": ALERT},
        "next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
}
SUPPRESSIONS: dict[str, Any] = {"$ref": _TEMPLATE.format(name="Suppressions")}
_ANSWERS = (Alert, Problem, Suppressions)
PROBLEM: dict[str, Any] = {"$ref": _TEMPLATE.format(name="Problem")}


def inline(kind: Any) -> dict[str, Any]:
    """Return the schema of a type that one route alone answers with, with all that it is made of.

    The type must not hold itself.
    """
    (outer,), parts = msgspec.json.schema_components((kind,), ref_template=_TEMPLATE)

    def whole(schema: Any) -> Any:
        if isinstance(schema, dict):
            name = str(schema.get("$ref", "")).rpartition("/")[2]
            if name:
                return whole(parts[name])
            return {key: whole(value) for key, value in schema.items()}
        return [whole(each) for each in schema] if isinstance(schema, list) else schema

    found: dict[str, Any] = whole(outer)
    return found


def answers(status: int, schema: dict[str, Any], *problems: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route: the good one, and the statuses of its problems."""
    described: dict[int | str, dict[str, Any]] = {
        status: {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    }
    return described | problems_of(*problems)


def problems_of(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the statuses of a route's problems alone, for one whose good answer is no JSON."""
    return {
        code: {
            "description": HTTPStatus(code).phrase,
            "content": {CONTENT_TYPE: {"schema": PROBLEM}},
        }
        for code in codes
    }


def _tell_errors(responses: dict[str, Any]) -> None:
    """Let an operation say that every error is a problem, whatever its status: what each request
    may meet (a login, the store, a body's bounds) is not told route by route."""
    problem = {"content": {CONTENT_TYPE: {"schema": PROBLEM}}}
    responses["422"] = {"description": HTTPStatus(422).phrase, **problem}
    responses.setdefault("default", {"description": "Any other error.", **problem})


def install(app: FastAPI) -> None:
    """Add the schemas that the answers refer to."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        document = generated()
        _, schemas = msgspec.json.schema_components(_ANSWERS, ref_template=_TEMPLATE)
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        for methods in document["paths"].values():
            for operation in methods.values():
                _tell_errors(operation["responses"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]
