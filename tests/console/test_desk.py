"""The desk in a browser: registers, imports, silences, tasks, passes, people, audit, handover."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from playwright.async_api import Page, expect

from deploy.county.numbers import resident_id
from tests.console.conftest import People, violations
from tests.system import RunningSystem

pytestmark = pytest.mark.asyncio(loop_scope="session")
_WAIT_MS = 20_000
_HOSTILE = "<img src=x onerror=alert(1)> \u202egate"
_SECTIONS = (
    "tasks",
    "duty",
    "registers/order",
    "imports",
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
