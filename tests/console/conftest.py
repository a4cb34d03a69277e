"""The console in a real browser, against one whole system with its simulated county."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from services.api.console.building import HERE
from tests.browser import browser
from tests.console.desk import Desk
from tests.system import RunningSystem

__all__ = ["browser"]
_PASSWORD = "open sesame, please"
# The county, the services and the browser share the machine: what matters is that it comes.
expect.set_options(timeout=20_000)
# The language and the colours of a test are its own, not those of the machine.
_CHOOSE = "localStorage.setItem('cordon-{name}', '{value}');"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the system and the browser: one process runs it, `make console-browser`."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.console)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system with the simulated county, one for all tests of the console."""
    running = RunningSystem(tmp_path_factory.mktemp("console") / "data", "--demo")
    running.start()
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="session")
def desk(system: RunningSystem) -> Desk:
    """People to sign in as, and things to happen."""
    made = Desk(system)
    for name, role in (("li", "dispatcher"), ("wang", "dispatcher"), ("zhao", "supervisor")):
        made.user(name, role, _PASSWORD)
    return made


class People:
    """Opens the console as somebody."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser = browser
        self.base = base
        self._contexts: list[BrowserContext] = []

    async def page(
        self,
        name: str | None = "li",
        path: str = "/board",
        *,
        language: str = "en",
        theme: str = "dark",
        width: int = 1440,
        height: int = 900,
        base: str | None = None,
        **options: Any,
    ) -> Page:
        """Return a page of the console with somebody signed in, None = nobody."""
        context = await self._browser.new_context(
            base_url=base or self.base,
            viewport={"width": width, "height": height},
            timezone_id="Asia/Shanghai",
            **options,
        )
        self._contexts.append(context)
        for choice, value in (("language", language), ("theme", theme)):
            await context.add_init_script(_CHOOSE.format(name=choice, value=value))
        if name is not None:
            answer = await context.request.post(
                "/v1/session",
                data={"name": name, "password": _PASSWORD},
                # What a browser says of a request of the page itself.
                headers={"Sec-Fetch-Site": "same-origin"},
            )
            assert answer.ok, await answer.text()
        page = await context.new_page()
        await page.goto(path)
        return page

    async def leave(self) -> None:
        """Close every browser window of the test."""
        for context in self._contexts:
            await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, system: RunningSystem, desk: Desk) -> AsyncIterator[People]:
    """Whoever the test lets sign in; their windows are closed at its end."""
    made = People(browser, system.ready.api)
    yield made
    await made.leave()


async def violations(page: Page) -> list[str]:
    """Return what axe finds on a page that keeps somebody out: its serious violations."""
    axe = (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(axe)
    found: dict[str, Any] = await page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
    )
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
