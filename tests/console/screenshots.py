"""Take the pictures of the docs from a running system: `make screenshots`."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser import BROWSERS
from tests.console.desk import Desk
from tests.system import RunningSystem

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
# So that there is something to see: at first something planted happens every three seconds.
_SETTLE_S: Final = 150
_PASSWORD: Final = "open sesame, please"


class View(NamedTuple):
    """A picture: where it is taken, how large, what has to be there first, what is pressed then."""

    name: str
    path: str
    waits_for: str
    theme: str = "dark"
    width: int = 1440
    height: int = 900
    press: str | None = None


async def take(base: str, alert: str, browser: Browser) -> None:
    """Take every picture in both languages."""
    views = (
        View("board", "/board", ".card"),
        View("alert", f"/alerts/{alert}", ".detail"),
        View("map", "/map", "canvas"),
        View("gates", "/gates", "main h1, main h2"),
        View("quiet", "/quiet", "main h1, main h2"),
        View("desk", "/desk/tasks", "main h1, main h2", theme="light"),
        View(
            "phone",
            "/phone",
            "main h1, main h2, main form",
            width=390,
            height=844,
            press="main [role=group] button:last-child",
        ),
    )
    for language in ("en", "zh"):
        for view in views:
            context = await browser.new_context(
                base_url=base,
                viewport={"width": view.width, "height": view.height},
                timezone_id="Asia/Shanghai",
            )
            for choice, value in (("language", language), ("theme", view.theme), ("hint", "seen")):
                await context.add_init_script(f"localStorage.setItem('cordon-{choice}', '{value}')")
            await context.request.post(
                "/v1/session",
                data={"name": "li", "password": _PASSWORD},
                headers={"Sec-Fetch-Site": "same-origin"},
            )
            page = await context.new_page()
            await page.goto(view.path)
            await _settled(page, view)
            await page.screenshot(path=IMAGES / f"{view.name}-{language}.png")
            await context.close()


async def _settled(page: Page, view: View) -> None:
    await expect(page.locator(view.waits_for).first).to_be_visible(timeout=30_000)
    if view.press is not None:
        await page.locator(view.press).first.click()
    # Tiles, fonts and what is loaded behind the first paint.
    await page.wait_for_load_state("domcontentloaded")
    await page.wait_for_timeout(3_000)


async def pictures(base: str, desk: Desk) -> None:
    """Let things happen and take the pictures."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise FileNotFoundError(f"none of {', '.join(BROWSERS)} is installed")
    order, person = await asyncio.to_thread(desk.order)
    for site in ("expressway-a", "expressway-b"):
        await asyncio.to_thread(desk.seen, person, site)
    await asyncio.sleep(_SETTLE_S)
    alert = (await asyncio.to_thread(lambda: desk.alert(order=order)))["id"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        await take(base, alert, browser)
        await browser.close()


def main() -> int:
    """Start a system with its county, and take the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        system = RunningSystem(Path(folder) / "data", "--demo")
        system.start()
        try:
            desk = Desk(system)
            desk.user("li", "supervisor", _PASSWORD)
            asyncio.run(pictures(system.ready.api, desk))
        finally:
            system.kill()
    sys.stdout.write(f"pictures are in {IMAGES}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
