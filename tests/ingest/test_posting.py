"""What a device posts and what it is answered."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.partition import partition_of
from schemas.persons import PseudonymKey
from tests.ingest.desk import NOON, RESIDENT, Desk, check, hit, ndjson, person, scan

TAKEN = {"accepted": 1, "duplicates": 0, "rejected": [], "warnings": []}


async def test_one_event_is_one_record_under_its_subject(desk: Desk) -> None:
    answer = await desk.post_event(hit(data_plate="浙f·12345"))
    assert (answer.status_code, answer.json()) == (202, TAKEN)
    (record,) = desk.producer.submitted
    assert record.topic == "cordon.plate-hits.v1"
    assert record.key == "vehicle:浙F12345".encode()
    assert record.partition == partition_of("vehicle:浙F12345", 4)
    written = msgspec.json.decode(record.value)
    assert written["data"]["plate_raw"] == "浙f·12345"
    assert written["time"] == written["recordedtime"] == "2026-11-22T04:00:00.000Z"


async def test_the_answer_waits_for_the_acknowledgement(desk: Desk) -> None:
    desk.producer.hold = True
    answer = asyncio.create_task(desk.post_event(hit()))
    acknowledgement = await desk.producer.waiting.get()
    assert not answer.done()
    acknowledgement.set_result(None)
    assert (await answer).status_code == 202


async def test_a_scan_waits_for_its_persons_and_holds_none(desk: Desk) -> None:
    answer = await desk.post_event(scan("s9", persons=3))
    assert answer.json() == TAKEN
    topics = [record.topic for record in desk.producer.submitted]
    assert topics == ["cordon.checkpoint-scans.v1", *["cordon.health-checks.v1"] * 3]
    key = PseudonymKey.fixed_for_tests().person("resident_id", RESIDENT)
    for place, record in enumerate(desk.producer.submitted[1:], 1):
        written = msgspec.json.decode(record.value)
        assert (written["id"], written["partof"]) == (f"s9#{place}", "s9")
        assert record.key == key.encode()
    assert RESIDENT.encode() not in b"".join(r.value + r.key for r in desk.producer.submitted)


@pytest.mark.parametrize("form", ["array", "ndjson"])
async def test_a_batch_keeps_its_good_items_and_names_the_bad(desk: Desk, form: str) -> None:
    events: list[Any] = [hit("a"), hit("b", data_confidence=7), 5, hit("c", time="yesterday")]
    events += [hit("d", data_plate="??"), hit("a")]
    if form == "array":
        answer = await desk.post("/v1/plate-hits", events)
    else:
        lines = ndjson(*events).replace(b"\n", b"\r\n\n")
        answer = await desk.post("/v1/plate-hits", lines, content_type="application/x-ndjson")
    body = answer.json()
    assert answer.status_code == 202
    assert (body["accepted"], body["duplicates"]) == (2, 1)
    assert [(item["index"], item["problem"]["field"]) for item in body["rejected"]] == [
        (1, "data.confidence"),
        (2, "$"),
        (3, "time"),
    ]
    ((index, field),) = [(item["index"], item["problem"]["field"]) for item in body["warnings"]]
    assert (index, field) == (4, "data.plate")


async def test_a_batch_of_bad_items_alone_is_still_taken(desk: Desk) -> None:
    answer = await desk.post("/v1/plate-hits", [{}, []])
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 0
    assert len(answer.json()["rejected"]) == 2
    assert desk.producer.submitted == []


async def test_a_broken_line_spares_the_others(desk: Desk) -> None:
    lines = b"\n".join([ndjson(hit("a")), b'{"broken', ndjson(hit("b"))])
    answer = await desk.post("/v1/plate-hits", lines, content_type="application/x-ndjson")
    assert answer.json()["accepted"] == 2
    (item,) = answer.json()["rejected"]
    assert (item["index"], item["problem"]["status"]) == (1, 400)


@pytest.mark.parametrize("empty", [b"", b"\n\n"])
async def test_no_lines_are_no_events(desk: Desk, empty: bytes) -> None:
    answer = await desk.post("/v1/plate-hits", empty, content_type="application/x-ndjson")
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


BAD: list[tuple[dict[str, Any], str]] = [
    (hit(specversion="0.3"), "specversion"),
    (hit(type="cordon.unheard-of.v1"), "type"),
    (check(), "type"),
    (hit(type=7), "type"),
    (hit(id=""), "id"),
    (hit(id="a\u0000b"), "id"),
    (hit(source="x" * 129), "source"),
    (hit(time="2026-11-22T12:00:00"), "time"),
    (hit(time="22.11.2026"), "time"),
    (hit(data_direction="sideways"), "data.direction"),
    (hit(data_confidence=1.1), "data.confidence"),
    (hit(data_speed_kmh=-1), "data.speed_kmh"),
    (hit(data_candidates=[{"plate": "x", "confidence": "high"}]), "data.candidates[0].confidence"),
    ({**hit(), "data": []}, "data"),
]


@pytest.mark.parametrize(("event", "field"), BAD, ids=[str(n) for n in range(len(BAD))])
async def test_a_bad_event_is_answered_with_its_field(
    desk: Desk, event: dict[str, Any], field: str
) -> None:
    answer = await desk.post("/v1/plate-hits", event)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert answer.json()["status"] == 422
    assert desk.producer.submitted == []


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({key: value for key, value in check().items() if key != "id"}, "id"),
        (check(data_person={}), "data.person.verified_by"),
        (check(data_person=person(temperature=99)), "data.person.temperature"),
        (
            check(
                data_person=person(
                    code={
                        "issuer": "330000",
                        "colour": "green",
                        "issued_at": "today",
                        "expires_at": NOON,
                    }
                )
            ),
            "data.person.code.issued_at",
        ),
        (check(data_person=person(declarations={f"d{n}": "x" for n in range(60_000)})), "data"),
    ],
)
async def test_a_bad_check_is_answered_with_its_field(
    tmp_path: Path, event: dict[str, Any], field: str
) -> None:
    async with Desk(tmp_path, max_body_bytes=1 << 20, in_flight_bytes=1 << 21) as desk:
        answer = await desk.post_event(event)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_an_identifier_that_fails_its_checks_is_set_aside(desk: Desk) -> None:
    answer = await desk.post_event(check(data_person=person(id_number="330421198001010015")))
    assert answer.json()["accepted"] == 1
    (warning,) = answer.json()["warnings"]
    assert warning["problem"]["field"] == "data.person.id_number"
    assert "330421198001010015" not in answer.text
    assert desk.producer.submitted[0].key == b"site:s1"
    assert (
        desk.count(
            "warnings_total", type="cordon.health-check.v1", field=warning["problem"]["field"]
        )
        == 1
    )


BODIES: list[tuple[bytes, str | None, int]] = [
    (b"{not json", "application/json", 400),
    (b"", "application/json", 400),
    (b"[1, 2", "application/json", 400),
    (b"\xff\xfe", "application/json", 400),
    (b"{} {}", "application/json", 400),
    (b'"event"', "application/json", 422),
    (b"null", "application/json", 422),
    (b"[" * 100_000, "application/json", 400),
    (b"[" * 50_000 + b"]" * 50_000, "application/json", 400),
    (b'{"a":' * 16_000 + b"1" + b"}" * 16_000, "application/json", 400),
    (b"[" * 100_000, "application/x-ndjson", 202),
    (b"{}", "text/plain", 415),
    (b"{}", "application/json; charset=gbk", 415),
    (b"{}", None, 415),
    (b"a=b", "application/x-www-form-urlencoded", 415),
    (b"{}", "application/json; charset=UTF-8", 422),
    (b"{}", 'application/json; charset="utf-8"; profile=x', 422),
    (b"{}", "application/cloudevents+json", 422),
    (b"[]", "application/cloudevents-batch+json", 202),
]


@pytest.mark.parametrize(
    ("body", "content_type", "status"), BODIES, ids=[str(n) for n in range(len(BODIES))]
)
async def test_a_bad_body_is_refused_whole(
    desk: Desk, body: bytes, content_type: str | None, status: int
) -> None:
    answer = await desk.post("/v1/plate-hits", body, content_type=content_type)
    assert answer.status_code == status
    if status != 202:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


async def test_depth_counts_brackets_outside_of_strings(desk: Desk) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    answer = await desk.post_event(hit("deep", data_unknown=deep))
    assert (answer.status_code, answer.json()["field"]) == (400, "$")
    text = '\\"' + "[{" * 100
    assert (await desk.post_event(hit("text", data_unknown=text))).status_code == 202


async def test_binary_mode_is_the_same_event(desk: Desk) -> None:
    event = hit("bin %/1", source="相机")
    headers = {
        "ce-specversion": "1.0",
        "ce-type": event["type"],
        "ce-id": "bin%20%25/1",
        "ce-source": "%E7%9B%B8%E6%9C%BA",
        "ce-time": NOON,
    }
    answer = await desk.post("/v1/plate-hits", event["data"], headers=headers)
    assert (answer.status_code, answer.json()) == (202, TAKEN)
    assert (await desk.post_event(event)).json()["duplicates"] == 1
    assert desk.count("conflicting_repeats_total", type=event["type"]) == 0
    headers["ce-time"] = "noon"
    bad = await desk.post("/v1/plate-hits", event["data"], headers={**headers, "ce-id": "other"})
    assert (bad.status_code, bad.json()["field"]) == (422, "time")
    for body in (b"{", b"[" * 40_000 + b"]" * 40_000):
        broken = await desk.post("/v1/plate-hits", body, headers=headers)
        assert broken.status_code == 400


@pytest.mark.parametrize(
    ("token", "status"),
    [(None, 401), ("wrong", 401), ("", 401), ("viewer", 403), ("dispatcher", 403)]
    + [("device", 202), ("replay", 202), ("admin", 202)],
)
async def test_who_may_post(desk: Desk, token: str | None, status: int) -> None:
    answer = await desk.post_event(hit(), token=token)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if status != 202:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_health_and_metrics_need_no_login(desk: Desk) -> None:
    assert (await desk.http.get("/healthz")).status_code == 200
    assert (await desk.http.head("/healthz")).status_code == 200
    assert (await desk.http.get("/readyz")).status_code == 200
    await desk.post_event(hit())
    shown = (await desk.http.get("/metrics")).text
    assert 'cordon_ingest_accepted_total{type="cordon.plate-hit.v1"} 1.0' in shown
    assert "cordon_ingest_remembered_identities 1.0" in shown
    assert "cordon_ingest_in_flight_bytes 0.0" in shown
    desk.producer.up = False
    assert (await desk.http.get("/healthz")).status_code == 200
    away = await desk.http.get("/readyz")
    assert (away.status_code, away.json()["status"]) == (503, 503)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/plate-hits", 405),
        ("POST", "/v1/nothing", 404),
        ("POST", "/v1/plate-hits/", 404),
    ],
)
async def test_unknown_paths_are_problems_too(
    desk: Desk, method: str, path: str, status: int
) -> None:
    answer = await desk.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert ("allow" in answer.headers) is (status == 405)
