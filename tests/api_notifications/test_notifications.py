"""Notifications from the feed to the gateway: chains, bundles, bounds, answers."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from schemas.alerts import Reason, Subject
from services.api.audit.tables import audit_entries
from services.api.notifications.tables import contacts
from services.api.overdue import DEFAULTS
from tests.api.examples import finding
from tests.api_notifications.conftest import PUBLIC, Desk


def link_in(text: str) -> str:
    found = re.search(re.escape(PUBLIC) + r"(/v1/answers/\S+)", text)
    assert found is not None
    return found[1]


async def test_an_alert_reaches_the_first_in_line(desk: Desk) -> None:
    anna, ben = await desk.contact("anna"), await desk.contact("ben")
    await desk.rule({"contact": anna}, {"contact": ben})
    await desk.raise_alerts("a")
    assert await desk.after(0) == []
    assert await desk.after(9) == []
    assert await desk.after(1) == ["anna"]
    (_, message) = desk.gateway.messages[0]
    assert message["title"] == "[CRITICAL] A person under order was checked at the gate."
    assert "330421…001X" in message["message"]
    assert "Acknowledge: https://cordon.example/v1/answers/" in message["message"]
    assert await desk.after(60) == []


async def test_after_silence_the_next_in_line_is_told_until_nobody_is_left(desk: Desk) -> None:
    anna, ben = await desk.contact("anna"), await desk.contact("ben")
    await desk.rule({"contact": anna}, {"contact": ben}, step_s=60, bundle_s=0)
    await desk.raise_alerts("a")
    assert await desk.after(0) == ["anna"]
    assert await desk.after(59) == []
    assert await desk.after(1) == ["ben"]
    assert await desk.after(59) == []
    assert await desk.states() == ["waiting"]
    assert await desk.after(1) == []
    assert await desk.states() == ["unanswered"]


@pytest.mark.parametrize("deed", ["ack", "dispatch"])
async def test_an_answer_at_the_desk_ends_the_chain(desk: Desk, deed: str) -> None:
    anna, ben = await desk.contact("anna"), await desk.contact("ben")
    await desk.rule({"contact": anna}, {"contact": ben}, step_s=60, bundle_s=0)
    await desk.raise_alerts("a")
    assert await desk.after(0) == ["anna"]
    await desk.act("a", deed)
    assert await desk.after(60) == []
    assert await desk.states() == ["answered"]


async def test_what_is_withdrawn_is_told_to_nobody_more(desk: Desk) -> None:
    anna = await desk.contact("anna")
    await desk.rule({"contact": anna})
    await desk.raise_alerts("a")
    await desk.find(finding("a", "withdrawn"))
    assert await desk.after(10) == []
    assert await desk.states() == ["over"]


async def test_many_alerts_become_one_message(desk: Desk) -> None:
    anna = await desk.contact("anna", language="zh")
    await desk.rule({"contact": anna})
    await desk.raise_alerts(*(f"a{n:02d}" for n in range(12)), severity="high")
    await desk.raise_alerts("worst")
    assert await desk.after(0) == []
    assert await desk.after(10) == ["anna"]
    (_, message) = desk.gateway.messages[0]
    assert message["title"] == "[特急] 13 条告警"
    assert message["message"].count("隔离人员出现在卡口。") == 10
    assert "另有 3 条" in message["message"]


async def test_where_a_gateway_fails_the_next_channel_and_then_the_next_person(desk: Desk) -> None:
    channels = [desk.gateway.channel("anna"), {**desk.gateway.channel("mail"), "label": "mail"}]
    anna = await desk.contact("anna", channels=channels)
    ben = await desk.contact("ben")
    await desk.rule({"contact": anna}, {"contact": ben}, step_s=300, bundle_s=0)
    desk.gateway.answers = [500]
    await desk.raise_alerts("a")
    assert await desk.after(0) == ["anna", "mail"]
    desk.gateway.answers = [500, 500]
    await desk.raise_alerts("b")
    assert await desk.after(60) == ["anna", "mail"]
    assert await desk.after(0) == ["ben"]
    items = (await desk.http.get("/v1/notification-attempts")).json()["items"]
    assert [(one["channel"], one["result"]) for one in items] == [
        ("duty phone", "sent"),
        ("mail", "failed"),
        ("duty phone", "failed"),
        ("mail", "sent"),
        ("duty phone", "failed"),
    ]
    assert "500" in items[1]["detail"]


async def test_nobody_is_told_more_often_than_is_good(desk: Desk) -> None:
    anna = await desk.contact("anna", per_hour=2)
    await desk.rule({"contact": anna}, bundle_s=0)
    for n in range(2):
        await desk.raise_alerts(f"a{n}", severity="high")
        assert await desk.after(60) == ["anna"]
    await desk.raise_alerts("a3", severity="high")
    assert await desk.after(60) == []
    assert await desk.after(1800) == []
    # A critical alert goes beyond the bound, and takes along what waited.
    await desk.raise_alerts("a4")
    assert await desk.after(0) == ["anna"]
    await desk.raise_alerts("a5")
    assert await desk.after(59) == []
    assert await desk.after(1) == ["anna"]


async def test_a_bound_that_is_over_lets_through_what_waited(desk: Desk) -> None:
    anna = await desk.contact("anna", per_hour=1)
    await desk.rule({"contact": anna}, bundle_s=0)
    await desk.raise_alerts("a", severity="high")
    assert await desk.after(0) == ["anna"]
    await desk.raise_alerts("b", severity="high")
    assert await desk.after(3599) == []
    assert await desk.after(1) == ["anna"]
    assert (await desk.states())[1] == "waiting"


async def test_whoever_is_on_duty_is_told(desk: Desk) -> None:
    await desk.contact("anna", member="p-1")
    await desk.contact("ben", member="p-2")
    await desk.rule({"place": "gate"}, step_s=60, bundle_s=0)
    desk.roster["gate"] = ["p-9", "p-2", "p-1"]
    await desk.raise_alerts("a")
    assert await desk.after(0) == ["ben"]
    # The shift changes; whoever was told already is not told again.
    desk.roster["gate"] = ["p-2", "p-1"]
    assert await desk.after(60) == ["anna"]
    desk.roster.clear()
    await desk.raise_alerts("b")
    assert await desk.after(60) == []
    assert await desk.states() == ["unanswered", "unanswered"]


async def test_areas_of_rules_and_of_contacts(desk: Desk) -> None:
    anna = await desk.contact("anna", areas=["g1"])
    ben = await desk.contact("ben")
    await desk.rule({"contact": anna}, {"contact": ben}, areas=["g1", "g2"], bundle_s=0)
    await desk.raise_alerts("a", grid="g3")
    assert await desk.after(0) == []
    await desk.raise_alerts("b", grid="g2")
    assert await desk.after(0) == ["ben"]
    await desk.raise_alerts("c", grid="g1")
    assert await desk.after(0) == ["anna"]


async def test_hours_hold_in_the_deployments_zone(desk: Desk) -> None:
    anna, ben = await desk.contact("anna"), await desk.contact("ben")
    # The clock stands at 19:33 in Shanghai.
    await desk.rule({"contact": anna}, hours={"from": "08:00", "to": "18:00"}, bundle_s=0)
    await desk.rule({"contact": ben}, hours={"from": "18:00", "to": "08:00"}, bundle_s=0)
    await desk.raise_alerts("a")
    assert await desk.after(0) == ["ben"]


async def test_the_link_acknowledges_once_and_only_when_confirmed(desk: Desk) -> None:
    anna = await desk.contact("anna", user="wang")
    await desk.rule({"contact": anna}, bundle_s=0)
    await desk.raise_alerts("a", "b", reason=Reason("<b>bold</b>", "粗"))
    await desk.after(0)
    path = link_in(desk.gateway.messages[0][1]["message"])
    # A preview fetches the link, as often as it likes.
    async with httpx.AsyncClient(transport=desk.http._transport, base_url=PUBLIC) as phone:  # noqa: SLF001
        for _ in range(2):
            page = await phone.get(path)
            assert page.status_code == 200
            assert "&lt;b&gt;bold" in page.text
            assert '<form method="post">' in page.text
            assert page.headers["referrer-policy"] == "no-referrer"
        assert await desk.states() == ["waiting", "waiting"]
        assert "Acknowledged" in (await phone.post(path)).text
        assert "used already" in (await phone.post(path)).text
        assert "used already" in (await phone.get(path)).text
        assert (await phone.get(path[:-1] + "!")).status_code == 404
        forged = path[:-1] + ("A" if path[-1] != "A" else "B")
        assert (await phone.post(forged)).status_code == 404
    await desk.after(0)
    assert await desk.states() == ["answered", "answered"]
    found = await desk.store.get("a")
    assert found is not None
    assert b'"state":"acked"' in found[1]
    (attempt,) = (await desk.http.get("/v1/notification-attempts")).json()["items"]
    assert attempt["answered"] is not None
    actors = await desk.database.read(
        lambda c: c.execute(select(audit_entries.c.action, audit_entries.c.actor)).all()
    )
    assert ("notification.answer", "wang") in [tuple(row) for row in actors]


async def test_a_link_expires_and_one_that_comes_late_says_so(desk: Desk) -> None:
    anna = await desk.contact("anna")
    await desk.rule({"contact": anna}, bundle_s=0)
    await desk.raise_alerts("a", "b")
    await desk.after(0)
    path = link_in(desk.gateway.messages[0][1]["message"])
    await desk.act("a", "ack")
    await desk.act("b", "ack")
    assert "Somebody else" in (await desk.http.post(path)).text
    desk.clock[0] += desk.links.lasts_ms
    assert (await desk.http.get(path)).status_code == 410
    assert (await desk.http.post(path)).status_code == 410


async def test_an_alert_that_escalates_goes_through_its_chain_again(desk: Desk) -> None:
    anna = await desk.contact("anna")
    await desk.rule({"contact": anna}, step_s=60, bundle_s=0)
    await desk.raise_alerts("a")
    assert await desk.after(0) == ["anna"]
    assert await desk.after(60) == []
    assert await desk.states() == ["unanswered"]
    desk.clock[0] += 60_000
    assert await desk.store.escalate(DEFAULTS)
    assert await desk.after(0) == ["anna"]


async def test_what_a_summary_stands_for_is_not_told(desk: Desk) -> None:
    anna = await desk.contact("anna")
    await desk.rule({"contact": anna}, bundle_s=0)
    await desk.raise_alerts("a", severity="low")
    await desk.raise_alerts("h", historical=True)
    assert await desk.after(0) == []
    assert await desk.states() == []


async def test_a_rule_that_is_removed_tells_nobody_more(desk: Desk) -> None:
    anna = await desk.contact("anna")
    rule = await desk.rule({"contact": anna})
    await desk.raise_alerts("a")
    assert await desk.after(0) == []
    assert await desk.states() == ["waiting"]
    path = f"/v1/notification-rules/{rule}"
    assert (await desk.http.delete(path, headers={"If-Match": "1"})).status_code == 204
    assert await desk.after(10) == []
    assert await desk.states() == ["over"]


async def test_channels_are_sealed_and_never_shown(desk: Desk) -> None:
    anna = await desk.contact("anna")
    shown = await desk.http.get(f"/v1/contacts/{anna}")
    assert shown.json()["channels"] == [{"label": "duty phone", "kind": "json"}]
    assert str(desk.gateway.port) not in shown.text
    row = await desk.database.read(lambda c: c.execute(select(contacts)).one())
    assert all(b"127.0.0.1" not in value for value in row if isinstance(value, bytes))
    body = {"name": "Anna", "language": "zh"}
    answer = await desk.http.put(f"/v1/contacts/{anna}", json=body, headers={"If-Match": "1"})
    assert (answer.json()["name"], len(answer.json()["channels"])) == ("Anna", 1)
    answer = await desk.http.post(f"/v1/contacts/{anna}/test")
    assert answer.json()["items"] == [{"channel": "duty phone", "taken": True, "detail": ""}]
    assert desk.gateway.messages[0][1]["title"] == "Cordon 测试消息"
    stale = await desk.http.put(f"/v1/contacts/{anna}", json=body, headers={"If-Match": "1"})
    assert stale.status_code == 409
    assert (await desk.http.delete(f"/v1/contacts/{anna}")).status_code == 428
    gone = await desk.http.delete(f"/v1/contacts/{anna}", headers={"If-Match": "2"})
    assert gone.status_code == 204
    assert (await desk.http.get(f"/v1/contacts/{anna}")).status_code == 404


@pytest.mark.parametrize(
    ("channel", "wrong"),
    [
        ("syslog://", "must be one of"),
        ("jsons://10.0.0.1/x", "CORDON_WEBHOOK_ALLOW"),
        ("jsons://[::1]/x", "CORDON_WEBHOOK_ALLOW"),
        ("jsons://gateway.example/x?verify=no", "verify"),
        ("mailtos://u:p@example.com?pgpkey=/etc/passwd", "pgpkey"),
        ("dingtalk://", "missing"),
    ],
)
async def test_a_bad_channel_is_refused_and_not_repeated(
    desk: Desk, channel: str, wrong: str
) -> None:
    body = {"name": "x", "channels": [{"label": "a", "url": channel}]}
    answer = await desk.http.post("/v1/contacts", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "channels.0.url")
    assert wrong in answer.json()["detail"]
    assert "/etc/passwd" not in answer.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chain": []}, "chain"),
        ({"chain": [{}]}, "chain.0"),
        ({"chain": [{"contact": "0" * 16}]}, "chain.0.contact"),
        ({"chain": [{"place": "g", "contact": "0" * 16}]}, "chain.0"),
        ({"severities": ["bad"]}, "severities.0"),
        ({"hours": {"from": "24:00", "to": "01:00"}}, "hours.from"),
        ({"step_s": 1}, "step_s"),
    ],
)
async def test_a_bad_rule_names_the_field(desk: Desk, changes: Any, field: str) -> None:
    body = {"name": "r", "severities": ["high"], "chain": [{"place": "gate"}], **changes}
    answer = await desk.http.post("/v1/notification-rules", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("path", ["contacts", "notification-rules", "notices"])
@pytest.mark.parametrize("role", ["device", "viewer", "dispatcher", "auditor", "replay"])
async def test_only_who_leads(desk: Desk, role: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {role}"}
    assert (await desk.http.get(f"/v1/{path}", headers=headers)).status_code == 403


async def test_the_label_is_the_masked_one(desk: Desk) -> None:
    anna = await desk.contact("anna")
    await desk.rule({"contact": anna}, bundle_s=0)
    await desk.raise_alerts("a", subject=Subject("person", "person:1:deadbeef", "330421…001X"))
    await desk.after(0)
    assert "deadbeef" not in str(desk.gateway.messages)


async def test_it_runs_by_itself(desk: Desk) -> None:
    anna = await desk.contact("anna")
    await desk.rule({"contact": anna}, bundle_s=0)
    running = asyncio.create_task(desk.notifier.run())
    try:
        await desk.raise_alerts("a")
        async with asyncio.timeout(20):
            await desk.gateway.arrived.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert desk.gateway.told == ["anna"]
