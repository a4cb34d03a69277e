"""Reports that people send through the API: ingest takes each once, under its author's name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from deploy import topics
from schemas.access import Grant, add_token
from schemas.settings import Settings
from services.ingest.main import serve
from tests.api_people.running import running_api

CHECK_IN = {
    "id": "0d6d2f8e-1",
    "type": "cordon.check-in.v1",
    "time": "2026-03-01T08:00:00+08:00",
    "data": {"order": "order-1", "result": "ok"},
}


@asynccontextmanager
async def running_ingest(kafka: str, folder: Path) -> AsyncIterator[str]:
    """Serve ingest while the block runs; yield its address."""
    await topics.apply(kafka, 4)
    set_up = Settings(data_dir=folder, kafka=kafka, ingest_port=0)
    add_token(set_up.tokens_path, "a device", Grant("a device", "device"))
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    process = asyncio.create_task(serve(set_up, ready=listening.set_result))
    try:
        async with asyncio.timeout(60):
            either: list[asyncio.Future[Any]] = [process, listening]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            yield f"http://127.0.0.1:{listening.result()}"
    finally:
        process.cancel()
        await asyncio.gather(process, return_exceptions=True)


async def post(
    api: httpx.AsyncClient, *reports: dict[str, Any], role: str = "dispatcher"
) -> httpx.Response:
    """Send reports as somebody whose token is their role."""
    headers = {"Authorization": f"Bearer {role}"}
    return await api.post("/v1/field-reports", json={"reports": reports}, headers=headers)


async def test_reports_reach_ingest_once_and_are_their_authors(kafka: str, tmp_path: Path) -> None:
    async with (
        running_ingest(kafka, tmp_path) as ingest,
        running_api(kafka, tmp_path, ingest_url=ingest) as api,
    ):
        bad = {**CHECK_IN, "id": "2", "data": {"order": "order-1", "result": "perhaps"}}
        first = await post(api, CHECK_IN, bad)
        assert first.status_code == 202
        assert (first.json()["accepted"], first.json()["duplicates"]) == (1, 0)
        [refused] = first.json()["rejected"]
        assert refused["index"] == 1
        assert refused["problem"]["field"] == "data.result"
        again = (await post(api, CHECK_IN)).json()
        assert (again["accepted"], again["duplicates"]) == (0, 1)
        # The same id of somebody else is another report.
        other = (await post(api, CHECK_IN, role="supervisor")).json()
        assert (other["accepted"], other["duplicates"]) == (1, 0)
        audited = await api.get(
            "/v1/audit", params={"action": "report."}, headers={"Authorization": "Bearer auditor"}
        )
        told = [(each["actor"], each["about"]) for each in audited.json()["items"]]
        assert told == [
            ("the supervisor", "source:officer:the supervisor"),
            ("the dispatcher", "source:officer:the dispatcher"),
        ]

        elsewhere = await post(api, CHECK_IN, role="south")
        assert (elsewhere.status_code, elsewhere.json()["field"]) == (422, "reports[0].data.order")
        tip = {"kind": "new-face", "reporter_role": "officer", "text": "call 13800138000"}
        named = await post(api, {**CHECK_IN, "type": "cordon.tip.v1", "data": tip})
        assert (named.status_code, named.json()["field"]) == (422, "reports[0].data.text")
        scan = await post(api, {**CHECK_IN, "type": "cordon.checkpoint-scan.v1"})
        assert (scan.status_code, scan.json()["field"]) == (422, "reports.0.type")


async def test_ingest_that_is_away_is_waited_for(kafka: str, tmp_path: Path) -> None:
    # Nothing listens at port 9, and a service with another key answers 401.
    async with running_api(kafka, tmp_path, ingest_url="http://127.0.0.1:9") as api:
        away = await post(api, CHECK_IN)
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    async with (
        running_ingest(kafka, tmp_path / "other") as ingest,
        running_api(kafka, tmp_path / "api", ingest_url=ingest) as api,
    ):
        # It is told 401 once ingest knows its devices; the handheld keeps the report either way.
        strange = await post(api, CHECK_IN)
        assert strange.status_code == 503
        assert strange.json()["detail"].startswith("ingest answers ")


async def test_the_forms_of_registers_say_what_a_put_takes(kafka: str, tmp_path: Path) -> None:
    async with running_api(kafka, tmp_path) as api:
        answer = await api.get("/v1/register-forms", headers={"Authorization": "Bearer viewer"})
        forms = answer.json()["registers"]
        assert list(forms)[0] == "site"
        assert forms["order"]["properties"]["kind"] == {"enum": ["community", "facility", "home"]}
        assert "author" not in forms["order"]["properties"]
        kinds = await api.get("/v1/task-kinds", headers={"Authorization": "Bearer viewer"})
        assert kinds.json()["items"][0] == {
            "kind": "verify",
            "name": {"en": "Verify", "zh": "核实"},
            "results": ["at-home", "absent", "unclear"],
        }
