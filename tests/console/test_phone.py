"""The phone pages in a browser: what an officer does without a network arrives once, later."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.console.conftest import People, violations
from tests.console.desk import Desk
from tests.system import RunningSystem

pytestmark = pytest.mark.asyncio(loop_scope="session")
_WAIT_MS = 20_000
# Whatever is pressed is as large as a thumb; links within a text are as high as their line.
_SMALL = """
[...document.querySelectorAll('.phone :is(a, button, input, select, textarea, label:has(input))')]
  .filter((each) => each.checkVisibility() && !each.closest('label')?.contains(each.parentElement))
  .map((each) => [each.outerHTML.slice(0, 120), each.getBoundingClientRect()])
  .filter(([, box]) => box.height > 0 && Math.round(box.height) < 44)
  .map(([html]) => html)
"""


class Field:
    """What the server knows of tasks and reports."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system

    async def task(self, text: str) -> str:
        """Create a task; return its id."""
        answer = await self._api("POST", "/v1/tasks", {"kind": "verify", "text": text})
        return str(answer["id"])

    async def state(self, task: str) -> tuple[str, list[str]]:
        """Return the state of a task, and what was done with it."""
        found = await self._api("GET", f"/v1/tasks/{task}")
        history = await self._api("GET", f"/v1/tasks/{task}/history")
        return found["state"], [step["act"] for step in history["items"]]

    async def act(self, task: str, deed: str, body: dict[str, Any]) -> None:
        """Do something with a task as the administrator."""
        revision = (await self._api("GET", f"/v1/tasks/{task}"))["revision"]
        await self._api("POST", f"/v1/tasks/{task}/{deed}", body, revision)

    async def reports(self, author: str) -> list[str]:
        """Return the ids of what somebody reported, one for each time that it was accepted."""
        answer = await self._api("GET", f"/v1/audit?action=report.file&actor={author}")
        return [one for entry in answer["items"] for one in entry["detail"]["ids"]]

    async def _api(
        self, method: str, path: str, body: Any = None, revision: int | None = None
    ) -> Any:
        ready = self._system.ready
        headers = {"Authorization": f"Bearer {ready.admin_token}"}
        if revision is not None:
            headers["If-Match"] = str(revision)
        async with httpx.AsyncClient(base_url=ready.api, timeout=30) as client:
            answer = await client.request(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()


@pytest_asyncio.fixture(loop_scope="session")
async def field(system: RunningSystem, desk: Desk) -> AsyncIterator[Field]:
    yield Field(system)


async def handheld(people: People, path: str = "/phone/", **options: Any) -> Page:
    """Open the phone pages as officer li, and wait until they have read their lists."""
    page = await people.page("li", path, width=360, height=740, has_touch=True, **options)
    await expect(page.get_by_role("navigation")).to_be_visible(timeout=_WAIT_MS)
    return page


async def offline(page: Page, wanted: bool) -> None:
    """Take the network away, or give it back."""
    context: BrowserContext = page.context
    await context.set_offline(wanted)


async def test_a_task_done_without_a_network_arrives_once(people: People, field: Field) -> None:
    task = await field.task("knock at 7-302 <img src=x onerror=alert(1)>")
    page = await handheld(people)
    # The pages are kept: the worker has them, and has taken over.
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.get_by_role("button", name="All").click()
    await page.get_by_role("link", name="knock at 7-302").click()
    async with page.expect_response(lambda answer: "/claim" in answer.url and answer.ok):
        await page.get_by_role("button", name="Take it on").click()
    await expect(page.get_by_text("Claimed")).to_be_visible()
    await expect(page.get_by_text("not sent yet")).to_be_hidden(timeout=_WAIT_MS)

    await offline(page, True)
    await page.reload()
    await expect(page.get_by_role("status").first).to_contain_text("No network")
    await page.get_by_role("button", name="Report the result").click()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Choose a result")).to_be_visible()
    await page.get_by_label("at home").check()
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("link", name="Report", exact=True).click()
    await page.get_by_role("link", name="Check-in").click()
    await page.get_by_label("Order").fill("console-field-1")
    await page.get_by_label("Answered, all is well").check()
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("link", name="Sent").click()
    await expect(page.get_by_text("waits", exact=True)).to_have_count(2)
    assert (await field.state(task))[0] == "claimed"

    await offline(page, False)
    await expect(page.locator("li.sent")).to_have_count(3, timeout=_WAIT_MS)
    assert await field.state(task) == ("done", ["create", "claim", "done"])
    assert len(await field.reports("li")) == 1
    # What was sent is not sent again by a page that is opened anew.
    await page.reload()
    await expect(page.locator("li.sent")).to_have_count(3)
    assert len(await field.reports("li")) == 1
    assert await field.state(task) == ("done", ["create", "claim", "done"])


async def test_an_answer_that_was_lost_makes_no_double(people: People, field: Field) -> None:
    before = set(await field.reports("li"))
    page = await handheld(people, "/phone/report/visit", service_workers="block")
    lost: list[dict[str, Any]] = []

    async def lose(route: Route) -> None:
        """Let the first request through, and its answer not."""
        lost.append(json.loads(route.request.post_data or "{}"))
        if len(lost) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/v1/field-reports", lose)
    await page.get_by_label("Order").fill("console-field-2")
    await page.get_by_label("Not cooperative").check()
    await page.get_by_label("Temperature").fill("36,8")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("link", name="Sent").click()
    await expect(page.locator("li.sent")).to_have_count(1, timeout=_WAIT_MS)
    assert len(lost) == 2
    assert lost[0] == lost[1]
    assert lost[0]["reports"][0]["data"]["temperature"] == 36.8
    assert len(set(await field.reports("li")) - before) == 1


async def test_what_is_refused_stays_with_its_reason(people: People, field: Field) -> None:
    task = await field.task("ring at 9-101")
    page = await handheld(people)
    await page.get_by_role("button", name="All").click()
    await page.get_by_role("link", name="ring at 9-101").click()
    await page.get_by_role("button", name="Take it on").click()
    await expect(page.get_by_text("not sent yet")).to_be_hidden(timeout=_WAIT_MS)
    await offline(page, True)
    await field.act(task, "cancel", {"note": "they have moved"})
    await page.get_by_role("button", name="Cannot be done").click()
    await page.get_by_label("Why").fill("the gate is locked")
    await page.get_by_role("button", name="Send").click()
    await offline(page, False)
    await page.get_by_role("link", name="Sent").click()
    refused = page.locator("li.refused")
    await expect(refused).to_contain_text("the task is cancelled", timeout=_WAIT_MS)
    assert await violations(page) == []
    await refused.get_by_role("button", name="Put away").click()
    await expect(refused).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_pages_fit_a_hand(people: People, desk: Desk, language: str) -> None:
    theme = "light" if language == "zh" else "dark"
    page = await handheld(people, "/phone/tasks", language=language, theme=theme)
    for path in ("tasks", "report", "report/visit", "report/tip", "duty", "outbox"):
        await page.goto(f"/phone/{path}")
        await expect(page.get_by_role("navigation")).to_be_visible()
        assert await violations(page) == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert await page.evaluate(_SMALL) == [], path


async def test_who_is_not_signed_in_is_asked_to(people: People) -> None:
    page = await people.page(None, "/phone/", width=360, height=740, language="zh")
    await expect(page.get_by_role("button", name="登录", exact=True)).to_be_visible()
    assert await violations(page) == []
