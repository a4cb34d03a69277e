"""Notifications over a store of each kind, a gateway on a socket, and a clock that is set."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from services.api import problems
from services.api.acts import Act
from services.api.feed.hub import Hub
from services.api.notifications import answers
from services.api.notifications.answers import AnswerLinks
from services.api.notifications.gateway import Gateway
from services.api.notifications.notifier import Notifier
from services.api.notifications.routes import router
from services.api.people.areas import Areas
from services.api.sealing import Sealing
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from services.api.webhooks.addresses import networks_of
from tests.api.examples import AT, finding
from tests.api_notifications.fake_gateway import FakeGateway

LOOPBACK = networks_of("127.0.0.0/8")
PUBLIC = "https://cordon.example"


@dataclass
class Desk:
    """Everything about notifications that a test touches."""

    store: AlertStore
    database: Database
    notifier: Notifier
    http: httpx.AsyncClient
    gateway: FakeGateway
    clock: list[int]
    links: AnswerLinks
    tokens: dict[str, Grant]
    roster: dict[str, Sequence[str]] = field(default_factory=dict)
    raised: int = 0

    async def contact(self, name: str, **fields: Any) -> str:
        """Add a contact whose channel ends in its name; return its id."""
        body = {"name": name, "language": "en", "channels": [self.gateway.channel(name)], **fields}
        answer = await self.http.post("/v1/contacts", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def rule(self, *chain: dict[str, str], **fields: Any) -> str:
        """Add a rule for critical and high alerts; return its id."""
        body = {"name": "r", "severities": ["critical", "high"], "chain": chain, **fields}
        answer = await self.http.post("/v1/notification-rules", json=body)
        assert answer.status_code == 201, answer.text
        # What was raised before is nobody's news.
        await self.notifier.round()
        return str(answer.json()["id"])

    async def find(self, *findings: Any) -> None:
        """Let the store take findings."""
        records = [Sourced(0, self.raised + n, one) for n, one in enumerate(findings)]
        self.raised += len(records)
        await self.store.apply("t", records, {0: self.raised})

    async def raise_alerts(self, *ids: str, **changes: Any) -> None:
        """Let alerts be raised."""
        await self.find(*(finding(one, **changes) for one in ids))

    async def after(self, seconds: float) -> list[str]:
        """Let time pass; return who was told then."""
        before = len(self.gateway.messages)
        self.clock[0] += int(seconds * 1000)
        await self.notifier.round()
        await self.notifier.settled()
        return self.gateway.told[before:]

    async def states(self) -> list[str]:
        """Return the states of the notices, the oldest first."""
        items = (await self.http.get("/v1/notices")).json()["items"]
        return [one["state"] for one in items][::-1]

    async def act(self, alert_id: str, name: Any) -> None:
        """Let somebody act on an alert."""
        found = await self.store.get(alert_id)
        assert found is not None
        await self.store.act(alert_id, found[0], Act(name=name), "li", None, self.clock[0])


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    """A gateway that takes everything."""
    gateway = FakeGateway()
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def desk(database_url: str, gateway: FakeGateway, tmp_path: Path) -> AsyncIterator[Desk]:
    """The routes of notifications with an administrator's client, and the notifier."""
    clock, roster = [AT], dict[str, Sequence[str]]()
    database, hub = Database(database_url), Hub(100)
    store = await AlertStore.open(database, hub.publish, lambda: clock[0])
    hub.begin(store.epoch, store.last_n)
    sealing, out = Sealing(bytes(32)), Gateway(LOOPBACK)
    links = AnswerLinks(bytes(32), PUBLIC)

    async def on_duty() -> Mapping[str, Sequence[str]]:
        return roster

    notifier = Notifier(
        database,
        sealing,
        out,
        links,
        Areas(database, lambda: clock[0]),
        roster=on_duty,
        zone=ZoneInfo("Asia/Shanghai"),
        clock_ms=lambda: clock[0],
    )
    tokens = {digest(role): Grant(f"a {role}", role) for role in ROLES}
    app = FastAPI()
    app.state.tokens = TokenFile(tokens)
    app.state.sessions = Sessions(database, lambda: clock[0], tmp_path / "tokens.json")
    problems.install(app)
    app.include_router(router(database, sealing, out, lambda: clock[0]))
    app.include_router(answers.router(database, store, links, lambda: clock[0]))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=PUBLIC,
        headers={"Authorization": "Bearer admin"},
    ) as http:
        yield Desk(store, database, notifier, http, gateway, clock, links, tokens, roster)
    await database.close()
