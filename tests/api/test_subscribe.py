"""Ways to listen, on a real server: one order of events in three formats, over one socket each."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from schemas.access import Grant
from schemas.alerts import Reason
from schemas.times import format_ms
from services.api.feed.hub import Hub
from services.api.session import COOKIE
from services.api.store.store import AlertStore
from tests.api.conftest import QUEUE
from tests.api.examples import AT
from tests.api.test_feed import raise_alerts

BEARER = {"Authorization": "Bearer viewer"}
WITHIN_S = 20
Take = Callable[[int], Any]


@pytest.fixture
async def address(app: FastAPI, hub: Hub) -> AsyncIterator[str]:
    """The address of the application on a server of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    hub.close()
    server.should_exit = True
    await serving
    listener.close()


@asynccontextmanager
async def sse(address: str, query: str, **headers: str) -> AsyncIterator[Take]:
    """Read server-sent events; `take` returns the next CloudEvents."""
    async with _streamed(f"http://{address}/v1/alerts/stream{query}", headers) as lines:

        async def take(count: int) -> list[Any]:
            got: list[Any] = []
            while len(got) < count:
                line = await anext(lines)
                if line.startswith("data: "):
                    got.append(msgspec.json.decode(line[6:]))
            return got

        yield take


@asynccontextmanager
async def jsonl(address: str, query: str, **headers: str) -> AsyncIterator[Take]:
    """Read JSON Lines."""
    async with _streamed(f"http://{address}/v1/alerts/stream.jsonl{query}", headers) as lines:

        async def take(count: int) -> list[Any]:
            return [msgspec.json.decode(await anext(lines)) for _ in range(count)]

        yield take


@asynccontextmanager
async def ws(address: str, query: str, **headers: str) -> AsyncIterator[Take]:
    """Read messages of a WebSocket."""
    async with connect(
        f"ws://{address}/v1/alerts/ws{query}", additional_headers=_sent(headers)
    ) as connection:

        async def take(count: int) -> list[Any]:
            return [msgspec.json.decode(await connection.recv()) for _ in range(count)]

        yield take


def _sent(headers: dict[str, str]) -> dict[str, str]:
    """Return a viewer's headers with others; one that is empty is left out."""
    return {name: value for name, value in (BEARER | headers).items() if value}


@asynccontextmanager
async def _streamed(url: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[str]]:
    async with (
        httpx.AsyncClient(headers=_sent(headers), timeout=WITHIN_S) as client,
        client.stream("GET", url) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        yield answer.aiter_lines()


WAYS = pytest.mark.parametrize("way", [sse, jsonl, ws])


async def test_all_formats_tell_the_same(address: str, store: AlertStore) -> None:
    await raise_alerts(store, 3)
    got = []
    async with sse(address, "") as a, jsonl(address, "") as b, ws(address, "") as c:
        first = [(await take(1))[0] for take in (a, b, c)]
        assert [one["type"] for one in first] == ["cordon.feed.open.v1"] * 3
        assert {one["cursor"] for one in first} == {store.cursor(3)}
        await raise_alerts(store, 2, 3)
        got = [await take(2) for take in (a, b, c)]
    assert got[0] == got[1] == got[2]
    assert [one["cursor"] for one in got[0]] == [store.cursor(4), store.cursor(5)]


@WAYS
async def test_each_resumes_by_a_cursor(address: str, store: AlertStore, way: Any) -> None:
    await raise_alerts(store, 2 * QUEUE)
    cursor = store.cursor(5)
    for query, headers in (
        (f"?last_event_id={cursor}", {}),
        (f"?since={cursor}", {}),
        ("", {"Last-Event-ID": cursor}),
        # A browser that reconnects sends the header beside the address that it was given.
        (f"?since={store.cursor(1)}", {"Last-Event-ID": cursor}),
    ):
        async with way(address, query, **headers) as take:
            events = await take(1 + 2 * QUEUE - 5)
        assert [one["cursor"] for one in events] == [
            store.cursor(n) for n in range(5, 2 * QUEUE + 1)
        ]


@WAYS
async def test_an_unknown_cursor_gives_a_gap(address: str, store: AlertStore, way: Any) -> None:
    await raise_alerts(store, 1)
    async with way(address, "?since=deadbeef-7") as take:
        opened, gap = await take(2)
    assert opened["data"] == {"cursor": store.cursor(1)}
    assert (gap["type"], gap["cursor"]) == ("cordon.feed.gap.v1", store.cursor(1))
    assert gap["data"] == {"from": "deadbeef-7", "to": store.cursor(1)}


@WAYS
async def test_filters_and_positions(address: str, store: AlertStore, hub: Hub, way: Any) -> None:
    async with way(address, "?severity=low") as take:
        await take(1)
        await raise_alerts(store, 1)
        await raise_alerts(store, 1, 1, severity="low")
        (event,) = await take(1)
        assert event["data"]["id"] == "a1"
        await raise_alerts(store, 1, 2)
        hub.tick()
        (position,) = await take(1)
    assert (position["type"], position["data"]) == (
        "cordon.feed.position.v1",
        {"cursor": store.cursor(3)},
    )


@pytest.mark.parametrize("way", [jsonl, ws])
async def test_what_has_no_comments_says_its_position(
    address: str, store: AlertStore, hub: Hub, way: Any
) -> None:
    async with way(address, "") as take:
        await take(1)
        hub.tick()
        (position,) = await take(1)
    assert position["type"] == "cordon.feed.position.v1"


async def test_since_a_time(address: str, store: AlertStore, clock: list[int]) -> None:
    for n in range(4):
        clock[0] = AT + 1_000 * n
        await raise_alerts(store, 1, n)
    for ms, expected in ((AT - 1, [1, 2, 3, 4]), (AT, [2, 3, 4]), (AT + 1_500, [3, 4])):
        async with jsonl(address, f"?since={format_ms(ms)}") as take:
            opened, *events = await take(1 + len(expected))
        assert opened["cursor"] == store.cursor(expected[0] - 1)
        assert [one["cursor"] for one in events] == [store.cursor(n) for n in expected]
    async with jsonl(address, f"?since={format_ms(AT + 9_000)}") as take:
        (opened,) = await take(1)
    assert opened["cursor"] == store.cursor(4)


async def test_since_a_time_that_is_forgotten_gives_a_gap(address: str, store: AlertStore) -> None:
    await raise_alerts(store, 10)
    await store.save_outbox_position(10)
    await store.prune(4)
    async with jsonl(address, f"?since={format_ms(AT - 1)}") as take:
        opened, gap = await take(2)
    assert opened["cursor"] == store.cursor(10)
    assert gap["data"] == {"from": format_ms(AT - 1), "to": store.cursor(10)}


@pytest.mark.parametrize("path", ["stream", "stream.jsonl"])
async def test_a_bad_wish_is_refused(client: httpx.AsyncClient, path: str) -> None:
    for query, field in (
        ("since=yesterday", "since"),
        ("since=2021-12-20T11:33:20", "since"),
        ("until=never", "until"),
        ("severity=awful", "severity.0"),
    ):
        answer = await client.get(f"/v1/alerts/{path}?{query}")
        assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 401),
        ({"Authorization": "Bearer nobody"}, "", 401),
        ({"Authorization": "Bearer device"}, "", 403),
        (BEARER, "?since=yesterday", 422),
        (BEARER, "?state=lost", 422),
    ],
)
async def test_a_handshake_is_refused_with_a_problem(
    address: str, headers: dict[str, str], query: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://{address}/v1/alerts/ws{query}", additional_headers=headers)
    response = refused.value.response
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert msgspec.json.decode(response.body or b"")["status"] == status


async def test_a_session_listens_only_from_the_own_page(address: str, app: FastAPI) -> None:
    cookie = await app.state.sessions.open(Grant("li", "viewer"))
    signed_in = {"Cookie": f"{COOKIE}={cookie}"}
    url = f"ws://{address}/v1/alerts/ws"
    own = signed_in | {"Origin": f"http://{address}"}
    async with connect(url, additional_headers=own) as connection:
        assert msgspec.json.decode(await connection.recv())["type"] == "cordon.feed.open.v1"
    for origin in ({}, {"Origin": "http://127.0.0.1:1"}, {"Origin": "http://elsewhere"}):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=signed_in | origin)
        assert refused.value.response.status_code == 403


async def test_what_a_client_says_is_passed_over(address: str, store: AlertStore) -> None:
    async with connect(f"ws://{address}/v1/alerts/ws", additional_headers=BEARER) as connection:
        await connection.recv()
        await connection.send("hello")
        await raise_alerts(store, 1)
        event = msgspec.json.decode(await connection.recv())
    assert event["cursor"] == store.cursor(1)


async def test_the_end_of_the_service_closes_with_1012(address: str, hub: Hub) -> None:
    async with connect(f"ws://{address}/v1/alerts/ws", additional_headers=BEARER) as connection:
        await connection.recv()
        hub.close()
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_lines_end_with_the_service(address: str, hub: Hub) -> None:
    async with _streamed(f"http://{address}/v1/alerts/stream.jsonl", {}) as lines:
        assert "open" in await anext(lines)
        hub.close()
        assert [line async for line in lines] == []


@WAYS
async def test_who_reads_nothing_is_cut_off_and_resumes(
    address: str, store: AlertStore, hub: Hub, way: Any
) -> None:
    """The socket's buffers take a little; what follows is for the ring to hold, or not."""
    n, got = 0, b""
    async with _raw_reader(address, way) as reader, asyncio.timeout(WITHIN_S):
        while not any(one.live for one in hub._readers):  # noqa: SLF001, ASYNC110
            await asyncio.sleep(0)
        long = Reason("x" * 200_000, "")
        while hub._readers:  # noqa: SLF001
            await raise_alerts(store, 1, n, reason=long)
            n += 1
        while part := await reader.read(1 << 20):
            got += part
    # What came is a whole beginning of the feed; the rest is there for who asks again.
    seen = [int(found) for found in re.findall(rb'"cursor":"\w+-(\d+)"[^{}]*"data":\{"id"', got)]
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) < n
    async with way(address, f"?since={store.cursor(n - 1)}") as take:
        assert (await take(2))[1]["cursor"] == store.cursor(n)


@asynccontextmanager
async def _raw_reader(address: str, way: Any) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for the feed and read nothing but the head of the answer."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
    path = {sse: "stream", jsonl: "stream.jsonl", ws: "ws"}[way]
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    asked = f"GET /v1/alerts/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer viewer\r\n"
    writer.write(f"{asked}{upgrade if way is ws else ''}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    yield reader
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
