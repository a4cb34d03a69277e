"""A store with registers filed, the desks of tasks and campaigns, and the application over them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.alerts import Alert, FindingEvent
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.times import MINUTE_MS
from services.api.acts import Act
from services.api.app import create_app
from services.api.campaigns import routes as campaigns
from services.api.campaigns.desk import CampaignDesk, filing
from services.api.feed.hub import Hub
from services.api.overdue import DEFAULTS
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from services.api.tasks import routes as tasks
from services.api.tasks.desk import TaskDesk
from services.api.tasks.following import Following
from tests.api.examples import AT
from tests.api_tasks.filed import COUNTY, file

PEOPLE: dict[str, Grant] = {
    **{role: Grant(f"a {role}", role) for role in ROLES},
    **{name: Grant(name, "dispatcher") for name in ("wang", "li", "sun", "qian", "he")},
    "chen": Grant("chen", "supervisor"),
    "zhou": Grant("zhou", "admin"),
    "grid-2-only": Grant("ma", "dispatcher", areas=("grid-2",)),
}


@dataclass
class World:
    """Everything behind the routes; `minute` moves the clock, and `look` is the leader's round."""

    database: Database
    store: AlertStore
    desk: TaskDesk
    campaigns: CampaignDesk
    clock: list[int]
    entries: list[tuple[str, str, dict[str, Any], str]] = field(default_factory=list)
    offset: int = 0

    def minute(self, minutes: float) -> None:
        self.clock[0] = AT + int(minutes * MINUTE_MS)

    async def find(self, *findings: FindingEvent) -> None:
        """Take in findings as the worker tells them, and make their tasks."""
        records = [Sourced(0, self.offset + n, each) for n, each in enumerate(findings)]
        self.offset += len(records)
        await self.store.apply("t", records, {0: self.offset})
        await self.look()

    async def look(self) -> None:
        await Following(self.desk).look()

    async def act(self, alert_id: str, deed: Act, actor: str = "zhou") -> None:
        alert = await self.alert(alert_id)
        await self.store.act(alert_id, alert.revision, deed, actor, None, self.clock[0])
        await self.look()

    async def alert(self, alert_id: str = "a") -> Alert:
        found = await self.store.get(alert_id)
        assert found is not None
        return msgspec.json.decode(found[1], type=Alert)


@pytest.fixture
async def world(database: Database) -> World:
    clock = [AT]
    hub = Hub(8)
    store = await AlertStore.open(database, hub.publish, lambda: clock[0])
    hub.begin(store.epoch, store.last_n)
    await file(database, COUNTY)
    entries: list[tuple[str, str, dict[str, Any], str]] = []

    async def put(name: str, entry_id: str, body: bytes, grant: Grant) -> None:
        entries.append((name, entry_id, msgspec.json.decode(body), grant.name))

    async def limits() -> Mapping[str, float]:
        return DEFAULTS

    desk = TaskDesk(database, store, limits, lambda: clock[0], filing(put))
    intake = Intake(PseudonymKey.fixed_for_tests())
    return World(database, store, desk, CampaignDesk(desk, intake), clock, entries)


@pytest.fixture
def app(world: World, tmp_path: Path) -> FastAPI:
    """The application; the token of a person is their name, of a role its name."""
    tokens = TokenFile({digest(name): grant for name, grant in PEOPLE.items()})
    hub = Hub(8)
    return create_app(
        store=world.store,
        database=world.database,
        hub=hub,
        tokens=tokens,
        sessions=Sessions(world.database, lambda: world.clock[0], tmp_path / "tokens.json"),
        clock_ms=lambda: world.clock[0],
        ready=dict,
        routers=[
            tasks.router(world.desk, world.campaigns.check_answers),
            campaigns.router(world.campaigns),
        ],
        max_body_bytes=1_000_000,
    )


class Caller:
    """Calls the application as somebody."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, who: str = "zhou", expect: int = 200, **params: Any) -> Any:
        headers = {"Authorization": f"Bearer {who}"}
        answer = await self._client.get(path, headers=headers, params=params)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def post(
        self,
        path: str,
        body: object = None,
        who: str = "zhou",
        expect: int = 200,
        revision: int | None = None,
    ) -> Any:
        headers = {"Authorization": f"Bearer {who}"}
        if revision is not None:
            headers["If-Match"] = str(revision)
        answer = await self._client.post(path, headers=headers, json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def delete(self, path: str, who: str = "zhou") -> int:
        headers = {"Authorization": f"Bearer {who}"}
        return (await self._client.delete(path, headers=headers)).status_code

    async def do(
        self, task: Any, deed: str, who: str = "zhou", expect: int = 200, **body: Any
    ) -> Any:
        """Do something with a task as it was seen."""
        path = f"/v1/tasks/{task['id']}/{deed}"
        return await self.post(path, body, who, expect, task["revision"])

    async def wait(self, task: Any, who: str, whom: str) -> Any:
        """Let a task wait for somebody: `for` is no name that a keyword can have."""
        path = f"/v1/tasks/{task['id']}/wait"
        return await self.post(path, {"for": whom}, who, 200, task["revision"])


@pytest.fixture
async def caller(app: FastAPI) -> AsyncIterator[Caller]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield Caller(client)
