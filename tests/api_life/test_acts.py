"""The life of an alert: acts, what reopens it, undo, notes, history, the past."""

from typing import Any

import pytest
from sqlalchemy import select

from schemas.times import format_ms
from services.api.audit.tables import audit_entries
from services.api.store.database import Database
from tests.api.examples import AT, duplicate, finding
from tests.api_life.conftest import Call, Tell

MINUTE = 60_000


def at(ms: int) -> dict[str, Any]:
    return {"last_seen": format_ms(ms)}


async def alert(call: Call, alert_id: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = (await call("GET", f"/v1/alerts/{alert_id}")).json()
    return found


async def test_an_alert_is_carried_forward_by_acts(call: Call, tell: Tell) -> None:
    await tell(finding())
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("note", {"note": "asked the gate"}, "open"),
        ("ack", {}, "acked"),
        ("assign", {"assignee": "wang"}, "acked"),
        ("dispatch", {"note": "patrol 3"}, "dispatched"),
        ("resolve", {"outcome": "confirmed", "note": "found"}, "resolved"),
    ]
    for revision, (act, body, state) in enumerate(steps, 1):
        answer = await call("POST", f"/v1/alerts/a/{act}", json=body, revision=revision)
        assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text
        assert answer.headers["etag"] == f'"{revision + 1}"'
    shown = await alert(call)
    assert (shown["assignee"], shown["outcome"], shown["note"]) == ("wang", "confirmed", "found")
    notes = (await call("GET", "/v1/alerts/a/notes")).json()["items"]
    assert [one["text"] for one in notes] == ["asked the gate", "patrol 3", "found"]
    assert {one["by"] for one in notes} == {"a dispatcher"}


async def test_an_assignment_without_a_name_is_to_oneself(call: Call, tell: Tell) -> None:
    await tell(finding())
    answer = await call("POST", "/v1/alerts/a/assign", revision=1)
    assert answer.json()["assignee"] == "a dispatcher"
    again = await call("POST", "/v1/alerts/a/assign", revision=2)
    assert (again.status_code, again.json()["detail"]) == (409, "the act changes nothing")


@pytest.mark.parametrize(
    ("act", "body", "status", "field"),
    [
        ("note", {}, 422, "note"),
        ("resolve", {"outcome": "transit"}, 422, "outcome"),
        ("resolve", {"outcome": "duplicate"}, 422, "of"),
        ("resolve", {"outcome": "duplicate", "of": "nobody"}, 422, "of"),
        ("resolve", {"outcome": "duplicate", "of": "a"}, 409, None),
        ("assign", {"assignee": ""}, 422, "assignee"),
        ("undo", {}, 409, None),
    ],
)
async def test_acts_that_cannot_be(
    call: Call, tell: Tell, act: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    await tell(finding())
    answer = await call("POST", f"/v1/alerts/a/{act}", json=body, revision=1)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert (await alert(call))["revision"] == 1


async def test_a_duplicate_names_the_other_and_stays(call: Call, tell: Tell) -> None:
    await tell(finding(), finding("b"))
    body = {"outcome": "duplicate", "of": "b"}
    shown = (await call("POST", "/v1/alerts/a/resolve", json=body, revision=1)).json()
    assert (shown["state"], shown["outcome"], shown["related"]) == ("resolved", "duplicate", ["b"])
    await tell(finding("a", "matched", count=2, **at(AT + 10 * MINUTE)))
    assert (await alert(call))["state"] == "resolved"


@pytest.mark.parametrize("outcome", ["confirmed", "false", "authorised", "expired"])
async def test_newer_evidence_reopens_what_was_resolved(
    call: Call, tell: Tell, outcome: str
) -> None:
    await tell(finding())
    await call("POST", "/v1/alerts/a/resolve", json={"outcome": outcome}, revision=1)
    # What had happened before, and is told later, does not.
    await tell(finding("a", "matched", count=2, **at(AT - MINUTE)))
    assert (await alert(call))["state"] == "resolved"
    await tell(finding("a", "matched", count=3, **at(AT + MINUTE)))
    shown = await alert(call)
    assert (shown["state"], shown.get("outcome")) == ("open", None)
    steps = (await call("GET", "/v1/alerts/a/history")).json()["items"]
    assert [step["verb"] for step in steps] == ["raised", "resolved", "updated", "reopened"]
    # And it can be taken on anew.
    answer = await call("POST", "/v1/alerts/a/ack", revision=shown["revision"])
    assert answer.json()["state"] == "acked"


async def test_an_acknowledgement_ends_with_its_alert(call: Call, tell: Tell) -> None:
    await tell(finding())
    await call("POST", "/v1/alerts/a/ack", revision=1)
    await tell(finding("a", "matched", count=2, **at(AT + MINUTE)))
    assert (await alert(call))["state"] == "acked"
    await tell(finding("a", "cleared", outcome="transit", **at(AT + MINUTE)))
    # The engine takes it back: what it hid is there again.
    await tell(finding("a", "matched", count=2, **at(AT + MINUTE)))
    assert (await alert(call))["state"] == "acked"
    await tell(finding("a", "cleared", outcome="transit", **at(AT + MINUTE)))
    await tell(finding("a", "matched", count=3, **at(AT + 9 * MINUTE)))
    assert (await alert(call))["state"] == "open"


async def test_ones_own_last_act_can_be_taken_back(
    call: Call, tell: Tell, clock: list[int]
) -> None:
    await tell(finding())
    await call("POST", "/v1/alerts/a/ack", json={"note": "mine"}, revision=1)
    answer = await call("POST", "/v1/alerts/a/undo", role="other", revision=2)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "the last act is somebody else's",
    )
    clock[0] += 30_000
    answer = await call("POST", "/v1/alerts/a/undo", revision=2)
    assert (answer.json()["state"], answer.json()["note"]) == ("open", "mine")
    answer = await call("POST", "/v1/alerts/a/undo", revision=3)
    assert answer.status_code == 409
    answer = await call("POST", "/v1/alerts/a/resolve", json={"outcome": "false"}, revision=3)
    assert answer.json()["state"] == "resolved"
    clock[0] += 31_000
    assert (await call("POST", "/v1/alerts/a/undo", revision=4)).status_code == 409


async def test_an_assignment_and_a_dispatch_can_be_taken_back(call: Call, tell: Tell) -> None:
    await tell(finding())
    await call("POST", "/v1/alerts/a/assign", json={"assignee": "wang"}, revision=1)
    undone = (await call("POST", "/v1/alerts/a/undo", revision=2)).json()
    assert "assignee" not in undone
    await call("POST", "/v1/alerts/a/ack", revision=3)
    await call("POST", "/v1/alerts/a/dispatch", revision=4)
    undone = (await call("POST", "/v1/alerts/a/undo", revision=5)).json()
    assert undone["state"] == "acked"


async def test_what_ended_by_itself_is_not_undone(call: Call, tell: Tell) -> None:
    await tell(finding())
    await call("POST", "/v1/alerts/a/ack", revision=1)
    await tell(finding("a", "cleared", outcome="transit"))
    answer = await call("POST", "/v1/alerts/a/undo", revision=3)
    assert answer.json()["detail"] == "the alert is resolved by itself"


async def test_an_alert_has_a_bounded_number_of_notes(call: Call, tell: Tell) -> None:
    await tell(finding())
    for revision in range(1, 201):
        await call("POST", "/v1/alerts/a/note", json={"note": f"{revision}"}, revision=revision)
    answer = await call("POST", "/v1/alerts/a/note", json={"note": "more"}, revision=201)
    assert answer.json()["detail"] == "the alert has 200 notes already"


async def test_one_act_on_many(call: Call, tell: Tell, database: Database) -> None:
    await tell(finding("a", grid="g1"), finding("b", grid="g2"), finding("c", grid="g1"))
    await call("POST", "/v1/alerts/c/ack", revision=1)
    items = [{"id": name, "revision": 1} for name in ("a", "b", "c", "nobody")]
    body = {"act": "ack", "items": items, "note": "shift"}
    answer = await call("POST", "/v1/alerts:act", role="limited", json=body)
    assert answer.status_code == 200, answer.text
    results = answer.json()["items"]
    assert [one["status"] for one in results] == [200, 404, 409, 404]
    assert (results[0]["revision"], results[2]["revision"]) == (2, 2)
    assert (await alert(call, "a"))["state"] == "acked"
    assert (await alert(call, "b"))["state"] == "open"
    answer = await call("POST", "/v1/alerts:act", json=body | {"items": []})
    assert (answer.status_code, answer.json()["field"]) == (422, "items")
    query = select(audit_entries.c.action, audit_entries.c.about, audit_entries.c.actor)
    entries = await database.read(lambda c: c.execute(query).all())
    acks = [tuple(row) for row in entries if row.action == "alert.ack"]
    assert acks == [("alert.ack", "c", "a dispatcher"), ("alert.ack", "a", "a limited dispatcher")]


async def test_history_tells_every_revision(call: Call, tell: Tell, clock: list[int]) -> None:
    await tell(finding())
    clock[0] += 5_000
    await call("POST", "/v1/alerts/a/ack", json={"note": "mine"}, revision=1)
    clock[0] += 5_000
    await tell(finding("a", "matched", count=2, site="exit"))
    page = (await call("GET", "/v1/alerts/a/history?limit=2")).json()
    first, second = page["items"]
    assert first["changes"]["state"] == {"before": None, "after": "open"}
    assert (second["verb"], second["actor"], second["revision"]) == ("acked", "a dispatcher", 2)
    assert second["changes"] == {
        "state": {"before": "open", "after": "acked"},
        "note": {"before": None, "after": "mine"},
    }
    assert second["committed"] == format_ms(AT + 5_000)
    page = (await call("GET", f"/v1/alerts/a/history?cursor={page['next']}")).json()
    assert page["next"] is None
    assert page["items"][0]["changes"] == {
        "site": {"before": "gate", "after": "exit"},
        "count": {"before": 1, "after": 2},
    }
    assert (await call("GET", "/v1/alerts/none/history")).status_code == 404
    assert (await call("GET", "/v1/alerts/none/notes")).status_code == 404


async def test_everything_as_it_was_known(call: Call, tell: Tell, clock: list[int]) -> None:
    async def then(seconds: int, query: str = "") -> list[tuple[str, str]]:
        as_of = format_ms(AT + seconds * 1000)
        answer = await call("GET", f"/v1/alerts?as_of={as_of}&{query}")
        assert answer.status_code == 200, answer.text
        return [(one["id"], one["state"]) for one in answer.json()["items"]]

    await tell(finding("a", order="o1"), finding("b", order="o2", grid="g1"))
    clock[0] += 1_000
    await call("POST", "/v1/alerts/a/ack", revision=1)
    clock[0] += 1_000
    await tell(
        finding("a", "cleared", outcome="transit", order="o1"),
        finding("b", "matched", order="o3", grid="g2", count=2),
        finding("c", rule="fever"),
    )
    clock[0] += 1_000
    await tell(finding("a", "matched", count=2, order="o1", **at(AT + MINUTE)))
    assert await then(-1) == []
    assert await then(0) == [("b", "open"), ("a", "open")]
    assert await then(1) == [("b", "open"), ("a", "acked")]
    assert await then(2) == [("c", "open"), ("b", "open"), ("a", "resolved")]
    assert await then(2, "state=open&state=acked") == [("c", "open"), ("b", "open")]
    assert await then(1, "state=acked") == [("a", "acked")]
    assert await then(9, "state=open") == [("c", "open"), ("b", "open"), ("a", "open")]
    # What has changed since is found by what it was.
    assert await then(1, "order=o2") == [("b", "open")]
    assert await then(2, "order=o2") == []
    assert await then(1, "grid=g1&state=open") == [("b", "open")]
    assert await then(2, "grid=g2") == [("b", "open")]
    assert await then(2, "rule=fever") == [("c", "open")]
    assert await then(2, "q=%E9%9A%94%E7%A6%BB&limit=1") == [("c", "open")]
    answer = await call("GET", "/v1/alerts?as_of=yesterday")
    assert (answer.status_code, answer.json()["field"]) == (422, "as_of")
    as_of = format_ms(AT + 2_000)
    page = (await call("GET", f"/v1/alerts?as_of={as_of}&limit=2")).json()
    page = (await call("GET", f"/v1/alerts?as_of={as_of}&limit=2&cursor={page['next']}")).json()
    assert [one["id"] for one in page["items"]] == ["a"]
    limited = await call("GET", f"/v1/alerts?as_of={format_ms(AT + 1_000)}", role="limited")
    assert [one["id"] for one in limited.json()["items"]] == ["b"]


async def test_acts_of_a_duplicate_reopen_nothing(call: Call, tell: Tell) -> None:
    await tell(finding("old"), finding("new", **at(AT + MINUTE)))
    await call("POST", "/v1/alerts/old/resolve", json={"outcome": "false"}, revision=1)
    await tell(duplicate("old", "new"))
    # The survivor has newer evidence than whoever resolved the other knew of.
    assert (await alert(call, "new"))["state"] == "open"
