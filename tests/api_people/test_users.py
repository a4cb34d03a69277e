"""Users: filed over HTTP by admins, with revisions, and never without an admin."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.problems import Rejected
from services.api import problems, sign_in
from services.api.audit.chain import Entry
from services.api.audit.tables import audit_entries
from services.api.people import routes as people
from services.api.people.passwords import Passwords, check_password, wait_ms
from services.api.people.tables import users as table
from services.api.people.users import Change, Users
from services.api.session import COOKIE, Sessions
from services.api.store.database import Database
from tests.clock import Clock
from tests.doors import doors_of

OWN = {"Sec-Fetch-Site": "same-origin"}
BY = Grant("root", "admin")
GOOD = "correct horse battery"


@pytest.fixture
async def client(
    database: Database, clock: Clock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's client of users and sessions."""
    app = FastAPI()
    problems.install(app)
    sessions = Sessions(database, clock, tmp_path / "tokens.json")
    await sessions.start()
    doors = doors_of(database, sessions, clock)
    await doors.users.start()
    app.state.sessions = sessions
    app.state.tokens = TokenFile({digest(role): Grant(f"the {role}", role) for role in ROLES})
    app.include_router(sign_in.router(doors))
    app.include_router(people.router(doors.users))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://api", headers={"Authorization": "Bearer admin"}
    ) as client:
        yield client


async def added(client: httpx.AsyncClient, name: str = "chen", **more: object) -> httpx.Response:
    body = {"name": name, "role": "dispatcher", "password": GOOD, **more}
    return await client.post("/v1/users", json=body)


async def signed_in(
    client: httpx.AsyncClient, password: str = GOOD, name: str = "chen"
) -> httpx.Response:
    """Sign in as a browser does, without the admin's token."""
    request = client.build_request("POST", "/v1/session", json={"name": name, "password": password})
    del request.headers["Authorization"]
    return await client.send(request)


async def who(client: httpx.AsyncClient, cookie: str) -> httpx.Response:
    request = client.build_request("GET", "/v1/session", headers={"Cookie": f"{COOKIE}={cookie}"})
    del request.headers["Authorization"]
    return await client.send(request)


async def test_a_user_is_made_shown_changed_and_removed(client: httpx.AsyncClient) -> None:
    made = await added(client, areas=["g1"])
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert made.json() == {
        "name": "chen",
        "role": "dispatcher",
        "areas": ["g1"],
        "disabled": False,
        "password": True,
        "revision": 1,
        "changed": "2022-04-15T05:20:00.000Z",
    }
    assert (await added(client)).status_code == 409
    assert (await client.get("/v1/users/chen")).json() == made.json()
    patch = {"role": "supervisor", "areas": None}
    assert (await client.patch("/v1/users/chen", json=patch)).status_code == 428
    changed = await client.patch("/v1/users/chen", json=patch, headers={"If-Match": "1"})
    assert (changed.json()["role"], changed.json()["areas"]) == ("supervisor", None)
    stale = await client.patch("/v1/users/chen", json=patch, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.headers["etag"]) == (409, '"2"')
    assert (await client.delete("/v1/users/chen", headers={"If-Match": "1"})).status_code == 409
    assert (await client.delete("/v1/users/chen", headers={"If-Match": "2"})).status_code == 204
    assert (await client.get("/v1/users/chen")).status_code == 404
    gone = await client.patch("/v1/users/chen", json=patch, headers={"If-Match": "2"})
    assert gone.status_code == 404


async def test_the_list_is_paged_and_tells_no_hash(client: httpx.AsyncClient) -> None:
    for name in ("chen", "li", "wang"):
        await added(client, name)
    first = (await client.get("/v1/users", params={"limit": 2})).json()
    assert [user["name"] for user in first["items"]] == ["admin", "chen"]
    rest = await client.get("/v1/users", params={"cursor": first["next"]})
    assert [user["name"] for user in rest.json()["items"]] == ["li", "wang"]
    assert rest.json()["next"] is None
    assert "argon2" not in rest.text


async def test_one_admin_who_is_let_in_everywhere_stays(client: httpx.AsyncClient) -> None:
    for patch in ({"role": "viewer"}, {"disabled": True}, {"areas": ["g1"]}):
        answer = await client.patch("/v1/users/admin", json=patch, headers={"If-Match": "1"})
        assert answer.status_code == 409
    assert (await client.delete("/v1/users/admin", headers={"If-Match": "1"})).status_code == 409
    await added(client, "second", role="admin")
    assert (await client.delete("/v1/users/admin", headers={"If-Match": "1"})).status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "device"}, "role"),
        ({"name": "a/b"}, "name"),
        ({"name": " a"}, "name"),
        ({"name": "oidc:chen"}, "name"),
        ({"password": "short"}, "password"),
        ({"password": "chen chen chen"}, "password"),
        ({"password": "aaaaaaaaaaaa"}, "password"),
        ({"areas": [""]}, "areas.0"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_user_that_cannot_be_is_refused(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await added(client, **{"name": "chen", **body})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_password_signs_in_with_the_areas(client: httpx.AsyncClient) -> None:
    await added(client, areas=["g1", "g2"])
    answer = await signed_in(client)
    assert answer.json() == {"name": "chen", "role": "dispatcher", "areas": ["g1", "g2"]}
    assert (await who(client, answer.cookies[COOKIE])).json() == answer.json()


async def test_a_change_of_the_password_ends_other_sessions(client: httpx.AsyncClient) -> None:
    await added(client)
    other, mine = [(await signed_in(client)).cookies[COOKIE] for _ in range(2)]

    async def change(old: str, new: str) -> httpx.Response:
        headers = {"Cookie": f"{COOKIE}={mine}", **OWN}
        request = client.build_request(
            "PUT", "/v1/session/password", json={"old": old, "new": new}, headers=headers
        )
        del request.headers["Authorization"]
        return await client.send(request)

    assert (await change("a wrong old one", "another long one")).status_code == 401
    assert (await change(GOOD, "short")).status_code == 422
    changed = await change(GOOD, "another long one")
    assert changed.status_code == 200
    assert (await who(client, other)).status_code == 401
    assert (await who(client, mine)).status_code == 401
    assert (await who(client, changed.cookies[COOKIE])).json()["name"] == "chen"
    assert (await signed_in(client)).status_code == 401
    assert (await signed_in(client, "another long one")).status_code == 200
    by_token = await client.put("/v1/session/password", json={"old": "x", "new": "y"})
    assert by_token.status_code == 409


async def test_who_is_disabled_or_changed_is_out_at_once(client: httpx.AsyncClient) -> None:
    await added(client)
    cookie = (await signed_in(client)).cookies[COOKIE]
    await client.patch("/v1/users/chen", json={"disabled": True}, headers={"If-Match": "1"})
    assert (await who(client, cookie)).status_code == 401
    assert (await signed_in(client)).status_code == 401


async def test_nobody_learns_who_there_is(client: httpx.AsyncClient) -> None:
    await added(client)
    wrong, unknown = await signed_in(client, "x" * 12), await signed_in(client, GOOD, "nobody")
    without = await signed_in(client, GOOD, "admin")
    assert wrong.json() == unknown.json() == without.json()
    assert wrong.status_code == unknown.status_code == 401


async def test_who_fails_again_and_again_has_to_wait_longer_and_longer(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    await added(client)
    for _ in range(6):
        assert (await signed_in(client, "a wrong one")).status_code == 401
    locked = await signed_in(client)
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "5")
    clock.now_ms += 5_000
    assert (await signed_in(client, "a wrong one")).status_code == 401
    assert (await signed_in(client)).headers["retry-after"] == "10"
    # Another account is not locked with it, and a success forgets.
    await added(client, "li")
    assert (await signed_in(client, name="li")).status_code == 200
    clock.now_ms += 10_000
    assert (await signed_in(client)).status_code == 200
    assert (await signed_in(client, "a wrong one")).status_code == 401
    assert (await signed_in(client)).status_code == 200


async def test_an_address_is_locked_whatever_names_it_tries(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    answers = [(await signed_in(client, name=f"n{n}")).status_code for n in range(22)]
    assert answers == [401] * 21 + [429]
    clock.now_ms += 24 * 3_600_000
    assert (await signed_in(client, name="n")).status_code == 401


async def test_an_address_that_hammers_is_stopped(client: httpx.AsyncClient) -> None:
    await added(client)
    answers = [(await signed_in(client)).status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]


@pytest.mark.parametrize(
    ("failures", "expected_ms"),
    [
        (0, 0),
        (5, 0),
        (6, 5_000),
        (7, 10_000),
        (8, 20_000),
        (13, 640_000),
        (14, 900_000),
        (999, 900_000),
    ],
)
def test_how_long_one_waits(failures: int, expected_ms: int) -> None:
    assert wait_ms(failures, 5) == expected_ms


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "chen"}, "password"),
        ({"password": "x"}, "password"),
        ({"name": "", "password": "x"}, "name"),
        ({"name": "chen", "password": "x" * 201}, "password"),
        ({}, "token"),
    ],
)
async def test_half_a_sign_in_is_refused(
    client: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    request = client.build_request("POST", "/v1/session", json=body)
    del request.headers["Authorization"]
    answer = await client.send(request)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_hash_of_older_parameters_is_made_anew(
    database: Database, clock: Clock, passwords: Passwords
) -> None:
    old = Users(database, passwords, clock)
    await old.add("chen", "viewer", None, GOOD, BY)
    newer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    new = Users(database, Passwords(newer), clock)

    async def kept() -> str:
        query = select(table.c.password).where(table.c.name == "chen")
        return str(await database.read(lambda c: c.scalar(query)))

    before = await kept()
    assert await new.signed_in("chen", "a wrong one") is None
    assert await kept() == before
    assert await new.signed_in("chen", GOOD) == Grant("chen", "viewer", account="chen")
    assert "t=2" in await kept()


async def test_what_is_done_to_users_is_recorded_without_passwords(
    database: Database, clock: Clock, passwords: Passwords
) -> None:
    users = Users(database, passwords, clock)
    await users.start()
    await users.start()
    await users.add("chen", "viewer", ["g1"], GOOD, BY)
    await users.change("chen", 1, Change(password="another long one", role="auditor"), BY)
    await users.remove("chen", 2, BY)
    bodies = await database.read(lambda c: list(c.scalars(select(audit_entries.c.body))))
    entries = [msgspec.json.decode(body, type=Entry) for body in bodies]
    assert [(each.action, each.about, each.actor) for each in entries] == [
        ("user.add", "user:chen", "root"),
        ("user.change", "user:chen", "root"),
        ("user.remove", "user:chen", "root"),
    ]
    assert entries[1].detail == {"role": "auditor", "password": True}
    assert not any(b"another" in body or b"horse" in body for body in bodies)


def test_the_real_parameters_are_those_of_the_rfc() -> None:
    passwords = Passwords()
    hashed = passwords._hasher.hash(GOOD)  # noqa: SLF001 — only the form of the hash tells.
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_long_password_is_refused_before_it_is_hashed() -> None:
    with pytest.raises(Rejected):
        check_password("x1y2" * 51, "chen")
