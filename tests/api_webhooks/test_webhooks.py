"""Webhooks from the route to the socket: signed, in order, retried, given up, replayed."""

import asyncio
from base64 import b64decode, b64encode
from hashlib import sha256
from hmac import digest
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select

from services.api.audit.tables import audit_entries
from services.api.people.areas import Areas
from services.api.sealing import Sealing
from services.api.store.tables import alert_events
from services.api.webhooks.delivery import Delivery
from services.api.webhooks.retrying import GIVE_UP_MS
from services.api.webhooks.routes import ROTATION_MS
from services.api.webhooks.sender import Sender
from services.api.webhooks.tables import webhooks
from tests.api_webhooks.conftest import Desk


def signature(secret: Any, headers: dict[str, str], body: bytes) -> str:
    """Sign as the specification says, by hand."""
    key = b64decode(str(secret).removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return f"v1,{b64encode(digest(key, text, sha256)).decode()}"


def ident(made: dict[str, object]) -> str:
    return str(made["id"])


async def test_an_event_arrives_as_it_is_in_the_feed_and_signed(desk: Desk) -> None:
    await desk.raise_alerts("before")
    made = await desk.create()
    await desk.raise_alerts("a")
    await desk.deliver(ident(made))
    ((headers, body),) = desk.receiver.messages
    (event,) = await desk.store.events_after(1, 10)
    assert body == event.body
    assert headers["webhook-id"] == "a/1"
    assert headers["webhook-timestamp"] == str(desk.clock[0] // 1000)
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["webhook-signature"] == signature(made["secret"], headers, body)
    shown = await desk.shown(ident(made))
    assert (shown["delivered"], shown["failures"], shown["last_result"]) == (1, 0, "status 204")
    assert "secret" not in shown
    assert str(made["secret"]) not in str(shown)


async def test_each_receiver_gets_what_it_wants(desk: Desk) -> None:
    everything = ident(await desk.create())
    high = ident(await desk.create(filters={"severity": ["high"]}))
    area = ident(await desk.create(areas=["g1"]))
    nowhere = ident(await desk.create(areas=[]))
    await desk.raise_alerts("a")
    await desk.raise_alerts("b", severity="high")
    await desk.raise_alerts("c", grid="g1")
    for webhook, expected in (
        (everything, ["a/1", "b/1", "c/1"]),
        (high, ["b/1"]),
        (area, ["c/1"]),
        (nowhere, []),
    ):
        desk.receiver.messages.clear()
        await desk.deliver(webhook)
        assert desk.receiver.ids == expected
        # What was left out is behind it all the same.
        await desk.deliver(webhook)
        assert desk.receiver.ids == expected


async def test_a_failure_is_repeated_with_the_same_id_before_anything_else(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a", "b")
    desk.receiver.answers = [500, 302]
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1"]
    shown = await desk.shown(webhook)
    assert (shown["failures"], shown["last_result"]) == (1, "status 500")
    desk.clock[0] += 5_000
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1", "a/1"]
    desk.clock[0] += 29_999
    await desk.deliver(webhook)
    assert len(desk.receiver.ids) == 2
    desk.clock[0] += 1
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1", "a/1", "a/1", "b/1"]
    shown = await desk.shown(webhook)
    assert (shown["failures"], shown["failing_since"], shown["delivered"]) == (0, None, 2)


async def test_a_receiver_says_when_to_come_again(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a")
    desk.receiver.answers, desk.receiver.headers = [429], {"Retry-After": "60"}
    await desk.deliver(webhook)
    desk.clock[0] += 59_999
    await desk.deliver(webhook)
    assert len(desk.receiver.ids) == 1
    desk.clock[0] += 1
    await desk.deliver(webhook)
    assert len(desk.receiver.ids) == 2


async def test_who_is_gone_gets_nothing_more(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a", "b")
    desk.receiver.answers = [410]
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1"]
    shown = await desk.shown(webhook)
    assert (shown["state"], shown["revision"]) == ("disabled", 2)
    assert await desk.delivery.step(webhook) is None
    # Whoever takes it up again gets what was missed.
    answer = await desk.http.patch(
        f"/v1/webhooks/{webhook}", json={"state": "active"}, headers={"If-Match": "2"}
    )
    assert answer.json()["state"] == "active"
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1", "a/1", "b/1"]


async def test_after_more_than_a_day_events_lie_among_the_dead_letters(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a", "b")
    desk.receiver.answers = [500] * 100
    await desk.deliver(webhook)
    desk.clock[0] += GIVE_UP_MS
    await desk.raise_alerts("c")
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1", "a/1"]
    answer = await desk.http.get(f"/v1/webhooks/{webhook}/dead-letters?limit=1")
    (first,) = answer.json()["items"]
    assert (first["id"], first["reason"], first["again"]) == ("a/1", "status 500", False)
    assert first["event"]["data"]["id"] == "a"
    answer = await desk.http.get(
        f"/v1/webhooks/{webhook}/dead-letters?cursor={answer.json()['next']}"
    )
    assert [one["id"] for one in answer.json()["items"]] == ["b/1"]
    assert answer.json()["next"] is None
    assert (await desk.shown(webhook))["dead_letters"] == 2
    # It is well again: the feed first, and then the letters that are asked for.
    desk.receiver.answers = []
    desk.clock[0] += 2 * 3_600_000
    answer = await desk.http.post(f"/v1/webhooks/{webhook}/dead-letters:replay")
    assert answer.json() == {"letters": 2}
    desk.receiver.answers = [204, 500]
    await desk.deliver(webhook)
    assert desk.receiver.ids == ["a/1", "a/1", "c/1", "a/1", "b/1"]
    assert (await desk.shown(webhook))["dead_letters"] == 1
    letters = (await desk.http.get(f"/v1/webhooks/{webhook}/dead-letters")).json()["items"]
    assert [(one["id"], one["again"]) for one in letters] == [("a/1", False)]
    again = {"letters": [letters[0]["n"]]}
    await desk.http.post(f"/v1/webhooks/{webhook}/dead-letters:replay", json=again)
    await desk.deliver(webhook)
    assert (await desk.shown(webhook))["dead_letters"] == 0


async def test_what_is_refused_three_times_hinders_the_rest_no_longer(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a", "b")
    desk.receiver.answers = [400, 422, 400]
    for _ in range(3):
        await desk.deliver(webhook)
        desk.clock[0] += 600_000
    assert desk.receiver.ids == ["a/1", "a/1", "a/1", "b/1"]
    assert (await desk.shown(webhook))["dead_letters"] == 1


async def test_what_the_feed_has_forgotten_is_told_as_a_gap(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a", "b", "c")
    await desk.database.write(
        lambda c: c.execute(delete(alert_events).where(alert_events.c.n <= 2))
    )
    await desk.deliver(webhook)
    gap, rest = desk.receiver.messages
    assert gap[0]["webhook-id"] == f"cordon.feed.gap.v1/{desk.store.cursor(2)}"
    assert (
        b'"data":{"from":"%s","to":"%s"}'
        % (
            desk.store.cursor(0).encode(),
            desk.store.cursor(2).encode(),
        )
        in gap[1]
    )
    assert rest[0]["webhook-id"] == "c/1"


async def test_for_a_day_both_secrets_sign(desk: Desk) -> None:
    made = await desk.create()
    webhook = ident(made)
    answer = await desk.http.post(f"/v1/webhooks/{webhook}/rotate", headers={"If-Match": '"1"'})
    new = answer.json()["secret"]
    assert new != made["secret"]
    assert answer.headers["etag"] == '"2"'
    await desk.raise_alerts("a")
    await desk.deliver(webhook)
    headers, body = desk.receiver.messages[-1]
    expected = [signature(new, headers, body), signature(made["secret"], headers, body)]
    assert headers["webhook-signature"].split(" ") == expected
    desk.clock[0] += ROTATION_MS
    await desk.raise_alerts("b")
    await desk.deliver(webhook)
    headers, body = desk.receiver.messages[-1]
    assert headers["webhook-signature"] == signature(new, headers, body)


async def test_a_webhook_can_be_tried(desk: Desk) -> None:
    made = await desk.create()
    answer = await desk.http.post(f"/v1/webhooks/{ident(made)}/test")
    assert answer.json()["taken"] is True
    headers, body = desk.receiver.messages[0]
    assert b"cordon.webhook.test.v1" in body
    assert headers["webhook-signature"] == signature(made["secret"], headers, body)
    desk.receiver.answers = [500]
    answer = await desk.http.post(f"/v1/webhooks/{ident(made)}/test")
    assert (answer.json()["taken"], answer.json()["status"]) == (False, 500)


async def test_the_secret_is_nowhere_in_the_database(desk: Desk) -> None:
    made = await desk.create()
    row = await desk.database.read(lambda c: c.execute(select(webhooks)).one())
    raw = b64decode(str(made["secret"]).removeprefix("whsec_"))
    assert all(
        raw not in value and str(made["secret"]).encode() not in value
        for value in row
        if isinstance(value, bytes)
    )


async def test_under_another_key_a_webhook_is_ended_and_says_why(desk: Desk) -> None:
    webhook = ident(await desk.create())
    await desk.raise_alerts("a")
    other = Delivery(
        desk.database,
        Sealing(bytes([1] * 32)),
        Sender(()),
        Areas(desk.database, lambda: desk.clock[0]),
        clock_ms=lambda: desk.clock[0],
        chance=lambda: 0.5,
        cursor=desk.store.cursor,
        news=asyncio.Event().wait,  # type: ignore[arg-type]
    )
    assert await other.step(webhook) is None
    shown = await desk.shown(webhook)
    assert shown["state"] == "disabled"
    assert "key" in str(shown["last_result"])


async def test_a_name_that_turns_inward_is_not_reached(desk: Desk) -> None:
    """The name is fine when it is filed; it is the address that is looked at."""
    sender = Sender(())
    port = desk.receiver.url.rsplit(":", 1)[1]
    attempt = await sender.post(f"https://localhost:{port}", b"{}", {})
    assert attempt.status is None
    assert "may not be reached" in str(attempt.error)
    attempt = await sender.post(desk.receiver.url, b"{}", {})
    assert "may not be reached" in str(attempt.error)
    assert desk.receiver.messages == []


async def test_nobody_there_is_a_failure_like_any_other(desk: Desk) -> None:
    made = await desk.create()
    await desk.receiver.stop()
    answer = await desk.http.post(f"/v1/webhooks/{ident(made)}/test")
    assert answer.json()["status"] is None
    assert answer.json()["error"]
    await desk.receiver.start()


async def test_it_runs_by_itself_and_follows_what_people_change(desk: Desk) -> None:
    arrived = asyncio.Event()
    desk.receiver.on_message = arrived.set
    running = asyncio.create_task(desk.delivery.run())
    try:
        made = await desk.create()
        await desk.raise_alerts("a")
        async with asyncio.timeout(20):
            await arrived.wait()
            arrived.clear()
            # While a message is under way the next event is heard of.
            await desk.raise_alerts("b")
            await arrived.wait()
        assert desk.receiver.ids == ["a/1", "b/1"]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert made["state"] == "active"


async def test_two_people_at_once(desk: Desk) -> None:
    webhook = ident(await desk.create())
    path = f"/v1/webhooks/{webhook}"
    change = {"name": "other", "areas": ["g1"], "filters": {"rule": ["fever"], "q": "x"}}
    answer = await desk.http.patch(path, json=change, headers={"If-Match": "1"})
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["name"], shown["areas"]) == ("other", ["g1"])
    assert shown["filters"] == {"rule": ["fever"], "q": "x"}
    answer = await desk.http.patch(path, json=change, headers={"If-Match": "1"})
    assert (answer.status_code, answer.headers["etag"]) == (409, '"2"')
    assert (await desk.http.patch(path, json=change)).status_code == 428
    bad = {"If-Match": "x"}
    assert (await desk.http.patch(path, json=change, headers=bad)).status_code == 400
    assert (await desk.http.delete(path, headers={"If-Match": "1"})).status_code == 409
    assert (await desk.http.delete(path, headers={"If-Match": "2"})).status_code == 204
    assert (await desk.http.get(path)).status_code == 404
    entries = await desk.database.read(
        lambda c: c.scalars(select(audit_entries.c.action).order_by(audit_entries.c.n)).all()
    )
    assert entries == ["webhook.create", "webhook.change", "webhook.delete"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "url"),
        ({"name": "", "url": "https://a.example"}, "name"),
        ({"name": "x", "url": "https://192.168.0.1/"}, "url"),
        ({"name": "x", "url": "gopher://a.example"}, "url"),
        ({"name": "x", "url": "https://a.example", "filters": {"rules": []}}, "filters.rules"),
        (
            {"name": "x", "url": "https://a.example", "filters": {"severity": ["bad"]}},
            "filters.severity.0",
        ),
        ({"name": "x", "url": "https://a.example", "areas": [""]}, "areas.0"),
    ],
)
async def test_bad_input_names_the_field(desk: Desk, body: Any, field: str) -> None:
    answer = await desk.http.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_nobody_sets_what_only_happens(desk: Desk) -> None:
    webhook = ident(await desk.create())
    answer = await desk.http.patch(
        f"/v1/webhooks/{webhook}", json={"state": "disabled"}, headers={"If-Match": "1"}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "state")


@pytest.mark.parametrize("role", ["device", "viewer", "dispatcher", "auditor", "replay"])
async def test_only_who_leads_sees_webhooks(desk: Desk, role: str) -> None:
    headers = {"Authorization": f"Bearer {role}"}
    assert (await desk.http.get("/v1/webhooks", headers=headers)).status_code == 403
    answer: httpx.Response = await desk.http.post("/v1/webhooks", json={}, headers=headers)
    assert answer.status_code == 403


async def test_who_is_limited_to_areas_reaches_no_further(desk: Desk) -> None:
    everywhere = ident(await desk.create())
    desk.limit("g1", "g2")
    made = await desk.create()
    assert made["areas"] == ["g1", "g2"]
    assert (await desk.create(areas=["g2"]))["areas"] == ["g2"]
    body = {"name": "x", "url": desk.receiver.url, "areas": ["g1", "g3"]}
    answer = await desk.http.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "areas")
    assert (await desk.http.get(f"/v1/webhooks/{everywhere}")).status_code == 403
    shown = (await desk.http.get("/v1/webhooks")).json()["items"]
    assert everywhere not in [one["id"] for one in shown]
    assert len(shown) == 2


async def test_half_a_character_is_refused(desk: Desk) -> None:
    body = b'{"name": "\\ud8d4", "url": "https://a.example"}'
    headers = {"Content-Type": "application/json"}
    answer = await desk.http.post("/v1/webhooks", content=body, headers=headers)
    assert answer.status_code == 422
