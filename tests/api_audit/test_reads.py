"""Reads of persons: recorded once for what is done again and again, and before anything is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import select, text

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.registers import REGISTERS
from services.api.app import create_app
from services.api.audit import routes as audit
from services.api.audit.chain import Entry
from services.api.audit.reads import READS, REPEAT_MS, shown
from services.api.audit.tables import audit_entries
from services.api.feed.hub import Hub
from services.api.people.personal import PERSONAL
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.examples import AT, finding
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(AT)


@pytest.fixture
async def client(
    database: Database, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    hub = Hub(100)
    store = await AlertStore.open(database, hub.publish, clock)
    hub.begin(store.epoch, store.last_n)
    await store.apply("t", [Sourced(0, n, finding(f"a{n}")) for n in range(3)], {0: 3})
    app = create_app(
        store=store,
        database=database,
        hub=hub,
        tokens=TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES}),
        sessions=Sessions(database, clock, tmp_path / "tokens.json"),
        clock_ms=clock,
        ready=dict,
        routers=[audit.router(database)],
        max_body_bytes=10_000,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


def by(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}"}


async def told(database: Database) -> list[tuple[str, str, str, dict[str, str]]]:
    query = select(audit_entries.c.body).order_by(audit_entries.c.n)
    bodies = await database.read(lambda c: list(c.scalars(query)))
    entries = [msgspec.json.decode(body, type=Entry) for body in bodies]
    return [(each.actor, each.action, each.about, each.detail) for each in entries]


async def test_opening_an_alert_is_recorded_once_in_a_while(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    for _ in range(5):
        await client.get("/v1/alerts/a1", headers=by("viewer"))
    await client.get("/v1/alerts/a2", headers=by("viewer"))
    await client.get("/v1/alerts/a1", headers=by("auditor"))
    clock.now_ms += REPEAT_MS
    await client.get("/v1/alerts/a1", headers=by("viewer"))
    assert [(actor, action, about) for actor, action, about, _ in await told(database)] == [
        ("the viewer", "person.read", "alert:a1"),
        ("the viewer", "person.read", "alert:a2"),
        ("the auditor", "person.read", "alert:a1"),
        ("the viewer", "person.read", "alert:a1"),
    ]


async def test_a_console_that_asks_every_second_is_one_entry(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    for second in range(60):
        clock.now_ms = AT + second * 1_000
        await client.get("/v1/alerts?state=open&limit=10", headers=by("viewer"))
    await client.get("/v1/alerts?state=open&limit=10&cursor=2", headers=by("viewer"))
    await client.get("/v1/alerts?q=330421198001010013", headers=by("viewer"))
    assert await told(database) == [
        ("the viewer", "alert.list", "", {"limit": "given", "state": "open"}),
        ("the viewer", "alert.list", "", {"q": "given"}),
    ]


async def test_what_was_not_given_is_no_read(client: httpx.AsyncClient, database: Database) -> None:
    await client.get("/v1/alerts/missing", headers=by("viewer"))
    await client.get("/v1/alerts/a1", headers=by("device"))
    await client.get("/v1/alerts/a1")
    await client.get("/v1/alerts?state=none", headers=by("viewer"))
    await client.post("/v1/alerts/a1/ack", headers=by("viewer"))
    await client.get("/healthz")
    assert await told(database) == []


async def test_without_a_record_nothing_is_told(
    client: httpx.AsyncClient, database: Database
) -> None:
    await database.write(lambda c: c.execute(text("ALTER TABLE audit_entries RENAME TO away")))
    answer = await client.get("/v1/alerts/a1", headers=by("viewer"))
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "order" not in answer.text
    assert (await client.get("/healthz")).status_code == 200


async def test_the_log_is_read_by_those_who_check(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    for n in range(3):
        clock.now_ms = AT + n * 1_000
        await client.get(f"/v1/alerts/a{n}", headers=by("viewer"))
    for role in ("viewer", "dispatcher", "supervisor", "device", "replay"):
        assert (await client.get("/v1/audit", headers=by(role))).status_code == 403
    first = (await client.get("/v1/audit?limit=2", headers=by("auditor"))).json()
    assert [each["about"] for each in first["items"]] == ["alert:a2", "alert:a1"]
    rest = await client.get(f"/v1/audit?cursor={first['next']}", headers=by("auditor"))
    assert [each["about"] for each in rest.json()["items"]] == ["alert:a0"]
    assert rest.json()["next"] is None
    assert set(rest.json()["items"][0]) == {
        "n",
        "at",
        "actor",
        "role",
        "action",
        "about",
        "detail",
        "seal",
    }

    async def count(query: str) -> int:
        answer = await client.get(f"/v1/audit?{query}", headers=by("admin"))
        return len(answer.json()["items"])

    assert await count("action=person.read") == 3
    assert await count("action=person.") == 3
    assert await count("action=person") == 0
    assert await count("about=alert:a1") == 1
    assert await count("actor=nobody") == 0
    assert await count("action=person.read&since=2021-12-20T11:33:21Z") == 2
    assert await count("action=person.read&until=2021-12-20T11:33:21Z") == 1
    wrong = await client.get("/v1/audit?since=yesterday", headers=by("admin"))
    assert (wrong.status_code, wrong.json()["field"]) == (422, "since")
    # Reading the log is a read too.
    assert "audit.read" in {action for _, action, _, _ in await told(database)}


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("state", ["open", "acked"], "open,acked"),
        ("since", ["2021-12-20T11:33:21Z"], "2021-12-20T11:33:21Z"),
        ("order", ["order-330421198001010013"], "order-…"),
        ("order", ["33042119800101001X"], "…"),
        ("q", ["anything"], "given"),
        ("plate", ["浙F12345"], "given"),
    ],
)
def test_no_number_of_a_person_gets_into_the_log(
    key: str, values: list[str], expected: str
) -> None:
    assert shown(key, values) == expected


def test_every_register_that_names_persons_is_known() -> None:
    assert set(REGISTERS) >= PERSONAL
    for name, struct in REGISTERS.items():
        kinds = {str(kind) for kind in struct.__annotations__.values()}
        if any("Identifier" in kind or "Member" in kind for kind in kinds):
            assert name in PERSONAL, name


def test_what_is_recorded_names_parts_of_its_path() -> None:
    for path, read in READS.items():
        parts = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        read.about.format(**dict.fromkeys(parts, "x"))
