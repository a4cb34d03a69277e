"""Campaigns in the database and over HTTP: each kind in use."""

import asyncio
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from sqlalchemy import func, select

from schemas.times import format_ms
from services.api.audit.tables import audit_entries
from services.api.campaigns.campaign import CampaignKind
from services.api.campaigns.checklist import READINESS
from tests.api.examples import AT
from tests.api_tasks.conftest import Caller, World

HOUR_MIN = 60


def number_of(n: int) -> str:
    """A resident ID that is made up, with its check character."""
    body = f"3304211980010{n % 9 + 1}{n:03d}"
    return body + "10X98765432"[2 * int(body, 13) % 11]


def person(n: int) -> dict[str, str]:
    return {"id_type": "resident_id", "id_number": number_of(n)}


async def begin(caller: Caller, kind: str, **more: Any) -> str:
    body = {"kind": kind, "title": {"en": f"A {kind}", "zh": "活动"}} | more
    made = await caller.post("/v1/campaigns", body, expect=201)
    return str(made["campaign"]["id"])


async def add(caller: Caller, id_: str, items: Sequence[Any], **more: Any) -> list[Any]:
    answer = await caller.post(f"/v1/campaigns/{id_}/items", {"items": items}, **more)
    return list(answer.get("items", []))


async def items_of(caller: Caller, id_: str, **params: Any) -> list[Any]:
    answer = await caller.get("/v1/tasks", campaign=id_, limit=1000, **params)
    return list(reversed(answer["items"]))


async def finish(caller: Caller, task: Any, result: str, who: str = "li", **answers: Any) -> Any:
    task = await caller.do(task, "claim", who)
    return await caller.do(task, "done", who, result=result, answers=answers)


async def summary(caller: Caller, id_: str) -> Any:
    return (await caller.get(f"/v1/campaigns/{id_}"))["summary"]


async def test_kinds_are_told(caller: Caller) -> None:
    items = (await caller.get("/v1/campaigns/kinds", "viewer"))["items"]
    assert [item["kind"] for item in items] == list(get_args(CampaignKind))


async def test_an_instruction_fans_out_and_reports_back(world: World, caller: Caller) -> None:
    units = ["grid-1-team", "yaozhuang", "patrol"]
    id_ = await begin(caller, "instruction", units=units, due=format_ms(AT + 3_600_000))
    tasks = await items_of(caller, id_)
    assert [task["unit"] for task in tasks] == units
    await finish(caller, tasks[0], "carried-out", "li", report="all gates", count=4)
    world.minute(61)
    shown = await caller.get(f"/v1/campaigns/{id_}")
    assert [(each["unit"], each["remainder"], each["overdue"]) for each in shown["units"]] == [
        ("grid-1-team", 0, 0),
        ("patrol", 1, 1),
        ("yaozhuang", 1, 1),
    ]
    total = shown["total"]
    assert (total["total"], total["done"], total["remainder"], total["overdue"]) == (3, 1, 2, 2)
    assert (await caller.get("/v1/campaigns"))["totals"] == {id_: total}
    problem = {"kind": "canvass", "title": "x", "units": units}
    await caller.post("/v1/campaigns", problem, expect=422)


async def test_29_contacts_within_a_day(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "contacts", about="case:case-5")
    contacts = [
        {
            "person": person(n),
            "unit": "grid-1-team",
            "facts": {"class": "close", "date": "2021-12-19", "retrospective": n < 26},
        }
        for n in range(29)
    ]
    assert {each["outcome"] for each in await add(caller, id_, contacts)} == {"created"}
    # Told again, it is the same contact.
    assert {each["outcome"] for each in await add(caller, id_, contacts[:3])} == {"unchanged"}
    tasks = await items_of(caller, id_)
    assert len(tasks) == 29
    assert {task["due"] for task in tasks} == {format_ms(AT + 24 * HOUR_MIN * 60_000)}
    world.minute(8 * HOUR_MIN)
    for task in tasks[:28]:
        await finish(caller, task, "notified", channel="telephone", transferred=task is tasks[0])
    found = await summary(caller, id_)
    assert (found["found"], found["notified"], found["untold"]) == (29, 28, 1)
    assert (found["retrospective"], found["transferred"]) == (26, 1)
    world.clock[0] = AT + 86_399_000
    await world.look()
    assert await items_of(caller, id_, overdue=True) == []
    world.clock[0] = AT + 86_400_000
    await world.look()
    (late,) = await items_of(caller, id_, overdue=True)
    assert (late["id"], late["level"], late["escalated_to"]) == (tasks[28]["id"], 1, "wang")
    (found_one,) = (await caller.get("/v1/campaigns", about="case:case-5"))["items"]
    assert found_one["id"] == id_


async def test_all_contacts_told_in_time(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "contacts")
    facts = {"class": "general", "date": "2021-12-19"}
    await add(caller, id_, [{"person": person(n), "facts": facts} for n in range(3)])
    for task in await items_of(caller, id_):
        await finish(caller, task, "notified", channel="visit")
    world.minute(10_000)
    await world.look()
    assert all("level" not in task for task in await items_of(caller, id_))
    assert (await summary(caller, id_))["untold"] == 0


async def test_no_raw_identifier_is_kept_or_told(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "questionnaire")
    (item,) = await add(caller, id_, [{"person": person(1), "household": "home-7"}])
    assert item["item"].startswith("person:0:")
    (task,) = await items_of(caller, id_)
    assert (task["label"][:7], task["unit"]) == ("person ", "grid-1-team")
    told = str(await caller.get("/v1/tasks")) + str(await caller.get(f"/v1/campaigns/{id_}"))
    bodies = await world.database.read(lambda c: list(c.scalars(select(audit_entries.c.body))))
    assert number_of(1) not in told + str(bodies)
    bad = {"person": {"id_type": "resident_id", "id_number": "110105194912310021"}}
    problem = await caller.post(f"/v1/campaigns/{id_}/items", {"items": [bad]}, expect=422)
    assert problem["field"] == "items[0].person.id_number"


async def test_a_canvass_and_its_remainder(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "canvass")
    households = [{"key": f"home-{n}", "grid": f"grid-{n % 2 + 1}"} for n in range(10)]
    await add(caller, id_, households)
    tasks = await items_of(caller, id_)
    assert [task["household"] for task in tasks[:3]] == ["home-0", "home-1", "home-2"]
    # The household that has officers of its own is theirs.
    assert tasks[7]["officers"] == ["li", "nurse-he", "cadre-xu"]
    for task in tasks[:4]:
        await finish(caller, task, "visited", people=3, symptoms=False)
    await caller.do(tasks[4], "not-executable", "chen", reason="nobody has the key")
    shown = await caller.get(f"/v1/campaigns/{id_}")
    assert (shown["total"]["remainder"], shown["summary"]["coverage"]) == (6, 0.4)
    closed = await caller.post(f"/v1/campaigns/{id_}/close", None, revision=1)
    assert closed["campaign"]["state"] == "closed"
    assert (closed["total"]["cancelled"], closed["summary"]["coverage"]) == (6, 1.0)
    await caller.post(f"/v1/campaigns/{id_}/close", None, revision=1, expect=409)
    await caller.post(f"/v1/campaigns/{id_}/close", None, revision=2, expect=409)
    await caller.post(f"/v1/campaigns/{id_}/close", None, expect=428)
    await add(caller, id_, households, expect=409)


async def test_an_errand_is_delivered(caller: Caller) -> None:
    id_ = await begin(caller, "needs")
    await add(caller, id_, [{"key": "home-7", "facts": {"need": "medicine", "detail": "insulin"}}])
    (task,) = await items_of(caller, id_, state="offered")
    done = await finish(caller, task, "delivered", delivered="2021-12-20T10:00:00+08:00")
    assert done["answers"] == {"delivered": "2021-12-20T02:00:00.000Z"}


@pytest.mark.parametrize(
    ("kind", "item", "result", "answers"),
    [
        ("remediation", {"key": "shop-1", "facts": {"finding": "no masks"}}, "remedied",
         {"measure": "masks are worn"}),
        ("intake", {"key": "call-1", "facts": {"channel": "110", "kind": "help", "text": "rice"}},
         "answered", {"answer": "an errand is made"}),
        ("worker-health",
         {"person": person(1), "facts": {"enterprise": "mill", "day": "2021-12-20"}},
         "reported", {"health": "well", "temperature": 36.6}),
        ("roster", {"key": "mill"}, "reported", {"workers": 40, "present": 38}),
        ("notice", {"key": "home-7", "facts": {"medium": "door"}}, "notified", {"reached": 3}),
        ("questionnaire", {"person": person(2)}, "answered",
         {"contact_with_case": False, "stayed_in_risk_area": False, "symptoms": False}),
    ],
)  # fmt: skip
async def test_each_kind_in_use(
    caller: Caller, kind: str, item: Any, result: str, answers: dict[str, Any]
) -> None:
    id_ = await begin(caller, kind)
    await add(caller, id_, [item])
    (task,) = await items_of(caller, id_)
    task = await finish(caller, task, result, **answers)
    assert (task["result"], task["answers"]) == (result, answers)
    found = await summary(caller, id_)
    assert found["coverage"] == 1.0
    assert found.get("reached", 3) == 3
    assert found.get("health", {"well": 1}) == {"well": 1}


async def test_an_enterprise_opens_when_it_is_ready(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "opening")
    await add(caller, id_, [{"key": "mill-shop", "unit": "yaozhuang"}])
    (task,) = await items_of(caller, id_)
    ready = {point.name: True for point in READINESS}
    task = await caller.do(task, "claim", "li")
    problem = await caller.do(
        task, "done", "li", 422, result="approved", answers=ready | {"masks": False}
    )
    assert (problem["field"], problem["detail"]) == ("answers.masks", "not ready to open: masks")
    task = await caller.do(task, "done", "li", result="approved", answers=ready)
    assert world.entries == []
    await caller.do(task, "evaluate", "chen", accepted=True)
    ((register, entry, data, by),) = world.entries
    assert (register, entry, by) == ("approval", f"approval-{task['id']}", "chen")
    assert (data["premises"], data["purpose"]) == ("mill-shop", "outbreak-control")
    assert (await summary(caller, id_))["decisions"] == {"approved": 1}
    await world.look()
    assert len(world.entries) == 1


async def test_passes_are_applied_for_in_bulk(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "passes")
    facts = {"zone": "county", "medium": "paper"}
    await add(caller, id_, [{"person": person(n), "facts": facts} for n in range(3)])
    approved, refused, _ = await items_of(caller, id_)
    await caller.do(await finish(caller, approved, "approved"), "evaluate", "chen", accepted=True)
    await caller.do(await finish(caller, refused, "refused"), "evaluate", "chen", accepted=True)
    ((register, _, data, _),) = world.entries
    assert (register, data["scope"], data["medium"]) == ("pass", ["county"], "paper")
    assert data["holders"] == [{"person": approved["item"]}]


# Beds.

ROOMS = [
    {"facility": "hotel", "room": "101", "beds": ["1a", "1b"]},
    {"facility": "hotel", "room": "102", "beds": ["2a", "2b", "2c"]},
]


async def placement(caller: Caller, sexes: str, first: int = 0) -> str:
    id_ = await begin(caller, "placement")
    names = {"f": "female", "m": "male"}
    items = [
        {"person": person(first + n), "facts": {"sex": names[sex]}} for n, sex in enumerate(sexes)
    ]
    await add(caller, id_, items)
    return id_


async def test_a_plan_and_then_the_beds(world: World, caller: Caller) -> None:
    id_ = await placement(caller, "ffmmm")
    shown = await caller.post(f"/v1/campaigns/{id_}/plan", {"rooms": ROOMS})
    # Five people, and a hotel that takes four.
    assert (len(shown["beds"]), len(shown["without"]), shown["kept"]) == (4, 1, False)
    assert (await caller.get("/v1/facilities/hotel/beds"))["taken"] == []
    kept = await caller.post(f"/v1/campaigns/{id_}/plan", {"rooms": ROOMS, "keep": True})
    assert (kept["beds"], kept["kept"]) == (shown["beds"], True)
    occupied = await caller.get("/v1/facilities/hotel/beds", "viewer")
    assert (occupied["capacity"], len(occupied["taken"])) == (4, 4)
    placed = await items_of(caller, id_)
    assert sum("bed" in task["facts"] for task in placed) == 4
    assert (await summary(caller, id_)) == {
        "coverage": 0.0, "planned": 4, "without_bed": 1, "placed": 0,
    }  # fmt: skip
    # The hotel is full, until somebody leaves.
    again = await caller.post(f"/v1/campaigns/{id_}/plan", {"rooms": ROOMS, "keep": True})
    assert (again["beds"], len(again["without"])) == ({}, 1)
    gone = occupied["taken"][0]["bed"]
    assert await caller.delete(f"/v1/facilities/hotel/beds/{gone}") == 204
    assert await caller.delete(f"/v1/facilities/hotel/beds/{gone}") == 404
    assert len((await caller.get("/v1/facilities/hotel/beds"))["taken"]) == 3


async def test_no_bed_twice(world: World, caller: Caller) -> None:
    one, other = await placement(caller, "mm"), await placement(caller, "mm", 10)
    room = {"rooms": [ROOMS[0]], "keep": True}
    plans = await asyncio.gather(
        *(caller.post(f"/v1/campaigns/{id_}/plan", room) for id_ in (one, other))
    )
    assert sorted(len(each["beds"]) for each in plans) == [0, 2]
    twice = {"rooms": [ROOMS[0], ROOMS[0] | {"room": "103"}]}
    problem = await caller.post(f"/v1/campaigns/{one}/plan", twice, expect=422)
    assert problem["field"] == "rooms[1].beds"


async def test_whoever_does_not_come_leaves_the_bed(world: World, caller: Caller) -> None:
    id_ = await placement(caller, "mm")
    room = {"rooms": [ROOMS[0]], "keep": True}
    await caller.post(f"/v1/campaigns/{id_}/plan", room)
    task, _ = await items_of(caller, id_)
    await caller.do(task, "cancel", "chen", note="is in another hospital")
    assert len((await caller.get("/v1/facilities/hotel/beds"))["taken"]) == 1
    more = await placement(caller, "m", 10)
    # Who lies in the other bed is not of this plan: nobody is put to them.
    assert (await caller.post(f"/v1/campaigns/{more}/plan", room))["beds"] == {}


# Coaches.


async def test_who_is_missing_from_a_coach(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "coach", about="transfer:coach-3")
    await add(caller, id_, [{"person": person(n), "facts": {"seat": f"{n}"}} for n in range(4)])
    path = f"/v1/campaigns/{id_}/arrivals"
    came = {"persons": [person(0), person(1), person(9)]}
    told = await caller.post(path, came, "li")
    assert (told["arrived"], told["repeats"], len(told["extra"])) == (2, 0, 1)
    told = await caller.post(path, came, "li")
    assert (told["arrived"], told["repeats"], told["extra"]) == (0, 3, [])
    found = await summary(caller, id_)
    assert (found["listed"], found["arrived"], len(found["missing"])) == (4, 2, 2)
    assert len(found["extra"]) == 1
    canvass = await begin(caller, "canvass")
    await caller.post(f"/v1/campaigns/{canvass}/arrivals", came, expect=422)
    await caller.post(f"/v1/campaigns/{canvass}/plan", {"rooms": ROOMS}, expect=422)


# Refusals and lists.


async def test_who_may(caller: Caller) -> None:
    body = {"kind": "canvass", "title": "x"}
    for who, expect in (("li", 403), ("viewer", 403), ("auditor", 403), ("device", 403)):
        await caller.post("/v1/campaigns", body, who, expect)
    id_ = await begin(caller, "canvass")
    await add(caller, id_, [{"key": "home-1"}], who="viewer", expect=403)
    await caller.get("/v1/campaigns/x", expect=404)
    await add(caller, "x", [{"key": "home-1"}], expect=404)


@pytest.mark.parametrize(
    ("kind", "item", "field"),
    [
        ("canvass", {}, "items[0].key"),
        ("canvass", {"key": "a", "person": person(1)}, "items[0].person"),
        ("coach", {"key": "a"}, "items[0].person"),
        ("coach", {"person": {}}, "items[0].person"),
        ("needs", {"key": "a"}, "items[0].facts.need"),
        ("needs", {"key": "a", "facts": {"need": "gold"}}, "items[0].facts.need"),
        ("canvass", {"key": "a", "facts": {"colour": 1}}, "items[0].facts.colour"),
    ],
)
async def test_an_item_that_is_wrong(caller: Caller, kind: str, item: Any, field: str) -> None:
    id_ = await begin(caller, kind)
    problem = await caller.post(f"/v1/campaigns/{id_}/items", {"items": [item]}, expect=422)
    assert problem["field"] == field
    assert await items_of(caller, id_) == []


async def test_whoever_is_limited_to_an_area(world: World, caller: Caller) -> None:
    id_ = await begin(caller, "canvass")
    await add(caller, id_, [{"key": f"home-{n}", "grid": f"grid-{n}"} for n in (1, 2, 3)])
    shown = await caller.get(f"/v1/campaigns/{id_}", "grid-2-only")
    assert (shown["total"]["total"], len(shown["units"])) == (1, 1)
    assert (await caller.get("/v1/campaigns", "grid-2-only"))["totals"][id_]["total"] == 1
    coach = await begin(caller, "coach")
    persons = {"persons": [person(1)]}
    await caller.post(f"/v1/campaigns/{coach}/arrivals", persons, "grid-2-only", 403)
    assert await caller.delete("/v1/facilities/hotel/beds/1a", "grid-2-only") == 403


async def test_pages_of_campaigns(world: World, caller: Caller) -> None:
    ids = [await begin(caller, kind) for kind in ("canvass", "needs", "canvass")]
    first = await caller.get("/v1/campaigns", limit=2)
    rest = await caller.get("/v1/campaigns", limit=2, cursor=first["next"])
    assert [each["id"] for each in first["items"] + rest["items"]] == ids[::-1]
    of_kind = await caller.get("/v1/campaigns", kind="needs", state="open")
    assert [each["id"] for each in of_kind["items"]] == [ids[1]]
    assert of_kind["totals"][ids[1]]["total"] == 0
    begun = select(func.count()).where(audit_entries.c.action == "campaign.create")
    assert await world.database.read(lambda c: c.scalar(begun)) == 3
