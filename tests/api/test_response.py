"""The response that carries a stream: it lets go of clients that are gone, slow or cut off."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from services.api.feed.frames import SSE
from services.api.feed.hub import Hub, Reader
from services.api.feed.response import FeedResponse
from services.api.filters import NO_FILTERS


class Client:
    """The server's side of a connection; `reads` says whether the client takes what is sent."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent: list[Message] = []
        self.sending = asyncio.Event()
        self.gone = asyncio.Event()
        self._reads = reads

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            self.sending.set()
            if not self._reads:
                await asyncio.Event().wait()


async def chunks(*parts: bytes, end: bool = False) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part
    if not end:
        await asyncio.Event().wait()


@pytest.fixture
def reader() -> Reader:
    return Reader(0, NO_FILTERS, SSE)


async def test_it_ends_with_the_stream(hub: Hub, reader: Reader) -> None:
    client = Client()
    await FeedResponse(hub, reader, chunks(b"a", b"b", end=True))({}, client.receive, client.send)
    assert [message.get("body") for message in client.sent] == [None, b"a", b"b", b""]
    headers = dict(client.sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"
    assert b"content-length" not in headers


@pytest.mark.parametrize("cause", ["gone", "cut"])
async def test_it_lets_go_of_a_client_that_takes_nothing(
    hub: Hub, reader: Reader, cause: str
) -> None:
    client = Client(reads=False)
    response = FeedResponse(hub, reader, chunks(b"a", b"b"))
    answering = asyncio.create_task(response({}, client.receive, client.send))
    await client.sending.wait()
    (client.gone if cause == "gone" else reader.cut).set()
    await answering
    assert client.sent[-1]["body"] == b"a"


async def test_a_failure_of_the_stream_is_not_hidden(hub: Hub, reader: Reader) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise OSError("the disk is gone")

    client = Client()
    with pytest.raises(OSError, match="the disk is gone"):
        await FeedResponse(hub, reader, broken())({}, client.receive, client.send)


async def test_a_client_that_is_stuck_is_let_go(hub: Hub, reader: Reader) -> None:
    client = Client(reads=False)
    answering = asyncio.create_task(
        FeedResponse(hub, reader, chunks(b"a"))({}, client.receive, client.send)
    )
    await client.sending.wait()
    for _ in range(2):
        hub.tick()
    assert not reader.cut.is_set()
    hub.tick()
    await answering
    assert client.sent[-1].get("more_body") is not False


async def test_a_client_that_waits_is_not_stuck(hub: Hub, reader: Reader) -> None:
    client = Client()
    answering = asyncio.create_task(
        FeedResponse(hub, reader, chunks(b"a"))({}, client.receive, client.send)
    )
    await client.sending.wait()
    while reader.sending_since is not None:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for _ in range(9):
        hub.tick()
    assert not reader.cut.is_set()
    client.gone.set()
    await answering
