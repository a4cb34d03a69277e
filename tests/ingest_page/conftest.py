"""The page in a real browser, served by a real ingest whose broker and registers the test holds."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser import browser
from tests.ingest.desk import Desk

__all__ = ["browser"]

DAY_MS = 86_400_000


class Gate(Desk):
    """An ingest that a browser can reach, at a site of the county."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, now_ms=time.time_ns() // 1_000_000, decision_wait_s=5)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(self.app, log_config=None, lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self.file("zone", id="county", kind="region", crs="wgs84", centre=[120, 30], radius_m=500)
        self.file("site", id="east", name="东界卡口 east gate", role="checkpoint", zones=["county"])
        self.file("site", id="west", name="西界卡口 west gate", role="checkpoint", zones=["county"])

    def file(self, register: str, **data: object) -> None:
        """File an entry, a day ago."""
        self.registers.put(register, filed_ms=self.now_ms - DAY_MS, **data)

    async def __aenter__(self) -> "Gate":
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._task
        self._listener.close()
        await super().__aexit__()


@pytest_asyncio.fixture(loop_scope="session")
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    """An ingest with two sites, one zone, and whatever a test files."""
    async with Gate(tmp_path) as gate:
        yield gate


@pytest_asyncio.fixture(loop_scope="session")
async def handheld(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A small handheld, with storage of its own."""
    context = await browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, locale="en-GB"
    )
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(gate: Gate, handheld: BrowserContext) -> Page:
    """The page, signed in, at the eastern gate; an error in it fails the test."""
    page = await handheld.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    await page.goto(f"{gate.url}/#token=device")
    await page.select_option("#site", "east")
    await page.fill("#lane", "2")
    await page.click("#place-form .primary")
    await page.wait_for_selector("#scan:not([hidden])")
    return page
