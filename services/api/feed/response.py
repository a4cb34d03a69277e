"""A response that streams, and lets go of a client that is gone, slow or stuck."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.feed.hub import Hub, Reader
from services.api.metrics import CUT_OFF

# A client that takes no byte for so long is stuck: its kernel's buffers and ours are full.
_STUCK_S = 30.0


class FeedResponse(Response):
    """Sends the stream until it ends, the client leaves, or the hub cuts the reader off."""

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Hub,
        reader: Reader,
        chunks: AsyncGenerator[bytes, None],
        stuck_s: float = _STUCK_S,
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._reader = reader
        self._chunks = chunks
        self._stuck_s = stuck_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._hub.join(self._reader)
        tasks = [
            asyncio.create_task(self._send_all(send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self._reader.cut.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._reader)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        sending = tasks[0]
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send_all(self, send: Send) -> None:
        try:
            async with aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    async with asyncio.timeout(self._stuck_s):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            # The connection is closed without an end of the body, so the client sees it broken.
            CUT_OFF.inc()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
