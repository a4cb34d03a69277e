"""Registration before arrival: by a stranger behind a site's code, confirmed by an officer."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest

from schemas.persons import PseudonymKey
from services.api.registration.site_code import SiteCodes
from services.api.store.database import Database
from services.api.vault.vault import Vault
from tests.api_imports.numbers import resident
from tests.api_registration.conftest import KEY, MOST

FORM = {"content-type": "application/x-www-form-urlencoded"}
OFFICER = {"Authorization": "Bearer dispatcher"}
TODAY = datetime.now(UTC).date()


def sent(code: str, **fields: object) -> dict[str, str]:
    """Return what somebody fills in."""
    values = {
        "code": code,
        "id_type": "resident_id",
        "id_number": resident(11),
        "name": "李小红",
        "telephone": "138 5731 2345",
        "address": "姚庄镇 12 号",
        "area": "330300",
        "stay_from": (TODAY - timedelta(days=10)).isoformat(),
        "stay_to": (TODAY - timedelta(days=1)).isoformat(),
        "arrival": (TODAY + timedelta(days=1)).isoformat(),
        "plate": "浙f7 0002",
        "companions": "2",
        "consent": "yes",
        **{name: str(value) for name, value in fields.items()},
    }
    return {name: value for name, value in values.items() if value != "-"}


async def test_the_page_is_in_both_languages_and_needs_no_script(
    client: httpx.AsyncClient, code: str
) -> None:
    page = await client.get("/register", params={"code": code})
    assert page.status_code == 200
    assert "script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for said in ("身份证", "passport", "同意", "I agree", "疫情防控", "outbreak control"):
        assert said in page.text
    made_up = await client.get("/register", params={"code": "gate-1.29990101.AAAAAAAAAAAAA"})
    assert made_up.status_code == 403


async def test_it_is_filed_only_when_an_officer_has_confirmed(
    client: httpx.AsyncClient, code: str, database: Database, vault: Vault
) -> None:
    answer = await client.post(
        "/v1/self-registrations", content=urlencode(sent(code)), headers=FORM
    )
    assert answer.status_code == 202, answer.text
    assert resident(11) not in answer.text
    listed = await client.get("/v1/self-registrations", headers=OFFICER)
    (item,) = listed.json()["items"]
    assert (item["state"], item["site"], item["plate"]) == ("pending", "gate-1", "浙F70002")
    for raw in (resident(11), "李小红", "5731", "姚庄"):
        assert raw not in listed.text
    kept = await database.read(lambda connection: vault.open(connection, [item["person"]]))
    assert kept[item["person"]]["name"] == "李小红"
    url = f"/v1/self-registrations/{item['id']}"
    filed = f"/v1/registers/arrival-notice/self-{item['id']}"
    assert (await client.get(filed, headers=OFFICER)).status_code == 404

    household = f"h-{uuid4().hex[:8]}"
    body = {"household": household, "note": "called"}
    assert (await client.post(f"{url}/confirm", json=body, headers=OFFICER)).status_code == 428
    seen = {**OFFICER, "If-Match": (await client.get(url, headers=OFFICER)).headers["etag"]}
    done = await client.post(f"{url}/confirm", json=body, headers=seen)
    assert (done.status_code, done.json()["state"]) == (200, "confirmed"), done.text
    entry = (await client.get(filed, headers=OFFICER)).json()
    assert (entry["household"], entry["area"]) == (household, "330300")
    assert (await client.post(f"{url}/confirm", json=body, headers=seen)).status_code == 409
    refusal = await client.post(f"{url}/refuse", json={"reason": "x"}, headers=seen)
    assert refusal.status_code == 409


async def test_what_is_refused_is_filed_nowhere(client: httpx.AsyncClient, code: str) -> None:
    answer = await client.post("/v1/self-registrations", json=sent(code))
    url = f"/v1/self-registrations/{answer.json()['reference']}"
    body = {"reason": "no such person"}
    done = await client.post(f"{url}/refuse", json=body, headers={**OFFICER, "If-Match": "1"})
    assert (done.json()["state"], done.json()["note"]) == ("refused", "no such person")
    listed = await client.get(
        "/v1/self-registrations", params={"state": "refused"}, headers=OFFICER
    )
    assert len(listed.json()["items"]) == 1


async def test_the_answer_is_the_same_for_whoever_is_known(
    client: httpx.AsyncClient, code: str, database: Database, vault: Vault
) -> None:
    first = await client.post("/v1/self-registrations", json=sent(code))
    again = await client.post("/v1/self-registrations", json=sent(code, name="别人"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json().keys() == again.json().keys() == {"reference"}
    assert first.json() != again.json()
    # A stranger's word replaces nothing that is known already.
    items = (await client.get("/v1/self-registrations", headers=OFFICER)).json()["items"]
    person = items[0]["person"]
    kept = await database.read(lambda connection: vault.open(connection, [person]))
    assert kept[person]["name"] == "李小红"


async def test_a_wrong_field_is_named_and_nothing_repeated(
    client: httpx.AsyncClient, code: str
) -> None:
    for fields, field in (
        ({"id_number": "330421198002300012"}, "id_number"),
        ({"area": "330321x"}, "area"),
        ({"consent": "-"}, "consent"),
        ({"stay_to": "2019-01-01"}, "stay_to"),
        ({"arrival": "2999-01-01"}, "arrival"),
        ({"plate": "??"}, "plate"),
    ):
        values = sent(code, **fields)
        answer = await client.post("/v1/self-registrations", json=values)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    page = await client.post(
        "/v1/self-registrations", content=urlencode(sent(code, area="1")), headers=FORM
    )
    assert (page.status_code, page.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "李小红" not in page.text


async def test_rates_are_bounded_by_address(client: httpx.AsyncClient, code: str) -> None:
    answers = [await client.post("/v1/self-registrations", json={}) for _ in range(MOST + 1)]
    assert [answer.status_code for answer in answers] == [422] * MOST + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    page = await client.post("/v1/self-registrations", content=urlencode(sent(code)), headers=FORM)
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")


async def test_what_is_too_long_or_no_form_is_refused(client: httpx.AsyncClient, code: str) -> None:
    long = await client.post("/v1/self-registrations", json=sent(code, name="x" * 9_000))
    assert long.status_code == 413
    text = await client.post("/v1/self-registrations", content=b"hello")
    assert text.status_code == 415
    broken = await client.post(
        "/v1/self-registrations", content=b"{", headers={"content-type": "application/json"}
    )
    assert broken.status_code == 400
    made_up = await client.post(
        "/v1/self-registrations", json=sent("gate-1.29990101.AAAAAAAAAAAAA")
    )
    assert made_up.status_code == 403


async def test_a_leader_makes_the_code_of_a_site(client: httpx.AsyncClient) -> None:
    body = {"site": f"s-{uuid4().hex[:8]}", "days": 3}
    leader = {"Authorization": "Bearer supervisor"}
    url = "/v1/self-registrations/codes"
    assert (await client.post(url, json=body, headers=OFFICER)).status_code == 403
    assert (await client.post(url, json=body, headers=leader)).json()["field"] == "site"
    site = {
        "name": "gate",
        "role": "boundary",
        "zones": [],
        "source": "t",
        "reason": "t",
        "purpose": "outbreak-control",
    }
    await client.put(f"/v1/registers/site/{body['site']}", json=site, headers=leader)
    made = await client.post(url, json=body, headers=leader)
    assert made.status_code == 200, made.text
    assert (await client.get(made.json()["path"])).status_code == 200


@pytest.mark.parametrize("path", ["/v1/self-registrations", "/v1/self-registrations/x"])
async def test_the_list_is_not_public(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401


def test_a_code_ends_with_its_day_and_belongs_to_its_deployment() -> None:
    codes = SiteCodes(KEY)
    code = codes.code("gate.1", date(2020, 2, 10))
    assert codes.site_of(code, date(2020, 2, 10)) == "gate.1"
    assert codes.site_of(code, date(2020, 2, 11)) is None
    assert codes.site_of(code.replace("gate.1", "gate.2"), date(2020, 2, 10)) is None
    assert SiteCodes(PseudonymKey(1, bytes(32))).site_of(code, date(2020, 2, 10)) is None
