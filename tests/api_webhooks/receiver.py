"""A receiver of webhooks on a real socket, which answers what the test says and keeps the rest."""

from collections.abc import Callable

from aiohttp import web


class Receiver:
    """An HTTP server; `answers` are the next statuses, then it takes everything."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.messages: list[tuple[dict[str, str], bytes]] = []
        self.on_message: Callable[[], None] = lambda: None
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, in the order of their arrival."""
        return [headers["webhook-id"] for headers, _ in self.messages]

    async def start(self) -> None:
        """Listen on any port."""
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"

    async def stop(self) -> None:
        """Let the port go."""
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.messages.append((headers, await request.read()))
        self.on_message()
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers=self.headers)
