"""Field reports and code changes over HTTP: several kinds at one path."""

import msgspec
import pytest

from schemas.persons import PseudonymKey
from tests.ingest.desk import RESIDENT, Desk, check, hit, ndjson, report

WHO = {"id_type": "resident_id", "id_number": RESIDENT}
PATH = "/v1/field-reports"


async def test_one_request_may_mix_the_kinds(desk: Desk) -> None:
    answer = await desk.post(
        PATH,
        [
            report("heartbeat", "r1", status="ok"),
            report("gate-event", "r2", site="gate-1", kind="forced"),
            report("check-in", "r3", order="o1", result="late"),
            hit("r4"),
            {"id": "r5"},
            report("heartbeat", "r1", status="ok"),
            report("duty-sign-in", "r6", shift="sh1", member={**WHO, "id_number": "1"}, kind="in"),
        ],
    )
    body = answer.json()
    assert (answer.status_code, body["accepted"], body["duplicates"]) == (202, 3, 1)
    rejected = {each["index"]: each["problem"]["field"] for each in body["rejected"]}
    assert rejected == {2: "data.result", 3: "type", 4: "type"}
    (warning,) = body["warnings"]
    assert (warning["index"], warning["problem"]["field"]) == (6, "data.member.id_number")
    written = [(record.topic, record.key) for record in desk.producer.submitted]
    assert written == [
        ("cordon.field-reports.v1", b"source:desk-1"),
        ("cordon.field-reports.v1", b"site:gate-1"),
        ("cordon.field-reports.v1", b"shift:sh1"),
    ]


async def test_each_kind_counts_by_itself(desk: Desk) -> None:
    beat = report("heartbeat", status="ok")
    events = [beat, beat, {**beat, "source": ""}, hit()]
    answer = await desk.post(PATH, ndjson(*events), content_type="application/x-ndjson")
    assert answer.json()["accepted"] == 1

    heartbeat = "cordon.heartbeat.v1"
    assert desk.count("accepted_total", type=heartbeat) == 1
    assert desk.count("duplicates_total", type=heartbeat) == 1
    assert desk.count("rejected_total", type=heartbeat, field="source") == 1
    assert desk.count("rejected_total", type="unknown", field="type") == 1


async def test_a_single_report_of_no_kind_is_answered_with_its_problem(desk: Desk) -> None:
    answer = await desk.post(PATH, report("rumour", text="…"))
    assert (answer.status_code, answer.json()["field"]) == (422, "type")
    assert "cordon.tip.v1" in answer.json()["detail"]


async def test_code_changes_are_posted_beside_health_checks(desk: Desk) -> None:
    code = {
        "issuer": "330400",
        "colour": "red",
        "issued_at": "2026-11-22T11:00:00+08:00",
        "expires_at": "2026-12-06T11:00:00+08:00",
    }
    change = report("code-change", person=WHO, code=code)
    answer = await desk.post("/v1/health-checks", [check(), change])
    assert answer.json()["accepted"] == 2
    key = PseudonymKey.fixed_for_tests().person("resident_id", RESIDENT).encode()
    assert {(each.topic, each.key) for each in desk.producer.submitted} == {
        ("cordon.health-checks.v1", key)
    }
    assert RESIDENT.encode() not in b"".join(each.value for each in desk.producer.submitted)
    assert msgspec.json.decode(desk.producer.submitted[1].value)["data"]["code"]["colour"] == "red"


@pytest.mark.parametrize("path", ["/v1/plate-hits", PATH])
async def test_a_code_change_elsewhere_is_refused(desk: Desk, path: str) -> None:
    answer = await desk.post(path, report("code-change", person=WHO))
    assert (answer.status_code, answer.json()["field"]) == (422, "type")
