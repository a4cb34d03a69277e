"""Filing: every register in its good form, and every field that can be wrong."""

import json
from typing import Any

import msgspec
import pytest

from schemas.filing import Filing, filed_deletion
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.problems import Problem, Rejected
from schemas.registers import REGISTERS, Deletion, Identifier, Order, member_key
from schemas.times import format_ms, parse_ms
from tests.schemas.sampled import POSTED, sample

KEY = PseudonymKey.fixed_for_tests()
FILING = Filing(Intake(KEY))
RECORDED_MS = parse_ms("2026-03-01T00:00:00.500Z")
CHANGES = [stem for stem in POSTED if ".put." in stem or ".delete." in stem]
WHO = {"id_type": "resident_id", "id_number": "11010519491231002X"}
NOBODY = {"id_type": "resident_id", "id_number": "110105194912310021"}


def body(name: str, /, **change: Any) -> dict[str, Any]:
    """A PUT's body that is good, but for `change`; a value of ... is left out."""
    data = sample(f"cordon.{name}.put.v1.posted")["data"]
    del data["id"], data["author"]
    return {key: value for key, value in (data | change).items() if value is not ...}


def put(name: str, given: Any) -> Any:
    raw = given if isinstance(given, bytes) else json.dumps(given).encode()
    return FILING.put(name, "entry-1", raw, "liu", RECORDED_MS)


def rejection(name: str, given: Any) -> Problem:
    with pytest.raises(Rejected) as caught:
        put(name, given)
    return caught.value.problem


# Events of a timeline.


@pytest.mark.parametrize("stem", CHANGES)
def test_the_samples_are_written_as_ever(stem: str) -> None:
    filed = FILING.event(json.dumps(sample(stem)).encode())
    expected = sample(stem.removesuffix(".posted"))
    name = expected["type"].split(".")[1]
    assert json.loads(filed.value) == expected
    assert (filed.topic, filed.name) == (f"cordon.registers.{name}.v1", name)
    assert filed.id == filed.entry.id == expected["data"]["id"]


def test_a_change_without_recordedtime_was_filed_when_it_happened() -> None:
    line = sample("cordon.permit.put.v1.posted")
    del line["recordedtime"]
    written = json.loads(FILING.event(json.dumps(line).encode()).value)
    assert written["time"] == written["recordedtime"] == "2026-03-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "cordon.plate-hit.v1"}, "type"),
        ({"id": ""}, "id"),
        ({"time": "2026-03-01", "recordedtime": None}, "recordedtime"),
        ({"recordedtime": "2026-03-01T08:00:00"}, "recordedtime"),
        ({"data": []}, "data"),
        ({"data": {}}, "id"),
        ({"type": "cordon.permit.delete.v1", "data": []}, None),
        ({"type": "cordon.permit.delete.v1", "data": {"id": "a/b", "author": "liu"}}, "id"),
        ({"type": "cordon.permit.delete.v1", "data": {"id": "a\n"}}, "id"),
    ],
)
def test_a_rejected_change_names_its_field(change: dict[str, Any], field: str | None) -> None:
    line = sample("cordon.permit.put.v1.posted") | change
    with pytest.raises(Rejected) as caught:
        FILING.event(json.dumps(line).encode())
    assert (caught.value.problem.status, caught.value.problem.field) == (422, field)


@pytest.mark.parametrize("verb", ["put", "delete"])
def test_the_source_of_a_change_is_its_author_where_none_is_named(verb: str) -> None:
    line = sample("cordon.permit.put.v1.posted") | {"type": f"cordon.permit.{verb}.v1"}
    del line["data"]["author"]
    if verb == "delete":
        line["data"] = {"id": "a"}
    filed = FILING.event(json.dumps(line).encode())
    assert filed.entry.author == line["source"]


@pytest.mark.parametrize(
    "data", [b'{"id":"\xff"}', b"nonsense", b"[" * 100_000 + b"]" * 100_000, b"{"]
)
def test_a_change_that_is_not_json_is_malformed(data: bytes) -> None:
    line = json.dumps(sample("cordon.permit.put.v1.posted") | {"data": "HERE"}).encode()
    with pytest.raises(Rejected) as caught:
        FILING.event(line.replace(b'"HERE"', data))
    assert caught.value.problem.status == 400


def test_a_deletion_is_written() -> None:
    filed = filed_deletion("site", Deletion(id="s", author="liu"), RECORDED_MS, "c-1", "api")
    assert (filed.topic, filed.id) == ("cordon.registers.site.v1", "s")
    assert json.loads(filed.value)["data"] == {"id": "s", "author": "liu"}


# Bodies of PUT.


@pytest.mark.parametrize("name", REGISTERS)
def test_a_body_and_an_event_mean_the_same(name: str) -> None:
    entry = FILING.put(name, "entry-1", json.dumps(body(name)).encode(), "liu", RECORDED_MS)
    expected = sample(f"cordon.{name}.put.v1")["data"] | {"id": "entry-1"}
    assert json.loads(msgspec.json.encode(entry)) == expected
    filed = FILING.filed_put(name, entry, RECORDED_MS, "c-1", "api")
    assert json.loads(filed.value) == {
        "specversion": "1.0",
        "id": "c-1",
        "source": "api",
        "type": f"cordon.{name}.put.v1",
        "time": "2026-03-01T00:00:00.500Z",
        "recordedtime": "2026-03-01T00:00:00.500Z",
        "data": expected,
    }


@pytest.mark.parametrize("name", REGISTERS)
def test_filing_what_was_written_changes_nothing(name: str) -> None:
    written = sample(f"cordon.{name}.put.v1")["data"]
    assert json.loads(msgspec.json.encode(FILING.entry(name, written))) == written


def test_the_author_holds_the_token_and_now_is_the_beginning() -> None:
    entry = put("site", body("site", author="somebody else", valid_from=..., valid_to=...))
    assert entry.author == "liu"
    assert entry.valid_from == "2026-03-01T00:00:00.500Z"
    assert entry.valid_to is None


@pytest.mark.parametrize(
    ("name", "field"),
    [("permit", "from"), ("transfer", "window_from"), ("order", "start"), ("duty-shift", "start")],
)
def test_what_names_its_hours_begins_with_them(name: str, field: str) -> None:
    posted = body(name, valid_from=..., valid_to=...)
    entry = put(name, posted)
    assert entry.valid_from == format_ms(parse_ms(posted[field]))


def test_an_id_in_the_body_must_be_that_of_the_path() -> None:
    assert put("permit", body("permit", id="entry-1")).id == "entry-1"
    assert rejection("permit", body("permit", id="entry-2")).field == "id"


@pytest.mark.parametrize(
    "given", [b"", b"{", b'{"a":"\xff"}', b"[]", b"5", b"[" * 100_000 + b"]" * 100_000]
)
def test_what_is_no_object_is_malformed(given: bytes) -> None:
    assert rejection("permit", given).status == 400


OPEN_RING = [[120.9, 30.9], [120.91, 30.9], [120.91, 30.91], [120.9, 30.91]]
BOW = [[120.9, 30.9], [120.91, 30.9], [120.9, 30.9]]


def _polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("site", {"valid_from": "2026-03-01"}, "valid_from"),
        ("site", {"valid_to": "2026-03-01T00:00:00"}, "valid_to"),
        ("site", {"valid_to": "2026-03-01T00:00:00+08:00"}, "valid_to"),
        ("site", {"purpose": "census"}, "purpose"),
        ("site", {"reason": ...}, "reason"),
        ("site", {"role": "bar"}, "role"),
        ("site", {"name": ...}, "name"),
        ("site", {"zones": ...}, "zones"),
        ("site", {"zones": ["a/b"]}, "zones[0]"),
        ("site", {"position": {"lon": 120, "lat": 30}}, "position.crs"),
        ("site", {"position": {"lon": 181, "lat": 30, "crs": "wgs84"}}, "position.lon"),
        ("site", {"position": {"lon": 120, "lat": 91, "crs": "wgs84"}}, "position.lat"),
        ("site", {"position": {"lon": 120, "lat": 30, "crs": "bd09"}}, "position.crs"),
        ("site", {"warm_until": "soon"}, "warm_until"),
        ("site", {"heartbeat_s": -1}, "heartbeat_s"),
        ("zone", {"kind": "mall"}, "kind"),
        ("zone", {"crs": ...}, "crs"),
        ("zone", {"geometry": ...}, "geometry"),
        ("zone", {"centre": [120, 30], "radius_m": 5}, "geometry"),
        ("zone", {"geometry": ..., "centre": [120, 30]}, "radius_m"),
        ("zone", {"geometry": ..., "centre": [120, 30], "radius_m": 0}, "radius_m"),
        ("zone", {"geometry": ..., "centre": [120], "radius_m": 5}, "centre"),
        ("zone", {"geometry": {"type": "Point", "coordinates": [1, 2]}}, "geometry.type"),
        ("zone", {"geometry": _polygon()}, "geometry.coordinates"),
        ("zone", {"geometry": _polygon(OPEN_RING)}, "geometry.coordinates[0]"),
        (
            "zone",
            {"geometry": _polygon([*OPEN_RING, OPEN_RING[0]], BOW)},
            "geometry.coordinates[1]",
        ),
        ("order", {"subject": ...}, "subject"),
        ("order", {"subject": {}}, "subject"),
        ("order", {"subject": NOBODY}, "subject.id_number"),
        ("order", {"subject": {"person": "person:liu"}}, "subject.person"),
        ("order", {"class": "suspicious"}, "class"),
        ("order", {"kind": "prison"}, "kind"),
        ("order", {"zone": ""}, "zone"),
        ("order", {"exposure_date": "27 Feb"}, "exposure_date"),
        ("order", {"last_day": "2026-02-30"}, "last_day"),
        ("order", {"start": "2026-03-01T08:00:00"}, "start"),
        ("order", {"vehicles": ["浙F12345", "??"]}, "vehicles[1]"),
        ("order", {"vehicles": ["浙F12345"] * 17}, "vehicles"),
        ("order", {"channel": "pigeon"}, "channel"),
        ("permit", {"order": ...}, "order"),
        ("permit", {"from": "noon"}, "from"),
        ("permit", {"to": "noon"}, "to"),
        ("permit", {"to": "2026-03-02T09:00:00+08:00"}, "to"),
        ("permit", {"places": [5]}, "places[0]"),
        ("transfer", {"orders": ..., "persons": ...}, "orders"),
        ("transfer", {"orders": [], "persons": []}, "orders"),
        ("transfer", {"persons": [WHO, NOBODY]}, "persons[1].id_number"),
        ("transfer", {"persons": [{}]}, "persons[0]"),
        ("transfer", {"from_zone": ...}, "from_zone"),
        ("transfer", {"to_zone": ...}, "to_zone"),
        ("transfer", {"window_from": "x"}, "window_from"),
        ("transfer", {"window_to": "x"}, "window_to"),
        ("transfer", {"window_to": "2026-03-02T09:00:00+08:00"}, "window_to"),
        ("transfer", {"eta": "x"}, "eta"),
        ("transfer", {"vehicle": "??"}, "vehicle"),
        ("transfer", {"sealed": "yes"}, "sealed"),
        ("resident-vehicle", {"plate": "??"}, "plate"),
        ("resident-vehicle", {"attributes": {"colour": 5}}, "attributes[...]"),
        ("vehicle-link", {"plate": "??"}, "plate"),
        ("vehicle-link", {"person": NOBODY}, "person.id_number"),
        ("vehicle-link", {"role": "thief"}, "role"),
        ("vehicle-link", {"strength": 1.1}, "strength"),
        ("watch-entry", {"valid_to": ...}, "valid_to"),
        ("watch-entry", {"valid_to": "2026-02-01T00:00:00+08:00"}, "valid_to"),
        ("watch-entry", {"source": ...}, "source"),
        ("watch-entry", {"reason": ...}, "reason"),
        ("watch-entry", {"category": "criminal"}, "category"),
        ("watch-entry", {"plate": ...}, "plate"),
        ("watch-entry", {"person": WHO}, "plate"),
        ("watch-entry", {"plate": ..., "person": NOBODY}, "person.id_number"),
        ("watch-entry", {"plate": "浙F*"}, "plate"),
        ("watch-entry", {"plate": "浙F1234?"}, "plate"),
        ("watch-entry", {"plate": "浙F1234％"}, "plate"),
        ("watch-entry", {"plate": "浙F"}, "plate"),
        ("watch-entry", {"sites": []}, "sites"),
        ("watch-entry", {"direction": "unknown"}, "direction"),
        ("exemption", {"plate": "浙F12345"}, "plate"),
        ("exemption", {"person": ...}, "plate"),
        ("exemption", {"person": ..., "plate": "浙F*"}, "plate"),
        ("exemption", {"kind": "vip"}, "kind"),
        ("exemption", {"corridor": []}, "corridor"),
        ("device", {"site": ...}, "site"),
        ("device", {"secret": ...}, "secret"),
        ("device", {"key": "0123456789abcdef"}, "secret"),
        ("device", {"secret": "too short"}, "secret"),
        ("device", {"timezone": "Asia/Nowhere"}, "timezone"),
        ("device", {"timezone": "../../etc/passwd"}, "timezone"),
        ("device", {"plate_grammar": "martian"}, "plate_grammar"),
        ("device", {"heartbeat_s": -1}, "heartbeat_s"),
        ("order", {"keepers": ["wang", NOBODY]}, "keepers[1].id_number"),
        ("transfer", {"vehicle": "浙F*"}, "vehicle"),
        ("route", {"from": ...}, "from"),
        ("route", {"from": "a b"}, "from"),
        ("route", {"to": "north-gate"}, "to"),
        ("route", {"min_s": 0}, "min_s"),
        ("route", {"p50_s": 2879}, "p50_s"),
        ("route", {"via": [""]}, "via[0]"),
        ("risk-area", {"area": "3303"}, "area"),
        ("risk-area", {"area": "330027"}, "area"),
        ("risk-area", {"area": "33*"}, "area"),
        ("risk-area", {"level": "low"}, "level"),
        ("arrival-notice", {"household": ...}, "household"),
        ("arrival-notice", {"persons": []}, "persons"),
        ("arrival-notice", {"persons": [WHO, NOBODY]}, "persons[1].id_number"),
        ("arrival-notice", {"area": "Wenzhou"}, "area"),
        ("arrival-notice", {"stay_from": "January"}, "stay_from"),
        ("arrival-notice", {"stay_from": "2026-02-20T08:00:00"}, "stay_from"),
        ("arrival-notice", {"stay_to": "2026-02-19"}, "stay_to"),
        ("arrival-notice", {"stay_to": "2026-02-18T15:59:59Z"}, "stay_to"),
        ("arrival-notice", {"arrival": ...}, "arrival"),
        ("arrival-notice", {"row": -1}, "row"),
        ("residence", {"person": NOBODY}, "person.id_number"),
        ("residence", {"address": ...}, "address"),
        ("pass", {"holders": [{}]}, "holders[0]"),
        ("pass", {"holders": []}, "holders"),
        ("pass", {"scope": []}, "scope"),
        ("pass", {"medium": "verbal"}, "medium"),
        ("facility", {"zone": ...}, "zone"),
        ("facility", {"capacity": -1}, "capacity"),
        ("approval", {"premises": ""}, "premises"),
        ("enterprise", {"name": ...}, "name"),
        ("worker", {"enterprise": ...}, "enterprise"),
        ("worker", {"person": {}}, "person"),
        ("reporter", {"due_local": "24:00"}, "due_local"),
        ("reporter", {"due_local": "5pm"}, "due_local"),
        ("duty-shift", {"start": "08:00"}, "start"),
        ("duty-shift", {"end": "2026-03-02T08:00:00+08:00"}, "end"),
        ("duty-shift", {"members": []}, "members"),
        ("duty-shift", {"members": ["wang", NOBODY]}, "members[1].id_number"),
        ("duty-shift", {"members": [""]}, "members[0]"),
        ("duty-shift", {"min_staff": 0}, "min_staff"),
        ("roster", {"members": ...}, "members"),
        ("roster", {"members": [""]}, "members[0]"),
        ("roster", {"above": "entry-1"}, "above"),
        ("responsibility", {"kind": "street"}, "kind"),
        ("responsibility", {"unit": "a b"}, "unit"),
        ("responsibility", {"officers": []}, "officers"),
        ("responsibility", {"officers": ["a", "b", "c", "d"]}, "officers"),
        ("responsibility", {"kind": "enterprise"}, "officers"),
        ("responsibility", {"kind": "village"}, "grids"),
        ("responsibility", {"grids": ["grid-3"]}, "grids"),
        ("case", {"person": {"person": "liu"}}, "person.person"),
        ("case", {"class": "sick"}, "class"),
        ("case", {"onset": "last week"}, "onset"),
        ("policy", {"response_level": ...}, "response_level"),
        ("policy", {"rules": {"fever": 38}}, "rules[...]"),
        ("policy", {"rules": {"fever": {"colour": 1}}}, "rules.fever.colour"),
    ],
)
def test_a_rejection_names_its_field(name: str, change: dict[str, Any], field: str) -> None:
    problem = rejection(name, body(name, **change))
    assert (problem.status, problem.field) == (422, field)


def test_identifiers_are_pseudonyms_once_filed() -> None:
    raw = json.dumps(body("order")).encode()
    entry = FILING.put("order", "o", raw, "liu", RECORDED_MS)
    value = FILING.filed_put("order", entry, RECORDED_MS, "c", "api").value
    assert WHO["id_number"].encode() in raw
    assert WHO["id_number"].encode() not in value
    assert isinstance(entry, Order)
    assert entry.subject.person == KEY.person("resident_id", "11010519491231002X")


@pytest.mark.parametrize("field", ["secret", "key"])
def test_a_secret_is_never_written(field: str) -> None:
    posted = body("device", secret=...) | {field: "what only the device knows"}
    entry = put("device", posted)
    sealed = getattr(entry, field)
    assert sealed == KEY.seal("what only the device knows")
    assert b"only the device" not in FILING.filed_put("device", entry, RECORDED_MS, "c", "a").value
    # What was read from the register may be filed again.
    assert put("device", posted | {field: sealed}) == entry
    assert put("device", posted | {"timezone": None})


def test_days_and_lists_have_one_form() -> None:
    entry = put(
        "order", body("order", exposure_date="20260227", last_day="2026-W11-6", vehicles=[])
    )
    assert (entry.exposure_date, entry.last_day) == ("2026-02-27", "2026-03-14")
    assert entry.vehicles is None
    entry = put("order", body("order", last_day=...))
    assert entry.last_day is None
    entry = put("transfer", body("transfer", persons=..., vehicle=...))
    assert (entry.persons, entry.vehicle) == (None, None)


def test_a_zone_may_be_a_circle() -> None:
    entry = put("zone", body("zone", geometry=..., centre=[120.85, 30.85], radius_m=150))
    assert (entry.centre, entry.radius_m) == ((120.85, 30.85), 150)


def test_a_number_among_names_is_a_person() -> None:
    entry = put("duty-shift", body("duty-shift", members=["wang", WHO["id_number"], WHO]))
    person = KEY.person("resident_id", WHO["id_number"])
    assert [member_key(member) for member in entry.members] == ["wang", person, person]
    entry = put("order", body("order", keepers=[person, "wang"]))
    assert [member_key(member) for member in entry.keepers] == [person, "wang"]
    assert put("order", body("order", keepers=[])).keepers is None


def test_nobody_has_no_key() -> None:
    assert member_key(Identifier()) == ""


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-02-20", "2026-02-20"),
        ("20260220", "2026-02-21"),
        ("2026-02-20T08:00:00+08:00", "2026-02-20T08:00:00+08:00"),
        # The first hour of the day in Shanghai is the day before in UTC.
        ("2026-02-20", "2026-02-20T01:00:00+08:00"),
        ("2026-02-20T23:00:00-08:00", "2026-02-20"),
    ],
)
def test_a_stay_may_be_dates_or_instants(first: str, last: str) -> None:
    entry = put("arrival-notice", body("arrival-notice", stay_from=first, stay_to=last))
    assert (len(entry.stay_from), len(entry.stay_to)) <= (24, 24)


def test_a_notice_keeps_its_own_time() -> None:
    line = sample("cordon.arrival-notice.put.v1.posted")
    line |= {"time": "2026-02-28T20:00:00+08:00", "recordedtime": "2026-03-01T08:00:00+08:00"}
    written = json.loads(FILING.event(json.dumps(line).encode()).value)
    assert written["time"] == "2026-02-28T12:00:00.000Z"
    assert written["recordedtime"] == "2026-03-01T00:00:00.000Z"
    with pytest.raises(Rejected) as caught:
        FILING.event(json.dumps(line | {"time": "2026-02-28"}).encode())
    assert caught.value.problem.field == "time"
