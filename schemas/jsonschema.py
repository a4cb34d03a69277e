"""JSON Schema 2020-12 of everything that crosses a process boundary, made out of the structs.

A document has one of three forms. `posted` is what a device or a timeline may give: identifiers as
they are on a document, times with any offset. `written` is what Kafka, the feed and files carry:
pseudonyms only, UTC with milliseconds. `body` is what a PUT of a register entry takes.
No form forbids fields that it does not name: a reader must tolerate them.
"""

from typing import Any, Final, Literal, get_args

import msgspec

from schemas.alerts import FINDING_TYPES, AlertEvent, AlertVerb, FindingEvent, alert_type
from schemas.events import (
    CLOCK_TYPE,
    EVENT_KINDS,
    VERY_END,
    Clock,
    Event,
    IdNumberText,
    IdType,
)
from schemas.problems import Problem
from schemas.registers import REGISTERS, Deletion, RegisterEvent, register_type
from schemas.suppressions import SUPPRESSED_TYPE, SuppressedEvent

Schema = dict[str, Any]
Form = Literal["posted", "written", "body"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FINDING: Final = "cordon.finding.v1"
ALERT: Final = "cordon.alert.v1"
DELETION: Final = "cordon.register-deletion.v1"
PROBLEM: Final = "cordon.problem.v1"
PERSON_KEY_PATTERN: Final = "^person:[0-9]{1,9}:[0-9a-f]{32}$"
WRITTEN_INSTANT_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
)

_IDENTIFIER: Final[dict[str, Schema]] = {
    "id_type": {**msgspec.json.schema(IdType | None), "default": None},
    "id_number": {**msgspec.json.schema(IdNumberText | None), "default": None},
}
_ALERT_VERBS: Final[tuple[AlertVerb, ...]] = get_args(AlertVerb)
# What Cordon adds when it writes; what a device says of it is not read.
_ADDED: Final = {"CheckpointScan": ("plate_raw", "occupants"), "PlateHit": ("plate_raw",)}
# Persons of events. What fails its checks there is set aside, while a register refuses it.
_OF_EVENTS: Final = ("Person", "PersonReference")
# What is never written: numbers of documents, and the persons of a scan, who get health checks.
_NEVER_WRITTEN: Final = {
    "CheckpointScan": ("persons",),
    "Person": ("id_number",),
    "PersonReference": ("id_number",),
    "Identifier": ("id_type", "id_number"),
}


def documents() -> dict[str, Schema]:
    """Return every document by its name, which is that of its file without `.schema.json`."""
    made: dict[str, Schema] = {}
    for kind in EVENT_KINDS:
        struct = Event[kind.data]  # type: ignore[name-defined]
        made[kind.type] = _event(kind.type, struct, "written", kind.data)
        made[posted(kind.type)] = _event(kind.type, struct, "posted", kind.data)
    for name, entry in REGISTERS.items():
        put = register_type(name, "put")
        made[put] = _event(put, RegisterEvent, "written", entry)
        made[posted(put)] = _event(put, RegisterEvent, "posted", entry)
        made[body(put)] = _body(put, entry)
    deletions = [register_type(name, "delete") for name in REGISTERS]
    made[DELETION] = _event(DELETION, RegisterEvent, "written", Deletion, deletions)
    made[posted(DELETION)] = _event(DELETION, RegisterEvent, "posted", Deletion, deletions)
    made[FINDING] = _event(FINDING, FindingEvent, "written", None, list(FINDING_TYPES.values()))
    made[SUPPRESSED_TYPE] = _event(SUPPRESSED_TYPE, SuppressedEvent, "written", None)
    alerts = [alert_type(verb) for verb in _ALERT_VERBS]
    made[ALERT] = _event(ALERT, AlertEvent, "written", None, alerts)
    made[CLOCK_TYPE] = _plain(CLOCK_TYPE, Clock, "posted")
    made[PROBLEM] = _plain(PROBLEM, Problem, "posted")
    return made


def posted(name: str) -> str:
    """Return the name of the document of what may be posted."""
    return f"{name}.posted"


def body(name: str) -> str:
    """Return the name of the document of a PUT's body."""
    return f"{name}.body"


def _event(
    name: str,
    struct: Any,
    form: Form,
    data: type[msgspec.Struct] | None,
    types: list[str] | None = None,
) -> Schema:
    """Return the document of an event; `data` is what it carries, where `struct` does not say."""
    root, defs = _components(struct, data, form)
    if data is not None:
        root["properties"]["data"] = {"$ref": f"#/$defs/{data.__name__}"}
        root["description"] = f"{defs[data.__name__]['description']} {root['description']}"
    root["properties"]["type"] = {"const": name} if types is None else {"enum": types}
    if form == "written":
        # CloudEvents' own name for the form is in the record's header, so it is not written here.
        root["properties"].pop("datacontenttype", None)
        root["required"] = [
            field for field in root["properties"] if field in {*root["required"], "recordedtime"}
        ]
    else:
        root["properties"].pop("partof", None)
        root["properties"]["recordedtime"]["description"] = (
            "Read from a replay and a timeline only; else it is the moment of acceptance."
        )
    return _document(name, form, root, defs)


def _body(put: str, entry: type[msgspec.Struct]) -> Schema:
    """Return the document of a PUT's body: what the path, the token and the clock say is left."""
    root, defs = _components(entry, None, "body")
    del root["properties"]["author"]
    root["required"] = [
        field for field in root["required"] if field not in ("id", "author", "valid_from")
    ]
    return _document(put, "body", root, defs)


def _plain(name: str, struct: Any, form: Form) -> Schema:
    root, defs = _components(struct, None, form)
    return _document(name, form, root, defs, say_form=False)


def _document(
    name: str, form: Form, root: Schema, defs: dict[str, Schema], *, say_form: bool = True
) -> Schema:
    full = name if form == "written" or not say_form else f"{name}.{form}"
    document = {
        "$schema": DIALECT,
        "$id": f"urn:cordon:schema:{full}",
        "title": f"{name}, {form}" if say_form else name,
        "description": root["description"],
        **{key: value for key, value in root.items() if key not in ("title", "description")},
    }
    used: dict[str, Schema] = {}
    _collect(document, defs, used)
    if used:
        document["$defs"] = {key: used[key] for key in sorted(used)}
    return document


def _components(
    struct: Any, data: type[msgspec.Struct] | None, form: Form
) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a struct and the definitions it refers to, in one form."""
    types = [struct] if data is None else [struct, data]
    references, defs = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    made = {name: _shaped(name, _ecma(schema), form) for name, schema in defs.items()}
    root = references[0]["$ref"].removeprefix("#/$defs/")
    return made.pop(root), made


def _ecma(schema: Any) -> Any:
    """Return a schema whose patterns are those of JSON Schema, where `$` is the very end."""
    if isinstance(schema, dict):
        return {
            key: value.replace(VERY_END, "$") if key == "pattern" else _ecma(value)
            for key, value in schema.items()
        }
    return [_ecma(each) for each in schema] if isinstance(schema, list) else schema


def _shaped(name: str, schema: Schema, form: Form) -> Schema:
    """Return the schema of one struct in one form."""
    shaped = dict(schema)
    shaped["description"] = " ".join(schema["description"].split())
    dropped = _NEVER_WRITTEN.get(name, ()) if form == "written" else _ADDED.get(name, ())
    shaped["properties"] = {
        field: _simple(value, form)
        for field, value in schema["properties"].items()
        if field not in dropped
    }
    if not shaped["required"]:
        del shaped["required"]
    if name in _OF_EVENTS:
        # What else is posted there is set aside, so the documents name what is of use.
        for field in shaped["properties"].keys() & _IDENTIFIER.keys():
            shaped["properties"][field] = _simple(_IDENTIFIER[field], form)
    if name in (*_OF_EVENTS, "Identifier"):
        _key_of(shaped["properties"]["person"])["pattern"] = PERSON_KEY_PATTERN
    if form == "written":
        if dropped:
            # Unknown fields are allowed, so what must not stand there is said.
            shaped["not"] = {"anyOf": [{"required": [field]} for field in dropped]}
        if name == "Identifier":
            shaped["required"] = ["person"]
    elif name in _OF_EVENTS:
        shaped["dependentRequired"] = {"id_number": ["id_type"]}
    elif name == "Identifier":
        shaped["anyOf"] = [{"required": ["id_type", "id_number"]}, {"required": ["person"]}]
    return shaped


def _key_of(person: Schema) -> Schema:
    """Return the text among the alternatives of a field that may be null."""
    return person["anyOf"][0] if "anyOf" in person else person


def _simple(value: Schema, form: Form) -> Schema:
    """Return the schema of a field without what only repeats that it may be absent.

    An optional field that has no value is not written at all; posted, it may be null as well.
    """
    simple = dict(value)
    if simple.get("default", ...) is None:
        del simple["default"]
        if form == "written":
            given = [option for option in simple["anyOf"] if option != {"type": "null"}]
            simple = given[0] if len(given) == 1 else {"anyOf": given}
    if len(simple.get("enum", ())) == 1:
        simple = {"const": simple["enum"][0]}
    if form == "written" and simple.get("format") == "date-time":
        simple["pattern"] = WRITTEN_INSTANT_PATTERN
    return simple


def _collect(schema: Any, defs: dict[str, Schema], used: dict[str, Schema]) -> None:
    """Add to `used` every definition that `schema` refers to, directly or through others."""
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if name and name not in used:
            used[name] = defs[name]
            _collect(defs[name], defs, used)
        schema = list(schema.values())
    if isinstance(schema, list):
        for value in schema:
            _collect(value, defs, used)
