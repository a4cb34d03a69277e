"""What is generated: in step with the structs, valid, and readable by every later version."""

import copy
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas import asyncapi
from schemas.alerts import AlertEvent, FindingEvent
from schemas.compatibility import breaking_changes
from schemas.events import KIND_BY_TYPE, Clock
from schemas.generate import FOLDER, ROOT, broken, drift, main, render
from schemas.jsonschema import ALERT, DELETION, FINDING, documents
from schemas.problems import Problem
from schemas.registers import REGISTERS, Deletion, RegisterEvent, parse_register_type
from schemas.settings import Settings
from schemas.suppressions import SUPPRESSED_TYPE, SuppressedEvent
from schemas.topics import TOPICS
from tests.schemas.sampled import POSTED, WRITTEN, sample, sample_text

DOCUMENTS = documents()
ASYNCAPI = asyncapi.document()


# In step.


def test_what_is_committed_is_fresh() -> None:
    assert drift(ROOT, render()) == []


def test_generation_is_deterministic() -> None:
    assert render() == render()


def test_check_names_what_drifted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert f"{len(render())} drifted" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    hit = tmp_path / FOLDER / "cordon.plate-hit.v1.schema.json"
    hit.write_text(hit.read_text() + " ")
    (tmp_path / "docs/topics.md").unlink()
    (tmp_path / FOLDER / "cordon.gone.v1.schema.json").write_text("{}")
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{FOLDER}/cordon.plate-hit.v1.schema.json: differs",
        "docs/topics.md: missing",
        f"{FOLDER}/cordon.gone.v1.schema.json: nothing makes it any more",
        "3 drifted; run `make schemas`",
    ]


def test_the_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "schemas/generate.py"), run_name="__main__")
    assert caught.value.code == 0


def test_a_breaking_change_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([], tmp_path)
    hit = tmp_path / FOLDER / "cordon.plate-hit.v1.schema.json"
    old = json.loads(hit.read_text())
    old["$defs"]["PlateHit"]["properties"]["wheels"] = {"type": "integer"}
    hit.write_text(json.dumps(old))
    gone = tmp_path / FOLDER / "cordon.gone.v1.schema.json"
    gone.write_text("{}")
    assert main([], tmp_path) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{FOLDER}/cordon.gone.v1.schema.json: removed",
        f"{FOLDER}/cordon.plate-hit.v1.schema.json: $.data.wheels: removed",
        "2 breaks readers; nothing was written",
    ]
    assert json.loads(hit.read_text()) == old
    assert main(["--breaking"], tmp_path) == 0
    assert not gone.exists()
    assert main(["--check"], tmp_path) == 0


def test_what_is_committed_is_not_broken() -> None:
    assert broken(ROOT, render()) == []


# JSON Schema.


def test_every_form_has_its_document() -> None:
    expected = {"cordon.clock.v1", "cordon.problem.v1", ALERT, FINDING, SUPPRESSED_TYPE, DELETION}
    expected |= {f"{DELETION}.posted", *KIND_BY_TYPE, *(f"{kind}.posted" for kind in KIND_BY_TYPE)}
    for name in REGISTERS:
        expected |= {f"cordon.{name}.put.v1{form}" for form in ("", ".posted", ".body")}
    assert set(DOCUMENTS) == expected


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            yield from _nodes(value)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_and_complete(name: str) -> None:
    document = DOCUMENTS[name]
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$id"] == f"urn:cordon:schema:{name}"
    assert document["title"].startswith("cordon.")
    assert document["description"]
    for node in _nodes(document):
        assert node.get("additionalProperties") is not False
        assert "unevaluatedProperties" not in node
        if "$ref" in node:
            assert node["$ref"].removeprefix("#/$defs/") in document["$defs"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_written_form_has_a_document_number(name: str) -> None:
    text = json.dumps(DOCUMENTS[name].get("$defs", {}))
    if name.endswith((".posted", ".body")):
        return
    assert '"id_number": {' not in text


def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(DOCUMENTS[name])


_PREFIXES = (
    (SUPPRESSED_TYPE, SUPPRESSED_TYPE),
    ("cordon.alert.", ALERT),
    ("cordon.finding.", FINDING),
)


def _document_of(stem: str) -> str:
    """Return the name of the document of a sample's form."""
    form = ".posted" if stem.endswith(".posted") else ""
    if ".delete." in stem:
        return DELETION + form
    for prefix, name in _PREFIXES:
        if stem.startswith(prefix):
            return name
    kind = re.match(r"cordon\.[a-z.-]+\.v1", stem)
    assert kind is not None, stem
    return kind[0] + form


# Samples: what one version wrote, every later one reads.


@pytest.mark.parametrize("stem", [*WRITTEN, *POSTED])
def test_the_schemas_accept_every_sample(stem: str) -> None:
    _validator(_document_of(stem)).validate(sample(stem))


@pytest.mark.parametrize("stem", [stem for stem in POSTED if ".put." in stem])
def test_the_schemas_accept_what_was_put(stem: str) -> None:
    record = sample(stem)
    data = {key: value for key, value in record["data"].items() if key not in ("id", "author")}
    _validator(f"{record['type']}.body").validate(data)


def decode(record: dict[str, Any]) -> Any:
    """Read a written record with today's structs, as the services do."""
    line = json.dumps(record).encode()
    kind = record.get("type", "")
    if kind in KIND_BY_TYPE:
        return json.loads(msgspec.json.encode(KIND_BY_TYPE[kind].decoder().decode(line)))
    if (change := parse_register_type(kind)) is not None:
        event = msgspec.json.decode(line, type=RegisterEvent)
        entry: type[msgspec.Struct] = REGISTERS[change[0]] if change[1] == "put" else Deletion
        data = msgspec.json.decode(event.data, type=entry)
        return json.loads(msgspec.json.encode(event)) | {"data": _plain(data)}
    prefixes = {
        SUPPRESSED_TYPE: SuppressedEvent,
        "cordon.finding.": FindingEvent,
        "cordon.alert.": AlertEvent,
    }
    for prefix, struct in prefixes.items():
        if kind.startswith(prefix):
            return _plain(msgspec.json.decode(line, type=struct))
    return _plain(msgspec.json.decode(line, type=Clock if kind == "cordon.clock.v1" else Problem))


def _plain(struct: msgspec.Struct) -> Any:
    return json.loads(msgspec.json.encode(struct))


@pytest.mark.parametrize("stem", WRITTEN)
def test_the_structs_read_what_was_written_and_lose_nothing(stem: str) -> None:
    record = sample(stem)
    assert decode(record) == record
    # A later version may write more.
    assert decode(record | {"later": {"field": 1}}) == record


def test_there_is_a_sample_of_every_written_form() -> None:
    covered = {_document_of(stem) for stem in (*WRITTEN, *POSTED)}
    bodies = {name for name in DOCUMENTS if name.endswith(".body")}
    assert covered | bodies == set(DOCUMENTS)


def _fields(name: str) -> set[str]:
    """Every field that a document names, as `Definition.field`; the envelope has no definition."""
    document = DOCUMENTS[name]
    schemas = {"": document, **document.get("$defs", {})}
    return {f"{key}.{field}" for key, one in schemas.items() for field in one.get("properties", ())}


def _given(name: str, value: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """Every field that a value has, named as by `_fields`."""
    document = DOCUMENTS[name]
    if isinstance(value, dict) and "anyOf" in schema:
        # Of a choice between a text and an object, an object fits one.
        schema = next((one for one in schema["anyOf"] if "$ref" in one), schema)
    if "$ref" in schema:
        at = schema["$ref"].removeprefix("#/$defs/")
        schema = document["$defs"][at]
    if isinstance(value, list):
        for item in value:
            yield from _given(name, item, schema.get("items") or {}, at)
    elif isinstance(value, dict):
        for field, inner in value.items():
            if field in schema.get("properties", {}):
                yield f"{at}.{field}"
                yield from _given(name, inner, schema["properties"][field], at)


@pytest.mark.parametrize("name", [n for n in DOCUMENTS if not n.endswith((".posted", ".body"))])
def test_the_samples_have_every_optional_field(name: str) -> None:
    given = set()
    for stem in WRITTEN:
        if _document_of(stem) == name:
            given |= set(_given(name, sample(stem), DOCUMENTS[name]))
    never = {
        # Only the check of a scan's person is part of another event.
        **{kind: {".partof"} for kind in KIND_BY_TYPE if kind != "cordon.health-check.v1"},
        # about:blank is left out.
        "cordon.problem.v1": {".type"},
    }
    assert _fields(name) - given == never.get(name, set())


@pytest.mark.parametrize(
    ("stem", "path"),
    [
        ("cordon.health-check.v1", "data.person"),
        ("cordon.order.put.v1", "data.subject"),
        ("cordon.vehicle-link.put.v1", "data.person"),
        ("cordon.code-change.v1", "data.person"),
        ("cordon.duty-sign-in.v1", "data.member"),
        ("cordon.case.put.v1", "data.person"),
    ],
)
def test_a_written_record_with_a_document_number_is_invalid(stem: str, path: str) -> None:
    record = sample(stem)
    at = record
    for name in path.split("."):
        at = at[name]
    at["id_number"] = "11010519491231002X"
    assert not _validator(stem).is_valid(record)


def test_a_written_scan_has_no_persons_and_a_written_time_is_utc() -> None:
    record = sample("cordon.checkpoint-scan.v1")
    assert _validator(record["type"]).is_valid(record)
    record["data"]["persons"] = []
    assert not _validator(record["type"]).is_valid(record)
    record = sample("cordon.plate-hit.v1") | {"time": "2026-03-01T08:15:00+08:00"}
    assert not _validator(record["type"]).is_valid(record)
    assert _validator(f"{record['type']}.posted").is_valid(record)


@pytest.mark.parametrize(
    ("subject", "valid"),
    [
        ({"id_type": "passport", "id_number": "E12345678"}, True),
        ({"person": "person:1:" + "0" * 32}, True),
        ({"id_type": "passport"}, False),
        ({"id_number": "E12345678"}, False),
        ({"person": "person:Liu Wei"}, False),
        ({}, False),
    ],
)
def test_a_posted_identifier(subject: dict[str, str], valid: bool) -> None:
    record = sample("cordon.order.put.v1.posted")
    record["data"]["subject"] = subject
    assert _validator("cordon.order.put.v1.posted").is_valid(record) is valid


# Breaking changes.

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 10, "minLength": 1, "pattern": "^a"},
        "kind": {"enum": ["in", "out"]},
        "count": {"type": "integer", "minimum": 0},
        "site": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "who": {"$ref": "#/$defs/Who"},
        "marks": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
        "point": {"type": "array", "prefixItems": [{"type": "number"}], "items": False},
        "free": {},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "version": {"const": "1.0"},
    },
    "required": ["id"],
    "$defs": {
        "Who": {
            "type": "object",
            "properties": {"person": {"type": "string"}},
            "anyOf": [{"required": ["person"]}, {"required": ["number"]}],
        }
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """A copy of OLD with one place changed; ... removes it."""
    new = copy.deepcopy(OLD)
    *parents, last = path.split("/")
    at = new
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/new", {"type": "string"}),
        ("properties/id/description", "more words"),
        ("properties/id/maxLength", 20),
        ("properties/id/maxLength", ...),
        ("properties/id/minLength", 0),
        ("properties/id/pattern", ...),
        ("properties/id/type", ...),
        ("properties/kind/enum", ["in", "out", "through"]),
        ("properties/kind", {"type": "string"}),
        ("properties/kind", {}),
        ("properties/count/type", "number"),
        ("properties/count/minimum", -5),
        ("properties/marks/items", {}),
        ("properties/marks/items", ...),
        ("properties/site/anyOf", [{"type": "null"}, {"type": "integer"}, {"type": "string"}]),
        ("properties/version", {"enum": ["1.0", "1.1"]}),
        ("properties/map/additionalProperties", ...),
        ("properties/map/additionalProperties", True),
        ("properties/point/items", True),
        ("properties/point/items", {"type": "number"}),
        ("required", []),
        ("required", ...),
        ("$defs/Who/properties/number", {"type": "string"}),
        ("$defs/Who/anyOf", ...),
    ],
)
def test_what_is_no_breaking_change(path: str, value: Any) -> None:
    assert breaking_changes(OLD, changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("properties/count", ..., "$.count: removed"),
        ("required", ["id", "kind"], "$.kind: newly required"),
        ("properties/id/maxLength", 9, "$.id: maxLength tightened to 9"),
        ("properties/site/anyOf/0/maxLength", 9, "$.site: maxLength tightened to 9"),
        ("properties/id/minLength", 2, "$.id: minLength tightened to 2"),
        ("properties/id/pattern", "^b", "$.id: pattern changed"),
        ("properties/id/type", "integer", "$.id: type string became integer"),
        ("properties/count/minimum", 1, "$.count: minimum tightened to 1"),
        ("properties/kind/enum", ["in"], "$.kind: value 'out' removed"),
        ("properties/version", {"const": "2.0"}, "$.version: value '1.0' removed"),
        ("properties/id/enum", ["a"], "$.id: accepts only certain values now"),
        ("properties/site", {"type": "string"}, "$.site: type null became string"),
        ("properties/free", {"type": "string"}, "$.free: no longer accepts any value"),
        ("properties/marks/maxItems", 2, "$.marks: maxItems tightened to 2"),
        (
            "properties/marks/items/type",
            "string",
            "$.marks[items]: type integer became string",
        ),
        ("properties/point/prefixItems/0/type", "string", "$.point[0]: type number became string"),
        (
            "properties/map/additionalProperties",
            False,
            "$.map: additionalProperties forbidden now",
        ),
        (
            "properties/map/propertyNames",
            {"maxLength": 3},
            "$.map[propertyNames]: no longer accepts any value",
        ),
        ("$defs/Who/properties/person", ..., "$.who.person: removed"),
        ("$defs/Who/required", ["person"], "$.who.person: newly required"),
        ("$defs/Who/not", {"required": ["number"]}, "$.who: not changed"),
        ("$defs/Who/anyOf", [{"required": ["person"]}], "$.who: anyOf changed"),
    ],
)
def test_what_is_a_breaking_change(path: str, value: Any, expected: str) -> None:
    assert breaking_changes(OLD, changed(path, value)) == [expected]


def test_a_renamed_field_is_a_breaking_change() -> None:
    new = changed("properties/total", OLD["properties"]["count"])
    del new["properties"]["count"]
    assert breaking_changes(OLD, new) == ["$.count: removed"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_breaks_what_stays(name: str) -> None:
    assert breaking_changes(DOCUMENTS[name], copy.deepcopy(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_of_every_document_is_watched(name: str) -> None:
    document = DOCUMENTS[name]
    for key in ("", *document.get("$defs", ())):
        old = document["$defs"][key] if key else document
        for field in old.get("properties", ()):
            new = copy.deepcopy(document)
            del (new["$defs"][key] if key else new)["properties"][field]
            changes = breaking_changes(document, new)
            assert any(change.endswith(f".{field}: removed") for change in changes)


# AsyncAPI 3.0.0, by the rules of its specification that need no network.

KEY = re.compile(r"^[A-Za-z0-9._-]+$")


def _resolve(reference: str) -> Any:
    at: Any = ASYNCAPI
    for name in reference.removeprefix("#/").split("/"):
        at = at[name.replace("~1", "/").replace("~0", "~")]
    return at


def _only(thing: dict[str, Any], required: set[str], optional: set[str] | None = None) -> None:
    assert required <= set(thing) <= required | (optional or set())


def test_the_root() -> None:
    _only(
        ASYNCAPI,
        {"asyncapi", "info"},
        {"id", "servers", "defaultContentType", "channels", "operations", "components"},
    )
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    _only(ASYNCAPI["info"], {"title", "version"}, {"description", "license"})
    for server in ASYNCAPI["servers"].values():
        _only(server, {"host", "protocol"}, {"description"})
        # In version 3 a host has no scheme and no path.
        assert "/" not in server["host"]


def test_every_reference_leads_somewhere() -> None:
    for node in _nodes(ASYNCAPI):
        if "$ref" not in node:
            continue
        assert set(node) == {"$ref"}
        if node["$ref"].startswith("#/"):
            assert _resolve(node["$ref"])
        else:
            file = ROOT / FOLDER.parent / PurePosixPath(node["$ref"])
            assert json.loads(file.read_text())["$id"].startswith("urn:cordon:schema:")


def test_every_topic_is_a_channel() -> None:
    assert list(ASYNCAPI["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        channel = ASYNCAPI["channels"][topic.name]
        _only(channel, {"address", "title", "description", "bindings"}, {"messages"})
        assert KEY.match(topic.name)
        assert channel["address"] == topic.name
        assert f"Key: {topic.key}." in channel["description"]
        kafka = channel["bindings"]["kafka"]
        _only(kafka, {"topic", "partitions", "topicConfiguration", "bindingVersion"})
        assert kafka["partitions"] == (topic.partitions or Settings().partitions)
        configuration = kafka["topicConfiguration"]
        assert configuration["cleanup.policy"] == [topic.cleanup]
        assert configuration.get("retention.ms") == topic.retention_ms
        assert configuration.get("min.compaction.lag.ms") == topic.min_compaction_lag_ms
        for reference in channel.get("messages", {}).values():
            assert reference["$ref"].startswith("#/components/messages/")


def test_the_operations_are_who_writes_and_who_reads() -> None:
    expected = {
        *(f"{service}.send.{topic.name}" for topic in TOPICS for service in topic.written_by),
        *(f"{service}.receive.{topic.name}" for topic in TOPICS for service in topic.read_by),
    }
    assert set(ASYNCAPI["operations"]) == expected
    for name, operation in ASYNCAPI["operations"].items():
        _only(operation, {"action", "channel", "title", "tags"}, {"messages"})
        assert operation["action"] in ("send", "receive")
        assert f".{operation['action']}." in name
        channel = operation["channel"]["$ref"]
        assert _resolve(channel)
        # An operation's messages are references into its own channel, not into the components.
        for reference in operation.get("messages", ()):
            assert reference["$ref"].startswith(f"{channel}/messages/")


def test_the_messages() -> None:
    used = {
        name for channel in ASYNCAPI["channels"].values() for name in channel.get("messages", ())
    }
    messages = ASYNCAPI["components"]["messages"]
    assert set(messages) == used
    written = {n for n in DOCUMENTS if not n.endswith((".posted", ".body"))} - {"cordon.problem.v1"}
    assert used == written
    for name, message in messages.items():
        _only(message, {"name", "title", "contentType", "payload", "bindings"})
        assert KEY.match(name)
        # A payload that is no AsyncAPI schema says its format (Multi Format Schema Object).
        assert message["payload"] == {
            "schemaFormat": "application/schema+json;version=2020-12",
            "schema": {"$ref": f"./json/{name}.schema.json"},
        }


# docs/schemas.md.

EXAMPLE = re.compile(r"<!-- sample: (?P<stem>\S+) -->\n```json\n(?P<text>.*?)```\n", re.DOTALL)


def test_the_examples_of_the_page_are_the_samples() -> None:
    page = (ROOT / "docs/schemas.md").read_text(encoding="utf-8")
    examples = {match["stem"]: match["text"] for match in EXAMPLE.finditer(page)}
    assert page.count("```json") == len(examples)
    for stem, text in examples.items():
        assert text == sample_text(stem), stem
    assert {*KIND_BY_TYPE, "cordon.clock.v1", "cordon.problem.v1"} <= set(examples)


def test_the_page_names_what_is_there() -> None:
    page = (ROOT / "docs/schemas.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page):
        assert (ROOT / "docs" / target).is_file(), target
