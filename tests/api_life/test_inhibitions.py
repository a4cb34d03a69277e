"""Inhibitions: while one alert lives, others are marked, and none is dropped."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from schemas.alerts import Alert, AlertEvent
from schemas.times import format_ms
from services.api.audit.tables import audit_entries
from services.api.inhibitions import stored
from services.api.inhibitions.inhibition import DEFAULTS, Inhibition, inhibited_in, inhibits
from services.api.inhibitions.tables import inhibition_sources
from services.api.merge import AlertBook
from services.api.overdue import DEFAULTS as LIMITS
from services.api.silences.matchers import Matcher
from services.api.store.database import Database
from services.api.store.store import AlertStore
from tests.api.examples import AT, finding
from tests.api_life.conftest import Call, Tell

HIGH: dict[str, Any] = {"severity": "high"}
SILENT: dict[str, Any] = {
    "rule": "source-silent",
    "severity": "medium",
    "evidence_class": "system",
    "order": None,
}
BODY: dict[str, Any] = {
    "sourceMatchers": [{"name": "alertname", "value": "source-silent"}],
    "targetMatchers": [{"name": "severity", "value": "high"}],
    "equal": ["site"],
    "comment": "the gate's camera is silent",
}


async def inhibit(call: Call, **changes: Any) -> dict[str, Any]:
    answer = await call("POST", "/v1/inhibitions", role="supervisor", json=BODY | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def marks(call: Call, alert_id: str) -> list[str]:
    found: list[str] = (await call("GET", f"/v1/alerts/{alert_id}")).json().get("inhibited_by", [])
    return found


async def test_it_marks_while_the_other_lives(
    call: Call, tell: Tell, store: AlertStore, clock: list[int], database: Database
) -> None:
    await tell(finding("a", **HIGH), finding("far", site="exit", **HIGH))
    made = await inhibit(call)
    assert (made["status"], made["createdBy"]) == ({"state": "active"}, "a supervisor")
    assert made["endsAt"] is None
    assert await marks(call, "a") == []
    await tell(finding("silent", **SILENT))
    assert (await marks(call, "a"), await marks(call, "far")) == (["silent"], [])
    await tell(finding("b", **HIGH))
    assert await marks(call, "b") == ["silent"]
    listed = (await call("GET", "/v1/alerts?inhibited=true")).json()["items"]
    assert [one["id"] for one in listed] == ["b", "a"]
    listed = (await call("GET", "/v1/alerts?inhibited=false")).json()["items"]
    assert [one["id"] for one in listed] == ["silent", "far"]
    # It is raised with its mark; and nobody is waited for behind another alert.
    steps = (await call("GET", "/v1/alerts/b/history")).json()["items"]
    assert [step["verb"] for step in steps] == ["raised"]
    clock[0] += 300_000
    assert {event.data.id for event in await store.escalate(LIMITS)} == {"far"}
    await tell(finding("silent", "cleared", outcome="cleared", **SILENT))
    assert await marks(call, "a") == await marks(call, "b") == []
    steps = (await call("GET", "/v1/alerts/a/history")).json()["items"]
    assert [step["verb"] for step in steps] == ["raised", "updated", "updated"]
    assert await database.read(lambda c: c.execute(select(inhibition_sources)).all()) == []
    query = select(audit_entries.c.action, audit_entries.c.about)
    entries = [tuple(row) for row in await database.read(lambda c: c.execute(query).all())]
    assert ("inhibition.create", f"inhibition:{made['id']}") in entries


async def test_a_person_who_closes_the_one_ends_it_for_the_others(call: Call, tell: Tell) -> None:
    await inhibit(call)
    # In one batch, the one that is inhibited first.
    await tell(finding("a", **HIGH), finding("silent", **SILENT))
    assert await marks(call, "a") == ["silent"]
    done = await call(
        "POST", "/v1/alerts/silent/resolve", json={"outcome": "confirmed"}, revision=1
    )
    assert done.status_code == 200, done.text
    assert await marks(call, "a") == []
    await tell(finding("silent", "matched", last_seen=format_ms(AT + 60_000), **SILENT))
    assert await marks(call, "a") == ["silent"]


async def test_of_several_the_one_that_did_stays(call: Call, tell: Tell) -> None:
    await inhibit(call)
    await tell(finding("s2", **SILENT), finding("a", **HIGH))
    await tell(finding("s1", **SILENT))
    assert await marks(call, "a") == ["s2"]
    revision = (await call("GET", "/v1/alerts/a")).json()["revision"]
    assert revision == 1
    await tell(finding("s2", "cleared", outcome="cleared", **SILENT))
    assert await marks(call, "a") == ["s1"]
    # An alert that moves to another place takes its mark with it.
    await tell(finding("s1", "matched", **(SILENT | {"site": "exit"})))
    assert await marks(call, "a") == []


async def test_it_begins_with_what_is_there_and_ends(
    call: Call, tell: Tell, store: AlertStore, clock: list[int]
) -> None:
    await tell(finding("a", **HIGH), finding("silent", **SILENT))
    preview = (await call("POST", "/v1/inhibitions:preview", role="supervisor", json=BODY)).json()
    assert (preview["sources"], preview["live"], preview["critical_kept"]) == (1, 1, 0)
    assert (preview["items"][0]["id"], preview["items"][0]["by"]) == ("a", "silent")
    assert await marks(call, "a") == []
    made = await inhibit(call, endsAt=format_ms(AT + 60_000))
    assert await marks(call, "a") == ["silent"]
    clock[0] += 60_000
    assert await store.mark() is True
    assert await store.mark() is False
    assert await marks(call, "a") == []
    listed = (await call("GET", "/v1/inhibitions", role="viewer")).json()["items"]
    assert [(one["id"], one["status"]["state"]) for one in listed] == [(made["id"], "expired")]
    path = f"/v1/inhibitions/{made['id']}"
    assert (await call("DELETE", path, role="supervisor")).status_code == 409
    again = await inhibit(call)
    assert await marks(call, "a") == ["silent"]
    ended = await call("DELETE", f"/v1/inhibitions/{again['id']}", role="supervisor")
    assert (ended.status_code, ended.json()["status"]["state"]) == (200, "expired")
    assert await marks(call, "a") == []
    shown = (await call("GET", path, role="viewer")).json()
    assert shown["sourceMatchers"][0]["value"] == "source-silent"
    for method in ("GET", "DELETE"):
        answer = await call(method, "/v1/inhibitions/none", role="supervisor")
        assert answer.status_code == 404


async def test_critical_alerts_are_never_inhibited(call: Call, tell: Tell) -> None:
    everything = [{"name": "evidence_class", "value": "person"}]
    await inhibit(call, targetMatchers=everything)
    await tell(finding("silent", **SILENT), finding("a"), finding("b", **HIGH))
    assert (await marks(call, "a"), await marks(call, "b")) == ([], ["silent"])
    wanted = BODY | {"targetMatchers": everything}
    preview = (await call("POST", "/v1/inhibitions:preview", role="supervisor", json=wanted)).json()
    assert (preview["live"], preview["critical_kept"]) == (1, 1)


async def test_alertmanager_and_incidents_tell_of_it(call: Call, tell: Tell) -> None:
    await inhibit(call)
    await tell(finding("silent", **SILENT), finding("a", **HIGH))
    told = {
        one["annotations"]["alert_id"]: one["status"]
        for one in (await call("GET", "/api/v2/alerts")).json()
    }
    assert (told["a"]["state"], told["a"]["inhibitedBy"]) == ("suppressed", ["silent"])
    assert (told["silent"]["state"], told["silent"]["inhibitedBy"]) == ("active", [])
    shown = (await call("GET", "/api/v2/alerts?inhibited=false")).json()
    assert [one["annotations"]["alert_id"] for one in shown] == ["silent"]
    shown = (await call("GET", "/api/v2/alerts?active=false")).json()
    assert [one["annotations"]["alert_id"] for one in shown] == ["a"]
    [incident] = [
        one
        for one in (await call("GET", "/v1/incidents")).json()["items"]
        if one["id"] == "order:o1"
    ]
    assert (incident["alerts"], incident["inhibited"], incident["silenced"]) == (1, 1, 0)
    table = (await call("GET", "/v1/alerts.csv")).text
    assert "inhibited_by" in table


async def test_more_alerts_than_one_transaction_marks(
    call: Call, tell: Tell, store: AlertStore
) -> None:
    await inhibit(call)
    await tell(*(finding(f"a{n}", **HIGH) for n in range(1_100)))
    await tell(finding("silent", **SILENT))
    left = (await call("GET", "/v1/alerts?inhibited=false&severity=high&limit=1000")).json()
    assert len(left["items"]) == 600
    while await store.mark():
        pass
    left = (await call("GET", "/v1/alerts?inhibited=false&severity=high")).json()
    assert left["items"] == []


async def test_the_feed_tells_the_mark_with_the_revision(
    call: Call, tell: Tell, store: AlertStore
) -> None:
    await inhibit(call)
    await tell(finding("a", **HIGH))
    await tell(finding("silent", **SILENT))
    events = [
        msgspec.json.decode(one.body, type=AlertEvent) for one in await store.events_after(0, 10)
    ]
    assert [(one.data.id, one.data.revision, one.data.inhibited_by) for one in events] == [
        ("a", 1, None),
        ("silent", 1, None),
        ("a", 2, ["silent"]),
    ]


async def test_a_deployment_begins_with_defaults(
    call: Call, tell: Tell, store: AlertStore, database: Database
) -> None:
    for _ in range(2):
        await database.write(lambda c: stored.begin(c, AT))
    await store.mark()
    listed = (await call("GET", "/v1/inhibitions")).json()["items"]
    assert {one["id"] for one in listed} == {name for name, *_ in DEFAULTS}
    faults: dict[str, Any] = SILENT | {"rule": "read-quality", "severity": "low"}
    await tell(
        finding("silent", **SILENT),
        finding("fault", **faults),
        finding("fever", rule="fever", severity="low"),
        finding("breach"),
        finding("trail", rule="retrospective-hit", severity="info"),
    )
    assert await marks(call, "fault") == ["silent"]
    assert await marks(call, "fever") == []
    assert await marks(call, "trail") == ["breach"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sourceMatchers": []}, "sourceMatchers"),
        ({"targetMatchers": [{"name": "colour", "value": "x"}]}, "targetMatchers.0.name"),
        ({"sourceMatchers": [{"name": "site", "value": ".*", "isRegex": True}]}, "sourceMatchers"),
        ({"equal": []}, "equal"),
        ({"equal": ["severity"]}, "equal.0"),
        ({"comment": ""}, "comment"),
        ({"endsAt": format_ms(AT)}, "endsAt"),
        ({"endsAt": "tomorrow"}, "endsAt"),
    ],
)
async def test_inhibitions_that_cannot_be(call: Call, changes: dict[str, Any], field: str) -> None:
    answer = await call("POST", "/v1/inhibitions", role="supervisor", json=BODY | changes)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


async def test_who_may(call: Call, database: Database) -> None:
    for role in ("viewer", "dispatcher", "auditor", "limited"):
        for path in ("/v1/inhibitions", "/v1/inhibitions:preview"):
            assert (await call("POST", path, role=role, json=BODY)).status_code == 403
    for _ in range(stored.MOST_IN_FORCE):
        await inhibit(call)
    assert (await call("POST", "/v1/inhibitions", role="admin", json=BODY)).status_code == 409


@given(st.lists(st.sampled_from(["low", "high", "critical"]), max_size=5), st.booleans())
def test_no_two_alerts_inhibit_each_other(severities: list[str], same: bool) -> None:
    everything = (Matcher("evidence_class", "person"),)
    source = everything if same else (Matcher("severity", "high"),)
    inhibition = Inhibition(
        id="i",
        source=source,
        target=everything,
        equal=("site",),
        author="",
        comment="",
        starts_ms=0,
        ends_ms=None,
        updated_ms=0,
    )
    book = AlertBook()
    for n, severity in enumerate(severities):
        book.apply(finding(f"a{n}", severity=severity))
    alerts: list[Alert] = [one.alert for one in book.records.values()]
    assert not any(inhibits(inhibition, one) and inhibited_in(inhibition, one) for one in alerts)
