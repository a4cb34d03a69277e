"""Tasks in the database and over HTTP: of alerts and by hand, their acts, results and levels."""

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, delete, func, select

from schemas.alerts import Subject
from schemas.times import HOUR_MS, format_ms
from services.api.acts import Act
from services.api.audit.tables import audit_entries
from services.api.metrics import REGISTRY
from services.api.store.tables import alert_events
from services.api.store.transactions import Sourced
from services.api.tasks import machine, transactions
from services.api.tasks.kinds import CREATED_BY, KINDS_OF, SETTLES
from services.api.tasks.task import Task
from tests.api.examples import AT, duplicate, finding
from tests.api_tasks.conftest import Caller, World
from tests.api_tasks.filed import COUNTY, file

_GAPS = "cordon_api_task_failures_total"
TIP: dict[str, Any] = {
    "rule": "breach-tip",
    "severity": "medium",
    "evidence_class": "tip",
    "site": None,
    "subject": Subject("order", "order:o1", "o1"),
}
FORCED: dict[str, Any] = {
    "rule": "forced-gate",
    "severity": "high",
    "evidence_class": "system",
    "site": "north-gate",
    "order": None,
    "subject": Subject("site", "site:north-gate", "north-gate"),
}


async def listed(caller: Caller, who: str = "zhou", **params: Any) -> list[Any]:
    return list((await caller.get("/v1/tasks", who, **params))["items"])


# Of alerts.


async def test_an_alert_goes_to_the_territory_and_to_the_gate(world: World, caller: Caller) -> None:
    await world.find(finding(site="north-gate"))
    trace, verify = await listed(caller)
    assert (verify["kind"], verify["unit"], verify["officers"]) == (
        "verify",
        "grid-1-team",
        ["li", "nurse-he", "cadre-xu"],
    )
    assert (verify["household"], verify["grid"], verify["due"]) == (
        "home-7",
        "grid-1",
        format_ms(AT + 1_800_000),
    )
    assert (trace["kind"], trace["unit"], trace["officers"]) == ("trace", "patrol", ["sun"])
    route = await caller.get("/v1/alerts/a/route")
    assert (route["territory"]["unit"], route["gate"]["unit"]) == ("grid-1-team", "patrol")
    await caller.get("/v1/alerts/x/route", expect=404)


async def test_the_same_findings_make_the_same_tasks(world: World, caller: Caller) -> None:
    await world.find(finding())
    await world.find(finding(verb="matched", at_ms=AT + 1000, count=2))
    await world.look()
    assert len(await listed(caller, kind="verify")) == 1


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        # Document evidence is verified, however late; nobody is sent out for the rest.
        ({"historical": True}, ["verify"]),
        ({"historical": True, "evidence_class": "digital"}, []),
        ({"severity": "medium"}, ["verify"]),
        (TIP, ["verify"]),
        (FORCED, ["inspect"]),
        ({"rule": "risk-area-arrival", "severity": "high", "site": None}, ["visit"]),
        ({"rule": "clock-skew", "severity": "medium"}, []),
    ],
)
async def test_which_tasks_an_alert_makes(
    world: World, caller: Caller, changes: dict[str, Any], kinds: list[str]
) -> None:
    await world.find(finding(**changes))
    assert [task["kind"] for task in await listed(caller)] == kinds


async def test_an_alert_that_rises_makes_the_task_then(world: World, caller: Caller) -> None:
    await world.find(finding(rule="missed-check-in", severity="low"))
    assert await listed(caller) == []
    await world.find(finding(verb="matched", rule="missed-check-in", severity="medium"))
    assert [task["kind"] for task in await listed(caller)] == ["verify"]


async def test_a_dispatch_makes_a_task_of_any_alert(world: World, caller: Caller) -> None:
    await world.find(finding(rule="clock-skew", severity="low", historical=True))
    await world.act("a", Act(name="dispatch"), "chen")
    (task,) = await listed(caller)
    assert (task["kind"], task["author"], task["severity"]) == ("verify", "chen", "low")
    # Somebody has it in hand: a second dispatch would ask for the same.
    await world.find(finding("b"))
    await world.act("b", Act(name="dispatch"), "chen")
    assert len(await listed(caller, alert="b", kind="verify")) == 1


async def test_a_retracted_alert_cancels_what_it_asked_for(world: World, caller: Caller) -> None:
    await world.find(finding(site="north-gate"))
    trace, verify = await listed(caller)
    await caller.do(verify, "claim", "li")
    await world.find(finding(verb="withdrawn"))
    assert {task["state"] for task in await listed(caller)} == {"cancelled"}
    steps = (await caller.get(f"/v1/tasks/{trace['id']}/history"))["items"]
    assert [step["act"] for step in steps] == ["create", "cancel"]
    assert steps[1]["note"] == "the alert is retracted"


async def test_a_duplicates_task_moves_where_it_is_begun(world: World, caller: Caller) -> None:
    await world.find(finding(site="north-gate"), finding("s", site="north-gate"))
    trace, verify = await listed(caller, alert="a")
    await caller.do(verify, "claim", "li")
    await world.find(duplicate("a", "s"))
    moved = await caller.get(f"/v1/tasks/{verify['id']}")
    assert (moved["alert"], moved["state"]) == ("s", "claimed")
    assert (await caller.get(f"/v1/tasks/{trace['id']}"))["state"] == "cancelled"


async def test_what_was_forgotten_is_counted(world: World, caller: Caller) -> None:
    before = REGISTRY.get_sample_value(_GAPS, {"kind": "gap"}) or 0
    await world.store.apply("t", [Sourced(0, n, finding(f"a{n}")) for n in range(3)], {0: 3})
    await world.database.write(
        lambda c: c.execute(delete(alert_events).where(alert_events.c.n < 3))
    )
    await world.look()
    assert REGISTRY.get_sample_value(_GAPS, {"kind": "gap"}) == before + 1
    assert {task["alert"] for task in await listed(caller)} == {"a2"}
    await world.store.apply("t", [Sourced(0, 3, finding("a3"))], {0: 4})
    await world.database.write(lambda c: c.execute(delete(alert_events)))
    await world.look()
    assert REGISTRY.get_sample_value(_GAPS, {"kind": "gap"}) == before + 2


# Results.


async def test_a_tip_is_false_where_they_are_at_home(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    assert task["due"] == format_ms(AT + 30 * 60_000)
    task = await caller.do(task, "claim", "li")
    task = await caller.do(task, "start", "li")
    task = await caller.do(task, "done", "li", result="at-home")
    assert task["state"] == "done"
    assert "settles" not in task
    alert = await world.alert()
    assert (alert.state, alert.outcome) == ("resolved", "false")
    steps = (await caller.get(f"/v1/tasks/{task['id']}/history"))["items"]
    assert steps[-1]["note"] == "the alert is false"


@pytest.mark.parametrize(
    ("changes", "result", "outcome"),
    [
        (TIP, "absent", "confirmed"),
        (TIP, "unclear", None),
        ({}, "absent", "confirmed"),
        # What a document has proved is not undone by finding them at home later.
        ({}, "at-home", None),
    ],
)
async def test_what_a_result_makes_of_an_alert(
    world: World, caller: Caller, changes: dict[str, Any], result: str, outcome: str | None
) -> None:
    await world.find(finding(**changes))
    (task,) = await listed(caller, kind="verify")
    await caller.do(await caller.do(task, "claim", "li"), "done", "li", result=result)
    assert (await world.alert()).outcome == outcome


async def test_an_alert_that_has_ended_leaves_the_result_in_the_task(
    world: World, caller: Caller
) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    task = await caller.do(task, "claim", "li")
    await world.act("a", Act(name="resolve", outcome="confirmed"), "chen")
    task = await caller.do(task, "done", "li", result="at-home")
    steps = (await caller.get(f"/v1/tasks/{task['id']}/history"))["items"]
    assert steps[-1]["note"].startswith("the alert did not become false")
    assert (await world.alert()).outcome == "confirmed"


async def test_a_result_outlives_a_crash(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    await caller.do(task, "claim", "li")
    deed = machine.Act(name="done", actor="li", result="at-home")

    def crashes(connection: Connection) -> None:
        seen = transactions.get(connection, task["id"])
        seen = msgspec.structs.replace(seen, settles="false")
        transactions.act(connection, seen, deed, "dispatcher", AT)

    await world.database.write(crashes)
    assert (await world.alert()).outcome is None
    await world.look()
    assert (await world.alert()).outcome == "false"


# Acts over HTTP.


async def test_a_forced_gate_goes_to_the_patrol_on_duty(world: World, caller: Caller) -> None:
    await world.find(finding(**FORCED))
    (task,) = await listed(caller, "sun", my_unit=True)
    assert (task["unit"], task["officers"], task["side"]) == ("patrol", ["sun"], "gate")
    assert await listed(caller, "li", my_unit=True) == []
    await caller.do(task, "claim", "sun")
    assert [each["id"] for each in await listed(caller, "sun", mine=True)] == [task["id"]]


async def test_who_claims_has_seen_the_alert(world: World, caller: Caller) -> None:
    await world.find(finding(site="north-gate"))
    before = await world.alert()
    trace, verify = await listed(caller)
    task = await caller.do(verify, "claim", "li")
    alert = await world.alert()
    assert (before.state, alert.state, alert.revision) == ("open", "acked", before.revision + 1)
    events = await world.store.events_after(0, 10)
    assert (events[-1].type, b'"actor":"li"' in events[-1].body) == ("cordon.alert.acked.v1", True)
    # Who gives it back has seen it all the same, and whoever claims next says nothing new.
    await caller.do(task, "offer", "li")
    await caller.do(trace, "claim", "wang")
    assert await world.alert() == alert
    await world.find(finding("ended", **TIP))
    (tip,) = await listed(caller, alert="ended")
    await world.act("ended", Act(name="dispatch"), "chen")
    dispatched = await world.alert("ended")
    await caller.do(tip, "claim", "li")
    assert await world.alert("ended") == dispatched


async def test_two_claim_at_once(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    path = f"/v1/tasks/{task['id']}/claim"

    async def claim(who: str) -> int:
        try:
            await caller.post(path, None, who, 200, task["revision"])
        except AssertionError:
            await caller.post(path, None, who, 409, task["revision"])
            return 409
        return 200

    assert sorted(await asyncio.gather(claim("li"), claim("wang"))) == [200, 409]


async def test_what_is_refused(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    path = f"/v1/tasks/{task['id']}"
    await caller.post(f"{path}/claim", None, "li", 428)
    await caller.post(f"{path}/claim", None, "viewer", 403, 1)
    await caller.post(f"{path}/evaluate", {"accepted": True}, "li", 403, 1)
    await caller.post(f"{path}/cancel", None, "li", 403, 1)
    await caller.post(f"{path}/fly", None, "li", 422, 1)
    await caller.post("/v1/tasks/x/claim", None, "li", 404, 1)
    await caller.do(task, "done", "li", 409, result="absent")
    task = await caller.do(task, "claim", "li")
    assert "with li" in (await caller.do(task, "done", "he", 403, result="absent"))["detail"]
    assert (await caller.do(task, "done", "li", 422))["field"] == "result"
    assert (await caller.do(task, "wait", "li", 422))["field"] == "for"
    problem = await caller.do(task, "done", "li", 422, result="absent", answers={"a": 1})
    assert problem["field"] == "answers.a"
    assert (await caller.do(task, "claim", "he", 409))["detail"] == "the task is claimed"


@pytest.mark.parametrize(
    "text", ["call 13800138000", "他是 11010519491231002X", "１３８００１３８０００"]
)
async def test_a_persons_number_is_refused(caller: Caller, text: str) -> None:
    wish = {"kind": "verify", "text": text, "grid": "grid-1"}
    assert (await caller.post("/v1/tasks", wish, expect=422))["field"] == "text"
    wish["text"] = "bill 330421195712345678 of 2020-02-12"
    task = await caller.post("/v1/tasks", wish, expect=201)
    problem = await caller.do(task, "note", note=text, expect=422)
    assert problem["field"] == "note"


async def test_by_hand(world: World, caller: Caller) -> None:
    wish: dict[str, Any] = {
        "kind": "errand",
        "text": "rice and medicine",
        "household": "home-7",
        "due": format_ms(AT + 7_200_000),
    }
    task = await caller.post("/v1/tasks", wish, "he", expect=201)
    assert (task["unit"], task["officers"], task["due"]) == (
        "grid-1-team",
        ["li", "nurse-he", "cadre-xu"],
        format_ms(AT + 7_200_000),
    )
    assert task["text"] == {"en": "Errand: rice and medicine", "zh": "代办服务：rice and medicine"}
    task = await caller.do(task, "claim", "li")
    task = await caller.do(task, "done", "li", result="delivered", note="at the door")
    task = await caller.do(task, "evaluate", "chen", accepted=True)
    assert (task["state"], task["evaluation"]["by"]) == ("evaluated", "chen")
    for bad, field in (
        ({"due": format_ms(AT)}, "due"),
        ({"due": "tomorrow"}, "due"),
        ({"kind": "arrest"}, "kind"),
        ({"colour": "red"}, "colour"),
    ):
        assert (await caller.post("/v1/tasks", wish | bad, expect=422))["field"] == field
    await caller.post("/v1/tasks", wish | {"alert": "x"}, expect=404)
    await world.find(finding(**TIP))
    of_alert = await caller.post(
        "/v1/tasks", {"kind": "visit", "text": "ask", "alert": "a"}, expect=201
    )
    assert (of_alert["alert"], of_alert["order"], of_alert["unit"]) == ("a", "o1", "grid-1-team")


async def test_not_executable_goes_back_and_to_another_unit(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    task = await caller.do(task, "claim", "li")
    task = await caller.do(task, "not-executable", "li", reason="the lane is under water")
    task = await caller.do(task, "offer", "chen", unit="patrol", note="by boat")
    assert (task["state"], task["unit"]) == ("offered", "patrol")
    assert [each["id"] for each in await listed(caller, "sun", my_unit=True)] == [task["id"]]


# Lists.


async def test_what_is_due_first_stands_first(caller: Caller) -> None:
    made = []
    # Two are due at once: the one that was there first goes first.
    for hours in (5, 2, 9, 2, 1):
        due = format_ms(AT + hours * HOUR_MS)
        wish = {"kind": "visit", "text": f"in {hours} h", "grid": "grid-1", "due": due}
        made.append(await caller.post("/v1/tasks", wish, expect=201))
    seen: list[Any] = []
    page: dict[str, Any] = {"next": None}
    while not seen or page["next"] is not None:
        after = {} if page["next"] is None else {"cursor": page["next"]}
        page = await caller.get("/v1/tasks", by="due", state="offered", limit=2, **after)
        seen += [task["id"] for task in page["items"]]
    assert seen == [made[place]["id"] for place in (4, 1, 3, 0, 2)]
    assert (await caller.get("/v1/tasks", by="size", expect=422))["field"] == "by"


async def test_pages_filters_and_counts(world: World, caller: Caller) -> None:
    for n in range(5):
        wish = {"kind": "visit", "text": f"visit {n}", "grid": f"grid-{n % 2 + 1}"}
        await caller.post("/v1/tasks", wish, expect=201)
    first = await caller.get("/v1/tasks", limit=2)
    second = await caller.get("/v1/tasks", limit=2, cursor=first["next"])
    third = await caller.get("/v1/tasks", limit=2, cursor=second["next"])
    seen = [task["n"] for page in (first, second, third) for task in page["items"]]
    assert (seen, third["next"]) == ([5, 4, 3, 2, 1], None)
    assert len(await listed(caller, unit="yaozhuang")) == 2
    assert len(await listed(caller, grid="grid-1", state="offered")) == 3
    assert await listed(caller, state="done") == []
    world.minute(1_000)
    late = await listed(caller, overdue=True)
    assert len(late) == 5
    counts = (await caller.get("/v1/tasks/counts"))["units"]
    assert [(each["unit"], each["total"], each["overdue"]) for each in counts] == [
        ("grid-1-team", 3, 3),
        ("yaozhuang", 2, 2),
    ]


async def test_what_changed_since_the_last_look(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    first = await caller.get("/v1/tasks/changes", "li")
    (task,) = first["items"]
    assert (await caller.get("/v1/tasks/changes", after=first["next"]))["items"] == []
    await caller.do(await caller.do(task, "claim", "li"), "start", "li")
    news = await caller.get("/v1/tasks/changes", after=first["next"])
    assert [(each["id"], each["state"]) for each in news["items"]] == [(task["id"], "in-progress")]
    again = await caller.get("/v1/tasks/changes", after=news["next"])
    assert (again["items"], again["next"]) == ([], news["next"])


async def test_whoever_is_limited_to_an_area(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP), finding("f", **FORCED))
    mine = await listed(caller, "grid-2-only")
    assert [task["kind"] for task in mine] == ["inspect"]
    (other,) = await listed(caller, kind="verify")
    await caller.get(f"/v1/tasks/{other['id']}", "grid-2-only", 404)
    await caller.do(other, "claim", "grid-2-only", 404)
    wish = {"kind": "visit", "text": "ask", "alert": "a"}
    await caller.post("/v1/tasks", wish, "grid-2-only", 404)


# Levels.


async def test_an_overdue_task_goes_up_to_the_leaders(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    world.minute(29.9)
    await world.look()
    assert "level" not in await caller.get(f"/v1/tasks/{task['id']}")
    told = []
    for minutes in (30, 60, 90, 600):
        world.minute(minutes)
        await world.look()
        seen = await caller.get(f"/v1/tasks/{task['id']}")
        told.append((seen["level"], seen["escalated_to"]))
    assert told == [(1, "wang"), (2, "chen"), (3, "zhou"), (3, "zhou")]
    assert REGISTRY.get_sample_value("cordon_api_tasks_overdue", {"severity": "medium"}) == 1
    steps = (await caller.get(f"/v1/tasks/{task['id']}/history"))["items"]
    assert [step["note"] for step in steps if step["act"] == "escalate"] == ["wang", "chen", "zhou"]


async def test_no_level_is_left_out_after_a_silence(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    world.minute(1_000)
    await world.look()
    (task,) = await listed(caller)
    assert (task["level"], task["escalated_to"], task["revision"]) == (3, "zhou", 4)


async def test_what_waits_for_others_does_not_escalate(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    task = await caller.do(task, "claim", "li")
    world.minute(10)
    task = await caller.wait(task, "li", "the hospital")
    assert task["waiting"] == {"for": "the hospital", "since": format_ms(AT + 600_000)}
    world.minute(500)
    await world.look()
    task = await caller.get(f"/v1/tasks/{task['id']}")
    assert "level" not in task
    task = await caller.do(task, "resume", "li")
    assert task["due"] == format_ms(AT + (500 + 20) * 60_000)


# The directory, as registers go on being filed.


async def test_the_directory_follows_the_registers(world: World, caller: Caller) -> None:
    wish = {"kind": "visit", "text": "ask", "grid": "grid-7"}
    assert "unit" not in await caller.post("/v1/tasks", wish, expect=201)
    more = [("responsibility", "r-7", {"kind": "grid", "of": "grid-7", "unit": "patrol"})]
    held = sum(name == "responsibility" for name, _, _ in COUNTY)
    await file(world.database, more, held)
    assert (await caller.post("/v1/tasks", wish, expect=201))["unit"] == "patrol"


# What is written down.


async def test_everything_is_in_the_audit_log(world: World, caller: Caller) -> None:
    await world.find(finding(**TIP))
    (task,) = await listed(caller)
    await caller.do(await caller.do(task, "claim", "li"), "done", "li", result="at-home")
    query = select(audit_entries.c.action, audit_entries.c.actor).where(
        audit_entries.c.about == task["id"]
    )
    rows = await world.database.read(
        lambda c: [tuple(row) for row in c.execute(query.order_by(audit_entries.c.n))]
    )
    assert rows == [
        ("task.create", "cordon"),
        ("task.claim", "li"),
        ("task.done", "li"),
        ("task.settle", "cordon"),
    ]
    total = await world.database.read(lambda c: c.scalar(select(func.count(audit_entries.c.n))))
    assert total is not None
    assert total >= 4


def test_the_tables_name_what_there_is() -> None:
    for rows in CREATED_BY.values():
        assert len({(row.kind, row.side) for row in rows}) == len(rows)
    for rule, kind, result in SETTLES:
        assert rule in ("", *CREATED_BY)
        assert result in KINDS_OF[kind].results
    assert Task.__struct_config__.omit_defaults
