"""The state of the audit log over HTTP: whole, held to its anchors, or broken."""

from pathlib import Path

import httpx
from fastapi import FastAPI

from schemas.access import Grant, TokenFile, digest
from services.api.audit.anchors import Anchoring
from services.api.audit.chain import Entry, record
from services.api.audit.state import router
from services.api.session import Sessions
from services.api.store.database import Database


def entry(at_ms: int) -> Entry:
    return Entry(at_ms=at_ms, actor="a", role="admin", action="person.read", about="x")


async def test_the_state_says_whether_the_log_is_whole(database: Database, tmp_path: Path) -> None:
    app, anchors = FastAPI(), tmp_path / "audit.anchors"
    app.state.tokens = TokenFile({digest("auditor"): Grant("an auditor", "auditor")})
    app.state.sessions = Sessions(database, lambda: 0, tmp_path / "tokens.json")
    app.include_router(router(database, anchors, lambda: 1_000))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:

        async def state() -> dict[str, object]:
            answer = await client.get(
                "/v1/audit:verify", headers={"Authorization": "Bearer auditor"}
            )
            assert answer.status_code == 200
            found: dict[str, object] = answer.json()
            return found

        assert (await client.get("/v1/audit:verify")).status_code == 401
        await database.write(lambda connection: record(connection, entry(1)))
        await Anchoring(database, anchors).note()
        await database.write(lambda connection: record(connection, entry(2)))
        assert await state() == {
            "intact": True,
            "at": "1970-01-01T00:00:01.000Z",
            "entries": 2,
            "anchored": 1,
            "broken_at": None,
            "why": None,
        }
        anchors.write_text(anchors.read_text().replace('"seal":"', '"seal":"00'))
        assert (await state())["broken_at"] == 1
        anchors.write_text("no anchor\n")
        broken = await state()
        assert broken["intact"] is False
        assert "line 1 is no anchor" in str(broken["why"])
