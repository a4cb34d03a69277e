"""A gateway on a real socket that takes what apprise's json:// channels post."""

import asyncio
from typing import Any

from aiohttp import web


class FakeGateway:
    """An HTTP server; `answers` are the next statuses, then it takes everything."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.arrived = asyncio.Event()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def told(self) -> list[str]:
        """To whom messages went: the paths, in the order of their arrival."""
        return [path for path, _ in self.messages]

    def channel(self, name: str) -> dict[str, str]:
        """Return a channel of this gateway."""
        return {"label": "duty phone", "url": f"json://127.0.0.1:{self.port}/{name}"}

    async def start(self) -> None:
        """Listen on any port."""
        application = web.Application()
        application.router.add_post("/{name}", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Let the port go."""
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 200
        self.messages.append((request.match_info["name"], await request.json()))
        self.arrived.set()
        return web.Response(status=status)
