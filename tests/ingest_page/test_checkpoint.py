"""An officer's shift in a real browser."""

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.ingest.desk import RESIDENT
from tests.ingest_page.conftest import Gate

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLATE = "浙F12345"
LISTED = "浙F77777"
SCANS = "cordon.checkpoint-scan.v1"


async def type_plate(page: Page, plate: str) -> None:
    """Type a plate by the page's own keys."""
    for key in plate:
        await page.click(f'[data-key="{key}"]')


async def add_person(page: Page, temperature: str = "36.5", colour: str = "green") -> None:
    """Add a person with a document, a code and a temperature."""
    await page.click("#add-person")
    card = page.locator(".person").last
    await card.locator(".id-number").fill(RESIDENT)
    await card.locator(f'.colours [data-value="{colour}"]').click()
    await card.locator(".temperature").fill(temperature)


async def verdict(page: Page) -> str:
    """Press the button and return the verdict that is shown."""
    await page.click("#decide")
    panel = page.locator("#verdict:not([hidden])")
    await expect(panel).to_be_visible()
    return await panel.get_attribute("data-verdict") or ""


async def test_a_green_scan_passes(gate: Gate, page: Page) -> None:
    await type_plate(page, PLATE)
    await expect(page.locator("#plate-hint")).to_have_text("Complete plate")
    await add_person(page)
    assert await verdict(page) == "pass"
    await expect(page.locator("#verdict h2")).to_have_text("Pass")
    await expect(page.locator("#verdict")).to_contain_text("Stored")
    assert gate.count("accepted_total", type=SCANS) == 1
    record = gate.producer.submitted[0].value.decode()
    for part in ('"site":"east"', '"lane":"2"', f'"plate":"{PLATE}"', '"capture_mode":"online"'):
        assert part in record
    # Nothing of the last scan stays behind for the next one.
    await page.click(".next")
    await expect(page.locator("#plate")).to_have_value("")
    await expect(page.locator(".person")).to_have_count(0)


async def test_a_listed_plate_is_verified(gate: Gate, page: Page) -> None:
    ends = "2099-01-01T00:00:00Z"
    gate.file("watch-entry", id="w", plate=LISTED, category="confirmed", valid_to=ends)
    await type_plate(page, LISTED)
    assert await verdict(page) == "verify"
    await expect(page.locator("#verdict")).to_contain_text("This plate is on a list.")
    await page.click('[data-language="zh"]')
    await expect(page.locator("#verdict h2")).to_have_text("核实")
    await expect(page.locator("#verdict")).to_contain_text("该车牌在核查名单上")


async def test_without_a_network_scans_are_kept_and_sent_later(
    gate: Gate, page: Page, handheld: BrowserContext
) -> None:
    ends = "2099-01-01T00:00:00Z"
    gate.file("watch-entry", id="w", plate=LISTED, category="confirmed", valid_to=ends)
    await page.reload()
    await expect(page.locator("#list-age")).to_have_attribute("data-old", "false")
    await handheld.set_offline(True)
    expected = [(PLATE, "pass"), (LISTED, "verify")]
    for number, (plate, said) in enumerate(expected, 1):
        await type_plate(page, plate)
        assert await verdict(page) == said
        await expect(page.locator("#verdict .offline")).to_contain_text("Offline")
        await expect(page.locator("#status")).to_contain_text(f"{number} to send")
        await page.click(".next")
    # A person's number can't be looked up, and a fever needs no looking up.
    await add_person(page)
    assert await verdict(page) == "verify"
    await page.click(".next")
    await add_person(page, temperature="38.4")
    assert await verdict(page) == "hold"
    await page.click(".next")
    assert gate.producer.submitted == []
    # The page itself comes from the handheld, and so does what was not sent.
    await page.reload()
    await expect(page.locator("#status")).to_contain_text("4 to send")
    await handheld.set_offline(False)
    await expect(page.locator("#status")).not_to_contain_text("to send", timeout=20_000)
    assert gate.count("accepted_total", type=SCANS) == 4
    plates = [
        re.findall('"plate":"(.*?)"', record.value.decode())
        for record in gate.producer.submitted
        if record.topic == "cordon.checkpoint-scans.v1"
    ]
    assert plates == [[PLATE], [LISTED], [], []]
    assert all(b'"capture_mode":"buffered"' in each.value for each in gate.producer.submitted)


async def test_an_old_list_lets_nobody_pass(
    gate: Gate, page: Page, handheld: BrowserContext
) -> None:
    await expect(page.locator("#list-age")).to_have_attribute("data-old", "false")
    await page.evaluate(
        """async () => {
          const store = await import("/page/store.js");
          const list = await store.kept("list");
          list.as_of = new Date(Date.now() - 86400000).toISOString();
          await store.keep("list", list);
        }"""
    )
    await page.evaluate("navigator.serviceWorker.ready")
    await handheld.set_offline(True)
    await page.reload()
    await type_plate(page, PLATE)
    assert await verdict(page) == "verify"
    await expect(page.locator("#verdict")).to_contain_text("missing or too old")


async def test_while_the_broker_is_away_the_scan_stays_here(gate: Gate, page: Page) -> None:
    gate.producer.up = False
    await type_plate(page, PLATE)
    assert await verdict(page) == "verify"
    await expect(page.locator("#status")).to_contain_text("1 to send")
    gate.producer.up = True
    await expect(page.locator("#status")).not_to_contain_text("to send", timeout=20_000)
    assert gate.count("accepted_total", type=SCANS) == 1


async def test_a_raised_temperature_is_measured_again_after_five_minutes(
    gate: Gate, handheld: BrowserContext
) -> None:
    page = await handheld.new_page()
    await page.clock.install()
    await page.goto(f"{gate.url}/#token=device")
    await page.select_option("#site", "east")
    await page.click("#place-form .primary")
    await type_plate(page, PLATE)
    await add_person(page, temperature="37.5")
    assert await verdict(page) == "verify"
    await page.click(".next")
    recheck = page.locator(".recheck")
    await expect(recheck).to_contain_text("浙F·12345, Person 1: recheck in")
    await expect(recheck).to_have_attribute("data-due", "false")
    await page.clock.fast_forward("05:01")
    await expect(recheck).to_contain_text("recheck now")
    await expect(recheck).to_have_attribute("role", "alert")
    # What was typed is there again, without the temperature.
    await recheck.locator("button").click()
    await expect(page.locator(".id-number")).to_have_value(RESIDENT)
    await page.locator(".temperature").fill("36.8")
    gate.now_ms += 301_000
    assert await verdict(page) == "pass"
    await page.click(".next")
    await expect(recheck).to_have_count(0)


async def test_eight_persons_fit_and_a_ninth_does_not(page: Page) -> None:
    for _ in range(8):
        await page.click("#add-person")
    await expect(page.locator(".person")).to_have_count(8)
    await expect(page.locator("#add-person")).to_be_disabled()


async def test_a_wrong_number_is_seen_at_once(page: Page) -> None:
    await page.click("#add-person")
    await page.fill(".id-number", RESIDENT[:-1] + "4")
    await expect(page.locator(".person .hint")).to_contain_text("check character")
    await page.fill(".id-number", RESIDENT)
    await expect(page.locator(".person .hint")).to_have_text("The number fits.")


async def test_a_scan_that_the_server_refuses_stays_in_the_form(gate: Gate, page: Page) -> None:
    await add_person(page)
    await page.fill(".person input[maxlength='64'][inputmode='numeric']:not(.id-number)", "x" * 64)
    await page.evaluate('localStorage.setItem(\'cordon.place\', \'{"site":5,"direction":"in"}\')')
    await page.reload()
    await type_plate(page, PLATE)
    await page.click("#decide")
    await expect(page.locator("#scan-error")).to_contain_text("Not accepted")
    await expect(page.locator("#plate")).to_have_value("浙F·12345")
    await expect(page.locator("#status")).not_to_contain_text("to send")
    assert gate.producer.submitted == []


async def test_an_unknown_token_is_asked_for_again(gate: Gate, handheld: BrowserContext) -> None:
    page = await handheld.new_page()
    await page.goto(f"{gate.url}/#token=nobody")
    await expect(page.locator("#sign-in-error")).to_contain_text("not known")
    assert "nobody" not in page.url
    await page.fill("#token", "device")
    await page.click("#sign-in .primary")
    await expect(page.locator("#place")).to_be_visible()


async def test_it_works_by_keyboard_alone(gate: Gate, page: Page) -> None:
    await page.focus("#plate")
    await page.keyboard.type("浙f 12345")
    await page.keyboard.press("Enter")
    await expect(page.locator("#verdict")).to_be_focused()
    assert gate.count("decisions_total", verdict="pass") == 1
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#plate")).to_be_focused()


@pytest.mark.parametrize("width", [320, 360, 820])
async def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 740})
    await add_person(page)
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    small = await page.evaluate(
        """[...document.querySelectorAll("button, select")].filter(
          (each) => each.offsetParent && each.getBoundingClientRect().height < 40).length"""
    )
    assert small == 0
