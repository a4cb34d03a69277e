"""What officers are told, for each reason that there is."""

import asyncio
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from schemas.decisions import ReasonKind
from schemas.persons import PseudonymKey
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms, parse_ms
from services.ingest.reasons import TEXTS
from tests.ingest.desk import NOON_MS, RESIDENT, Desk, person, scan

PATH = "/v1/decisions"
OTHER = "11010519491231002X"
PERSON = {"id_type": "resident_id", "id_number": RESIDENT}


@pytest.fixture
def barrier(desk: Desk) -> Desk:
    """A barrier at site s1 in the county; the isolation zone is elsewhere."""
    desk.registers.put("zone", **zone("county", "region"))
    desk.registers.put("zone", **zone("home", "community"))
    desk.registers.put("site", id="s1", name="East gate", role="checkpoint", zones=["county"])
    return desk


def zone(name: str, kind: str) -> dict[str, Any]:
    return {"id": name, "kind": kind, "crs": "wgs84", "centre": [120.9, 30.8], "radius_m": 500}


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": "order-1",
        "subject": PERSON,
        "class": "home-isolation",
        "kind": "home",
        "zone": "home",
        "exposure_date": "2026-11-18",
        "start": "2026-11-19T09:00:00Z",
        "valid_from": "2026-11-19T09:00:00Z",
        **changes,
    }


def watch(**changes: Any) -> dict[str, Any]:
    return {"id": "w1", "category": "close-contact", "valid_to": "2026-12-01T00:00:00Z", **changes}


def code(colour: str, **changes: Any) -> dict[str, Any]:
    return {
        "issuer": "330000",
        "colour": colour,
        "issued_at": format_ms(NOON_MS - HOUR_MS),
        "expires_at": format_ms(NOON_MS + DAY_MS),
        **changes,
    }


async def decide(desk: Desk, event: dict[str, Any]) -> dict[str, Any]:
    """Post a scan and return the decision."""
    answer = await desk.post(PATH, event)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kinds(decision: dict[str, Any]) -> list[str]:
    return [reason["kind"] for reason in decision["reasons"]]


def of(*persons: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return scan(data_persons=list(persons), **changes)


async def test_a_clean_scan_passes_and_is_stored(barrier: Desk) -> None:
    event = of(person(temperature=36.5, code=code("green")))
    decision = await decide(barrier, event)
    assert decision == {
        "verdict": "pass",
        "persons": ["pass"],
        "reasons": [],
        "expires": format_ms(NOON_MS + 10 * MINUTE_MS),
        "stored": True,
        "historical": False,
    }
    topics = [record.topic for record in barrier.producer.submitted]
    assert topics == ["cordon.checkpoint-scans.v1", "cordon.health-checks.v1"]
    assert barrier.count("decisions_total", verdict="pass") == 1
    assert barrier.count("accepted_total", type="cordon.checkpoint-scan.v1") == 1


@pytest.mark.parametrize(
    ("measured", "verdict", "kind"),
    [
        ({"temperature": 37.2}, "pass", None),
        ({"temperature": 37.3}, "verify", "recheck"),
        ({"temperature": 37.9}, "verify", "recheck"),
        ({"temperature": 38.0}, "hold", "fever"),
        ({"temperature": 33.9}, "verify", "temperature-implausible"),
        ({"temperature": 42.1}, "verify", "temperature-implausible"),
        ({"code": code("none")}, "pass", None),
        ({"code": code("yellow")}, "verify", "code-yellow"),
        ({"code": code("red")}, "hold", "code-red"),
        ({"code": code("green", expires_at="2026-11-22T02:00:00Z")}, "verify", "code-expired"),
        ({"code": code("red", issued_at="2026-11-20T02:00:00Z")}, "verify", "code-expired"),
        ({"refusal": True}, "verify", "refusal"),
        ({"symptoms": ["cough"]}, "verify", "symptoms"),
        ({"pass": "paper"}, "pass", None),
        ({"id_number": "330421198002300012"}, "verify", "identity-unreadable"),
        ({"id_number": None, "id_type": None}, "verify", "no-identity"),
        ({"id_number": None, "id_type": None, "temperature": 38.5}, "hold", "fever"),
    ],
)
async def test_what_a_person_shows(
    barrier: Desk, measured: dict[str, Any], verdict: str, kind: str | None
) -> None:
    decision = await decide(barrier, of(person(**measured), person(id_number=OTHER)))
    assert (decision["verdict"], decision["persons"]) == (verdict, [verdict, "pass"])
    assert kinds(decision)[:1] == ([kind] if kind else [])
    assert all(reason["person"] == 1 for reason in decision["reasons"])


async def test_a_recheck_is_due_in_five_minutes(barrier: Desk) -> None:
    decision = await decide(barrier, of(person(temperature=37.5)))
    assert decision["expires"] == format_ms(NOON_MS + 5 * MINUTE_MS)
    assert "five minutes" in decision["reasons"][0]["en"]


@pytest.mark.parametrize("verified_by", ["document", "officer", "code", "video", "none"])
async def test_whoever_breaks_an_order_is_held_even_with_a_green_code(
    barrier: Desk, verified_by: str
) -> None:
    barrier.registers.put("order", **order())
    event = of(person(code=code("green"), verified_by=verified_by), person(id_number=OTHER))
    decision = await decide(barrier, event)
    assert (decision["verdict"], decision["persons"]) == ("hold", ["hold", "pass"])
    assert kinds(decision) == ["order-breach"]


async def test_an_order_holds_nobody_in_its_zone_or_its_grace(barrier: Desk) -> None:
    barrier.registers.put("site", id="s1", name="East", role="checkpoint", zones=["home"])
    barrier.registers.put("order", **order())
    assert (await decide(barrier, of(person())))["verdict"] == "pass"
    barrier.registers.put("site", id="s1", name="East", role="checkpoint", zones=["county"])
    barrier.registers.put("order", **order(start=format_ms(NOON_MS - HOUR_MS)))
    assert (await decide(barrier, of(person(), id="s2")))["verdict"] == "pass"


async def test_a_permit_lets_pass_until_it_ends(barrier: Desk) -> None:
    barrier.registers.put("order", **order(vehicles=["浙F12345"]))
    ends = format_ms(NOON_MS + 3 * MINUTE_MS)
    permit = {"id": "p1", "order": "order-1", "from": format_ms(NOON_MS - HOUR_MS), "to": ends}
    barrier.registers.put("permit", **permit)
    decision = await decide(barrier, of(person()))
    assert (decision["verdict"], decision["expires"]) == ("pass", ends)
    assert kinds(decision) == ["covered", "covered"]


async def test_the_car_of_a_person_under_order_is_verified_and_its_driver_is_not_held(
    barrier: Desk,
) -> None:
    barrier.registers.put("order", **order(vehicles=["浙F12345"]))
    decision = await decide(barrier, of(person(id_number=OTHER)))
    assert (decision["verdict"], decision["persons"]) == ("verify", ["pass"])
    assert kinds(decision) == ["linked-vehicle"]


@pytest.mark.parametrize(
    ("category", "verdict"),
    [
        ("quarantined", "hold"),
        ("confirmed", "hold"),
        ("suspected", "hold"),
        ("close-contact", "verify"),
        ("risk-return", "verify"),
    ],
)
async def test_a_listed_person(barrier: Desk, category: str, verdict: str) -> None:
    barrier.registers.put("watch-entry", **watch(person=PERSON, category=category))
    decision = await decide(barrier, of(person()))
    assert (decision["verdict"], kinds(decision)) == (verdict, ["listed-person"])


@pytest.mark.parametrize("field", ["plate", "aux_plate"])
async def test_a_listed_plate_is_verified_and_never_held(barrier: Desk, field: str) -> None:
    barrier.registers.put("watch-entry", **watch(plate="浙F77777", category="confirmed"))
    decision = await decide(barrier, of(person(), **{f"data_{field}": "浙F77777"}))
    assert (decision["verdict"], decision["persons"]) == ("verify", ["pass"])
    assert kinds(decision) == ["listed-vehicle"]


async def test_an_entry_for_another_site_or_direction_says_nothing(barrier: Desk) -> None:
    barrier.registers.put("watch-entry", **watch(plate="浙F12345", sites=["s9"]))
    barrier.registers.put("watch-entry", **watch(id="w2", plate="浙F12345", direction="out"))
    assert (await decide(barrier, scan()))["verdict"] == "pass"


async def test_two_entries_are_one_reason(barrier: Desk) -> None:
    for name in ("w1", "w2"):
        barrier.registers.put("watch-entry", **watch(id=name, plate="浙F12345"))
    assert kinds(await decide(barrier, scan())) == ["listed-vehicle"]


@pytest.mark.parametrize("kind", ["whitelist", "green-channel", "fleet"])
async def test_who_is_exempt_is_let_through_first(barrier: Desk, kind: str) -> None:
    barrier.registers.put("exemption", id="e1", plate="鄂J12345", kind=kind)
    event = of(person(temperature=36.4), data_plate="鄂J12345")
    decision = await decide(barrier, event)
    assert (decision["verdict"], decision["persons"]) == ("expedite", ["pass"])
    assert kinds(decision) == [kind]


async def test_an_exemption_of_a_person_is_theirs(barrier: Desk) -> None:
    barrier.registers.put("exemption", id="e1", person=PERSON, kind="whitelist")
    decision = await decide(barrier, of(person(), person(id_number=OTHER)))
    assert (decision["verdict"], decision["persons"]) == ("expedite", ["expedite", "pass"])


async def test_no_exemption_beats_a_rule(barrier: Desk) -> None:
    barrier.registers.put("exemption", id="e1", plate="浙F12345", kind="green-channel")
    barrier.registers.put("exemption", id="e2", person=PERSON, kind="whitelist")
    ill = await decide(barrier, of(person(temperature=38.2)))
    assert (ill["verdict"], ill["persons"]) == ("hold", ["hold"])
    barrier.registers.put("watch-entry", **watch(plate="浙F12345"))
    assert (await decide(barrier, scan("s2")))["verdict"] == "verify"


async def test_an_exemption_outside_its_corridor_is_none(barrier: Desk) -> None:
    barrier.registers.put("exemption", id="e1", plate="浙F12345", kind="fleet", corridor=["home"])
    assert (await decide(barrier, scan()))["verdict"] == "pass"


async def test_a_look_alike_of_an_exempt_plate_is_not_exempt(barrier: Desk) -> None:
    barrier.registers.put("exemption", id="e1", plate="苏F8A123", kind="whitelist")
    assert (await decide(barrier, scan(data_plate="苏FBA123")))["verdict"] == "pass"
    assert (await decide(barrier, scan("s2", data_plate="苏F8A123")))["verdict"] == "expedite"


async def test_a_family_gets_one_decision_and_one_verdict_each(barrier: Desk) -> None:
    family = [person(), person(id_number=OTHER, code=code("red")), person(temperature=36.4)]
    decision = await decide(barrier, of(*family))
    assert (decision["verdict"], decision["persons"]) == ("hold", ["pass", "hold", "pass"])
    assert [reason["person"] for reason in decision["reasons"]] == [2]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"data_plate": "no plate"}, "plate-unreadable"),
        ({"data_plate": None}, "plate-unreadable"),
        ({"data_aux_plate": "???"}, "plate-unreadable"),
        ({"data_plate_confidence": 0.84}, "plate-uncertain"),
        ({"data_site": "s9"}, "site-unknown"),
        ({"time": format_ms(NOON_MS + 6 * MINUTE_MS)}, "clock-ahead"),
    ],
)
async def test_what_cannot_be_known_is_verified(
    barrier: Desk, changes: dict[str, Any], kind: str
) -> None:
    decision = await decide(barrier, scan(**changes))
    assert (decision["verdict"], kinds(decision)) == ("verify", [kind])
    assert barrier.count("decision_reasons_total", kind=kind) == 1


async def test_at_an_unknown_site_a_list_and_a_temperature_still_count(barrier: Desk) -> None:
    barrier.registers.put("order", **order(vehicles=["浙F12345"]))
    barrier.registers.put("watch-entry", **watch(person=PERSON, category="confirmed"))
    decision = await decide(barrier, of(person(), data_site="s9"))
    assert kinds(decision) == ["listed-person", "site-unknown"]
    assert decision["persons"] == ["hold"]


ORIGINS = ["京A12345", "鄂A12345", "鄂J12345", "新A12345", "藏A12345", "粤Z1234港"]


@pytest.mark.parametrize("plate", ORIGINS)
@pytest.mark.parametrize("region", ["110105", "420106", "429006", "650102"])
async def test_where_plate_and_person_come_from_changes_nothing(
    barrier: Desk, plate: str, region: str
) -> None:
    body = f"{region}19800101001"
    total = sum(int(digit) * pow(2, 17 - place) for place, digit in enumerate(body))
    number = body + "10X98765432"[total % 11]
    event = of(person(id_number=number, code=code("green")), data_plate=plate)
    decision = await decide(barrier, event)
    assert (decision["verdict"], decision["reasons"]) == ("pass", [])


async def test_an_old_scan_gets_the_verdict_of_its_time(barrier: Desk) -> None:
    barrier.registers.put("order", **order())
    barrier.now_ms = NOON_MS + 2 * HOUR_MS
    decision = await decide(barrier, of(person(), data_capture_mode="buffered"))
    assert (decision["verdict"], decision["historical"]) == ("hold", True)
    assert kinds(decision) == ["order-breach", "historical"]
    assert decision["expires"] == format_ms(NOON_MS + 10 * MINUTE_MS)


async def test_a_verdict_ends_with_what_it_rests_on(barrier: Desk) -> None:
    ends = format_ms(NOON_MS + 2 * MINUTE_MS)
    barrier.registers.put("watch-entry", **watch(plate="浙F12345", valid_to=ends))
    assert (await decide(barrier, scan()))["expires"] == ends


async def test_a_repeat_gets_the_same_verdict_and_is_stored_once(barrier: Desk) -> None:
    first = await decide(barrier, of(person()))
    barrier.registers.put("order", **order())
    assert await decide(barrier, of(person())) == first
    assert len(barrier.producer.submitted) == 2
    assert barrier.count("duplicates_total", type="cordon.checkpoint-scan.v1") == 1
    # Once it may no longer be relied on, it is judged again, and still not stored again.
    barrier.now_ms = parse_ms(first["expires"])
    assert (await decide(barrier, of(person())))["verdict"] == "hold"
    assert len(barrier.producer.submitted) == 2


async def test_a_scan_that_was_posted_before_is_not_stored_again(barrier: Desk) -> None:
    await barrier.post_event(of(person()))
    assert (await decide(barrier, of(person())))["stored"]
    assert len(barrier.producer.submitted) == 2


async def test_another_scan_under_the_same_id_never_gets_the_first_ones_verdict(
    barrier: Desk,
) -> None:
    await decide(barrier, of(person(id_number=OTHER)))
    barrier.registers.put("order", **order())
    decision = await decide(barrier, of(person()))
    assert (decision["verdict"], decision["stored"]) == ("hold", False)
    assert kinds(decision) == ["order-breach", "id-used-twice"]


async def test_registers_that_may_lack_something_never_let_pass(barrier: Desk) -> None:
    barrier.registers.put("exemption", id="e1", plate="浙F12345", kind="whitelist")
    barrier.registers.known = False
    decision = await decide(barrier, of(person()))
    assert (decision["verdict"], decision["persons"]) == ("verify", ["verify"])
    assert (kinds(decision)[0], decision["stored"]) == ("registers-stale", True)
    assert decision["expires"] == format_ms(NOON_MS + MINUTE_MS)
    # What is known speaks all the same, and the next attempt is judged anew.
    barrier.registers.put("order", **order())
    assert (await decide(barrier, of(person())))["verdict"] == "hold"
    barrier.registers.known = True
    assert kinds(await decide(barrier, of(person()))) == ["order-breach", "whitelist"]


async def test_without_a_broker_the_officer_is_told_to_verify_and_to_send_again(
    barrier: Desk,
) -> None:
    barrier.producer.up = False
    answer = await barrier.post(PATH, of(person()))
    decision = answer.json()
    assert (answer.status_code, answer.headers["retry-after"]) == (200, "2")
    assert (decision["verdict"], decision["persons"]) == ("verify", ["verify"])
    assert (kinds(decision), decision["stored"]) == (["not-stored"], False)
    barrier.producer.up = True
    answer = await barrier.post(PATH, of(person()))
    assert (answer.json()["verdict"], answer.json()["stored"]) == ("pass", True)
    assert "retry-after" not in answer.headers


async def test_a_broker_that_does_not_answer_in_time_is_not_waited_for(tmp_path: Path) -> None:
    async with Desk(tmp_path, decision_wait_s=0.01) as desk:
        desk.registers.put("site", id="s1", name="East", role="checkpoint", zones=[])
        desk.producer.hold = True
        decision = await decide(desk, scan())
        assert (decision["verdict"], decision["stored"]) == ("verify", False)
        await desk.producer.acknowledge()
        desk.producer.hold = False
        # It was delivered after all: the repeat finds it stored, and it is there once.
        decision = await decide(desk, scan())
        assert (decision["verdict"], decision["stored"]) == ("pass", True)
        assert len(desk.producer.submitted) == 1


async def test_reasons_name_no_disease_and_nobody_else() -> None:
    for text in TEXTS.values():
        for word in ("disease", "virus", "covid", "infect", "case", "quarantine", "owner"):
            assert word not in text.en.lower()
        for word in ("病毒", "肺炎", "感染", "确诊", "疑似", "密接", "车主"):
            assert word not in text.zh
    assert set(TEXTS) == set(get_args(ReasonKind))


async def test_the_answer_has_no_number_of_anybody(barrier: Desk) -> None:
    barrier.registers.put("order", **order(vehicles=["浙F12345"]))
    text = (await barrier.post(PATH, of(person()))).text
    assert RESIDENT not in text
    assert PseudonymKey.fixed_for_tests().person("resident_id", RESIDENT) not in text
    assert "order-1" not in text


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ([scan()], 422, "$"),
        ({**scan(), "time": "noon"}, 422, "time"),
        ({**scan(), "type": "cordon.plate-hit.v1"}, 422, "type"),
        (b"{", 400, None),
        (scan(persons=1, data_site=5), 422, "data.site"),
    ],
)
async def test_what_is_no_scan_is_refused(
    barrier: Desk, body: Any, status: int, field: str | None
) -> None:
    answer = await barrier.post(PATH, body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert barrier.producer.submitted == []


async def test_what_is_refused_and_what_is_set_aside_is_counted(barrier: Desk) -> None:
    labels = {"type": "cordon.checkpoint-scan.v1"}
    await barrier.post(PATH, {**scan(), "time": "noon"})
    assert barrier.count("rejected_total", field="time", **labels) == 1
    await decide(barrier, scan(data_plate="no plate"))
    assert barrier.count("warnings_total", field="data.plate", **labels) == 1


async def test_what_is_judged_is_what_was_written(barrier: Desk) -> None:
    """Also its moment: a clock that goes on meanwhile makes no second one."""
    barrier.producer.hold = True
    asked = asyncio.create_task(decide(barrier, scan()))
    acknowledged = asyncio.create_task(barrier.producer.acknowledge())
    await asyncio.wait({acknowledged})
    barrier.now_ms += HOUR_MS
    assert not (await asked)["historical"]
    (record,) = barrier.producer.submitted
    assert msgspec.json.decode(record.value)["recordedtime"] == format_ms(NOON_MS)


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("viewer", 403), ("device", 200)])
async def test_who_may_ask(barrier: Desk, token: str | None, status: int) -> None:
    assert (await barrier.post(PATH, scan(), token=token)).status_code == status
