"""A response that streams, and lets go of a client that is gone, slow or stuck."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.feed.hub import Hub, Reader


class FeedResponse(Response):
    """Sends the stream until it ends, the client leaves, or the hub cuts the reader off."""

    def __init__(self, hub: Hub, reader: Reader, chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            media_type=reader.form.media_type,
        )
        del self.headers["content-length"]
        self._hub = hub
        self._reader = reader
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def send_chunk(chunk: bytes) -> None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

        async def end() -> None:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await deliver(self._hub, self._reader, self._chunks, send_chunk, end, _gone(receive))


async def deliver(
    hub: Hub,
    reader: Reader,
    chunks: AsyncGenerator[bytes, None],
    send: Callable[[bytes], Awaitable[None]],
    end: Callable[[], Awaitable[None]],
    leaving: Coroutine[Any, Any, None],
) -> None:
    """Send every chunk and the end; stop when `leaving` is done or the hub cuts the reader off.

    A connection that is cut off has no end of its body, so the client sees it broken.
    """
    hub.join(reader)
    tasks = [
        asyncio.create_task(_send_all(hub, reader, chunks, send, end)),
        asyncio.create_task(leaving),
        asyncio.create_task(_cut(reader)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(reader)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if not tasks[0].cancelled() and (error := tasks[0].exception()) is not None:
        raise error


async def _send_all(
    hub: Hub,
    reader: Reader,
    chunks: AsyncGenerator[bytes, None],
    send: Callable[[bytes], Awaitable[None]],
    end: Callable[[], Awaitable[None]],
) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            # The hub looks at this with its ticks: a timer for each chunk cost a fifth of it all.
            reader.sending_since = hub.ticks
            await send(chunk)
            reader.sending_since = None
    if not reader.cut.is_set():
        await end()


async def _cut(reader: Reader) -> None:
    await reader.cut.wait()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
