"""The handover from a store of each kind: JSON, page and PDF."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from schemas.access import ROLES, Grant, TokenFile, digest
from schemas.alerts import Reason, Subject
from schemas.times import HOUR_MS, format_ms
from schemas.versions import FOREVER
from services.api import problems
from services.api.acts import Act
from services.api.audit.tables import audit_entries
from services.api.feed.hub import Hub
from services.api.handover.routes import router
from services.api.people.areas import Areas
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.examples import AT, finding

SINCE, UNTIL = AT, AT + 8 * HOUR_MS
SPAN = f"since={format_ms(SINCE)}&until={format_ms(UNTIL)}"


def entry(entry_id: str, **data: object) -> StoredVersion:
    body = msgspec.json.encode({"id": entry_id, **data}).decode()
    return StoredVersion(AT, AT, FOREVER, body, entry_id, 0, body)


class Pages:
    """Registers of one page each."""

    def __init__(self) -> None:
        self.known = True
        self.entries: dict[str, list[StoredVersion]] = {
            "site": [entry("gate", heartbeat_s=60), entry("lane", heartbeat_s=60), entry("post")],
            "device": [entry("cam", heartbeat_s=60), entry("quiet", heartbeat_s=0)],
            "order": [entry("o1"), entry("o2"), entry("o3")],
        }

    async def __call__(
        self, name: str, at_ms: int | None, limit: int, after: str
    ) -> tuple[list[StoredVersion], str | None]:
        if not self.known:
            raise Unavailable("the registers are still being read")
        return self.entries[name], None


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
async def http(database_url: str, pages: Pages, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A supervisor's client of a store in which a shift went by."""
    database, hub, clock = Database(database_url), Hub(100), [AT - HOUR_MS]
    store = await AlertStore.open(database, hub.publish, lambda: clock[0])
    hub.begin(store.epoch, store.last_n)
    found: Sequence[Sourced] = [
        Sourced(0, 0, finding("before", grid="g1")),
        Sourced(0, 1, finding("gone")),
    ]
    await store.apply("t", found, {0: 2})
    clock[0] = AT + 60_000
    odd = Subject("person", "person:1:ab", "<i>330421…001X</i>")
    later = [
        Sourced(0, 2, finding("new", subject=odd, reason=Reason("At the gate.", "出现在卡口。"))),
        Sourced(0, 3, finding("silent", rule="source-silent", severity="medium", site="gate")),
        Sourced(0, 4, finding("missed", rule="missed-check-in", severity="low", order="o2")),
    ]
    await store.apply("t", later, {0: 5})
    clock[0] = AT + 120_000
    await store.act("gone", 1, Act(name="resolve", outcome="false"), "li", None, clock[0])
    await store.act("new", 1, Act(name="ack"), "li", None, clock[0])
    clock[0] = UNTIL + HOUR_MS
    # After the shift, so none of its business.
    await store.act("new", 2, Act(name="dispatch"), "wang", None, clock[0])
    tokens = {digest(role): Grant(f"a {role}", role) for role in ROLES}
    tokens[digest("limited")] = Grant("limited", "supervisor", ("g1",))
    app = FastAPI()
    app.state.tokens = TokenFile(tokens)
    app.state.areas = Areas(database, lambda: clock[0])
    app.state.sessions = Sessions(database, lambda: clock[0], tmp_path / "tokens.json")
    app.state.database = database
    problems.install(app)
    app.include_router(router(database, pages, ZoneInfo("Asia/Shanghai"), lambda: clock[0]))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://api",
        headers={"Authorization": "Bearer supervisor"},
    ) as client:
        client.app = app  # type: ignore[attr-defined]
        yield client
    await database.close()


async def test_what_a_shift_leaves_behind(http: httpx.AsyncClient) -> None:
    found = (await http.get(f"/v1/handover?{SPAN}")).json()
    assert (found["open_before"], found["raised"]["total"], found["ended"]["total"]) == (2, 3, 1)
    assert found["ended"]["by_outcome"] == {"false": 1}
    states = {one["id"]: one["state"] for one in found["open"]["items"]}
    assert states == {"before": "open", "new": "acked", "silent": "open", "missed": "open"}
    assert found["people"] == [{"actor": "li", "total": 2, "acts": {"acked": 1, "resolved": 1}}]
    assert found["waiting"]["ack"]["critical"] == {"count": 1, "median_s": 60.0, "p95_s": 60.0}
    assert found["coverage"] == [
        {"name": "sources-heard", "good": 2, "of": 3},
        {"name": "orders-followed", "good": 2, "of": 3},
    ]
    assert found["load"] == {
        "asked": 2, "operators": 1, "operator_hours": 8.0, "per_operator_hour": 0.25,
    }  # fmt: skip


async def test_the_last_eight_hours_where_nothing_else_is_asked(http: httpx.AsyncClient) -> None:
    found = (await http.get("/v1/handover")).json()
    assert found["until"] == format_ms(UNTIL + HOUR_MS)
    assert found["since"] == format_ms(UNTIL - 7 * HOUR_MS)


async def test_whoever_is_limited_gets_the_report_of_their_areas(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer limited"}
    found = (await http.get(f"/v1/handover?{SPAN}", headers=headers)).json()
    assert [one["id"] for one in found["open"]["items"]] == ["before"]
    assert (found["raised"]["total"], found["people"]) == (0, [])


async def test_the_page_says_the_same_and_escapes_it(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/v1/handover.html?{SPAN}")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "Shift handover 交接班报告 2021-12-20 19:33 – 2021-12-21 03:33" in answer.text
    assert "&lt;i&gt;330421…001X" in answer.text
    assert "出现在卡口。" in answer.text
    assert "<i>" not in answer.text


async def test_the_pdf_is_one(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/v1/handover.pdf?{SPAN}")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert b"STSong-Light" in answer.content
    # The same report is the same file.
    assert answer.content == (await http.get(f"/v1/handover.pdf?{SPAN}")).content


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"since={format_ms(UNTIL)}&until={format_ms(SINCE)}", "until"),
        (f"since={format_ms(SINCE - 30 * 24 * HOUR_MS)}&until={format_ms(UNTIL)}", "since"),
        ("since=yesterday", "since"),
        ("until=2021-12-20T00:00:00", "until"),
    ],
)
async def test_bad_spans(http: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await http.get(f"/v1/handover?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_while_the_registers_are_read_it_waits(http: httpx.AsyncClient, pages: Pages) -> None:
    pages.known = False
    answer = await http.get(f"/v1/handover?{SPAN}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("role", "status"),
    [("device", 403), ("viewer", 403), ("replay", 403), ("dispatcher", 200), ("auditor", 200)],
)
async def test_roles(http: httpx.AsyncClient, role: str, status: int) -> None:
    answer = await http.get("/v1/handover", headers={"Authorization": f"Bearer {role}"})
    assert answer.status_code == status


async def test_to_read_it_is_on_record(http: httpx.AsyncClient) -> None:
    await http.get(f"/v1/handover?{SPAN}")
    database = http.app.state.database  # type: ignore[attr-defined]
    actions = await database.read(lambda c: c.scalars(select(audit_entries.c.action)).all())
    assert "handover.read" in actions
