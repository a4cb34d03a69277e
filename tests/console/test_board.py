"""The board and the alert's page in a browser: from the POST at ingest to the end of an alert."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.console.conftest import People, violations
from tests.console.desk import Desk
from tests.console.line import Line
from tests.system import RunningSystem

pytestmark = pytest.mark.asyncio(loop_scope="session")
# The board's own clock, by which a card is painted at the end of the frame that first has it.
_WATCH = """
(text) => {
  window.painted = new Promise((done) => {
    const look = () => {
      const cards = [...document.querySelectorAll('.card')];
      const there = cards.some((card) => card.textContent.includes(text));
      if (!there) return requestAnimationFrame(look);
      requestAnimationFrame(() => setTimeout(() => done(Date.now())));
    };
    look();
  });
}
"""
_SLOW_MS = 60_000
_WITHIN_MS = 1_000
_TRIES = 3


def card_of(page: Page, text: str) -> Locator:
    """Return the card that says a text."""
    return page.locator(".card", has_text=text)


async def ready(page: Page) -> None:
    """Wait until the board has loaded and the feed is open."""
    await expect(page.get_by_test_id("feed-state")).to_have_attribute(
        "data-state", re.compile("live|late"), timeout=_SLOW_MS
    )
    await expect(page.locator(".card").first).to_be_visible(timeout=_SLOW_MS)


async def test_from_the_post_to_the_end_by_keyboard(people: People, desk: Desk) -> None:
    page = await people.page("li")
    await ready(page)
    # A machine that is busy with other things may take its time once, and not three times.
    took_ms: list[float] = []
    while not took_ms or (min(took_ms) >= _WITHIN_MS and len(took_ms) < _TRIES):
        order, person = await asyncio.to_thread(desk.order)
        await page.evaluate(_WATCH, order)
        began = await page.evaluate("Date.now()")
        await asyncio.to_thread(desk.seen, person)
        # The POST's own answer is within it: ingest, Kafka, worker, store, feed, paint.
        took_ms.append(await page.evaluate("window.painted") - began)
    assert min(took_ms) < _WITHIN_MS, f"{took_ms} ms from the POST to the paint"

    card = card_of(page, order)
    await expect(
        page.get_by_test_id("lane-critical").locator(".card", has_text=order)
    ).to_be_visible()
    await expect(card.locator(".due")).to_be_visible()
    # Where it was is told by the name that people use.
    await expect(card).to_contain_text("高速出口 A expressway exit A")
    # The keys go down the lane to it.
    for _ in range(40):
        await page.keyboard.press("j")
        if order in await page.evaluate("document.activeElement?.textContent ?? ''"):
            break
    await expect(card).to_be_focused()
    await page.keyboard.press("a")
    await expect(card).to_contain_text("Acknowledged")
    await page.keyboard.press("d")
    await expect(card).to_contain_text("Dispatched")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Quarantine breach")
    assert await violations(page) == []
    await page.get_by_label("Add a note").fill("patrol 3: was on the way to the pharmacy")
    await page.get_by_role("button", name="Add a note").click()
    await expect(page.locator(".text", has_text="patrol 3: was on the way")).to_be_visible()
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("r")
    await page.keyboard.press("3")
    await page.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    await expect(page.locator(".title")).to_contain_text("Resolved · authorised")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".title")).to_contain_text("Dispatched")
    alert = await asyncio.to_thread(lambda: desk.alert(order=order))
    assert alert["state"] == "dispatched"
    await page.get_by_role("link", name="Board", exact=True).first.click()
    await expect(card_of(page, order)).to_be_visible()


async def test_the_board_in_both_languages_keeps_nobody_out(people: People) -> None:
    page = await people.page("zhao", language="zh", theme="light")
    await ready(page)
    await expect(page.get_by_role("heading", name="紧急")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="EN").click()
    await expect(page.get_by_role("heading", name="Critical")).to_be_visible()
    await page.get_by_role("button", name="Dark colours").click()
    assert await violations(page) == []
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("take back your last act")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await page.keyboard.type("nothing is called so")
    await expect(page.locator(".card")).to_have_count(0)


async def test_signing_in_by_name_by_token_and_by_link(
    people: People, system: RunningSystem
) -> None:
    page = await people.page(None, "/alerts/unknown")
    assert await violations(page) == []
    await page.get_by_label("Name").fill("li")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("wrong")
    await page.get_by_label("Password").fill("open sesame, please")
    await page.get_by_role("button", name="Sign in").click()
    # Where one wanted to go, one gets to; what is not there is said.
    await expect(page.get_by_role("alert")).to_contain_text("no such thing")
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="With a token").click()
    await page.get_by_label("Access token").fill(system.ready.admin_token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("header .who")).to_contain_text("admin")
    link = (await asyncio.to_thread(system.api, "POST", "/v1/session/links")).json()["url"]
    for signed_in in (True, False):
        page = await people.page(None, link)
        if signed_in:
            await expect(page.locator("header .who")).to_contain_text("admin")
        else:
            await expect(page.get_by_role("alert")).to_contain_text("used already")


async def test_a_dropped_connection_goes_on_without_loss(people: People, desk: Desk) -> None:
    first, person_1 = await asyncio.to_thread(desk.order)
    second, person_2 = await asyncio.to_thread(desk.order)
    line = Line(people.base)
    await line.start()
    try:
        page = await people.page("li", base=line.base)
        await ready(page)
        line.cut()
        await expect(page.get_by_test_id("feed-state")).to_contain_text("Connection lost")
        assert await violations(page) == []
        # It happens while nobody listens.
        await asyncio.to_thread(desk.seen, person_1)
        await asyncio.to_thread(lambda: desk.alert(order=first))
        line.mend()
        await expect(card_of(page, first)).to_be_visible(timeout=_SLOW_MS)
        await asyncio.to_thread(desk.seen, person_2)
        await expect(card_of(page, second)).to_be_visible(timeout=_SLOW_MS)
        await expect(page.get_by_text("Some changes were missed")).to_have_count(0)
    finally:
        await people.leave()
        await line.stop()


async def test_two_race_for_one_acknowledgement(people: People, desk: Desk) -> None:
    order, person = await asyncio.to_thread(desk.order)
    pages = [await people.page("li"), await people.page("wang")]
    await asyncio.gather(*(ready(page) for page in pages))
    await asyncio.to_thread(desk.seen, person)
    # Both acts are under way before either arrives: each was pressed on an open alert.
    under_way: list[str] = []
    both = asyncio.Event()

    async def hold(route: Route) -> None:
        under_way.append(route.request.url)
        if len(under_way) == len(pages):
            both.set()
        await both.wait()
        await route.continue_()

    for page in pages:
        await page.route("**/v1/alerts/*/ack", hold)
        await card_of(page, order).get_by_role("button", name="Acknowledge").click()
    for page in pages:
        await expect(card_of(page, order)).to_contain_text("Acknowledged")
        await expect(
            page.locator(".toast", has_text=re.compile("faster|Acknowledged"))
        ).to_be_visible()
    told = [await page.locator(".toast.bad", has_text="faster").count() for page in pages]
    assert sorted(told) == [0, 1]
    alert = await asyncio.to_thread(lambda: desk.alert(order=order))
    assert alert["state"] == "acked"


async def test_hostile_texts_stay_text(people: People, desk: Desk, system: RunningSystem) -> None:
    order, person = await asyncio.to_thread(desk.order)
    page = await people.page("li")
    await ready(page)
    evil = "<img src=x onerror=\"document.title='owned'\">\u202egnirts desrever\u202c"
    await asyncio.to_thread(desk.seen, person)
    alert = await asyncio.to_thread(lambda: desk.alert(order=order))
    await asyncio.to_thread(desk.act, alert, "note", {"note": evil})
    await page.goto(f"/alerts/{alert['id']}")
    note = page.locator("bdi", has_text="<img src=x").first
    await expect(note).to_be_visible()
    assert await page.locator("main img").count() == 0
    assert "owned" not in await page.title()
    hostile = "浙F<img src=x onerror=alert(1)>"
    answer = await asyncio.to_thread(
        system.ingest,
        "/v1/plate-hits",
        {
            "specversion": "1.0",
            "id": "hostile",
            "source": "<script>1</script>",
            "type": "cordon.plate-hit.v1",
            "time": "2026-01-01T00:00:00+08:00",
            "data": {"site": "camera-1", "direction": "in", "plate": hostile, "confidence": 1.0},
        },
    )
    assert answer.status in (202, 400, 422)
