"""Events: their kinds, what their structs bound, and what they let pass."""

import json
from typing import Any

import msgspec
import pytest

from schemas.events import (
    CHECK_IN,
    CHECKPOINT_SCAN,
    CLOCK_TYPE,
    CODE_CHANGE,
    DUTY_SIGN_IN,
    EVENT_KINDS,
    GATE_EVENT,
    HEALTH_CHECK,
    HEARTBEAT,
    KIND_BY_TYPE,
    NIL_REPORT,
    PLATE_HIT,
    POSITION_FIX,
    SHOP_OBSERVATION,
    TIP,
    TRANSFER_ARRIVAL,
    VISIT,
    WORKER_HEALTH,
    Clock,
    EventKind,
)
from tests.schemas.sampled import sample


def test_the_kinds_are_those_of_the_contracts() -> None:
    reports = ("cordon.field-reports.v1", "/v1/field-reports")
    assert {kind.type: (kind.topic, kind.path) for kind in EVENT_KINDS} == {
        "cordon.checkpoint-scan.v1": ("cordon.checkpoint-scans.v1", "/v1/checkpoint-scans"),
        "cordon.plate-hit.v1": ("cordon.plate-hits.v1", "/v1/plate-hits"),
        "cordon.health-check.v1": ("cordon.health-checks.v1", "/v1/health-checks"),
        "cordon.code-change.v1": ("cordon.health-checks.v1", "/v1/health-checks"),
        "cordon.tip.v1": reports,
        "cordon.check-in.v1": reports,
        "cordon.visit.v1": reports,
        "cordon.gate-event.v1": reports,
        "cordon.position-fix.v1": reports,
        "cordon.heartbeat.v1": reports,
        "cordon.transfer-arrival.v1": reports,
        "cordon.shop-observation.v1": reports,
        "cordon.worker-health.v1": reports,
        "cordon.nil-report.v1": reports,
        "cordon.duty-sign-in.v1": reports,
    }
    assert list(KIND_BY_TYPE.values()) == list(EVENT_KINDS)
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
        (CODE_CHANGE, "data.code", None),
        (TIP, "data.kind", "rumour"),
        (TIP, "data.reporter_role", None),
        (TIP, "data.text", "x" * 2001),
        (CHECK_IN, "data.order", ""),
        (CHECK_IN, "data.result", "late"),
        (VISIT, "data.result", "friendly"),
        (VISIT, "data.temperature", 5),
        (GATE_EVENT, "data.site", None),
        (GATE_EVENT, "data.kind", "jump"),
        (GATE_EVENT, "data.mode", "party"),
        (POSITION_FIX, "data.position.crs", None),
        (POSITION_FIX, "data.position.crs", "bd09"),
        (POSITION_FIX, "data.position.lon", 180.1),
        (POSITION_FIX, "data.position.lat", -90.1),
        (POSITION_FIX, "data.position.accuracy_m", -1),
        (HEARTBEAT, "data.queue_length", -1),
        (HEARTBEAT, "data.clock_offset_ms", "slow"),
        (TRANSFER_ARRIVAL, "data.persons", None),
        (TRANSFER_ARRIVAL, "data.persons", [{"verified_by": "none"}] * 501),
        (SHOP_OBSERVATION, "data.open", "yes"),
        (WORKER_HEALTH, "data.result", "tired"),
        (NIL_REPORT, "data.reporter", ""),
        (DUTY_SIGN_IN, "data.member", ""),
        (DUTY_SIGN_IN, "data.member", 5),
        (DUTY_SIGN_IN, "data.kind", "lunch"),
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
