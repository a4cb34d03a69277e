"""Orders over HTTP: each act is a version, by the one who saw the last."""

import asyncio
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from schemas.times import DAY_MS, format_ms
from services.api.audit.tables import audit_entries
from services.api.store.database import Database
from tests.api_registers.conftest import Clock


@pytest.fixture
async def order(client: httpx.AsyncClient, clock: Clock) -> str:
    """The path of an order of ten days ago."""
    start = format_ms(clock() - 10 * DAY_MS)
    entry_id = uuid4().hex
    body = {
        "subject": {"id_type": "passport", "id_number": "E1234567"},
        "class": "home-isolation",
        "kind": "home",
        "zone": "home-1",
        "exposure_date": start[:10],
        "start": start,
        "channel": "phone",
        "source": "town",
        "reason": "arrival",
        "purpose": "outbreak-control",
    }
    answer = await client.put(f"/v1/registers/order/{entry_id}", json=body)
    assert answer.status_code == 201, answer.text
    return entry_id


async def test_extend_re_expose_and_release_are_versions_of_the_order(
    client: httpx.AsyncClient, clock: Clock, order: str, database: Database
) -> None:
    first = await client.get(f"/v1/orders/{order}/clock")
    assert (first.json()["state"], len(first.json()["history"])) == ("running", 1)
    assert first.json()["follow_ups"] != []
    exposed = format_ms(clock() - 3 * DAY_MS)[:10]
    anew = await client.post(
        f"/v1/orders/{order}/re-expose",
        json={"exposure_date": exposed, "reason": "met a case"},
        headers={"If-Match": first.headers["etag"]},
    )
    assert anew.status_code == 200, anew.text
    last = format_ms(clock() + 12 * DAY_MS)[:10]
    longer = await client.post(
        f"/v1/orders/{order}/extend",
        json={"last_day": last, "reason": "fever"},
        headers={"If-Match": anew.headers["etag"]},
    )
    assert longer.json()["last_day"] == last
    body = {"released_by": "Dr Wang", "reason": "two negative tests"}
    early = await client.post(
        f"/v1/orders/{order}/release", json=body, headers={"If-Match": longer.headers["etag"]}
    )
    assert (early.status_code, early.json()["field"]) == (422, "early")
    done = await client.post(
        f"/v1/orders/{order}/release",
        json={**body, "early": True},
        headers={"If-Match": longer.headers["etag"]},
    )
    assert done.json()["released_by"] == "Dr Wang"
    clock.offset_ms += 1_000
    told = (await client.get(f"/v1/orders/{order}/clock")).json()
    assert (told["state"], told["follow_ups"]) == ("over", [])
    assert [each["reason"] for each in told["history"]] == [
        "two negative tests",
        "fever",
        "met a case",
        "arrival",
    ]
    again = await client.post(
        f"/v1/orders/{order}/extend",
        json={"last_day": "2999-01-01", "reason": "x"},
        headers={"If-Match": done.headers["etag"]},
    )
    assert again.status_code == 409
    query = select(audit_entries.c.action).where(audit_entries.c.about == f"order/{order}")
    acts = await database.read(lambda connection: list(connection.scalars(query)))
    assert acts == ["register.put", "order.re-expose", "order.extend", "order.release"]


async def test_of_two_who_act_at_once_the_second_is_told(
    client: httpx.AsyncClient, clock: Clock, order: str
) -> None:
    seen = (await client.get(f"/v1/orders/{order}/clock")).headers["etag"]
    last = [format_ms(clock() + days * DAY_MS)[:10] for days in (20, 21)]
    answers = await asyncio.gather(
        *(
            client.post(
                f"/v1/orders/{order}/extend",
                json={"last_day": day, "reason": "fever"},
                headers={"If-Match": seen},
            )
            for day in last
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    without = await client.post(
        f"/v1/orders/{order}/extend", json={"last_day": last[0], "reason": "fever"}
    )
    assert without.status_code == 428


async def test_a_transfer_is_filed_from_the_zone_of_the_order(
    client: httpx.AsyncClient, clock: Clock, order: str
) -> None:
    seen = (await client.get(f"/v1/orders/{order}/clock")).headers["etag"]
    body = {
        "to_zone": "hotel-1",
        "window_from": format_ms(clock()),
        "window_to": format_ms(clock() + 3_600_000),
        "eta": format_ms(clock() + 3_000_000),
        "vehicle": "浙F70002",
        "reason": "cannot stay at home",
    }
    headers = {"If-Match": seen}
    filed = await client.post(f"/v1/orders/{order}/transfer", json=body, headers=headers)
    assert filed.status_code == 201, filed.text
    assert (filed.json()["from_zone"], filed.json()["orders"]) == ("home-1", [order])
    same = await client.post(
        f"/v1/orders/{order}/transfer", json={**body, "to_zone": "home-1"}, headers=headers
    )
    assert same.json()["field"] == "to_zone"
    stale = await client.post(
        f"/v1/orders/{order}/transfer", json=body, headers={"If-Match": "999999999"}
    )
    assert stale.status_code == 409


async def test_who_may_release_and_what_is_not_there(client: httpx.AsyncClient, order: str) -> None:
    body = {"released_by": "Dr Wang", "reason": "x", "early": True}
    for role, status in (("viewer", 403), ("dispatcher", 403), ("supervisor", 428)):
        answer = await client.post(
            f"/v1/orders/{order}/release", json=body, headers={"Authorization": f"Bearer {role}"}
        )
        assert answer.status_code == status
    assert (await client.get("/v1/orders/nothing/clock")).status_code == 404
