"""What becomes a sighting of the records that ingest writes, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import CHECKPOINT_SCAN, CODE_CHANGE, HEALTH_CHECK, PLATE_HIT
from schemas.intake import Record
from schemas.times import HOUR_MS, format_ms, parse_ms
from services.alerts.sightings.memory import MemorySightings
from services.alerts.sightings.sighting import TEXTS, Sighting, sort_out
from tests.sightings.records import (
    PERSON,
    PLATE,
    T0,
    VEHICLE,
    by_topic,
    check,
    hit,
    scan,
)


def sightings_of(subject: str, *groups: list[Record]) -> list[Sighting]:
    """Return the sightings of a subject among records."""
    memory = MemorySightings()
    for topic, values in by_topic(*groups).items():
        memory.add(topic, values)
    found = memory.of(subject, 0)
    memory.close()
    return found


def test_a_plate_hit() -> None:
    body = {"type": "saloon", "colour": "white"}
    (seen,) = sightings_of(VEHICLE, hit("h1", lane="2", plate_colour="blue", vehicle=body))
    assert seen == Sighting(
        subject=VEHICLE,
        time_ms=T0,
        recorded_ms=T0 + 1000,
        source="camera-1",
        id="h1",
        type=PLATE_HIT.type,
        site="site-1",
        direction="in",
        evidence="vehicle",
        lane="2",
        confidence=0.95,
        plate=PLATE,
        plate_colour="blue",
        vehicle_type="saloon",
        vehicle_colour="white",
    )


def test_companions_of_a_scan_share_its_id() -> None:
    records = scan("s1", persons=3, lane="4")
    (vehicle,), (person,) = sightings_of(VEHICLE, records), sightings_of(PERSON, records)
    assert (vehicle.type, vehicle.id, vehicle.partof) == (CHECKPOINT_SCAN.type, "s1", "s1")
    assert (vehicle.confidence, vehicle.lane) == (1.0, "4")
    assert (person.type, person.id, person.partof) == (HEALTH_CHECK.type, "s1#1", "s1")
    assert (person.plate, person.direction, person.evidence) == (PLATE, "in", "person")
    assert person.confidence is None


def test_nothing_medical_is_kept() -> None:
    code = {"issuer": "330400", "colour": "red", "issued_at": "2020-02-09T00:00:00Z"}
    code["expires_at"] = "2020-02-12T00:00:00Z"
    who = {"person": PERSON, "verified_by": "code", "temperature": 39.5, "code": code}
    (seen,) = sightings_of(PERSON, check("c1", person=who))
    assert seen.evidence == "digital"
    assert {"temperature", "code", "colour"}.isdisjoint(TEXTS)


@pytest.mark.parametrize(
    ("verified_by", "more", "evidence"),
    [
        ("document", {}, "person"),
        ("officer", {"pass": "p1"}, "person"),
        ("video", {}, "digital"),
        ("none", {}, "tip"),
        ("none", {"pass": "p1"}, "digital"),
    ],
)
def test_the_class_of_the_evidence(verified_by: str, more: dict[str, str], evidence: str) -> None:
    who = {"person": PERSON, "verified_by": verified_by, **more}
    (seen,) = sightings_of(PERSON, check("c1", person=who))
    assert seen.evidence == evidence


def test_what_is_no_sighting_is_counted() -> None:
    records = [
        *hit("h1"),
        *hit("h2", is_preview=True),
        *hit("h3", plate=None),
        *hit("h4", recorded_ms=T0 - HOUR_MS),
    ]
    values = [record.value for record in records]
    columns, counts = sort_out(PLATE_HIT.topic, [*values, None, b"{", b"[]"])
    assert columns.texts["id"] == ["h1"]
    assert dict(counts) == {
        "kept": 1,
        "preview": 1,
        "unidentified": 1,
        "held": 1,
        "unreadable": 3,
    }


def test_a_code_change_is_no_sighting() -> None:
    changed = (
        b'{"specversion":"1.0","id":"x","source":"s","type":"%s","time":"2020-02-10T08:00:00.000Z",'
        b'"recordedtime":"2020-02-10T08:00:00.000Z","data":{"person":{"person":"p"}}}'
    ) % CODE_CHANGE.type.encode()
    columns, counts = sort_out(HEALTH_CHECK.topic, [changed, check("c1")[0].value])
    assert (len(columns), counts["other"], counts["kept"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"2020-02-10T08:00:00.000Z", b"2020-02-30T08:00:00.000Z"),
        (b"2020-02-10T08:00:00.000Z", b"2020-02-10T08:00:00+0800"),
        (b"2020-02-10T08:00:00.000Z", b"2020-02-10T08:00:00.000z"),
        (b"2020-02-10T08:00:00.000Z", b"2020-02-10T08:00:00Z"),
        (b"2020-02-10T08:00:00.000Z", b"NaTNaTNaTNaTNaTNaTN.aTNZ"),
    ],
)
def test_an_instant_that_is_not_in_the_written_form_is_unreadable(old: bytes, new: bytes) -> None:
    good, bad = hit("h1")[0].value, hit("h2")[0].value.replace(old, new)
    columns, counts = sort_out(PLATE_HIT.topic, [good, bad])
    assert columns.texts["id"] == ["h1"]
    assert counts["unreadable"] == 1


def test_no_records_are_no_sightings() -> None:
    columns, counts = sort_out(PLATE_HIT.topic, [])
    assert (len(columns), counts["kept"], columns.newest_ms) == (0, 0, 0)


def test_a_text_with_a_nul_is_kept_as_it_is() -> None:
    (seen,) = sightings_of(VEHICLE, hit("h1", lane="a\0b"))
    assert seen.lane == "a\0b"


def test_a_correction_without_a_plate_still_corrects() -> None:
    assert sightings_of(VEHICLE, hit("h1"), hit("h2", plate=None, corrects="h1")) == []
    assert [each.id for each in sightings_of(VEHICLE, hit("h1"))] == ["h1"]


def test_a_corrected_scan_takes_all_of_its_persons_back() -> None:
    first, second = scan("s1", persons=3), scan("s2", persons=0, corrects="s1")
    assert sightings_of(PERSON, first, second) == []
    assert [each.id for each in sightings_of(VEHICLE, first, second)] == ["s2"]


def test_only_the_same_source_corrects() -> None:
    other = hit("h2", T0 + 1, source="camera-2", corrects="h1")
    assert [each.id for each in sightings_of(VEHICLE, hit("h1"), other)] == ["h1", "h2"]


def test_an_event_cannot_take_itself_back() -> None:
    assert len(sightings_of(VEHICLE, hit("h1", corrects="h1"))) == 1


def test_events_of_another_kind_do_not_hide_those_beside_them() -> None:
    foreign = hit("h2")[0].value.replace(b"plate-hit", b"plate-pit")
    columns, counts = sort_out(PLATE_HIT.topic, [foreign, hit("h1")[0].value])
    assert (columns.texts["id"], counts["other"]) == (["h1"], 1)


@pytest.mark.parametrize(
    "instant",
    [
        "2020-02-30T08:00:00.000Z",
        "2021-02-29T08:00:00.000Z",
        "2020-13-01T08:00:00.000Z",
        "2020-02-10T24:00:00.000Z",
        "2020-02-10T08:60:00.000Z",
        "2020-02-10T08:00:60.000Z",
        "0000-02-10T08:00:00.000Z",
        "2020-02-10T08:00:00.00:Z",
        "2020-02-10T08:00:00,000Z",
        "2020-02-10T08:00:00.000z",
        "2020-02-10T08:00:00.0000Z",
        "2020-02-10T08:00:00.00Z",
        "2020-02-10T08:00:00.\u0660\u0661\u0662Z",
    ],
)
def test_only_an_instant_in_the_written_form_is_read(instant: str) -> None:
    first, other, last = (hit(f"h{n}")[0].value for n in (1, 2, 3))
    values = [first, other.replace(format_ms(T0).encode(), instant.encode()), last]
    columns, counts = sort_out(PLATE_HIT.topic, values)
    assert columns.texts["id"] == ["h1", "h3"]
    assert counts["unreadable"] == 1


@given(st.integers(parse_ms("0001-01-01T00:00:00.000Z"), parse_ms("9999-12-31T23:59:59.999Z")))
def test_an_instant_is_what_the_schemas_say(at_ms: int) -> None:
    value = hit("h1", recorded_ms=T0)[0].value.replace(
        format_ms(T0).encode(), format_ms(at_ms).encode()
    )
    columns, _ = sort_out(PLATE_HIT.topic, [value])
    assert columns.time_ms.tolist() == columns.recorded_ms.tolist() == [at_ms]
