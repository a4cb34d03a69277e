"""Webhooks over a store of each kind, a receiver on a socket, and a clock that the test sets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from services.api import problems
from services.api.feed.hub import Hub
from services.api.people.areas import Areas
from services.api.sealing import Sealing
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from services.api.webhooks.addresses import networks_of
from services.api.webhooks.delivery import Delivery
from services.api.webhooks.routes import router
from services.api.webhooks.sender import Sender
from tests.api.examples import AT, finding
from tests.api_webhooks.receiver import Receiver

LOOPBACK = networks_of("127.0.0.0/8")


@dataclass
class Desk:
    """Everything about webhooks that a test touches."""

    store: AlertStore
    database: Database
    delivery: Delivery
    http: httpx.AsyncClient
    receiver: Receiver
    clock: list[int]
    tokens: dict[str, Grant]
    raised: int = 0

    async def raise_alerts(self, *ids: str, **changes: Any) -> None:
        """Let the store commit one event for each alert."""
        records = [
            Sourced(0, self.raised + place, finding(one, **changes))
            for place, one in enumerate(ids)
        ]
        self.raised += len(ids)
        await self.store.apply("t", records, {0: self.raised})

    async def create(self, **fields: object) -> dict[str, object]:
        """Make a webhook to the receiver."""
        body = {"name": "county", "url": self.receiver.url, **fields}
        answer = await self.http.post("/v1/webhooks", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, object] = answer.json()
        return made

    async def shown(self, webhook: str) -> dict[str, object]:
        """Return a webhook as it is answered."""
        found: dict[str, object] = (await self.http.get(f"/v1/webhooks/{webhook}")).json()
        return found

    def limit(self, *areas: str) -> None:
        """From now on the client is somebody who is limited to these areas."""
        self.http.headers["Authorization"] = f"Bearer {' '.join(areas)}"
        self.tokens[digest(" ".join(areas))] = Grant("a leader", "supervisor", areas)

    async def deliver(self, webhook: str) -> None:
        """Deliver all that is due now."""
        while (rest := await self.delivery.step(webhook)) is not None and rest.ms == 0:
            pass


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def desk(database_url: str, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Desk]:
    """The routes of webhooks with an administrator's client, and the delivery."""
    clock = [AT]
    database, hub = Database(database_url), Hub(100)
    store = await AlertStore.open(database, hub.publish, lambda: clock[0])
    hub.begin(store.epoch, store.last_n)
    tokens = {digest(role): Grant(f"a {role}", role) for role in ROLES}
    sealing, sender = Sealing(bytes(32)), Sender(LOOPBACK)
    delivery = Delivery(
        database,
        sealing,
        sender,
        Areas(database, lambda: clock[0]),
        clock_ms=lambda: clock[0],
        chance=lambda: 0.5,
        cursor=store.cursor,
        news=hub.news,
    )
    app = FastAPI()
    app.state.tokens = TokenFile(tokens)
    app.state.sessions = Sessions(database, lambda: clock[0], tmp_path / "tokens.json")
    problems.install(app)
    app.include_router(router(database, sealing, sender, delivery, LOOPBACK, lambda: clock[0]))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://api",
        headers={"Authorization": "Bearer admin"},
    ) as http:
        yield Desk(store, database, delivery, http, receiver, clock, tokens)
    await database.close()
