"""The board in a real browser, served by the API's own application."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Locator, Page, expect

from schemas.access import Grant, TokenFile, digest
from schemas.alerts import FindingEvent
from schemas.suppressions import SUPPRESSED_TYPE, Suppressed, SuppressedEvent
from schemas.times import format_ms
from services.api import sign_in, suppressions
from services.api.app import create_app
from services.api.feed.hub import Hub
from services.api.overdue import DEFAULTS
from services.api.page import routes as page_routes
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.examples import finding
from tests.browser import browser
from tests.doors import doors_of

__all__ = ["browser"]
pytestmark = pytest.mark.asyncio(loop_scope="session")
PANEL = "#suppressed"
CAP = 3


class Desk:
    """An API that a browser can reach, and its store."""

    def __init__(self, store: AlertStore, url: str) -> None:
        self.url = url
        self._store = store
        self._offset = 0

    async def suppress(self, rule: str, by: str, count: int, source: str = "desk") -> None:
        """Take in what a worker tells."""
        at = format_ms(now_ms())
        event = SuppressedEvent(
            specversion="1.0",
            id=f"{rule}/{by}",
            source="cordon/worker",
            type=SUPPRESSED_TYPE,
            time=at,
            recordedtime=at,
            data=Suppressed(
                rule=rule,
                by=by,
                site="gate",
                count=count,
                first_seen=at,
                last_seen=at,
                source=source,
                id="7",
            ),
        )
        await self.take(event)

    async def take(self, *told: FindingEvent | SuppressedEvent) -> None:
        """Take in what a worker tells, in one batch."""
        records = [Sourced(0, self._offset + n, each) for n, each in enumerate(told)]
        self._offset += len(records)
        await self._store.apply("t", records, {0: self._offset})

    async def escalate(self) -> None:
        """Let everybody who waits escalate to the last level."""
        while await self._store.escalate(dict.fromkeys(DEFAULTS, 0)):
            pass


def now_ms() -> int:
    """The clock of the browser, which shows times of today as a clock alone."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Desk]:
    database = Database(f"sqlite:///{folder / 'alerts.db'}")
    await database.migrate()
    hub = Hub(100)
    store = await AlertStore.open(database, hub.publish, now_ms, CAP)
    hub.begin(store.epoch, store.last_n)
    sessions = Sessions(database, now_ms, folder / "tokens.json")
    await sessions.start()
    app = create_app(
        store=store,
        database=database,
        hub=hub,
        tokens=TokenFile(
            {
                digest("secret"): Grant("duty desk", "viewer"),
                digest("dispatcher"): Grant("li", "dispatcher"),
            }
        ),
        sessions=sessions,
        clock_ms=now_ms,
        ready=dict,
        routers=[
            suppressions.router(store, store.engine_ms),
            sign_in.router(doors_of(database, sessions, now_ms)),
            page_routes.router(),
        ],
        max_body_bytes=10_000,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Desk(store, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        hub.close()
        server.should_exit = True
        await task
        listener.close()
        await database.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with serving(tmp_path) as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session")
async def page(desk: Desk, browser: Browser) -> AsyncIterator[Page]:
    """The board, signed in; an error in it fails the test."""
    context = await browser.new_context(locale="en-GB")
    context.set_default_timeout(15_000)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    await page.goto(desk.url)
    await page.fill("#token", "secret")
    await page.click("#sign-in-form .primary")
    await page.wait_for_selector("#board:not([hidden])")
    yield page
    await context.close()


async def rows(page: Page) -> list[str]:
    return await page.locator(f"{PANEL} tbody tr").all_inner_texts()


async def test_it_tells_how_often_and_why_in_both_languages(desk: Desk, page: Page) -> None:
    await desk.suppress("quarantine-breach", "permit", 3)
    await desk.suppress("fever", "device-bias", 1_200, source="<b>thermometer</b>")
    assert await page.locator(f"{PANEL} table").is_hidden()
    # By the keyboard alone.
    await page.locator(f"{PANEL} > summary").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector(f"{PANEL} tbody tr")
    first, second = await rows(page)
    assert first.split("\t")[:4] == [
        "1,200",
        "the thermometer reads everybody too warm or too cold",
        "Fever",
        "gate",
    ]
    assert second.split("\t")[:3] == [
        "3",
        "a permit covers the place and the time",
        "Quarantine breach",
    ]
    assert "1,203 events" in await page.locator("#suppressed-sum").inner_text()
    await page.click("[data-language=zh]")
    assert "许可覆盖该地点与时间" in (await rows(page))[1]
    assert "未告警" in await page.locator(f"{PANEL} > summary").inner_text()


async def test_nothing_suppressed_is_said_too(page: Page) -> None:
    await page.click(f"{PANEL} > summary")
    await page.wait_for_selector("#suppressed-sum:not(:empty)")
    assert "Nothing was suppressed" in await page.locator("#suppressed-sum").inner_text()
    assert await page.locator(f"{PANEL} table").is_hidden()


async def test_signing_out_leaves_nothing_behind(desk: Desk, page: Page) -> None:
    await desk.suppress("fever", "device-bias", 2)
    await page.click(f"{PANEL} > summary")
    await page.wait_for_selector(f"{PANEL} tbody tr")
    await page.click("#sign-out")
    await page.wait_for_selector("#sign-in:not([hidden])")
    assert await rows(page) == []
    assert await page.get_attribute(PANEL, "open") is None


def cards(page: Page) -> Locator:
    return page.locator(".alert")


async def test_a_storm_is_one_line_that_opens(desk: Desk, page: Page) -> None:
    storm = [finding(f"a{n}", at_ms=now_ms(), severity="medium", grid="g1") for n in range(8)]
    # While the page looks on, and as it is loaded.
    await desk.take(*storm[:6])
    await expect(cards(page)).to_have_count(CAP + 1)
    await page.reload()
    await desk.take(*storm[6:])
    summary = page.locator(".alert", has_text="more alerts of this rule in grid g1")
    await expect(summary).to_contain_text("5 more alerts")
    await expect(cards(page)).to_have_count(CAP + 1)
    await summary.get_by_role("button", name="Show the 5 alerts").click()
    await expect(cards(page)).to_have_count(9)
    await summary.get_by_role("button", name="Hide the 5 alerts").click()
    await expect(cards(page)).to_have_count(CAP + 1)


async def test_what_a_summary_stood_for_is_listed_when_that_is_over(desk: Desk, page: Page) -> None:
    began_ms = now_ms() - 3_600_000
    storm = [finding(f"a{n}", at_ms=began_ms, severity="medium", grid="g1") for n in range(5)]
    await desk.take(*storm)
    await expect(cards(page)).to_have_count(CAP + 1)
    # Half an hour later something else is found, and the storm is over.
    await desk.take(finding("b", at_ms=began_ms + 1_800_000, grid="g2"))
    await expect(cards(page)).to_have_count(6)
    await page.reload()
    await expect(cards(page)).to_have_count(6)


async def test_what_is_overdue_says_so_until_somebody_takes_it_on(desk: Desk, page: Page) -> None:
    await desk.take(finding("a", at_ms=now_ms()), finding("b", at_ms=now_ms(), severity="low"))
    card = page.locator(".alert[data-id=a]")
    await expect(cards(page)).to_have_count(2)
    await expect(page.locator(".overdue")).to_have_count(0)
    await desk.escalate()
    await expect(card).to_contain_text("Overdue, level 3")
    await expect(page.locator("#announce")).to_contain_text("Overdue, level 3. Critical")
    await expect(page.locator(".overdue")).to_have_count(1)
    await page.click("[data-language=zh]")
    await expect(card).to_contain_text("超时 3 级")
    # A viewer can do nothing about it; somebody at the desk can.
    await expect(card.locator("button.ack")).to_have_count(0)
    await page.click("#sign-out")
    await page.fill("#token", "dispatcher")
    await page.click("#sign-in-form .primary")
    await page.click("[data-language=en]")
    # A double click acknowledges, and sends nobody out.
    await card.get_by_role("button", name="Acknowledge").dblclick()
    await expect(card).to_contain_text("Acknowledged")
    await expect(page.locator(".overdue")).to_have_count(0)
    dispatch = card.get_by_role("button", name="Dispatch")
    await expect(dispatch).to_be_enabled()
    await desk.escalate()
    await expect(card).to_contain_text("Overdue, level 3")
    await expect(card.locator(".overdue")).to_have_attribute(
        "title", "Nobody was dispatched in time"
    )
    await dispatch.click()
    await expect(card.locator(".state")).to_have_text("Dispatched")
    await expect(page.locator(".overdue")).to_have_count(0)
