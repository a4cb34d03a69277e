"""Map, cameras and gates, quiet and pictures in a browser, against the running county."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import People, violations
from tests.console.desk import Desk
from tests.system import RunningSystem

pytestmark = pytest.mark.asyncio(loop_scope="session")
_SLOW_MS = 30_000


async def test_the_map_shows_sites_alerts_and_a_trail(
    people: People, desk: Desk, system: RunningSystem
) -> None:
    page = await people.page("li", "/map", language="zh")
    sites = page.locator("li[data-site]")
    await expect(sites.first).to_be_visible(timeout=_SLOW_MS)
    assert await sites.count() >= 26
    # The drawing itself: MapLibre in its own chunk, its worker under the page's policy.
    await expect(page.locator(".drawing canvas")).to_be_visible(timeout=_SLOW_MS)
    await expect(page.locator(".bubbles button").first).to_be_visible(timeout=_SLOW_MS)
    while not any("maplibre" in worker.url for worker in page.workers):
        await page.wait_for_event("worker", timeout=_SLOW_MS)
    await page.locator("details.legend summary").click()
    assert await violations(page) == []
    # Everything is there without the drawing too.
    await page.locator('li[data-site="expressway-a"] button').first.click()
    await expect(page.locator('li[data-site="expressway-a"] .more')).to_be_visible()
    # MapLibre reacts to the arrows only where the drawing has the focus.
    await page.locator(".drawing").focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("+")
    await _a_trail(page, system)


async def _a_trail(page: Page, system: RunningSystem) -> None:
    answer = system.api("GET", "/v1/alerts?limit=200")
    vehicles = [a for a in answer.json()["items"] if a["subject"]["kind"] == "vehicle"]
    assert vehicles
    await page.goto(f"/map?trail={vehicles[0]['id']}")
    heading = page.locator("aside h1")
    await expect(heading).to_contain_text(vehicles[0]["subject"]["label"], timeout=_SLOW_MS)
    # How many stops there are depends on what the store has written by now.
    await expect(page.locator("aside .said").first).to_be_visible(timeout=_SLOW_MS)
    assert await violations(page) == []
    entries = system.api("GET", "/v1/audit?action=trail.read").json()["items"]
    assert {entry["actor"] for entry in entries} >= {"li"}


async def test_a_post_is_opened_and_its_handheld_is_let_in(
    people: People, system: RunningSystem
) -> None:
    page = await people.page("zhao", "/gates")
    rows = page.locator("tbody")
    await expect(rows.first).to_be_visible(timeout=_SLOW_MS)
    await expect(page.locator("tbody", has_text="camera/camera-1")).to_be_visible(timeout=_SLOW_MS)
    await page.locator("tbody", has_text="camera/camera-1").get_by_role("button").click()
    await expect(page.locator("tr.more dl").first).to_be_visible(timeout=_SLOW_MS)
    assert await violations(page) == []
    await page.get_by_role("button", name="Open a temporary post").click()
    await page.get_by_label("Name", exact=False).first.fill("<img onerror=alert(1)> 大桥")
    assert await violations(page) == []
    await page.get_by_role("button", name="Open the post").click()
    code = page.get_by_role("img", name=re.compile("QR"))
    await expect(code).to_be_visible(timeout=_SLOW_MS)
    await expect(page.locator(".place")).to_contain_text("<img onerror=alert(1)> 大桥")
    assert await violations(page) == []
    link = await page.locator(".sheet a").get_attribute("href")
    assert link is not None
    assert link.startswith(system.ready.ingest)
    await page.get_by_role("button", name="Done").click()
    handheld = await people.page(None, link, base=system.ready.ingest)
    # A token that is not known would be asked for again.
    await expect(handheld.locator("body")).to_contain_text("大桥", timeout=_SLOW_MS)


async def test_an_event_is_tried_out(people: People) -> None:
    page = await people.page("li", "/gates")
    await page.get_by_role("button", name="Try out an event").click()
    await page.get_by_role("button", name="Show").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("浙F12345", timeout=_SLOW_MS)
    await dialog.get_by_role("textbox").fill('{"type": "cordon.plate-hit.v1"}')
    await page.get_by_role("button", name="Show").click()
    await expect(dialog.locator(".wrong")).to_contain_text("specversion", timeout=_SLOW_MS)


@pytest.mark.parametrize(
    ("path", "language", "theme", "title"),
    [("/quiet", "zh", "light", "静默"), ("/charts", "en", "dark", "Pictures over time")],
)
async def test_figures_are_shown_and_can_be_read(
    people: People, path: str, language: str, theme: str, title: str
) -> None:
    page = await people.page("li", path, language=language, theme=theme)
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await expect(page.locator(".panel").first).to_be_visible(timeout=_SLOW_MS)
    assert await violations(page) == []
