"""The feed over a WebSocket: the lines of the feed, each as one text message."""

from collections.abc import AsyncGenerator

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.api.feed.hub import Hub, Reader
from services.api.feed.response import deliver

# RFC 6455's register calls them "service restart": come again; and "policy violation": sign in.
_ENDING, _DISMISSED = 1012, 1008


async def answer(
    websocket: WebSocket, hub: Hub, reader: Reader, chunks: AsyncGenerator[bytes, None]
) -> None:
    """Accept the connection and send the stream; what the client says is read and passed over.

    The end of the service closes with 1012, that of what let the reader in with 1008. A reader that
    is cut off could not take a closing frame either: its connection just ends.
    """
    await websocket.accept()

    async def send_lines(chunk: bytes) -> None:
        for line in chunk.splitlines():
            await websocket.send_text(line.decode())

    async def end() -> None:
        await websocket.close(_DISMISSED if reader.dismissed else _ENDING)

    try:
        await deliver(hub, reader, chunks, send_lines, end, _gone(websocket))
    except WebSocketDisconnect:
        # The client left while it was being sent to: that is the end of its stream.
        return


async def _gone(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
