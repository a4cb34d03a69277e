"""Alerts over HTTP: who may, pages, filters, acts, and problems."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from schemas.alerts import Alert
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.examples import finding


@pytest.fixture
async def seven(store: AlertStore) -> None:
    findings = [Sourced(0, n, finding(f"a{n}", order=f"o{n}")) for n in range(7)]
    await store.apply("t", findings, {0: 7})


def problem(answer: httpx.Response) -> Any:
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == answer.status_code
    assert found["title"]
    return found


@pytest.mark.parametrize(
    ("role", "read", "ack"),
    [
        ("device", 403, 403),
        ("viewer", 200, 403),
        ("replay", 200, 403),
        ("dispatcher", 200, 200),
        ("admin", 200, 200),
        ("nobody", 401, 401),
    ],
)
@pytest.mark.usefixtures("seven")
async def test_roles(client: httpx.AsyncClient, role: str, read: int, ack: int) -> None:
    headers = {"Authorization": f"Bearer {role}"}
    answer = await client.get("/v1/alerts", headers=headers)
    assert answer.status_code == read
    answer = await client.get("/v1/alerts/a1", headers=headers)
    assert answer.status_code == read
    answer = await client.post("/v1/alerts/a1/ack", headers=headers | {"If-Match": "1"})
    assert answer.status_code == ack
    if ack != 200:
        problem(answer)


async def test_without_a_token(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get("/v1/alerts")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        problem(answer)
        answer = await client.get("/v1/alerts", headers={"Authorization": "Basic dXNlcg=="})
        assert answer.status_code == 401
        client.cookies.set("cordon_session", "made up")
        answer = await client.get("/v1/alerts")
        assert answer.status_code == 401


@pytest.mark.usefixtures("seven")
async def test_a_session_reads_and_acts_only_from_its_own_page(app: FastAPI) -> None:
    value = await app.state.sessions.open(app.state.tokens.grant_of("dispatcher"))
    transport = httpx.ASGITransport(app=app)
    cookies = {"cordon_session": value}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://api", cookies=cookies
    ) as client:
        assert (await client.get("/v1/alerts")).status_code == 200
        headers = {"If-Match": "1", "Origin": "http://api:81"}
        answer = await client.post("/v1/alerts/a1/ack", headers=headers)
        assert answer.status_code == 403
        headers["Origin"] = "http://api"
        answer = await client.post("/v1/alerts/a1/ack", headers=headers)
        assert answer.status_code == 200


@pytest.mark.usefixtures("seven")
async def test_pages_follow_one_another(client: httpx.AsyncClient, store: AlertStore) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        parameters = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/alerts", params=parameters)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        # What is raised or changes meanwhile moves nothing on the pages that follow.
        offset = 10 + len(seen)
        newer = [Sourced(0, offset, finding(f"b{offset}"))]
        newer.append(Sourced(0, offset, finding("a0", "matched", count=offset)))
        await store.apply("t", newer, {0: offset + 1})
    assert seen == ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]
    assert cursor is None


@pytest.mark.usefixtures("seven")
async def test_filters_in_the_query(client: httpx.AsyncClient) -> None:
    async def ids(query: str) -> list[str]:
        answer = await client.get(f"/v1/alerts?{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await ids("order=o3") == ["a3"]
    assert await ids("order=o3&order=o5") == ["a5", "a3"]
    assert await ids("order=o3&state=acked") == []
    assert len(await ids("rule=quarantine-breach&severity=critical&state=open")) == 7
    assert len(await ids("since=2021-12-20T19:33:20%2B08:00&site=gate")) == 7
    assert await ids("until=2021-12-20T11:33:20Z") == []
    assert await ids("q=a4") == ["a4"]
    assert len(await ids("subject=person:1:ab&grid=")) == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("until=2021-12-20T11:33:20", "until"),
        ("severity=awful", "severity.0"),
        ("state=lost", "state.0"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("cursor=-1", "cursor"),
        ("cursor=1%27", "cursor"),
        ("q=%00", "q"),
    ],
)
async def test_bad_queries(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"/v1/alerts?{query}")
    assert answer.status_code == 422
    assert problem(answer)["field"] == field


@pytest.mark.usefixtures("seven")
async def test_an_alert_and_its_revision(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/alerts/a2")
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    alert = msgspec.json.decode(answer.content, type=Alert)
    assert (alert.id, alert.state, alert.historical) == ("a2", "open", False)
    assert (await client.get("/v1/alerts/none")).status_code == 404


@pytest.mark.parametrize(
    ("if_match", "status"),
    [("1", 200), ('"1"', 200), (" 1 ", 200), (None, 428), ("2", 409), ("*", 400), ('W/"1"', 400)],
)
@pytest.mark.usefixtures("seven")
async def test_if_match(client: httpx.AsyncClient, if_match: str | None, status: int) -> None:
    headers = {} if if_match is None else {"If-Match": if_match}
    answer = await client.post("/v1/alerts/a1/ack", json={"note": "on it"}, headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["etag"] == '"2"'
        alert = answer.json()
        assert (alert["state"], alert["note"], alert["revision"]) == ("acked", "on it", 2)
    else:
        problem(answer)
    if status == 409:
        assert answer.headers["etag"] == '"1"'


@pytest.mark.usefixtures("seven")
async def test_of_two_who_acknowledge_one_wins(client: httpx.AsyncClient) -> None:
    calls = [client.post("/v1/alerts/a1/ack", headers={"If-Match": "1"}) for _ in range(2)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    answer = await client.post("/v1/alerts/a1/ack", headers={"If-Match": "2"})
    assert answer.status_code == 409
    assert "acked already" in problem(answer)["detail"]


@pytest.mark.usefixtures("seven")
async def test_bad_acts(client: httpx.AsyncClient) -> None:
    headers = {"If-Match": "1"}
    answer = await client.post("/v1/alerts/a1/ack", json={"note": "n" * 2001}, headers=headers)
    assert (answer.status_code, problem(answer)["field"]) == (422, "note")
    answer = await client.post("/v1/alerts/a1/ack", content=b"{", headers=headers)
    assert answer.status_code == 422
    answer = await client.post("/v1/alerts/a1/ack", content=b" " * 20_000, headers=headers)
    assert answer.status_code == 413
    problem(answer)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000

    answer = await client.post("/v1/alerts/a1/ack", content=endless(), headers=headers)
    assert answer.status_code == 413
    answer = await client.post("/v1/alerts/none/ack", headers=headers)
    assert answer.status_code == 404


async def test_health_and_problems(client: httpx.AsyncClient) -> None:
    client.headers.clear()
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.head("/healthz")).status_code == 200
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "waiting", "parts": {"findings": True, "broker": False}}
    metrics = await client.get("/metrics")
    assert "cordon_api_feed_clients" in metrics.text
    answer = await client.get("/v1/nothing")
    assert answer.status_code == 404
    problem(answer)
    answer = await client.delete("/v1/alerts")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    problem(answer)


async def test_the_openapi_document_has_what_it_refers_to(client: httpx.AsyncClient) -> None:
    text = (await client.get("/v1/openapi.json")).text
    document = msgspec.json.decode(text)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert {"Alert", "Problem"} <= names <= set(document["components"]["schemas"])
    assert "/v1/alerts/stream" in document["paths"]
