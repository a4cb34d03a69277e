"""The desk in a browser, section by section."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from playwright.async_api import Page, expect

from deploy.county.numbers import resident_id
from tests.console.conftest import People, violations
from tests.console.desk import Desk
from tests.system import RunningSystem

pytestmark = pytest.mark.asyncio(loop_scope="session")
_WAIT_MS = 20_000
_HOSTILE = "<img src=x onerror=alert(1)> \u202egate"
_SECTIONS = (
    "tasks",
    "duty",
    "registers/order",
    "imports",
    "campaigns",
    "batches",
    "passes",
    "registrations",
    "silences",
    "handover",
)


async def opened(page: Page) -> None:
    """Wait until a section has loaded."""
    await expect(page.locator(".content h1")).to_be_visible(timeout=_WAIT_MS)


async def filled(page: Page, **values: str) -> None:
    """Fill controls of a form by the names of their fields."""
    for name, value in values.items():
        control = page.locator(f"[name={name}]")
        if await control.evaluate("each => each.tagName") == "SELECT":
            await control.select_option(value)
        else:
            await control.fill(value)


async def test_an_entry_is_filed_found_and_not_overwritten(
    people: People, system: RunningSystem
) -> None:
    page = await people.page("li", "/desk/registers/site/?new=1")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("need a look")
    await filled(
        page, id="desk-east", name=_HOSTILE, role="checkpoint", zones="county", source="desk"
    )
    await filled(page, reason="a new gate")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden(timeout=_WAIT_MS)

    await page.get_by_label("Text in an entry").fill("desk-east")
    row = page.get_by_role("row").filter(has_text="desk-east")
    await expect(row).to_contain_text("<img src=x onerror=alert(1)>")
    await row.get_by_role("link").click()
    name = dialog.locator("[name=name]")
    await expect(name).to_have_value(_HOSTILE)
    # Somebody else is faster.
    path = "/v1/registers/site/desk-east"
    entry = (await asyncio.to_thread(system.api, "GET", path)).json()
    theirs = {
        key: entry[key] for key in ("role", "zones", "source", "reason", "purpose", "valid_from")
    }
    changed = await asyncio.to_thread(system.api, "PUT", path, {**theirs, "name": "theirs"})
    assert changed.status == 200
    await name.fill("mine")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert").first).to_contain_text("changed this meanwhile")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Load what stands now").click()
    await expect(name).to_have_value("theirs")
    await name.fill("agreed")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden(timeout=_WAIT_MS)
    assert (await asyncio.to_thread(system.api, "GET", path)).json()["name"] == "agreed"


async def test_a_table_is_tried_and_then_filed(people: People) -> None:
    page = await people.page("li", "/desk/imports?register=resident-vehicle")
    await opened(page)
    table = "id,plate,grid\ndesk-v1,浙F2D331,community-1\ndesk-v2,not a plate,community-1\n"
    await page.get_by_label("Table").set_input_files(
        {"name": "vehicles.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    await page.get_by_role("button", name="Try without filing").click()
    result = page.locator("section", has=page.locator("progress"))
    await expect(result).to_contain_text("Nothing was filed", timeout=_WAIT_MS)
    await expect(result.get_by_role("row").nth(1)).to_contain_text("plate")
    await result.get_by_role("button", name="File the rows").click()
    await expect(result).to_contain_text("2 of 2 rows · Filed.", timeout=_WAIT_MS)
    await expect(result.locator("dl")).to_contain_text(re.compile(r"new\s*1"))
    assert await violations(page) == []


async def test_a_silence_says_first_what_it_would_hide(people: People) -> None:
    page = await people.page("zhao", "/desk/silences")
    await opened(page)
    await page.get_by_role("button", name="New silence").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Value").fill("no-such-site")
    await expect(dialog).to_contain_text("It would hide nothing now", timeout=_WAIT_MS)
    await filled(page, comment="works at the gate")
    await dialog.get_by_role("button", name="New silence").click()
    row = page.get_by_role("row").filter(has_text="works at the gate")
    await expect(row).to_contain_text("in force", timeout=_WAIT_MS)
    await row.get_by_role("button", name="End now").click()
    await expect(row).to_contain_text("over", timeout=_WAIT_MS)


async def test_a_task_goes_from_the_offer_to_its_evaluation(people: People) -> None:
    page = await people.page("li", "/desk/tasks")
    await opened(page)
    await page.get_by_role("button", name="New task").first.click()
    await filled(page, text="count the beds at the school")
    await page.get_by_role("dialog").get_by_role("button", name="New task").click()
    await page.get_by_role("link", name="count the beds").click()
    panel = page.get_by_role("complementary")
    await panel.get_by_role("button", name="Claim").click()
    await panel.get_by_role("button", name="Done", exact=True).click()
    await panel.get_by_label("Result").select_option("at-home")
    await panel.get_by_role("button", name="Done", exact=True).click()
    await expect(panel.locator("header")).to_contain_text("Done", timeout=_WAIT_MS)
    address = page.url
    leader = await people.page("zhao", address[address.index("/desk") :])
    panel = leader.get_by_role("complementary")
    await panel.get_by_role("button", name="Evaluate").click()
    await panel.get_by_role("button", name="Accept").click()
    await expect(panel).to_contain_text("accepted by zhao", timeout=_WAIT_MS)
    assert await violations(leader) == []


async def test_a_pass_is_issued_and_its_code_checked(people: People) -> None:
    page = await people.page("li", "/desk/passes")
    await opened(page)
    await page.get_by_role("button", name="Issue a pass").click()
    dialog = page.get_by_role("dialog")
    await filled(page, scope="county", until="2030-01-31T20:00", reason="carries medicine")
    await dialog.get_by_role("button", name="Issue a pass").click()
    code = await dialog.locator(".code").inner_text(timeout=_WAIT_MS)
    async with page.expect_download() as download:
        await dialog.get_by_role("button", name="Print").click()
    paper = await (await download.value).path()
    assert (await asyncio.to_thread(paper.read_bytes)).startswith(b"%PDF")
    await dialog.get_by_role("button", name="Close").last.click()
    await page.get_by_label("Check a code").fill(code)
    await page.get_by_role("button", name="Check a code").click()
    await expect(page.locator(".verify")).to_contain_text("Genuine")
    await page.get_by_label("Check a code").fill(code[:-2] + "xx")
    await page.get_by_role("button", name="Check a code").click()
    await expect(page.locator(".verify")).to_contain_text("Not genuine")


async def test_a_registration_before_arrival_is_confirmed(
    people: People, system: RunningSystem
) -> None:
    page = await people.page("zhao", "/desk/registrations")
    await opened(page)
    await page.get_by_role("button", name="Code for a site").click()
    dialog = page.get_by_role("dialog")
    await filled(page, **{"code-site": "expressway-a"})
    await dialog.get_by_role("button", name="Code for a site").click()
    await expect(dialog.get_by_role("img")).to_be_visible(timeout=_WAIT_MS)
    url = await dialog.get_by_role("link").first.get_attribute("href") or ""
    await dialog.get_by_role("button", name="Close").last.click()

    today = datetime.now(UTC).date()
    told = {
        "code": unquote(url.partition("code=")[2]), "name": _HOSTILE, "id_type": "resident_id",
        "id_number": resident_id(710_001), "telephone": "13900000000", "address": "Lane 3",
        "area": "330300", "stay_from": str(today - timedelta(days=3)), "stay_to": str(today),
        "arrival": str(today), "companions": 2, "consent": "yes",
    }  # fmt: skip
    taken = await asyncio.to_thread(system.api, "POST", "/v1/self-registrations", told)
    assert taken.status == 202, taken
    await page.reload()
    row = page.get_by_role("row").filter(has_text="330300")
    await row.get_by_role("button", name="Confirm").click(timeout=_WAIT_MS)
    await filled(page, household="household-of-the-desk")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Confirm").click()
    await expect(row).to_have_count(0, timeout=_WAIT_MS)
    await page.get_by_label("State").select_option("confirmed")
    await expect(row).to_contain_text("confirmed", timeout=_WAIT_MS)
    notices = await asyncio.to_thread(system.api, "GET", "/v1/registers/arrival-notice?limit=1000")
    assert b"household-of-the-desk" in notices.body


async def test_names_are_looked_up_sent_out_and_told(people: People, desk: Desk) -> None:
    _, known = await asyncio.to_thread(desk.order)
    page = await people.page("li", "/desk/batches")
    await opened(page)
    await page.get_by_role("button", name="New batch").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="New batch").click()
    await expect(dialog).to_contain_text("is needed")
    await filled(page, **{"batch-id": "letter-1", "title": _HOSTILE, "source": "the prefecture"})
    await dialog.get_by_role("button", name="New batch").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")

    await page.get_by_role("button", name="Take in a list").click()
    unknown = resident_id(720_001)
    table = f"row,id_number,household\n1,{known},\n2,{unknown},house-9\n3,nobody,\n"
    await dialog.get_by_label("Table").set_input_files(
        {"name": "letter.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    await dialog.get_by_role("button", name="Take in", exact=True).click()
    await expect(dialog.locator("dl")).to_contain_text(re.compile(r"new\s*2.*refused\s*1"))
    await expect(dialog.get_by_role("row").nth(1)).to_contain_text("B4")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Close").last.click()

    states = page.get_by_role("group", name="Names by result")
    await expect(states.get_by_role("button", name="Found 1")).to_be_visible()
    await states.get_by_role("button", name="Pending 1").click()
    row = page.get_by_role("row").filter(has_text="house-9")
    await expect(page.get_by_role("row")).to_have_count(2)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Remainder as CSV").click()
    remainder = await (await download.value).path()
    assert "house-9" in await asyncio.to_thread(remainder.read_text, "utf-8-sig")

    await page.get_by_role("button", name="Send somebody").click()
    await filled(page, hours="900")
    await dialog.get_by_role("button", name="Send somebody").click()
    await expect(dialog).to_contain_text("at most 720")
    await filled(page, hours="12", unit="grid-team-1")
    await dialog.get_by_role("button", name="Send somebody").click()
    await expect(row.get_by_role("link", name="Task")).to_have_attribute(
        "href", re.compile("/desk/tasks/")
    )
    await row.get_by_role("button", name="Give the result").click()
    await filled(page, result="NOT_FOUND", note="moved away in spring")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Give the result").click()
    await expect(row).to_have_count(0)
    await states.get_by_role("button", name="Not here 1").click()
    await expect(row).to_contain_text("moved away in spring")
    assert await violations(page) == []

    await page.get_by_role("link", name="All batches").click()
    listed = page.get_by_role("row").filter(has_text="letter-1")
    await expect(listed).to_contain_text("the prefecture")
    await expect(page.locator("dl").first).to_contain_text("With open names")


async def test_a_campaign_goes_from_its_items_to_its_end(people: People) -> None:
    page = await people.page("zhao", "/desk/campaigns")
    await opened(page)
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New campaign").click()
    await dialog.get_by_role("button", name="New campaign").click()
    await expect(dialog).to_contain_text("is needed")
    await filled(page, **{"new-kind": "needs", "title": _HOSTILE, "due": "2020-01-31T20:00"})
    await dialog.get_by_role("button", name="New campaign").click()
    await expect(dialog).to_contain_text("must lie in the future")
    await filled(page, due="")
    await dialog.get_by_role("button", name="New campaign").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")

    await page.get_by_role("button", name="Add items").click()
    await filled(page, **{"keys": "needs-1\nneeds-2", "item-grid": "grid-1"})
    await dialog.get_by_role("button", name="Add items").click()
    await expect(dialog.get_by_label("What is needed?")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label("What is needed?").select_option(label="medicine")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Add items").click()
    await expect(page.locator("dl")).to_contain_text("0 of 2")
    items = page.get_by_role("region", name="Items").get_by_role("row")
    await expect(items).to_have_count(3)
    await page.get_by_label("Grid").fill("nowhere")
    await expect(page.get_by_text("No item fits.")).to_be_visible()
    await page.get_by_label("Grid").fill("grid-1")
    assert await violations(page) == []

    await page.get_by_role("link", name="needs-2").click()
    panel = page.get_by_role("complementary")
    await panel.get_by_role("button", name="Claim").click()
    await panel.get_by_role("button", name="Done", exact=True).click()
    await panel.get_by_label("Result").select_option("delivered")
    await panel.get_by_role("button", name="Done", exact=True).click()
    await expect(panel.locator("header")).to_contain_text("Done")
    await panel.get_by_role("link", name="Open").click()
    await expect(page.locator("dl")).to_contain_text("1 of 2")

    await page.get_by_role("button", name="Close the campaign").click()
    await expect(dialog).to_contain_text("still to be done: 1")
    await dialog.get_by_role("button", name="Close the campaign").click()
    await expect(page.locator("dl")).to_contain_text("1 of 1")
    await expect(page.get_by_role("button", name="Add items")).to_have_count(0)
    await page.get_by_role("link", name="All campaigns").click()
    await page.get_by_role("button", name="Closed").click()
    row = page.get_by_role("row").filter(has_text="<img src=x")
    await expect(row).to_contain_text("1 of 1")


async def test_whoever_gets_off_a_coach_is_noted(people: People) -> None:
    page = await people.page("zhao", "/desk/campaigns")
    await opened(page)
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New campaign").click()
    await filled(page, **{"new-kind": "coach", "title": "coach of the test"})
    await dialog.get_by_role("button", name="New campaign").click()
    await page.get_by_role("button", name="Add items").click()
    await dialog.get_by_label("Document number").fill("nobody")
    await dialog.get_by_role("button", name="Add items").click()
    await expect(dialog).to_contain_text("has 17 digits")
    await dialog.get_by_label("Document number").fill(resident_id(720_101))
    await dialog.get_by_role("button", name="Add items").click()
    await expect(page.locator("dl")).to_contain_text(re.compile(r"Missing\s*1"))

    await page.get_by_role("button", name="Note arrivals").click()
    await filled(page, who=resident_id(720_102))
    await dialog.get_by_role("button", name="Note arrivals").click()
    await expect(dialog.locator("dl")).to_contain_text(re.compile(r"Not on the manifest\s*1"))
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Close").last.click()
    await page.get_by_role("button", name="Arrived").click()
    await expect(page.locator("dl")).to_contain_text(re.compile(r"Missing\s*0"))
    await expect(page.get_by_text("No item fits.")).to_be_visible()
    assert await violations(page) == []


async def test_beds_are_planned_given_and_taken_back(people: People) -> None:
    page = await people.page("zhao", "/desk/campaigns")
    await opened(page)
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New campaign").click()
    await filled(page, **{"new-kind": "placement", "title": "beds of the test"})
    await dialog.get_by_role("button", name="New campaign").click()
    await page.get_by_role("button", name="Add items").click()
    await dialog.get_by_label("Document number").fill(resident_id(720_201))
    await dialog.get_by_label("Sex").select_option(label="female")
    await dialog.get_by_role("button", name="Add items").click()
    await expect(page.locator("dl")).to_contain_text(re.compile(r"Without a bed\s*1"))

    await page.get_by_role("button", name="Beds", exact=True).click()
    await filled(page, facility="hotel-of-the-desk", rooms="101")
    await dialog.get_by_role("button", name="Plan", exact=True).click()
    await expect(dialog).to_contain_text("must be rooms with their beds")
    await filled(page, rooms="101: 101a, 101b")
    await dialog.get_by_role("button", name="Plan", exact=True).click()
    plan = dialog.get_by_role("region", name="Plan")
    await expect(plan.get_by_role("row")).to_have_count(2)
    await expect(plan).to_contain_text("101a")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Give these beds").click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator("dl")).to_contain_text(re.compile(r"With a bed\s*1"))

    await page.get_by_role("button", name="Beds", exact=True).click()
    await filled(page, facility="hotel-of-the-desk")
    await dialog.get_by_role("button", name="Take back").click()
    await expect(dialog).to_contain_text("Beds given away: 0")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_desk_keeps_nobody_out(
    people: People, system: RunningSystem, language: str
) -> None:
    theme = "light" if language == "zh" else "dark"
    page = await people.page("li", "/desk", language=language, theme=theme)
    for section in _SECTIONS:
        await page.goto(f"/desk/{section}")
        await opened(page)
        assert await violations(page) == [], section
    # Users, devices and the audit log are an administrator's.
    await page.goto("/desk/people")
    await expect(page.locator(".content h1")).to_be_visible()
    await expect(page.get_by_role("table")).to_have_count(0)
    link = (await asyncio.to_thread(system.api, "POST", "/v1/session/links")).json()["url"]
    await page.goto(link)
    for section in ("people", "audit"):
        await page.goto(f"/desk/{section}")
        await opened(page)
        assert await violations(page) == [], section
    verify = "Verify now" if language == "en" else "立即校验"
    await page.get_by_role("button", name=verify).click()
    whole = "as they were written" if language == "en" else "均未被改动"
    await expect(page.get_by_role("status").filter(has_text=whole)).to_be_visible()
