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


def answers(status: int, schema: dict[str, Any], *problems: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route: the good one, and the statuses of its problems."""
    described: dict[int | str, dict[str, Any]] = {
        status: {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    }
    for code in problems:
        described[code] = {
            "description": HTTPStatus(code).phrase,
            "content": {CONTENT_TYPE: {"schema": PROBLEM}},
        }
    return described


def install(app: FastAPI) -> None:
    """Add the schemas that the answers refer to."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        document = generated()
        _, schemas = msgspec.json.schema_components(_ANSWERS, ref_template=_TEMPLATE)
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
