"""Signing in at an OpenID provider, which is a real one in small on a real socket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from schemas.access import Grant, TokenFile
from schemas.settings import Settings
from services.api import problems, sign_in
from services.api.people.claims import Mapped, NotLetIn, grant_of
from services.api.people.oidc import Elsewhere, elsewhere_of, router
from services.api.people.provider import Client, Provider
from services.api.session import Sessions
from services.api.store.database import Database
from tests.api_people.openid_provider import CLIENT, SECRET, OpenIdProvider
from tests.clock import Clock
from tests.doors import doors_of

BACK = "http://api/v1/session/oidc/callback"
MAPPED = Mapped(
    "preferred_username", "groups", {"desk": "dispatcher", "leads": "supervisor"}, "grids"
)


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    async with OpenIdProvider().serving() as provider:
        yield provider


@pytest.fixture
async def client(
    database: Database, clock: Clock, provider: OpenIdProvider, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    sessions = Sessions(database, clock, tmp_path / "tokens.json")
    await sessions.start()
    doors = doors_of(database, sessions, clock)
    app.state.sessions = sessions
    app.state.tokens = TokenFile({})
    app.include_router(sign_in.router(doors))
    ours = Client(provider.issuer, CLIENT, BACK, "openid profile", SECRET)
    elsewhere = Elsewhere(Provider(ours, lambda: clock.now_ms // 1000), MAPPED)
    app.include_router(router(doors, elsewhere))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def led_back(client: httpx.AsyncClient) -> str:
    """Go to the provider as a browser does; return where it leads back to."""
    started = await client.get("/v1/session/oidc/start")
    assert started.status_code == 303
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(started.headers["location"], allow_redirects=False) as answer,
    ):
        return answer.headers["location"]


async def come_back(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(await led_back(client))


async def test_who_comes_back_is_signed_in(client: httpx.AsyncClient) -> None:
    answer = await come_back(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await client.get("/v1/session")).json() == {
        "name": "oidc:chen",
        "role": "dispatcher",
        "areas": ["north"],
    }


async def test_a_way_back_serves_once_and_only_the_browser_that_went(
    client: httpx.AsyncClient,
) -> None:
    back = await led_back(client)
    cookies, client.cookies = client.cookies, httpx.Cookies()
    stolen = await client.get(back)
    assert stolen.headers["location"] == "/#sign-in-refused"
    client.cookies = cookies
    assert (await client.get(back)).headers["location"] == "/"
    assert (await client.get(back)).headers["location"] == "/#sign-in-refused"


async def test_ten_minutes_are_enough(client: httpx.AsyncClient, clock: Clock) -> None:
    back = await led_back(client)
    clock.now_ms += 600_000
    assert (await client.get(back)).headers["location"] == "/#sign-in-refused"


async def test_a_code_of_another_flow_does_not_fit(client: httpx.AsyncClient) -> None:
    """PKCE: the code that somebody else got is worth nothing here."""
    other = parse_qs(urlsplit(await led_back(client)).query)["code"][0]
    state = parse_qs(urlsplit(await led_back(client)).query)["state"][0]
    answer = await client.get(BACK, params={"code": other, "state": state})
    assert answer.headers["location"] == "/#sign-in-refused"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another client"},
        {"aud": [CLIENT, "b"], "azp": "b"},
        {"iss": "http://elsewhere"},
        {"exp": 1_649_999_000},
        {"nonce": "another"},
        {"sub": None},
        {"groups": ["everybody"]},
        {"groups": None},
    ],
)
async def test_a_token_that_is_not_for_this_is_not_believed(
    client: httpx.AsyncClient, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    provider.claims |= claims
    assert (await come_back(client)).headers["location"] == "/#sign-in-refused"
    assert (await client.get("/v1/session")).status_code == 401


async def test_a_token_by_another_key_is_not_believed(
    client: httpx.AsyncClient, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
    encode = jwt.encode
    monkeypatch.setattr(jwt, "encode", lambda header, claims, key: encode(header, claims, forger))
    assert (await come_back(client)).headers["location"] == "/#sign-in-refused"


async def test_a_shared_secret_signs_nothing(
    client: httpx.AsyncClient, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = OctKey.import_key(SECRET * 2)
    encode = jwt.encode
    monkeypatch.setattr(
        jwt, "encode", lambda header, claims, key: encode({"alg": "HS256"}, claims, secret)
    )
    assert (await come_back(client)).headers["location"] == "/#sign-in-refused"


async def test_the_provider_may_change_its_keys(
    client: httpx.AsyncClient, provider: OpenIdProvider
) -> None:
    assert (await come_back(client)).headers["location"] == "/"
    provider.key = RSAKey.generate_key(2048, {"kid": "2", "use": "sig"})
    assert (await come_back(client)).headers["location"] == "/"


async def test_without_an_id_token_nobody_is_let_in(
    client: httpx.AsyncClient, provider: OpenIdProvider
) -> None:
    provider.without_token = True
    assert (await come_back(client)).headers["location"] == "/#sign-in-refused"
    refused = await client.get(f"{BACK}?error=access_denied")
    assert refused.headers["location"] == "/#sign-in-refused"


@pytest.mark.parametrize("described", [{"issuer": "http://elsewhere"}, {"jwks_uri": None}])
async def test_a_provider_that_describes_itself_wrongly_is_503(
    client: httpx.AsyncClient, provider: OpenIdProvider, described: dict[str, Any]
) -> None:
    provider.described = described
    assert (await client.get("/v1/session/oidc/start")).status_code == 503


async def test_a_provider_that_is_away_is_503(
    client: httpx.AsyncClient, provider: OpenIdProvider
) -> None:
    provider.described = {"token_endpoint": "http://127.0.0.1:9/token"}
    assert (await come_back(client)).status_code == 503


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"groups": "desk leads"}, Grant("oidc:u", "supervisor", areas=())),
        ({"groups": ["desk", 5]}, Grant("oidc:u", "dispatcher", areas=())),
        (
            {"groups": ["desk"], "preferred_username": " li ", "grids": "a b"},
            Grant("oidc:li", "dispatcher", areas=("a", "b")),
        ),
    ],
)
def test_claims_become_roles_and_areas(claims: dict[str, Any], expected: Grant) -> None:
    assert grant_of({"sub": "u", **claims}, MAPPED) == expected


def test_without_a_claim_for_areas_there_is_no_limit() -> None:
    everywhere = Mapped("name", "groups", {"desk": "viewer"})
    assert grant_of({"sub": "u", "groups": ["desk"]}, everywhere).areas is None
    with pytest.raises(NotLetIn):
        grant_of({"sub": "u", "groups": ["leads"]}, everywhere)


def test_half_a_provider_is_an_error() -> None:
    assert elsewhere_of(Settings()) is None
    with pytest.raises(ValueError, match="CORDON_OIDC_CLIENT_ID"):
        elsewhere_of(Settings(oidc_issuer="http://p"))
    whole: dict[str, Any] = {
        "oidc_issuer": "http://p",
        "oidc_client_id": "c",
        "oidc_redirect_url": BACK,
    }
    with pytest.raises(ValueError, match="CORDON_OIDC_ROLES: .boxes."):
        elsewhere_of(Settings(**whole, oidc_roles={"boxes": "device"}))
    assert elsewhere_of(Settings(**whole, oidc_roles={"desk": "viewer"})) is not None


async def test_without_a_provider_there_is_no_way_to_it(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    app = FastAPI()
    problems.install(app)
    sessions = Sessions(database, clock, tmp_path / "tokens.json")
    app.include_router(router(doors_of(database, sessions, clock), None))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        for part in ("start", "callback"):
            assert (await client.get(f"/v1/session/oidc/{part}")).status_code == 404
