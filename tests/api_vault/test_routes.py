"""The vault over HTTP: who may file, who may look, for how long, and what is recorded of it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.alerts import Subject
from schemas.persons import PseudonymKey
from services.api.app import create_app
from services.api.audit.tables import audit_entries
from services.api.feed.hub import Hub
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from services.api.vault.routes import OPEN_MS, router
from services.api.vault.vault import Vault
from tests.api.examples import AT, finding
from tests.clock import Clock

KEY = PseudonymKey.fixed_for_tests()
NUMBER = "330421198001010013"
PERSON = KEY.person("resident_id", NUMBER)
WHO = {
    "id_type": "resident_id",
    "id_number": NUMBER,
    "name": "陈安国",
    "telephone": "13800000001",
    "address": "通元镇 5 组 12 号",
}
WHY = {"purpose": "contact", "case": "2020-0130", "reason": "left home, call before the visit"}


class Orders:
    """The register of orders, in which one order is for the person; `away` = it cannot be read."""

    away = False

    async def history(self, name: str, entry_id: str, limit: int) -> Sequence[StoredVersion]:
        if self.away:
            raise Unavailable("the broker is away")
        if (name, entry_id) != ("order", "o1"):
            return []
        data = {
            "id": "o1",
            "valid_from": "2020-01-24T00:00:00Z",
            "author": "a",
            "source": "s",
            "reason": "r",
            "purpose": "outbreak-control",
            "subject": {"person": PERSON},
            "class": "close-contact",
            "kind": "home",
            "zone": "z",
            "exposure_date": "2020-01-23",
            "start": "2020-01-24T00:00:00Z",
        }
        body = msgspec.json.encode(data).decode()
        gone = StoredVersion(AT, AT, AT, None, "o1", 2, '{"id":"o1","author":"a"}')
        return [gone, StoredVersion(AT, AT, AT, body, "o1", 1, body)]


@pytest.fixture
def clock() -> Clock:
    return Clock(AT)


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
async def client(
    database: Database, vault: Vault, clock: Clock, orders: Orders, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    hub = Hub(100)
    store = await AlertStore.open(database, hub.publish, clock)
    hub.begin(store.epoch, store.last_n)
    about = Subject("person", PERSON, "person ab…")
    gate = Subject("site", "site:gate", "gate")
    findings = [
        finding("of-person", subject=about, grid="north", order=None),
        finding("of-order", subject=gate, grid="north", order="o1"),
        finding("of-other", subject=gate, grid="north", order="o2"),
        finding("of-gate", subject=gate, grid="north", order=None),
    ]
    await store.apply("t", [Sourced(0, n, one) for n, one in enumerate(findings)], {0: 4})
    grants = {digest(role): Grant(f"the {role}", role) for role in ROLES}
    grants[digest("south")] = Grant("south desk", "supervisor", areas=("south",))
    app = create_app(
        store=store,
        database=database,
        hub=hub,
        tokens=TokenFile(grants),
        sessions=Sessions(database, clock, tmp_path / "tokens.json"),
        clock_ms=clock,
        ready=dict,
        routers=[router(store, database, orders, vault, KEY, clock)],
        max_body_bytes=10_000,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        client.headers["Authorization"] = "Bearer dispatcher"
        yield client


def by(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def entries(database: Database) -> list[dict[str, Any]]:
    query = select(audit_entries.c.body).order_by(audit_entries.c.n)
    bodies = await database.read(lambda c: list(c.scalars(query)))
    return [msgspec.json.decode(body) for body in bodies]


async def filed(client: httpx.AsyncClient) -> None:
    assert (await client.put(f"/v1/vault/{PERSON}", json=WHO)).status_code == 200


async def test_who_is_filed_is_known_by_their_pseudonym(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/vault", json=WHO)
    assert first.json() == {
        "person": PERSON,
        "label": f"person {PERSON.rpartition(':')[2][:4]}…",
        "changed": True,
    }
    again = await client.put(f"/v1/vault/{PERSON}", json=WHO)
    assert again.json()["changed"] is False
    more = await client.put(f"/v1/vault/{PERSON}", json={"telephone": "13800000002"})
    assert more.json()["changed"] is True
    for answer in (first, again, more):
        assert not any(value in answer.text for value in WHO.values() if value != "resident_id")


@pytest.mark.parametrize(
    ("person", "body", "field"),
    [
        (PERSON, {"id_type": "resident_id", "id_number": "110105194912310021"}, "id_number"),
        (PERSON, {"id_type": "passport", "id_number": "E12345678"}, "id_number"),
        (PERSON, {"id_number": NUMBER}, "id_type"),
        (PERSON, {"id_type": "resident_id"}, "id_number"),
        (PERSON, {"name": ""}, "name"),
        (PERSON, {"face": "x"}, "face"),
        (NUMBER, {"name": "x"}, "person"),
    ],
)
async def test_what_cannot_be_kept_names_its_field(
    client: httpx.AsyncClient, person: str, body: dict[str, str], field: str
) -> None:
    answer = await client.put(f"/v1/vault/{person}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("alert", ["of-person", "of-order"])
async def test_identity_is_told_for_five_minutes_and_recorded(
    client: httpx.AsyncClient, database: Database, clock: Clock, alert: str
) -> None:
    await filed(client)
    path = f"/v1/alerts/{alert}/identity"
    assert (await client.get(path)).status_code == 403
    answer = await client.post(path, json=WHY)
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    label = f"person {PERSON.rpartition(':')[2][:4]}…"
    assert told == {
        "alert": alert,
        "persons": [{"person": PERSON, "label": label, **WHO}],
        "opened": "2021-12-20T11:33:20.000Z",
        "expires": "2021-12-20T11:38:20.000Z",
        "watermark": f"the dispatcher · 2021-12-20T11:33:20.000Z · {alert}",
    }
    clock.now_ms += OPEN_MS - 1
    assert (await client.get(path)).json() == told
    assert (await client.get(path, headers=by("supervisor"))).status_code == 403
    clock.now_ms += 1
    assert (await client.get(path)).status_code == 403
    _, opened, looked = await entries(database)
    assert (opened["action"], opened["about"]) == ("identity.open", f"alert:{alert}")
    assert opened["detail"] == {**WHY, "persons": [PERSON], "found": 1}
    assert looked["action"] == "identity.look"
    for value in (NUMBER, WHO["name"], WHO["telephone"], WHO["address"]):
        assert value not in str(await entries(database))


async def test_of_whom_nothing_is_known_nothing_is_told(client: httpx.AsyncClient) -> None:
    nobody = await client.post("/v1/alerts/of-person/identity", json=WHY)
    assert [set(person) for person in nobody.json()["persons"]] == [{"person", "label"}]
    for alert in ("of-other", "of-gate"):
        answer = await client.post(f"/v1/alerts/{alert}/identity", json=WHY)
        assert answer.json()["persons"] == []
    assert (await client.post("/v1/alerts/missing/identity", json=WHY)).status_code == 404


async def test_who_may_look(client: httpx.AsyncClient) -> None:
    await filed(client)
    path = "/v1/alerts/of-person/identity"
    for role in ROLES:
        allowed = role in ("dispatcher", "supervisor", "admin")
        answer = await client.post(path, json=WHY, headers=by(role))
        assert answer.status_code == (200 if allowed else 403)
        assert (NUMBER in answer.text) is allowed
    assert (await client.post(path, json=WHY, headers=by("south"))).status_code == 404
    del client.headers["Authorization"]
    assert (await client.post(path, json=WHY)).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purpose": "curiosity"}, "purpose"),
        ({"case": ""}, "case"),
        ({"reason": "x"}, "reason"),
        ({"reason": f"to call {WHO['telephone']}"}, "reason"),
        ({"reason": "to call 138-0000 0001"}, "reason"),
        ({"case": NUMBER}, "case"),
    ],
)
async def test_without_a_good_reason_nothing_is_opened(
    client: httpx.AsyncClient, database: Database, change: dict[str, str], field: str
) -> None:
    answer = await client.post("/v1/alerts/of-person/identity", json=WHY | change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await entries(database) == []


async def test_an_order_that_cannot_be_looked_up_is_503(
    client: httpx.AsyncClient, orders: Orders
) -> None:
    orders.away = True
    answer = await client.post("/v1/alerts/of-order/identity", json=WHY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_who_is_forgotten_is_gone(client: httpx.AsyncClient, database: Database) -> None:
    await filed(client)
    await client.post("/v1/alerts/of-person/identity", json=WHY)
    path = f"/v1/vault/{PERSON}?reason=the+order+is+over"
    assert (await client.delete(path)).status_code == 403
    assert (await client.delete(path, headers=by("south"))).status_code == 404
    assert (await client.delete(path, headers=by("supervisor"))).status_code == 204
    assert (await client.delete(path, headers=by("supervisor"))).status_code == 404
    again = await client.get("/v1/alerts/of-person/identity")
    assert NUMBER not in again.text
    assert (await entries(database))[2]["action"] == "identity.shred"
