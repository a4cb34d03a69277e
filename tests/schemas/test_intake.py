"""Intake: splitting, keys, pseudonyms, warnings; and that no identifier is ever written."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import CHECKPOINT_SCAN, HEALTH_CHECK, PLATE_HIT, EventKind
from schemas.intake import Accepted, Intake
from schemas.persons import IdentifierProblem, PseudonymKey
from schemas.plates import PlateProblem
from schemas.problems import Problem, Rejected
from schemas.times import parse_ms
from tests.schemas.sampled import sample

KEY = PseudonymKey.fixed_for_tests()
INTAKE = Intake(KEY)
RECORDED = "2026-03-01T00:15:03.250Z"
RECORDED_MS = parse_ms(RECORDED)
ID_NUMBER = "11010519491231002X"
KINDS = {kind.type: kind for kind in (CHECKPOINT_SCAN, PLATE_HIT, HEALTH_CHECK)}


def event(kind: EventKind, data: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "gate-7",
        "type": kind.type,
        "time": "2026-03-01T08:15:00.120+08:00",
        **envelope,
        "data": data,
    }


def scan(**data: Any) -> dict[str, Any]:
    return event(CHECKPOINT_SCAN, {"site": "north-gate", "direction": "in", **data})


def hit(**data: Any) -> dict[str, Any]:
    given_data = {"site": "cam", "direction": "out", "plate": "浙F12345", "confidence": 0.9}
    return event(PLATE_HIT, given_data | data)


def check(**person: Any) -> dict[str, Any]:
    return event(HEALTH_CHECK, {"site": "north-gate", "person": {"verified_by": "none", **person}})


def accept(posted: dict[str, Any], *, keep: bool = False) -> Accepted:
    return INTAKE.accept(KINDS[posted["type"]], json.dumps(posted).encode(), RECORDED_MS, keep=keep)


def written(accepted: Accepted) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in accepted.records]


def rejection(kind: EventKind, item: bytes) -> Problem:
    with pytest.raises(Rejected) as caught:
        INTAKE.accept(kind, item, RECORDED_MS)
    return caught.value.problem


@pytest.mark.parametrize("kind", KINDS.values())
def test_the_samples_are_written_as_ever(kind: EventKind) -> None:
    accepted = accept(sample(f"{kind.type}.posted"))
    assert written(accepted)[0] == sample(kind.type)
    assert accepted.warnings == []


# Scans and their persons.


def test_a_scan_is_split() -> None:
    posted = sample("cordon.checkpoint-scan.v1.posted")
    whole, first, second = accept(posted).records
    assert [record.topic for record in (whole, first, second)] == [
        "cordon.checkpoint-scans.v1",
        "cordon.health-checks.v1",
        "cordon.health-checks.v1",
    ]
    assert [record.id for record in (whole, first, second)] == [
        "scan-1042",
        "scan-1042#1",
        "scan-1042#2",
    ]
    assert {record.source for record in (whole, first, second)} == {"gate-7"}
    assert whole.subject == "vehicle:浙F7AB0Z"
    assert first.subject == KEY.person("resident_id", ID_NUMBER)
    assert second.subject == KEY.person("passport", "E12345678")
    assert json.loads(first.value) == sample("cordon.health-check.v1.of-a-declared-scan")


def test_what_is_split_off_happened_with_the_scan() -> None:
    persons = [{"verified_by": "none"}, {"verified_by": "none"}]
    whole, *checks = written(accept(scan(persons=persons, plate="浙F12345", capture_mode="paper")))
    assert whole["data"]["occupants"] == 2
    assert "persons" not in whole["data"]
    assert "partof" not in whole
    for one in checks:
        assert (one["time"], one["recordedtime"]) == (whole["time"], whole["recordedtime"])
        assert one["partof"] == whole["id"]
        assert "corrects" not in one
        assert one["data"] == {
            "site": "north-gate",
            "person": {"verified_by": "none"},
            "direction": "in",
            "plate": "浙F12345",
            "capture_mode": "paper",
        }


def test_a_correction_corrects_each_person() -> None:
    posted = scan(persons=[{"verified_by": "none"}]) | {"corrects": "e-0"}
    whole, one = written(accept(posted))
    assert (whole["corrects"], one["corrects"]) == ("e-0", "e-0#1")


def test_a_scan_without_persons_is_one_record() -> None:
    (whole,) = written(accept(scan()))
    assert whole["data"] == {"site": "north-gate", "direction": "in", "occupants": 0}


def test_the_id_of_a_scan_leaves_room_for_its_persons() -> None:
    full = scan(persons=[{"verified_by": "none"}] * 100)
    records = accept(full | {"id": "x" * 124}).records
    assert len(records[-1].id) == 128
    HEALTH_CHECK.decoder().decode(records[-1].value)
    problem = rejection(CHECKPOINT_SCAN, json.dumps(full | {"id": "x" * 125}).encode())
    assert problem.field == "id"
    assert len(accept(scan() | {"id": "x" * 128}).records) == 1


# Keys.


@pytest.mark.parametrize(
    ("posted", "subject"),
    [
        (scan(plate="浙F12345"), "vehicle:浙F12345"),
        (scan(), "site:north-gate"),
        (scan(plate="no plate"), "site:north-gate"),
        (hit(), "vehicle:浙F12345"),
        (hit(plate=None), "site:cam"),
        (hit(plate="UNKNOWN"), "site:cam"),
        (hit(plate=""), "site:cam"),
        (check(), "site:north-gate"),
        (check(id_type="resident_id"), "site:north-gate"),
        (
            check(id_type="resident_id", id_number=ID_NUMBER),
            KEY.person("resident_id", ID_NUMBER),
        ),
        (check(person=KEY.person("passport", "E1234567")), KEY.person("passport", "E1234567")),
    ],
)
def test_the_subject_is_the_key(posted: dict[str, Any], subject: str) -> None:
    assert accept(posted).records[0].subject == subject


# Plates.


def test_a_plate_becomes_canonical_and_keeps_what_was_read() -> None:
    (one,) = written(accept(hit(plate="浙f·12O45", aux_plate="浙F-1234挂")))
    assert one["data"]["plate"] == "浙F12045"
    assert one["data"]["plate_raw"] == "浙f·12O45"
    assert one["data"]["aux_plate"] == "浙F1234挂"


def test_a_plate_that_is_canonical_is_written_once() -> None:
    (one,) = written(accept(hit()))
    assert "plate_raw" not in one["data"]
    (one,) = written(accept(scan(plate="浙F12345")))
    assert "plate_raw" not in one["data"]


@pytest.mark.parametrize("posted", [hit(plate="??"), scan(plate="??")])
def test_a_plate_that_is_none_is_set_aside(posted: dict[str, Any]) -> None:
    accepted = accept(posted)
    (warning,) = accepted.warnings
    assert (warning.title, warning.status, warning.field) == ("Set aside", 422, "data.plate")
    (one,) = written(accepted)
    assert one["data"].get("plate") is None
    assert one["data"]["plate_raw"] == "??"


def test_every_plate_that_is_set_aside_is_named() -> None:
    accepted = accept(
        hit(
            plate="a",
            aux_plate="b",
            candidates=[
                {"plate": "浙F·12345", "confidence": 0.5},
                {"plate": "c", "confidence": 0.4},
            ],
        )
    )
    assert [warning.field for warning in accepted.warnings] == [
        "data.plate",
        "data.aux_plate",
        "data.candidates[1].plate",
    ]
    (one,) = written(accepted)
    # A candidate is only ever looked at, so one that is no plate stays as it was read.
    assert [candidate["plate"] for candidate in one["data"]["candidates"]] == ["浙F12345", "c"]
    assert "aux_plate" not in one["data"]


def test_a_check_warns_of_its_plate() -> None:
    posted = check()
    posted["data"]["plate"] = "??"
    accepted = accept(posted)
    assert [warning.field for warning in accepted.warnings] == ["data.plate"]
    assert "plate" not in written(accepted)[0]["data"]


def test_the_grammar_is_the_deployments() -> None:
    free = Intake(KEY, "any")
    assert free.plate("ab 12 cde") == "AB12CDE"
    with pytest.raises(PlateProblem):
        INTAKE.plate("ab 12 cde")


# Persons.


@pytest.mark.parametrize(
    ("person", "field"),
    [
        ({"id_type": "resident_id", "id_number": "110105194912310021"}, "id_number"),
        ({"id_type": "resident_id", "id_number": "x" * 200}, "id_number"),
        ({"id_number": ID_NUMBER}, "id_number"),
        ({"id_type": "driver", "id_number": ID_NUMBER}, "id_number"),
        ({"id_type": ID_NUMBER, "id_number": ID_NUMBER}, "id_number"),
        ({"id_type": "resident_id", "id_number": 17}, "id_number"),
        ({"person": "person:Liu Wei"}, "person"),
        ({"person": ""}, "person"),
    ],
)
def test_an_identifier_that_fails_is_set_aside(person: dict[str, Any], field: str) -> None:
    accepted = accept(check(**person))
    assert [warning.field for warning in accepted.warnings] == [f"data.person.{field}"]
    (record,) = accepted.records
    assert record.subject == "site:north-gate"
    kept = json.loads(record.value)["data"]["person"]
    assert "person" not in kept
    assert "id_number" not in kept
    assert ID_NUMBER not in record.value.decode()


def test_a_number_may_be_posted_as_a_number() -> None:
    number = "330421198001010128"
    posted = check(id_type="resident_id", id_number=int(number))
    assert accept(posted).records[0].subject == KEY.person("resident_id", number)


def test_a_scan_names_the_person_that_is_set_aside() -> None:
    good = {"verified_by": "document", "id_type": "resident_id", "id_number": ID_NUMBER}
    bad = good | {"id_number": "1"}
    accepted = accept(scan(persons=[good, bad]))
    assert [warning.field for warning in accepted.warnings] == ["data.persons[1].id_number"]
    assert [record.subject for record in accepted.records] == [
        "site:north-gate",
        KEY.person("resident_id", ID_NUMBER),
        "site:north-gate",
    ]


def test_nobody_is_born_after_the_check() -> None:
    # Born on 2026-03-02: no identifier yet on the day of the check.
    number = "11010520260302001"
    number += next(c for c in "0123456789X" if _passes(number + c))
    accepted = accept(check(id_type="resident_id", id_number=number))
    assert [warning.field for warning in accepted.warnings] == ["data.person.id_number"]
    assert INTAKE.pseudonym(None, "resident_id", number) is not None


def _passes(number: str) -> bool:
    try:
        KEY.person("resident_id", number)
    except IdentifierProblem:
        return False
    return True


def _resident(digits: tuple[int, int]) -> str:
    day, order = digits
    number = f"1101051980{day // 28 % 12 + 1:02d}{day % 28 + 1:02d}{order:03d}"
    return number + next(c for c in "0123456789X" if _passes(number + c))


# ZQ marks what must never be found again; hexadecimal pseudonyms cannot contain it.
valid = st.one_of(
    st.tuples(st.integers(0, 335), st.integers(0, 999)).map(
        lambda digits: ("resident_id", _resident(digits))
    ),
    st.from_regex(r"ZQ[0-9]{7}", fullmatch=True).map(lambda number: ("passport", number)),
    st.from_regex(r"ZQ[A-Z0-9]{8,20}", fullmatch=True).map(lambda number: ("other", number)),
)
invalid_numbers = st.tuples(
    st.sampled_from(
        ["resident_id", "passport", "hk_macau_permit", "tw_permit", "foreign_permit", "other", None]
    ),
    st.text(max_size=100).map(lambda text: "ZQ" + text),
)
people = st.lists(st.one_of(valid, invalid_numbers), max_size=5)


def _spaced(number: str) -> str:
    return " ".join(number)


@given(people)
def test_no_identifier_is_written_or_repeated(given_people: list[tuple[str | None, str]]) -> None:
    persons = [
        {"verified_by": "document", "id_type": id_type, "id_number": number}
        for id_type, number in given_people
    ]
    accepted = accept(scan(persons=persons))
    out = b"".join(record.value for record in accepted.records).decode()
    out += "".join(record.subject + record.id for record in accepted.records)
    out += "".join(str(warning) for warning in accepted.warnings)
    assert len(accepted.records) == 1 + len(persons)
    assert "ZQ" not in out
    assert 'id_number":' not in out
    for _, number in given_people:
        assert number not in out


@given(valid)
def test_every_spelling_is_one_person(identifier: tuple[str, str]) -> None:
    id_type, number = identifier
    plain = accept(check(id_type=id_type, id_number=number)).records[0].subject
    spaced = accept(check(id_type=id_type, id_number=_spaced(number))).records[0].subject
    assert plain == spaced == KEY.person(id_type, number)


def test_a_code_is_written_in_utc() -> None:
    code = {
        "issuer": "330400",
        "colour": "red",
        "issued_at": "2026-03-01T08:00:00+08:00",
        "expires_at": "2026-03-02T08:00:00+08:00",
    }
    (one,) = written(accept(check(code=code)))
    kept = one["data"]["person"]["code"]
    assert kept["issued_at"] == "2026-03-01T00:00:00.000Z"
    assert kept["expires_at"] == "2026-03-02T00:00:00.000Z"
    for field in ("issued_at", "expires_at"):
        bad = check(code=code | {field: "yesterday"})
        problem = rejection(HEALTH_CHECK, json.dumps(bad).encode())
        assert problem.field == f"data.person.code.{field}"


# Times.


def test_what_is_accepted_live_was_recorded_now() -> None:
    (one,) = written(accept(hit() | {"recordedtime": "2020-01-01T00:00:00Z"}))
    assert (one["time"], one["recordedtime"]) == ("2026-03-01T00:15:00.120Z", RECORDED)


def test_a_replay_keeps_its_times() -> None:
    past = "2020-01-01T08:00:00+08:00"
    (one,) = written(accept(hit() | {"recordedtime": past}, keep=True))
    assert one["recordedtime"] == "2020-01-01T00:00:00.000Z"
    (one,) = written(accept(hit(), keep=True))
    assert one["recordedtime"] == one["time"] == "2026-03-01T00:15:00.120Z"


def test_a_replay_needs_a_time_that_can_be_kept() -> None:
    with pytest.raises(Rejected) as caught:
        accept(hit() | {"recordedtime": "2020-01-01T00:00:00"}, keep=True)
    assert caught.value.problem.field == "recordedtime"


# Only Cordon says these.


def test_a_device_cannot_say_what_cordon_says() -> None:
    posted = hit() | {"partof": "x", "datacontenttype": "application/json"}
    posted["data"]["plate_raw"] = "forged"
    (one,) = written(accept(posted))
    assert "partof" not in one
    assert "datacontenttype" not in one
    assert "plate_raw" not in one["data"]
    (one, *_) = written(accept(scan(occupants=50, plate_raw="forged")))
    assert one["data"]["occupants"] == 0
    assert "plate_raw" not in one["data"]


# Rejections.


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"source": "a\nb"}, "source"),
        ({"type": "cordon.health-check.v1"}, "type"),
        ({"type": 5}, "type"),
        ({"time": "2026-03-01T08:15:00"}, "time"),
        ({"time": "yesterday"}, "time"),
        ({"time": 0}, "time"),
        ({"time": "9999-12-31T23:59:59-23:00"}, "time"),
        ({"corrects": ""}, "corrects"),
        ({"data": None}, "data"),
        ({"data": {}}, "data.site"),
        ({"data": hit()["data"] | {"direction": "up"}}, "data.direction"),
        ({"data": hit()["data"] | {"confidence": 2}}, "data.confidence"),
        ({"data": hit()["data"] | {"plate": "x" * 257}}, "data.plate"),
        (
            {"data": hit()["data"] | {"candidates": [{"plate": "x"}]}},
            "data.candidates[0].confidence",
        ),
    ],
)
def test_a_rejection_names_its_field(change: dict[str, Any], field: str) -> None:
    problem = rejection(PLATE_HIT, json.dumps(hit() | change).encode())
    assert (problem.status, problem.field) == (422, field)


@pytest.mark.parametrize("field", ["specversion", "id", "source", "type", "time", "data"])
def test_a_missing_field_is_named(field: str) -> None:
    posted = copy.deepcopy(hit())
    del posted[field]
    problem = rejection(PLATE_HIT, json.dumps(posted).encode())
    assert (problem.status, problem.field) == (422, field)


@pytest.mark.parametrize(
    "item",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"id": "\xff"}',
        json.dumps(hit()).encode() + b"x",
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_not_json_is_malformed(item: bytes) -> None:
    problem = rejection(PLATE_HIT, item)
    assert (problem.status, problem.title) == (400, "Malformed input")


def test_a_list_is_no_event() -> None:
    assert rejection(PLATE_HIT, b"[]").status == 422


def test_a_wrong_value_before_broken_json_is_malformed() -> None:
    broken = b'{"specversion":"1.0","type":"cordon.plate-hit.v1","source":"c","id":[Infinity]}'
    with pytest.raises(Rejected) as caught:
        Intake(PseudonymKey.fixed_for_tests()).accept(PLATE_HIT, broken, 0)
    assert caught.value.problem.status == 400
