"""Field reports and code changes: which kind an item is, its subject, and what is set aside."""

import json
from typing import Any

import pytest

from schemas.events import CODE_CHANGE, FIELD_REPORT_KINDS, KIND_BY_TYPE, KINDS_BY_PATH
from schemas.field_reports import kind_of
from schemas.intake import Accepted, Intake
from schemas.persons import PseudonymKey
from schemas.problems import Problem, Rejected
from schemas.times import parse_ms
from tests.schemas.sampled import POSTED, sample

KEY = PseudonymKey.fixed_for_tests()
INTAKE = Intake(KEY)
RECORDED_MS = parse_ms("2026-03-01T00:15:03.250Z")
ID_NUMBER = "11010519491231002X"
WHO = {"id_type": "resident_id", "id_number": ID_NUMBER}
NOBODY = {"id_type": "resident_id", "id_number": "110105194912310021"}
PERSON = KEY.person("resident_id", ID_NUMBER)
REPORTS = {kind.type for kind in (*FIELD_REPORT_KINDS, CODE_CHANGE)}
SAMPLES = [stem for stem in POSTED if sample(stem)["type"] in REPORTS]


def posted(name: str, /, **data: Any) -> dict[str, Any]:
    """A posted sample with other data; a value of ... is left out."""
    event: dict[str, Any] = sample(f"cordon.{name}.v1.posted")
    event["data"] = {key: val for key, val in (event["data"] | data).items() if val is not ...}
    return event


def accept(event: dict[str, Any]) -> Accepted:
    return INTAKE.accept(KIND_BY_TYPE[event["type"]], json.dumps(event).encode(), RECORDED_MS)


def rejection(event: dict[str, Any]) -> Problem:
    with pytest.raises(Rejected) as caught:
        accept(event)
    return caught.value.problem


@pytest.mark.parametrize("stem", SAMPLES)
def test_the_samples_are_written_as_ever(stem: str) -> None:
    accepted = accept(sample(stem))
    (record,) = accepted.records
    expected = sample(stem.removesuffix(".posted"))
    assert json.loads(record.value) == expected
    assert (record.topic, accepted.warnings) == (KIND_BY_TYPE[expected["type"]].topic, [])
    # What was written may be posted again.
    again = accept(expected)
    assert (again.records[0].value, again.warnings) == (record.value, [])


@pytest.mark.parametrize(
    ("name", "data", "subject"),
    [
        ("code-change", {}, PERSON),
        ("code-change", {"person": {}}, "source:code-authority"),
        ("tip", {}, "order:order-31"),
        ("tip", {"order": ...}, "source:hotline"),
        ("check-in", {}, "order:order-31"),
        ("visit", {}, "order:order-31"),
        ("gate-event", {}, "site:north-gate"),
        ("position-fix", {}, "order:order-31"),
        ("heartbeat", {}, "site:north-gate"),
        ("heartbeat", {"site": None}, "source:gate-7"),
        ("transfer-arrival", {}, "transfer:transfer-2"),
        ("transfer-arrival", {"persons": []}, "transfer:transfer-2"),
        ("shop-observation", {}, "premises:shop-17"),
        ("worker-health", {}, PERSON),
        ("worker-health", {"person": {"person": PERSON}}, PERSON),
        ("nil-report", {}, "reporter:grid-7-reporter"),
        ("duty-sign-in", {}, "shift:shift-9"),
    ],
)
def test_a_report_is_written_under_its_subject(
    name: str, data: dict[str, Any], subject: str
) -> None:
    assert accept(posted(name, **data)).records[0].subject == subject


@pytest.mark.parametrize(
    ("name", "data", "field", "subject"),
    [
        ("code-change", {"person": NOBODY}, "data.person.id_number", "source:code-authority"),
        ("worker-health", {"person": NOBODY}, "data.person.id_number", "source:mill-1-officer"),
        (
            "worker-health",
            {"person": {"person": "liu"}},
            "data.person.person",
            "source:mill-1-officer",
        ),
        (
            "transfer-arrival",
            {"persons": [{"verified_by": "none"}, {**NOBODY, "verified_by": "officer"}]},
            "data.persons[1].id_number",
            "transfer:transfer-2",
        ),
        ("duty-sign-in", {"member": NOBODY}, "data.member.id_number", "shift:shift-9"),
    ],
)
def test_an_identifier_that_fails_its_checks_costs_no_report(
    name: str, data: dict[str, Any], field: str, subject: str
) -> None:
    accepted = accept(posted(name, **data))
    assert [warning.field for warning in accepted.warnings] == [field]
    (record,) = accepted.records
    assert record.subject == subject
    assert NOBODY["id_number"].encode() not in record.value
    assert b"person:0" not in record.value


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("code-change", {"person": WHO}),
        ("worker-health", {"person": WHO}),
        ("transfer-arrival", {"persons": [{**WHO, "verified_by": "document"}] * 2}),
        ("duty-sign-in", {"member": WHO}),
        ("duty-sign-in", {"member": ID_NUMBER}),
        ("duty-sign-in", {"member": f" {ID_NUMBER[:6]} {ID_NUMBER[6:].lower()}"}),
        ("duty-sign-in", {"member": PERSON}),
    ],
)
def test_no_number_is_written(name: str, data: dict[str, Any]) -> None:
    accepted = accept(posted(name, **data))
    value = accepted.records[0].value
    assert PERSON.encode() in value
    assert ID_NUMBER[6:14].encode() not in value
    assert accepted.warnings == []


def test_a_member_may_be_a_name() -> None:
    written = json.loads(accept(posted("duty-sign-in", member="Wang 2")).records[0].value)
    assert written["data"]["member"] == "Wang 2"


def test_a_position_stays_as_it_was_measured() -> None:
    event = posted("position-fix")
    written = json.loads(accept(event).records[0].value)
    assert written["data"]["position"] == event["data"]["position"]


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("code-change", {"code": ...}, "data.code"),
        ("code-change", {"person": ...}, "data.person"),
        (
            "code-change",
            {
                "code": {
                    "issuer": "330400",
                    "colour": "red",
                    "issued_at": "2026-03-01T08:14:00",
                    "expires_at": "2026-03-15T08:14:00+08:00",
                }
            },
            "data.code.issued_at",
        ),
        ("tip", {"reporter_role": ...}, "data.reporter_role"),
        ("gate-event", {"kind": "jump"}, "data.kind"),
        ("position-fix", {"position": {"lon": 1, "lat": 2, "accuracy_m": 3}}, "data.position.crs"),
        (
            "position-fix",
            {"position": {"lon": 1, "lat": 2, "crs": "wgs84"}},
            "data.position.accuracy_m",
        ),
        ("transfer-arrival", {"persons": [{}]}, "data.persons[0].verified_by"),
        ("nil-report", {"day": "yesterday"}, "data.day"),
        ("nil-report", {"day": "2026-02-30"}, "data.day"),
        ("duty-sign-in", {"member": 5}, "data.member"),
    ],
)
def test_a_rejection_names_its_field(name: str, data: dict[str, Any], field: str) -> None:
    problem = rejection(posted(name, **data))
    assert (problem.status, problem.field) == (422, field)


def test_a_day_has_one_form() -> None:
    written = json.loads(accept(posted("nil-report", day="20260301")).records[0].value)
    assert written["data"]["day"] == "2026-03-01"


# Which kind an item is.

KINDS = KINDS_BY_PATH["/v1/field-reports"]


@pytest.mark.parametrize("kind", FIELD_REPORT_KINDS, ids=lambda kind: kind.type)
def test_the_type_says_which_kind_an_item_is(kind: Any) -> None:
    assert kind_of(KINDS, json.dumps(sample(f"{kind.type}.posted")).encode()) is kind


@pytest.mark.parametrize(
    ("item", "status", "field"),
    [
        (b"{}", 422, "type"),
        (b'{"type": null}', 422, "type"),
        (b'{"type": 5}', 422, "type"),
        (b'{"type": "cordon.plate-hit.v1"}', 422, "type"),
        (b'{"type": "cordon.tip.v2"}', 422, "type"),
        (b"5", 422, None),
        (b"{", 400, None),
        (b'{"type": "\xff"}', 400, None),
        (b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, None),
    ],
)
def test_an_item_of_no_kind_is_refused(item: bytes, status: int, field: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        kind_of(KINDS, item)
    assert (caught.value.problem.status, caught.value.problem.field) == (status, field)


def test_every_kind_has_one_path() -> None:
    assert KINDS_BY_PATH["/v1/health-checks"].keys() == {
        "cordon.health-check.v1",
        "cordon.code-change.v1",
    }
    assert KINDS.keys() == {kind.type for kind in FIELD_REPORT_KINDS}
    assert sum(len(kinds) for kinds in KINDS_BY_PATH.values()) == len(KIND_BY_TYPE)
