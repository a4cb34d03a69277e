"""What a handheld is given for when it has no network, and what it is not given."""

from typing import Any

import pytest

from schemas.persons import PseudonymKey
from schemas.times import format_ms
from services.ingest.offline_list import plate_digest
from tests.ingest.desk import NOON_MS, RESIDENT, Desk

PERSON = {"id_type": "resident_id", "id_number": RESIDENT}
ENDS = {"valid_to": "2026-12-01T00:00:00Z"}


async def listed(desk: Desk, token: str = "device") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = await desk.http.get("/v1/decisions/list", headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found: dict[str, Any] = answer.json()
    return found


def order(**changes: Any) -> dict[str, Any]:
    times = dict.fromkeys(("start", "valid_from"), "2026-11-19T09:00:00Z")
    kind = {"class": "home-isolation", "kind": "home", "zone": "home"}
    who = {"id": "o1", "subject": PERSON, "exposure_date": "2026-11-18"}
    return {**who, **kind, **times, **changes}


async def test_it_names_the_sites_and_how_long_it_is_good(desk: Desk) -> None:
    desk.registers.put("site", id="s1", name="East gate", role="checkpoint", zones=[])
    ended = "2026-11-20T00:00:00Z"
    desk.registers.put("site", id="s0", name="Gone", role="checkpoint", zones=[], valid_to=ended)
    found = await listed(desk)
    assert found["sites"] == [{"id": "s1", "name": "East gate"}]
    assert (found["as_of"], found["max_age_s"]) == (format_ms(NOON_MS), 43_200)
    assert found["plates"] == []


async def test_plates_are_short_digests_of_what_is_to_be_verified(desk: Desk) -> None:
    put = desk.registers.put
    put("order", **order(vehicles=["浙F11111"]))
    put("watch-entry", id="w1", plate="浙F22222", category="risk-return", **ENDS)
    put("watch-entry", id="w2", person=PERSON, category="confirmed", **ENDS)
    over = {"valid_to": "2026-11-20T00:00:00Z"}
    put("watch-entry", id="w3", plate="浙F33333", category="confirmed", **over)
    strong = {"person": PERSON, "role": "household", "strength": 0.8}
    put("vehicle-link", id="l1", plate="浙F44444", **strong)
    put("vehicle-link", id="l2", plate="浙F55555", **{**strong, "strength": 0.5})
    put("exemption", id="e1", plate="浙F66666", kind="whitelist")
    found = await listed(desk)
    plates = ("浙F11111", "浙F22222", "浙F44444")
    assert found["plates"] == sorted(plate_digest(found["salt"], plate) for plate in plates)
    assert all(len(each) == found["digest_hex"] == 6 for each in found["plates"])


async def test_it_holds_no_person_and_no_plate(desk: Desk) -> None:
    desk.registers.put("order", **order(vehicles=["浙F11111"]))
    text = str(await listed(desk))
    assert "浙F" not in text
    assert RESIDENT not in text
    key = PseudonymKey.fixed_for_tests().person("resident_id", RESIDENT)
    assert key not in text
    assert key.rpartition(":")[2] not in text


async def test_a_token_has_one_salt_and_another_token_another(desk: Desk) -> None:
    first = (await listed(desk))["salt"]
    desk.now_ms += 86_400_000
    assert (await listed(desk))["salt"] == first
    assert (await listed(desk, "admin"))["salt"] != first


async def test_a_list_that_may_lack_something_is_not_given(desk: Desk) -> None:
    desk.registers.known = False
    headers = {"Authorization": "Bearer device"}
    answer = await desk.http.get("/v1/decisions/list", headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(("token", "status"), [("viewer", 403), ("nobody", 401)])
async def test_who_may_have_it(desk: Desk, token: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert (await desk.http.get("/v1/decisions/list", headers=headers)).status_code == status
