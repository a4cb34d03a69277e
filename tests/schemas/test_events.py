"""Events: the three kinds, what their structs bound, and what they let pass."""

import json
from typing import Any

import msgspec
import pytest

from schemas.events import (
    CHECKPOINT_SCAN,
    CLOCK_TYPE,
    EVENT_KINDS,
    HEALTH_CHECK,
    KIND_BY_TYPE,
    PLATE_HIT,
    Clock,
    EventKind,
)
from tests.schemas.sampled import sample


def test_the_kinds_are_those_of_the_contracts() -> None:
    assert [(kind.type, kind.topic, kind.path) for kind in EVENT_KINDS] == [
        ("cordon.checkpoint-scan.v1", "cordon.checkpoint-scans.v1", "/v1/checkpoint-scans"),
        ("cordon.plate-hit.v1", "cordon.plate-hits.v1", "/v1/plate-hits"),
        ("cordon.health-check.v1", "cordon.health-checks.v1", "/v1/health-checks"),
    ]
    assert list(KIND_BY_TYPE.values()) == [CHECKPOINT_SCAN, PLATE_HIT, HEALTH_CHECK]
    assert all(KIND_BY_TYPE[kind.type] is kind for kind in EVENT_KINDS)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_a_kind_decodes_what_was_written(kind: EventKind) -> None:
    event = kind.decoder().decode(json.dumps(sample(kind.type)))
    assert isinstance(event.data, kind.data)
    assert msgspec.to_builtins(event) == sample(kind.type)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_unknown_fields_pass_and_are_not_written(kind: EventKind) -> None:
    event = sample(kind.type)
    event["telephone"] = event["data"]["telephone"] = "13800138000"
    written = msgspec.json.encode(kind.decoder().decode(json.dumps(event)))
    assert json.loads(written) == sample(kind.type)


def test_a_vehicle_without_a_plate_says_so() -> None:
    event = sample("cordon.plate-hit.v1")
    event["data"]["plate"] = None
    assert b'"plate":null' in msgspec.json.encode(PLATE_HIT.decoder().decode(json.dumps(event)))


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (PLATE_HIT, "specversion", "0.3"),
        (PLATE_HIT, "id", ""),
        (PLATE_HIT, "id", "x" * 129),
        (PLATE_HIT, "id", "a\nb"),
        (PLATE_HIT, "source", "a\x7f"),
        (PLATE_HIT, "data.site", ""),
        (PLATE_HIT, "data.direction", "sideways"),
        (PLATE_HIT, "data.confidence", 1.01),
        (PLATE_HIT, "data.confidence", "0.9"),
        (PLATE_HIT, "data.speed_kmh", -1),
        (PLATE_HIT, "data.frames", -1),
        (PLATE_HIT, "data.capture_mode", "telepathy"),
        (PLATE_HIT, "data.candidates", [{"plate": "浙F12345", "confidence": 0.1}] * 33),
        (HEALTH_CHECK, "data.person", None),
        (HEALTH_CHECK, "data.person.verified_by", "rumour"),
        (HEALTH_CHECK, "data.person.temperature", 19.9),
        (HEALTH_CHECK, "data.person.temperature", 50.1),
        (HEALTH_CHECK, "data.person.code.colour", "blue"),
        (HEALTH_CHECK, "data.person.symptoms", ["cough"] * 33),
        (HEALTH_CHECK, "id", "check-1\n"),
        (CHECKPOINT_SCAN, "data.persons", [{"verified_by": "none"}] * 101),
        (CHECKPOINT_SCAN, "data.stays", [{"area": "330300", "from": "a", "to": "b"}] * 65),
        (CHECKPOINT_SCAN, "data.plate_confidence", -0.1),
    ],
)
def test_bounds(kind: EventKind, path: str, value: Any) -> None:
    event = sample(kind.type)
    *parents, last = path.split(".")
    at = event
    for name in parents:
        at = at[name]
    at[last] = value
    with pytest.raises(msgspec.ValidationError):
        kind.decoder().decode(json.dumps(event))


def test_the_clock_has_two_fields() -> None:
    clock = msgspec.convert(sample("cordon.clock.v1"), Clock)
    assert msgspec.to_builtins(clock) == sample("cordon.clock.v1")
    assert clock.type == CLOCK_TYPE
