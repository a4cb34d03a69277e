"""Several processes on one database: who leads, and what each hears of the others."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy import topics
from schemas.access import Grant, add_token
from schemas.topics import ALERTS, FINDINGS, HEADERS
from services.api.feed.frames import SSE
from services.api.feed.hub import Hub, Reader
from services.api.feed.stream import place_of
from services.api.filters import NO_FILTERS
from services.api.session import COOKIE
from services.api.store.database import Database
from services.api.store.replicas import Replicas
from services.api.store.store import AlertStore
from tests.api.conftest import QUEUE, clock_ms
from tests.api.examples import finding
from tests.api.test_feed import Subscriber, raise_alerts
from tests.databases import Postgres

WITHIN_S = 60


@pytest.fixture
async def databases(postgres_url: str) -> AsyncIterator[list[Database]]:
    """The same database, as two processes have it."""
    both = [Database(postgres_url), Database(postgres_url)]
    yield both
    for database in both:
        await database.close()


async def opened(database: Database, hub: Hub) -> AlertStore:
    store = await AlertStore.open(database, hub.publish, clock_ms)
    hub.begin(store.epoch, store.last_n)
    return store


async def idle() -> None:
    await asyncio.Event().wait()


async def nothing_new() -> None:
    pass


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not what():  # noqa: ASYNC110 — what is waited for tells nobody of its change.
            await asyncio.sleep(0)


async def test_both_hand_on_everything_in_one_order(databases: list[Database]) -> None:
    hubs = [Hub(1_000), Hub(1_000)]
    one, other = [await opened(*pair) for pair in zip(databases, hubs, strict=True)]
    assert one.epoch == other.epoch
    subscribers = []
    for store, hub in ((one, hubs[0]), (other, hubs[1])):
        place = await place_of(store, hub, None)
        reader = Reader(place.position, NO_FILTERS, SSE)
        hub.join(reader)
        subscribers.append(Subscriber(store, hub, reader, None))
    for subscriber in subscribers:
        await subscriber.take()
    # One is told of the other's commits only in between its own, the other only at the end.
    for start in range(0, 40, 4):
        await raise_alerts(one, 2, start)
        await raise_alerts(other, 2, start + 2)
    await one.catch_up()
    for subscriber in subscribers:
        await subscriber.take_until(40)
        assert subscriber.numbers == list(range(1, 41))
        assert not subscriber.reader.cut.is_set()
    assert subscribers[0].frames == subscribers[1].frames


async def test_writers_of_both_at_once_leave_no_hole(databases: list[Database]) -> None:
    hubs = [Hub(QUEUE), Hub(QUEUE)]
    stores = [await opened(*pair) for pair in zip(databases, hubs, strict=True)]
    seen: list[list[int]] = [[], []]
    for store, numbers in zip(stores, seen, strict=True):
        store._on_commit = lambda events, to=numbers: to.extend(  # type: ignore[misc]  # noqa: SLF001
            one.event.n for one in events
        )
    await asyncio.gather(*(raise_alerts(stores[n % 2], 1, n, site=f"s{n}") for n in range(30)))
    for store in stores:
        await store.catch_up()
    total = stores[0].last_n
    assert seen == [list(range(1, total + 1))] * 2


async def test_one_leads_and_another_follows_it(
    databases: list[Database], postgres: Postgres
) -> None:
    heard: list[int] = []

    async def hear() -> None:
        heard.append(1)

    pair = [Replicas(one, hear, [idle]) for one in databases]
    running = [asyncio.create_task(one.run()) for one in pair]
    await until(lambda: any(one.leads.is_set() for one in pair))
    await until(lambda: any(one.follows.is_set() for one in pair))
    leader = next(one for one in pair if one.leads.is_set())
    follower = next(one for one in pair if one is not leader)
    assert not follower.leads.is_set()
    # Word of a commit comes at once.
    hub = Hub(QUEUE)
    store = await opened(databases[0], hub)
    before = len(heard)
    await raise_alerts(store, 1)
    await until(lambda: len(heard) > before)
    # The leader ends; the other takes over.
    running[pair.index(leader)].cancel()
    await until(lambda: follower.leads.is_set() and not follower.follows.is_set())
    assert not leader.leads.is_set()
    # The server is started anew: whoever led begins again.
    name = re.search(r"/(t\w+)\?", databases[0].link[0])
    assert name is not None
    task = follower._leading  # noqa: SLF001
    postgres.end_connections(name[1])
    await until(lambda: follower.leads.is_set() and follower._leading is not task)  # noqa: SLF001
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_duty_that_fails_ends_all(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}" if kind == "sqlite" else None
    database = Database(url or request.getfixturevalue("postgres_url"))
    ended = []

    async def duty() -> None:
        try:
            await idle()
        finally:
            ended.append(1)

    async def broken() -> None:
        raise RuntimeError("the store is broken")

    replicas = Replicas(database, nothing_new, [duty, broken])
    with pytest.raises(RuntimeError, match="the store is broken"):
        await asyncio.wait_for(replicas.run(), WITHIN_S)
    assert ended == [1]
    assert not replicas.leads.is_set()
    await database.close()


class Process:
    """The API in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": "Bearer secret"}, timeout=WITHIN_S
        )

    async def leads(self) -> bool:
        """Return whether this process leads."""
        return "cordon_api_leads 1.0" in (await self.client.get("/metrics")).text

    async def follow(self, cursor: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of alerts after a cursor."""
        path = f"/v1/alerts/stream.jsonl?last_event_id={cursor}"
        async with self.client.stream("GET", path) as answer:
            async for line in answer.aiter_lines():
                event = msgspec.json.decode(line)
                if event["type"].startswith("cordon.alert."):
                    yield event

    async def end(self) -> None:
        """Kill it, and wait until it is gone."""
        await self.client.aclose()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@pytest.fixture
async def spawn(
    kafka: str, tmp_path: Path, postgres_url: str
) -> AsyncIterator[Callable[[], Awaitable[Process]]]:
    """Start processes of the API on one database and one broker."""
    await topics.apply(kafka, 4)
    add_token(tmp_path / "tokens.json", "secret", Grant("li", "admin"))
    environment = {
        "CORDON_KAFKA": kafka,
        "CORDON_DATA_DIR": str(tmp_path),
        "CORDON_API_PORT": "0",
        "CORDON_DATABASE_URL": postgres_url,
    }
    started: list[Process] = []

    async def start() -> Process:
        with (tmp_path / f"log-{len(started)}").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "deploy.launch", "api", str(os.getpid()),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(environment) + b"\n")
        async with asyncio.timeout(WITHIN_S):
            port = (await process.stdout.readline()).decode().strip()
        assert port, (tmp_path / f"log-{len(started)}").read_text()
        started.append(Process(process, f"http://127.0.0.1:{port}"))
        return started[-1]

    yield start
    for one in started:
        await one.end()


async def test_two_processes_serve_as_one_and_one_survives_the_other(
    kafka: str, namespace: str, spawn: Callable[[], Awaitable[Process]]
) -> None:
    first = await spawn()
    second = await spawn()
    assert [await first.leads(), await second.leads()] == [True, False]
    assert (await second.client.get("/readyz")).status_code == 200
    stream = first.client.stream("GET", "/v1/alerts/stream.jsonl")
    async with stream as answer:
        begin = msgspec.json.decode(await anext(answer.aiter_lines()))["cursor"]
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=namespace)
    await producer.start()

    async def write(*names: str) -> None:
        async with producer.transaction():
            for name in names:
                raw = msgspec.json.encode(finding(f"{namespace}-{name}", order=namespace))
                await producer.send(FINDINGS, raw, key=name.encode(), headers=HEADERS)

    # What one commits, both tell, under the same cursors.
    await write("a", "b")
    async with asyncio.timeout(WITHIN_S):
        got = [await _take(one, begin, 2, namespace) for one in (first, second)]
    assert got[0] == got[1]
    name = f"{namespace}-a"
    answers = await asyncio.gather(
        *(
            one.client.post(f"/v1/alerts/{name}/ack", headers={"If-Match": "1"})
            for one in (first, second)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    stale = await first.client.post(f"/v1/alerts/{name}/ack", headers={"If-Match": "1"})
    assert (stale.status_code, stale.headers["etag"]) == (409, '"2"')
    # A session holds at both, and ends at both; a link signs in once, wherever it was made.
    cookie = (await first.client.post("/v1/session")).cookies[COOKIE]
    signed_in = {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=second.client.base_url) as browser:
        assert (await browser.get("/v1/session", headers=signed_in)).json()["name"] == "li"
        assert (await browser.delete("/v1/session", headers=signed_in)).status_code == 204
    async with httpx.AsyncClient(base_url=first.client.base_url) as browser:
        assert (await browser.get("/v1/session", headers=signed_in)).status_code == 401
    link = (await first.client.post("/v1/session/links")).json()["url"]
    places = [(await one.client.get(link)).headers["location"] for one in (second, first)]
    assert places == ["/", "/#link-spent"]
    # What is filed at one is found at the other.
    site = {"name": "north gate", "role": "boundary", "zones": []}
    common = {"source": "map", "reason": "survey", "purpose": "outbreak-control"}
    url = f"/v1/registers/site/{namespace}"
    assert (await second.client.put(url, json=site | common)).status_code == 201
    assert (await first.client.get(url)).json()["name"] == "north gate"
    # The leader is killed in the middle of its work; the other goes on, with nothing lost.
    writing = asyncio.create_task(_write_many(write))
    await _take(second, begin, 20, namespace)
    await first.end()
    await writing
    async with asyncio.timeout(WITHIN_S):
        events = await _take(second, begin, 3 + 200, namespace)
    assert await second.leads()
    assert len({event["id"] for event in events}) == len(events)
    await producer.stop()
    # Findings of other tests on this broker may have come before.
    log = await _published(kafka, begin.partition("-")[0], _number(events[-1]["cursor"]))
    told = sorted({cursor for cursor in log if _number(cursor) > _number(begin)}, key=_number)
    assert told == [event["cursor"] for event in events]


async def _write_many(write: Callable[..., Awaitable[None]]) -> None:
    for start in range(0, 200, 10):
        await write(*(f"n{number}" for number in range(start, start + 10)))


async def _take(process: Process, begin: str, count: int, namespace: str) -> list[dict[str, Any]]:
    """Return events after a cursor; there must be no hole between them."""
    events = []
    async for event in process.follow(begin):
        events.append(event)
        if sum(one["data"].get("order") == namespace for one in events) == count:
            break
    numbers = [_number(event["cursor"]) for event in events]
    assert numbers == list(range(_number(begin) + 1, _number(begin) + 1 + len(events)))
    return events


def _number(cursor: str) -> int:
    return int(cursor.partition("-")[2])


async def _published(kafka: str, epoch: str, count: int) -> list[str]:
    """Return the cursors of one history in the log of alerts, by partition and offset."""
    consumer = AIOKafkaConsumer(ALERTS, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    cursors: dict[TopicPartition, list[str]] = {}
    try:
        async with asyncio.timeout(WITHIN_S):
            while len({one for part in cursors.values() for one in part}) < count:
                for part, records in (await consumer.getmany(timeout_ms=500)).items():
                    found = [msgspec.json.decode(record.value)["cursor"] for record in records]
                    cursors.setdefault(part, []).extend(
                        one for one in found if one.startswith(epoch)
                    )
    finally:
        await consumer.stop()
    return [one for part in sorted(cursors) for one in cursors[part]]
