"""Cameras and gates over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.intake import Intake
from schemas.intake_reports import DeviceReport, IntakeReport
from schemas.persons import PseudonymKey
from schemas.times import format_ms, parse_ms
from services.api import problems
from services.api.gates import routes
from services.api.gates.news import News
from services.api.people.areas import Areas
from services.api.registers.tables import register_versions
from services.api.store.database import Database

NOON = parse_ms("2026-03-02T12:00:00Z")
AT = format_ms(NOON)
RESIDENT = "330421198001010013"


@pytest.fixture
def news() -> News:
    return News()


@pytest.fixture
async def client(
    news: News, database: Database, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the routes alone; the token of a role is its name, `limited` sees grid g1."""
    app = FastAPI()
    tokens = {digest(role): Grant(f"a {role}", role) for role in ROLES}
    tokens[digest("limited")] = Grant("limited", "dispatcher", areas=("g1",))
    app.state.tokens = TokenFile(tokens)
    app.state.areas = Areas(database, lambda: NOON)
    problems.install(app)
    app.include_router(routes.router(news, Intake(PseudonymKey.fixed_for_tests()), lambda: NOON))
    body = msgspec.json.encode({"grid": "g1"}).decode()
    filed = {"name": "site", "id": "gate", "place": 0, "recorded_ms": NOON, "valid_from_ms": 0}
    filed |= {"deleted": False, "body": body}
    await database.write(lambda c: c.execute(register_versions.insert(), filed))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


def role(name: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {name}"}}


def told(news: News) -> None:
    known = DeviceReport(
        device="token",
        source="cam",
        site="gate",
        accepted=4,
        reads=4,
        unread=1,
        confidence=2.7,
        type="cordon.plate-hit.v1",
        time=AT,
        recorded=AT,
        offset_ms=150,
        preview={"data": {"plate": "•••"}},
    )
    refused = DeviceReport(
        device="token", source="", rejected=1, refused=AT, field="source", title="Invalid value"
    )
    news.take(IntakeReport(process="p", at=AT, devices=[known, refused]))
    news.take(IntakeReport(process="p", at=AT, sites={"gate": 4, "elsewhere": 2}))


async def test_a_device_is_told_with_its_hour(news: News, client: httpx.AsyncClient) -> None:
    told(news)
    answer = (await client.get("/v1/gates", **role("viewer"))).json()
    assert answer["total"] == 2
    nowhere, gate = answer["items"]
    assert (nowhere["site"], nowhere["refused"]["field"]) == (None, "source")
    hour = {"accepted": 4, "rejected": 0, "reads": 4, "unread": 1}
    assert gate["hour"] == hour | {"confidence": 0.9, "offset_ms": 150}
    assert gate["minutes"] == [0] * 59 + [4]
    assert gate["preview"] is None
    asked = {"site": "gate", "preview": "true"}
    [shown] = (await client.get("/v1/gates", params=asked, **role("viewer"))).json()["items"]
    assert shown["preview"] == {"data": {"plate": "•••"}}


async def test_somebody_limited_sees_the_sites_that_are_theirs(
    news: News, client: httpx.AsyncClient
) -> None:
    told(news)
    answer = (await client.get("/v1/gates", **role("limited"))).json()
    assert [item["site"] for item in answer["items"]] == ["gate"]
    pulses = (await client.get("/v1/gates/pulses?after=0", **role("limited"))).json()
    assert [pulse["sites"] for pulse in pulses["items"]] == [{"gate": 4}]
    everything = (await client.get("/v1/gates/pulses?after=0", **role("viewer"))).json()
    assert everything["items"][0]["sites"] == {"gate": 4, "elsewhere": 2}
    assert everything["next"] == 1


def event(**data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "cam",
        "type": "cordon.checkpoint-scan.v1",
        "time": AT,
        "data": {"site": "gate", "direction": "in", **data},
    }


async def test_a_preview_shows_what_would_be_written_and_names_nobody(
    client: httpx.AsyncClient,
) -> None:
    person = {"id_type": "resident_id", "id_number": RESIDENT, "verified_by": "document"}
    body = event(plate="浙f·12345", persons=[person, {**person, "id_number": "1"}])
    answer = await client.post("/v1/gates/preview", json=body, **role("dispatcher"))
    assert answer.status_code == 200
    preview = answer.json()
    first, second, third = preview["records"]
    assert (first["subject"], first["event"]["data"]["plate"]) == ("vehicle:浙F12345", "浙F12345")
    assert (second["subject"], second["event"]["data"]["person"]["person"]) == (
        "person:•••",
        "person:•••",
    )
    assert third["subject"] == "site:gate"
    assert [warning["field"] for warning in preview["warnings"]] == ["data.persons[1].id_number"]
    assert "person:1" not in answer.text


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, "$"),
        (b"[]", 422, "type"),
        (b'{"type": "cordon.unheard-of.v1"}', 422, "type"),
        (msgspec.json.encode(event(site=7)), 422, "data.site"),
        (b" " * 65_537, 413, "$"),
    ],
)
async def test_what_is_no_event_is_refused_with_its_field(
    client: httpx.AsyncClient, body: bytes, status: int, field: str
) -> None:
    answer = await client.post("/v1/gates/preview", content=body, **role("dispatcher"))
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_a_viewer_tries_nothing_out(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/gates/preview", json=event(), **role("viewer"))
    assert answer.status_code == 403
