"""Posts and reports in the whole API on a real broker."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.intake_reports import DeviceReport, IntakeReport
from schemas.times import HOUR_MS, format_ms, parse_ms
from schemas.topics import INTAKE
from services.api.main import wall_clock_ms
from tests.api_people.running import running_api

pytestmark = pytest.mark.broker


def headers(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}"}


async def test_posts_and_reports(kafka: str, tmp_path: Path) -> None:
    pages = {"handheld_url": "https://gate.example"}
    async with running_api(kafka, tmp_path, **pages) as client:
        await _reports_arrive(kafka, client)
        await _a_post_is_opened(client)
        await _what_cannot_be_opened(client)


async def _reports_arrive(kafka: str, client: httpx.AsyncClient) -> None:
    now_ms = wall_clock_ms()
    source = f"cam-{now_ms}"
    told = DeviceReport(device="token", source=source, site="gate", accepted=3)
    report = IntakeReport(process="p", at=format_ms(now_ms), devices=[told])
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        await producer.send_and_wait(INTAKE, b"not a report", partition=0)
        await producer.send_and_wait(INTAKE, msgspec.json.encode(report), partition=0)
    finally:
        await producer.stop()
    async with asyncio.timeout(20):
        while True:
            items = (await client.get("/v1/gates", headers=headers("viewer"))).json()["items"]
            if source in [item["source"] for item in items]:
                break
    metrics = (await client.get("/metrics")).text
    assert 'cordon_api_intake_failures_total{kind="unreadable"}' in metrics


async def _a_post_is_opened(client: httpx.AsyncClient) -> None:
    before_ms = wall_clock_ms()
    place = {"lon": 120.9, "lat": 30.8, "crs": "wgs84"}
    body = {"site": "bridge", "name": "大桥", "hours": 4, "grid": "south", "position": place}
    answer = await client.post("/v1/posts", json=body, headers=headers("supervisor"))
    assert answer.status_code == 201, answer.text
    post = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert post["link"] == f"https://gate.example/#token={post['token']}"
    assert {len(row) for row in post["qr"]} == {len(post["qr"])}
    assert set("".join(post["qr"])) == {"0", "1"}
    # A finder pattern stands in the corner of every QR code.
    assert [row[:7] for row in post["qr"][:3]] == ["1111111", "1000001", "1011101"]
    assert parse_ms(post["expires"]) >= before_ms + 4 * HOUR_MS
    site = (await client.get("/v1/registers/site/bridge", headers=headers("viewer"))).json()
    assert (site["name"], site["position"]["lon"], site["valid_to"]) == (
        "大桥",
        120.9,
        post["expires"],
    )
    device = (
        await client.get(f"/v1/registers/device/{post['device']}", headers=headers("admin"))
    ).json()
    assert device["site"] == "bridge"
    assert post["token"] not in str(device)
    second = await client.post("/v1/posts", json={"site": "bridge"}, headers=headers("south"))
    assert second.status_code == 201, second.text
    assert second.json()["token"] != post["token"]


async def _what_cannot_be_opened(client: httpx.AsyncClient) -> None:
    async def status(role: str, **body: object) -> int:
        answer = await client.post("/v1/posts", json=body, headers=headers(role))
        return answer.status_code

    assert await status("dispatcher", site="bridge") == 403
    assert await status("supervisor", site="unheard-of") == 404
    assert await status("supervisor", site="bridge", name="again") == 409
    assert await status("supervisor", site="new", name="new", hours=169) == 422
    assert await status("supervisor", site="a b", name="new") == 422
    # Somebody who leads in the south opens posts there.
    assert await status("south", site="new", name="new") == 403
    assert await status("south", site="new", name="new", grid="north") == 422
    assert await status("south", site="new", name="new", grid="south") == 201
