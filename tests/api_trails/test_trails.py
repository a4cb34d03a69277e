"""Trails: where the subject of an alert was seen, within the reader's rights and in the audit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from deploy.trails import Trails
from schemas.alerts import Subject
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from schemas.topics import PLATE_HITS
from services.alerts.sightings.store import Store
from services.api.audit.tables import audit_entries
from services.api.registers.tables import register_versions
from services.api.store.database import Database
from services.api.trails import routes
from services.api.trails.routes import MOST, Seen
from tests.api.conftest import clock, hub, store  # noqa: F401 — these are fixtures.
from tests.api.examples import AT, finding
from tests.api_life.conftest import Call, Tell, app, call, tell  # noqa: F401 — likewise.
from tests.sightings.records import T0, VEHICLE, hit

AsWas = tuple[str, int, int]


class Folder:
    """Sightings that a test puts there; it notes what was asked."""

    def __init__(self) -> None:
        self.seen: Sequence[Seen] = ()
        self.asked: list[AsWas] = []
        self.broken = False

    def __call__(self, subject: str, from_ms: int, to_ms: int) -> Sequence[Seen]:
        self.asked.append((subject, from_ms, to_ms))
        if self.broken:
            raise FileNotFoundError("no folder")
        return self.seen


def seen(n: int, site: str = "gate") -> Seen:
    at = format_ms(AT + n * 1000)
    return Seen(
        time=at, site=site, direction="in", type="cordon.plate-hit.v1", source="c", id=str(n)
    )


@pytest.fixture
async def folder(
    app: FastAPI,  # noqa: F811
    store: Any,  # noqa: F811
    clock: list[int],  # noqa: F811
    tell: Tell,  # noqa: F811
) -> Folder:
    """The route over a folder of sightings; there is an alert `a` about a vehicle."""
    made = Folder()
    app.include_router(routes.router(store, made, lambda: clock[0]))
    await tell(finding("a", subject=Subject("vehicle", "vehicle:浙F12345", "浙F1**45"), order=None))
    return made


async def test_a_trail_begins_a_day_before_the_alert(
    folder: Folder,
    call: Call,  # noqa: F811
    clock: list[int],  # noqa: F811
) -> None:
    folder.seen = [seen(0), seen(1)]
    clock[0] = AT + HOUR_MS
    answer = await call("GET", "/v1/alerts/a/trail")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    trail = answer.json()
    assert folder.asked == [("vehicle:浙F12345", AT - DAY_MS, AT + HOUR_MS + MINUTE_MS)]
    assert (trail["label"], trail["elsewhere"], trail["more"]) == ("浙F1**45", 0, False)
    assert [item["id"] for item in trail["items"]] == ["0", "1"]
    # A plate is told as it is masked, and nobody who was there.
    assert "12345" not in answer.text


async def test_an_old_alert_has_the_last_fourteen_days(
    folder: Folder,
    call: Call,  # noqa: F811
    clock: list[int],  # noqa: F811
) -> None:
    clock[0] = AT + 60 * DAY_MS
    assert (await call("GET", "/v1/alerts/a/trail")).status_code == 200
    [(_, from_ms, to_ms)] = folder.asked
    assert to_ms - from_ms == 14 * DAY_MS


async def test_only_the_newest_are_told_where_there_are_too_many(
    folder: Folder,
    call: Call,  # noqa: F811
) -> None:
    folder.seen = [seen(n) for n in range(MOST + 3)]
    trail = (await call("GET", "/v1/alerts/a/trail")).json()
    assert (len(trail["items"]), trail["items"][0]["id"], trail["more"]) == (MOST, "3", True)


async def test_somebody_limited_sees_the_sites_that_are_theirs(
    folder: Folder,
    call: Call,  # noqa: F811
    tell: Tell,  # noqa: F811
    database: Database,
) -> None:
    folder.seen = [seen(0), seen(1, "theirs"), seen(2)]
    body = msgspec.json.encode({"grid": "g1"}).decode()
    filed = {"name": "site", "id": "theirs", "place": 0, "recorded_ms": AT, "valid_from_ms": 0}
    filed |= {"deleted": False, "body": body}
    await database.write(lambda c: c.execute(register_versions.insert(), filed))
    assert (await call("GET", "/v1/alerts/a/trail", "limited")).status_code == 404
    await tell(finding("b", grid="g1", order=None))
    trail = (await call("GET", "/v1/alerts/b/trail", "limited")).json()
    assert [item["site"] for item in trail["items"]] == ["theirs"]
    assert trail["elsewhere"] == 2


async def test_each_look_is_in_the_audit(
    folder: Folder,
    call: Call,  # noqa: F811
    database: Database,
) -> None:
    assert (await call("GET", "/v1/alerts/a/trail", "auditor")).status_code == 200
    query = select(audit_entries.c.actor, audit_entries.c.about).where(
        audit_entries.c.action == "trail.read"
    )
    rows = await database.read(lambda c: [tuple(row) for row in c.execute(query)])
    assert rows == [("a auditor", "alert:a")]


async def test_a_site_leaves_no_trail(
    folder: Folder,
    call: Call,  # noqa: F811
    tell: Tell,  # noqa: F811
) -> None:
    await tell(finding("s", subject=Subject("site", "site:gate", "gate"), order=None))
    assert (await call("GET", "/v1/alerts/s/trail")).json()["items"] == []
    assert folder.asked == []


async def test_what_cannot_be_looked_at_says_why(
    folder: Folder,
    call: Call,  # noqa: F811
) -> None:
    assert (await call("GET", "/v1/alerts/a/trail", "viewer")).status_code == 403
    assert (await call("GET", "/v1/alerts/none/trail")).status_code == 404
    long = {"since": format_ms(AT - 15 * DAY_MS), "until": format_ms(AT)}
    answer = await call("GET", "/v1/alerts/a/trail", params=long)
    assert (answer.status_code, answer.json()["field"]) == (422, "until")
    folder.broken = True
    away = await call("GET", "/v1/alerts/a/trail")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "10")


def test_nowhere_is_an_error_and_not_an_empty_trail() -> None:
    with pytest.raises(OSError, match="without the sightings"):
        routes.nowhere("vehicle:浙F12345", 0, 1)


def test_the_sighting_store_is_read_by_its_files(tmp_path: Path) -> None:
    trails = Trails(tmp_path / "sightings")
    with pytest.raises(OSError, match="no folder"):
        trails(VEHICLE, T0, T0 + DAY_MS)
    store = Store(tmp_path / "sightings", retention_d=30)  # noqa: F811
    try:
        store.write({PLATE_HITS: [record.value for record in hit("p1")]}, {PLATE_HITS: {0: 1}})
    finally:
        store.close()
    [found] = trails(VEHICLE, T0, T0 + DAY_MS)
    assert (found.site, found.id, found.confidence is not None) == ("site-1", "p1", True)
    trails.close()
    Trails(tmp_path).close()
