"""Areas: who is limited to some grids sees what lies in them, on every way there is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, insert

from schemas.access import Grant, TokenFile, digest
from schemas.alerts import Alert
from services.api.app import create_app
from services.api.feed.frames import LINES
from services.api.feed.hub import Hub, Reader
from services.api.feed.stream import stream
from services.api.filters import Filters, matches
from services.api.people.areas import Areas
from services.api.people.limit import Limit, Places
from services.api.registers.tables import register_versions
from services.api.session import Sessions
from services.api.store import listing
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Published, Sourced
from tests.api.examples import AT, finding
from tests.clock import Clock

NORTH = {"Authorization": "Bearer north"}
ALL = {"Authorization": "Bearer all"}
PERSON = f"person:1:{'c' * 32}"
# Which alert lies where: its grid; its site's; its order's zone; where its order's subject lives.
ALERTS: dict[str, dict[str, Any]] = {
    "grid": {"grid": "north", "site": None, "order": None},
    "site": {"grid": None, "site": "gate-n", "order": None},
    "zone": {"grid": "south", "site": "gate-s", "order": "o-zone"},
    "home": {"grid": "south", "site": None, "order": "o-home"},
    "south": {"grid": "south", "site": "gate-s", "order": "o-south"},
    "none": {"grid": None, "site": None, "order": None},
    "unknown": {"grid": None, "site": "gate-x", "order": "o-x"},
}
SEEN = {"grid", "site", "zone", "home"}
FILED: list[tuple[str, str, dict[str, Any]]] = [
    ("site", "gate-n", {"grid": "north"}),
    ("site", "gate-s", {"grid": "south"}),
    ("site", "gate-x", {}),
    ("order", "o-zone", {"zone": "north", "subject": {}}),
    ("order", "o-home", {"zone": "z", "subject": {"person": PERSON}}),
    ("order", "o-south", {"zone": "south", "subject": {"person": "person:1:else"}}),
    ("residence", "r1", {"person": {"person": PERSON}, "grid": "north"}),
]


@pytest.fixture
def clock() -> Clock:
    return Clock(AT)


async def file(database: Database, name: str, entry_id: str, data: object, place: int) -> None:
    row = {
        "name": name,
        "id": entry_id,
        "place": place,
        "recorded_ms": AT,
        "valid_from_ms": AT,
        "valid_to_ms": None,
        "deleted": False,
        "body": msgspec.json.encode(data).decode(),
    }
    await database.write(lambda c: c.execute(insert(register_versions), row))


@pytest.fixture
async def store(database: Database, clock: Clock) -> AlertStore:
    hub = Hub(100)
    store = await AlertStore.open(database, hub.publish, clock)
    for place, (name, entry_id, data) in enumerate(FILED):
        await file(database, name, entry_id, data, place)
    found = [
        Sourced(0, n, finding(key, **places)) for n, (key, places) in enumerate(ALERTS.items())
    ]
    await store.apply("t", found, {0: len(found)})
    return store


@pytest.fixture
def app(store: AlertStore, database: Database, clock: Clock, tmp_path: Path) -> FastAPI:
    hub = Hub(100)
    hub.begin(store.epoch, store.last_n)
    grants = {
        "north": Grant("n", "dispatcher", areas=("north",)),
        "all": Grant("a", "dispatcher"),
        "nowhere": Grant("x", "dispatcher", areas=()),
    }
    return create_app(
        store=store,
        database=database,
        hub=hub,
        tokens=TokenFile({digest(token): grant for token, grant in grants.items()}),
        sessions=Sessions(database, clock, tmp_path / "tokens.json"),
        clock_ms=clock,
        ready=dict,
        routers=[],
        max_body_bytes=10_000,
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def listed(client: httpx.AsyncClient, token: str, query: str = "") -> set[str]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.get(f"/v1/alerts{query}", headers=headers)
    return {alert["id"] for alert in answer.json()["items"]}


async def test_a_list_holds_what_lies_in_the_areas(client: httpx.AsyncClient) -> None:
    assert await listed(client, "all") == set(ALERTS)
    assert await listed(client, "north") == SEEN
    assert await listed(client, "north", "?grid=south") == {"zone", "home"}
    assert await listed(client, "nowhere") == set()


async def test_an_alert_elsewhere_is_as_one_there_is_not(client: httpx.AsyncClient) -> None:
    for key in ALERTS:
        path = f"/v1/alerts/{key}"
        expected = 200 if key in SEEN else 404
        assert (await client.get(path, headers=NORTH)).status_code == expected
        act = await client.post(f"{path}/ack", headers=NORTH | {"If-Match": "1"}, json={})
        assert act.status_code == expected
    missing = (await client.get("/v1/alerts/missing", headers=NORTH)).json()
    assert missing == (await client.get("/v1/alerts/south", headers=NORTH)).json()
    assert (await client.get("/v1/alerts/south", headers=ALL)).json()["state"] == "open"


async def test_what_is_filed_later_counts_a_second_later(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    assert await listed(client, "north") == SEEN
    await file(database, "site", "gate-x", {"grid": "north"}, 50)
    clock.now_ms += 1_000
    assert await listed(client, "north") == SEEN | {"unknown"}


async def test_a_register_that_is_made_anew_is_read_anew(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    assert await listed(client, "north") == SEEN
    of_sites = register_versions.c.name == "site"
    await database.write(lambda c: c.execute(delete(register_versions).where(of_sites)))
    await file(database, "site", "gate-s", {"grid": "north"}, 0)
    clock.now_ms += 1_000
    assert "south" in await listed(client, "north")


async def test_sql_and_python_say_the_same(store: AlertStore, database: Database) -> None:
    places = Places()
    for name, entry_id, data in FILED:
        places.file(name, entry_id, data)
    for areas in ({"north"}, {"south"}, {"z"}, {"north", "south"}, set()):
        filters = Filters(within=Limit(frozenset(areas), places))
        page = await store.page(filters, None, 100)
        found = {msgspec.json.decode(body)["id"] for body in page.bodies}
        # Where few lie in the areas, they are found by their places.
        rare = await database.read(lambda c: listing.page(c, filters, None, 100, looked_at=0))  # noqa: B023
        assert {msgspec.json.decode(body)["id"] for body in rare.bodies} == found
        every = await store.page(Filters(), None, 100)
        alerts = [published_alert(body) for body in every.bodies]
        assert found == {alert.id for alert in alerts if matches(filters, alert)}


def published_alert(body: bytes) -> Alert:
    return msgspec.json.decode(body, type=Alert)


async def test_the_feed_carries_what_lies_in_the_areas(
    store: AlertStore, database: Database, clock: Clock
) -> None:

    hub = Hub(100)
    hub.begin(store.epoch, store.last_n)
    limit = await Areas(database, clock).limit_of(Grant("n", "viewer", areas=("north",)))
    reader = Reader(0, Filters(within=limit), LINES)
    chunks = stream(store, hub, reader, None, clock)
    opened = await anext(chunks)
    backlog = await anext(chunks)
    await chunks.aclose()
    assert b"feed.open" in opened
    ids = {msgspec.json.decode(line)["data"]["id"] for line in backlog.splitlines()}
    assert ids == SEEN
    published: list[Published] = []
    again = await AlertStore.open(database, published.extend, clock)
    await again.apply(
        "t",
        [Sourced(0, 100, finding("new-n", grid="north")), Sourced(0, 101, finding("new-s"))],
        {0: 102},
    )
    live = Reader(hub.last_n, Filters(within=limit), LINES)
    hub.publish(published)
    taken = hub.take(live)
    assert b'"new-n"' in taken
    assert b'"new-s"' not in taken


async def test_more_orders_than_a_statement_has_parameters(store: AlertStore) -> None:
    places = Places()
    for n in range(40_000):
        places.file("order", f"o{n}", {"zone": "north"})
    places.file("order", "o-south", {"zone": "north"})
    page = await store.page(Filters(within=Limit(frozenset({"north"}), places)), None, 10)
    assert {msgspec.json.decode(body)["id"] for body in page.bodies} == {"grid", "south"}
