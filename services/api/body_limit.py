"""A limit on request bodies.

FastAPI's own `max_body_size` answers in plain text; the refusal has to be a problem document, so
it is raised where the application reads the body.
"""

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body that is, or says that it is, longer than `max_bytes`, with 413."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        length = int(announced) if announced.isdecimal() else 0
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            if length > self._max_bytes:
                raise _too_large(self._max_bytes)
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise _too_large(self._max_bytes)
            return message

        await self._app(scope, limited, send)


def _too_large(max_bytes: int) -> HTTPException:
    # The rest of the body is not read, so the connection cannot be used again.
    return HTTPException(413, f"at most {max_bytes} bytes", headers={"Connection": "close"})
