"""Signing in and out over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from services.api import problems
from services.api.session import COOKIE, Sessions
from services.api.sign_in import router
from services.api.store.database import Database
from tests.clock import Clock
from tests.doors import doors_of

OWN = {"Sec-Fetch-Site": "same-origin"}


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}"}


@pytest.fixture
async def client(
    database: Database, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    sessions = Sessions(database, clock, tmp_path / "tokens.json")
    await sessions.start()
    app.state.sessions = sessions
    app.state.tokens = TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES})
    app.include_router(router(doors_of(database, sessions, clock)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def test_a_token_becomes_a_cookie_that_scripts_cannot_read(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v1/session", headers=bearer("dispatcher"))
    assert answer.json() == {"name": "the dispatcher", "role": "dispatcher"}
    cookie = answer.headers["set-cookie"].lower()
    for attribute in (f"{COOKIE}=", "httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert attribute in cookie
    assert "secure" not in cookie
    assert (await client.get("/v1/session")).json() == answer.json()


async def test_the_token_may_be_in_the_body(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/session", json={"token": "viewer"})
    assert answer.json() == {"name": "the viewer", "role": "viewer"}
    assert (await client.get("/v1/session")).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [(b"{", 400, None), (b"{}", 422, "token"), (b'{"token":1}', 422, "token")],
)
async def test_a_body_without_a_token_is_refused(
    client: httpx.AsyncClient, body: bytes, status: int, field: str | None
) -> None:
    kind = {"Content-Type": "application/json"}
    answer = await client.post("/v1/session", content=body, headers=kind)
    assert (answer.status_code, answer.json().get("field")) == (status, field)


async def test_a_form_of_another_page_signs_nobody_in(client: httpx.AsyncClient) -> None:
    kind = {"Content-Type": "text/plain"}
    answer = await client.post("/v1/session", content=b'{"token":"viewer"}', headers=kind)
    assert answer.status_code == 401


async def test_over_https_the_cookie_stays_there(client: httpx.AsyncClient) -> None:
    answer = await client.post("https://api/v1/session", headers=bearer("viewer"))
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_who_cannot_sign_in(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/session")).status_code == 401
    assert (await client.post("/v1/session", json={"token": "nobody"})).status_code == 401
    assert (await client.post("/v1/session", headers=bearer("nobody"))).status_code == 401
    assert (await client.post("/v1/session", headers=bearer("device"))).status_code == 403
    assert (await client.post("/v1/session", json={"token": "device"})).status_code == 403
    assert (await client.get("/v1/session")).status_code == 401


async def test_signing_out_ends_the_session(client: httpx.AsyncClient) -> None:
    await client.post("/v1/session", headers=bearer("viewer"))
    value = client.cookies[COOKIE]
    assert (await client.delete("/v1/session", headers=OWN)).status_code == 204
    assert COOKIE not in client.cookies
    stolen = await client.get("/v1/session", headers={"Cookie": f"{COOKIE}={value}"})
    assert stolen.status_code == 401


async def test_a_cookie_from_another_origin_changes_nothing(client: httpx.AsyncClient) -> None:
    await client.post("/v1/session", headers=bearer("admin"))
    for headers in ({}, {"Origin": "http://api:9"}, {"Sec-Fetch-Site": "same-site"}):
        assert (await client.delete("/v1/session", headers=headers)).status_code == 403
        assert (await client.post("/v1/session/links", headers=headers)).status_code == 403
    assert (await client.get("/v1/session")).status_code == 200


async def test_a_link_signs_in_once(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/session/links", headers=bearer("viewer"))).status_code == 403
    url = (await client.post("/v1/session/links", headers=bearer("admin"))).json()["url"]
    first = await client.get(url)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert first.headers["referrer-policy"] == "no-referrer"
    assert (await client.get("/v1/session")).json()["role"] == "admin"
    second = await client.get(url)
    assert (second.status_code, second.headers["location"]) == (303, "/#link-spent")
    assert "set-cookie" not in second.headers
