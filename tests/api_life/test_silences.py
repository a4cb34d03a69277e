"""Silences: they mark, drop nothing, and end."""

from typing import Any

import pytest
from sqlalchemy import select

from schemas.times import DAY_MS, format_ms
from services.api.audit.tables import audit_entries
from services.api.overdue import DEFAULTS
from services.api.store.database import Database
from services.api.store.store import AlertStore
from tests.api.examples import AT, finding
from tests.api_life.conftest import Call, Tell

HIGH: dict[str, Any] = {"severity": "high"}
GATE = [{"name": "site", "value": "gate"}]


def body(**changes: Any) -> dict[str, Any]:
    ends = format_ms(AT + 60_000)
    return {"matchers": GATE, "comment": "works at the gate", "endsAt": ends} | changes


async def marks(call: Call, alert_id: str = "a") -> list[str]:
    found: list[str] = (await call("GET", f"/v1/alerts/{alert_id}")).json().get("silenced_by", [])
    return found


async def test_a_silence_marks_what_is_and_what_comes_and_ends(
    call: Call, tell: Tell, store: AlertStore, clock: list[int], database: Database
) -> None:
    await tell(finding("a", **HIGH), finding("b", site="exit", **HIGH))
    answer = await call("POST", "/v1/silences", json=body())
    assert answer.status_code == 201, answer.text
    silence = answer.json()
    assert silence["status"] == {"state": "active"}
    assert (silence["createdBy"], silence["matchers"][0]["isEqual"]) == ("a dispatcher", True)
    await tell(finding("c", **HIGH))
    assert await marks(call, "a") == await marks(call, "c") == [silence["id"]]
    assert await marks(call, "b") == []
    ids = [one["id"] for one in (await call("GET", "/v1/alerts?silenced=false")).json()["items"]]
    assert ids == ["b"]
    # It is raised with its mark, and nobody is waited for behind a silence.
    clock[0] += 59_999
    assert (await store.escalate(DEFAULTS)) == []
    clock[0] += 1
    assert await store.mark() is True
    assert await store.mark() is False
    assert await marks(call, "a") == []
    steps = (await call("GET", "/v1/alerts/a/history")).json()["items"]
    assert [step["verb"] for step in steps] == ["raised", "updated", "updated"]
    shown = (await call("GET", f"/v1/silences/{silence['id']}")).json()
    assert shown["status"] == {"state": "expired"}
    clock[0] += 300_000
    assert {event.data.id for event in await store.escalate(DEFAULTS)} == {"a", "b", "c"}
    query = select(audit_entries.c.action, audit_entries.c.about)
    entries = [tuple(row) for row in await database.read(lambda c: c.execute(query).all())]
    assert ("silence.create", f"silence:{silence['id']}") in entries


async def test_a_silence_can_begin_later_and_be_ended_early(
    call: Call, tell: Tell, store: AlertStore, clock: list[int]
) -> None:
    await tell(finding("a", **HIGH))
    starts = format_ms(AT + 10_000)
    made = (await call("POST", "/v1/silences", json=body(startsAt=starts))).json()
    assert (made["status"]["state"], await marks(call)) == ("pending", [])
    clock[0] += 10_000
    assert await store.mark() is True
    assert await marks(call) == [made["id"]]
    listed = (await call("GET", "/v1/silences", role="viewer")).json()["items"]
    assert [one["status"]["state"] for one in listed] == ["active"]
    ended = await call("DELETE", f"/v1/silences/{made['id']}")
    assert (ended.status_code, ended.json()["status"]["state"]) == (200, "expired")
    assert await marks(call) == []
    assert (await call("DELETE", f"/v1/silences/{made['id']}")).status_code == 409
    assert (await call("DELETE", "/v1/silences/none")).status_code == 404
    assert (await call("GET", "/v1/silences/none")).status_code == 404


async def test_critical_alerts_are_silenced_by_those_who_lead(call: Call, tell: Tell) -> None:
    await tell(finding("a"))
    await call("POST", "/v1/silences", json=body())
    assert await marks(call) == []
    preview = (await call("POST", "/v1/silences:preview", json={"matchers": GATE})).json()
    assert (preview["live"], preview["critical_kept"], preview["last_24_h"]) == (0, 1, 0)
    preview = (
        await call("POST", "/v1/silences:preview", role="supervisor", json={"matchers": GATE})
    ).json()
    assert (preview["live"], preview["last_24_h"], preview["items"][0]["id"]) == (1, 1, "a")
    assert await marks(call) == []
    made = (await call("POST", "/v1/silences", role="supervisor", json=body())).json()
    assert await marks(call) == [made["id"]]
    assert (await call("POST", "/v1/silences", role="viewer", json=body())).status_code == 403
    assert (await call("POST", "/v1/silences", role="limited", json=body())).status_code == 403


async def test_more_alerts_than_one_transaction_marks(
    call: Call, tell: Tell, store: AlertStore
) -> None:
    await tell(*(finding(f"a{n}", **HIGH) for n in range(1_100)))
    await call("POST", "/v1/silences", json=body())
    while await store.mark():
        pass
    left = (await call("GET", "/v1/alerts?silenced=false&limit=1000")).json()["items"]
    assert left == []
    assert store.last_n == 2_200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endsAt": None}, "endsAt"),
        ({"endsAt": format_ms(AT)}, "endsAt"),
        ({"endsAt": "tomorrow"}, "endsAt"),
        ({"endsAt": format_ms(AT + 31 * DAY_MS)}, "endsAt"),
        ({"startsAt": "now"}, "startsAt"),
        ({"comment": ""}, "comment"),
        ({"matchers": []}, "matchers"),
        ({"matchers": [{"name": "colour", "value": "x"}]}, "matchers.0.name"),
        ({"matchers": [{"name": "site", "value": "(", "isRegex": True}]}, "matchers.0.value"),
        ({"matchers": [{"name": "site", "value": ".*", "isRegex": True}]}, "matchers"),
        ({"matchers": [{"name": "site", "value": "gate", "isEqual": False}]}, "matchers"),
    ],
)
async def test_silences_that_cannot_be(call: Call, changes: dict[str, Any], field: str) -> None:
    answer = await call("POST", "/v1/silences", json=body(**changes))
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
