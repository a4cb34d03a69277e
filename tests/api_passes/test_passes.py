"""Passes over HTTP: issued, printed, verified at a gate, revoked; and no name on paper."""

import html

import httpx
from sqlalchemy import select

from schemas.times import DAY_MS, format_ms
from services.api.store.database import Database
from services.api.vault.tables import vault_fields
from tests.api_imports.numbers import resident
from tests.api_registers.conftest import Clock

HOLDER = {"id_type": "resident_id", "id_number": resident(3), "name": "王小明"}


async def issued(client: httpx.AsyncClient, clock: Clock, **fields: object) -> httpx.Response:
    """Issue a pass for ten days."""
    body = {
        "holders": [HOLDER],
        "scope": ["county-1"],
        # Else it is when it was filed, and other tests on this broker may have filed days ahead.
        "valid_from": format_ms(clock()),
        "valid_to": format_ms(clock() + 10 * DAY_MS),
        "source": "town hall",
        "reason": "shopping, no telephone",
        **fields,
    }
    return await client.post("/v1/passes", json=body)


async def verified(client: httpx.AsyncClient, pass_id: str, code: str) -> dict[str, object]:
    """Ask as a device at a gate."""
    answer = await client.get(
        f"/v1/passes/{pass_id}/verify",
        params={"code": code},
        headers={"Authorization": "Bearer device"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_the_life_of_a_pass(
    client: httpx.AsyncClient, clock: Clock, database: Database
) -> None:
    new = await issued(client, clock)
    assert new.status_code == 201, new.text
    entry = new.json()
    pass_id, code = entry["id"], entry["code"]
    assert entry["holders"][0]["person"].startswith("person:")
    told = await verified(client, pass_id, code)
    assert (told["genuine"], told["state"], told["scope"]) == (True, "valid", ["county-1"])
    kept = await database.read(
        lambda connection: list(connection.scalars(select(vault_fields.c.field)))
    )
    assert set(kept) == {"id_type", "id_number", "name"}

    clock.offset_ms += 11 * DAY_MS
    assert (await verified(client, pass_id, code))["state"] == "expired"
    clock.offset_ms -= 11 * DAY_MS

    stale = await client.post(
        f"/v1/passes/{pass_id}/revoke", json={"reason": "lost"}, headers={"If-Match": "999999"}
    )
    assert stale.status_code == 409
    without = await client.post(f"/v1/passes/{pass_id}/revoke", json={"reason": "lost"})
    assert without.status_code == 428
    headers = {"If-Match": new.headers["etag"]}
    gone = await client.post(
        f"/v1/passes/{pass_id}/revoke", json={"reason": "lost"}, headers=headers
    )
    assert (gone.json()["revoked"], gone.json()["reason"]) == (True, "lost")
    assert (await verified(client, pass_id, code))["state"] == "revoked"
    assert (await client.get(f"/v1/passes/{pass_id}/paper")).status_code == 409
    again = await client.post(
        f"/v1/passes/{pass_id}/revoke",
        json={"reason": "lost"},
        headers={"If-Match": gone.headers["etag"]},
    )
    assert again.status_code == 409


async def test_of_a_code_that_was_made_up_nothing_is_told(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    one, other = (await issued(client, clock)).json(), (await issued(client, clock)).json()
    for code in ("x", one["code"][:-1] + ("A" if one["code"][-1] != "A" else "B"), other["code"]):
        assert await verified(client, one["id"], code) == {"genuine": False, "state": "unknown"}


async def test_a_pass_is_printed_without_a_name_and_many_together(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    passes = [(await issued(client, clock, holders=[])).json() for _ in range(4)]
    passes.append((await issued(client, clock)).json())
    page = await client.get(f"/v1/passes/{passes[-1]['id']}/paper")
    assert page.headers["content-type"].startswith("text/html")
    assert "sha256-" in page.headers["content-security-policy"]
    assert html.escape(passes[-1]["id"]) in page.text
    assert "<svg" in page.text
    for raw in (HOLDER["id_number"], HOLDER["name"]):
        assert raw not in page.text
    ids = [each["id"] for each in passes]
    pdf = await client.post("/v1/passes:print", json={"ids": ids})
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert pdf.content.count(b"/Type /Page\n") == 2
    missing = await client.post("/v1/passes:print", json={"ids": ["nothing"]})
    assert missing.status_code == 404


async def test_what_is_no_pass_is_refused(client: httpx.AsyncClient, clock: Clock) -> None:
    wrong = await issued(client, clock, holders=[{"id_type": "resident_id", "id_number": "12"}])
    assert (wrong.status_code, wrong.json()["field"]) == (422, "holders[0].id_number")
    nobody = await issued(client, clock, holders=[{}])
    assert nobody.json()["field"] == "holders[0]"
    nowhere = await issued(client, clock, scope=[])
    assert nowhere.json()["field"] == "scope"
    past = await issued(client, clock, valid_to="2020-01-01T00:00:00Z")
    assert past.json()["field"] == "valid_to"
