"""Incidents, CSV, and the view of Alertmanager."""

import csv
import io

from schemas.alerts import Subject
from schemas.times import format_ms
from services.api.registers.tables import register_versions
from services.api.store.database import Database
from tests.api.examples import AT, finding
from tests.api_life.conftest import Call, Tell

CAR = Subject("vehicle", "vehicle:浙F12345", "浙F1••45")


async def test_one_household_is_one_incident(call: Call, tell: Tell, database: Database) -> None:
    row = {
        "name": "order",
        "id": "o2",
        "place": 1,
        "recorded_ms": AT,
        "valid_from_ms": AT,
        "deleted": False,
        "body": '{"id":"o2","household":"h1"}',
    }
    await database.write(
        lambda c: c.execute(register_versions.insert(), [row, row | {"id": "o3", "place": 2}])
    )
    await tell(
        finding("a", order="o1"),
        finding("b", order="o2", severity="low"),
        finding("c", order="o3", severity="high"),
        finding("d", order=None, subject=CAR, severity="medium", grid="g1"),
        finding("e", order="o2"),
        finding("e", "cleared", order="o2", outcome="transit"),
    )
    page = (await call("GET", "/v1/incidents?limit=2")).json()
    shown = [(one["id"], one["severity"], one["alerts"], one["open"]) for one in page["items"]]
    assert shown == [("vehicle:浙F12345", "medium", 1, 1), ("household:h1", "high", 2, 2)]
    page = (await call("GET", f"/v1/incidents?cursor={page['next']}")).json()
    assert [one["id"] for one in page["items"]] == ["order:o1"]
    assert (page["items"][0]["kind"], page["next"]) == ("order", None)
    inside = (await call("GET", "/v1/incidents/household:h1")).json()["items"]
    assert [one["id"] for one in inside] == ["e", "c", "b"]
    assert (await call("GET", "/v1/incidents/none")).status_code == 404
    assert (await call("GET", "/v1/incidents/household:h1", role="limited")).status_code == 404
    limited = (await call("GET", "/v1/incidents", role="limited")).json()["items"]
    assert [one["id"] for one in limited] == ["vehicle:浙F12345"]
    high = (await call("GET", "/v1/incidents?severity=high")).json()["items"]
    assert [(one["id"], one["alerts"]) for one in high] == [("household:h1", 1)]


async def test_csv_is_safe_and_whole(call: Call, tell: Tell) -> None:
    await tell(*(finding(f"a{n}", site=f"gate-{n}") for n in range(1_200)))
    await call("POST", "/v1/alerts/a7/note", json={"note": '=HYPERLINK("x")\nnext'}, revision=1)
    answer = await call("GET", "/v1/alerts.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbfid,revision,rule,")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["id"] for row in rows] == [f"a{n}" for n in reversed(range(1_200))]
    by_id = {row["id"]: row for row in rows}
    assert by_id["a7"]["note"] == '\'=HYPERLINK("x")\nnext'
    assert by_id["a7"]["reason_zh"] == "隔离人员出现在卡口。"
    answer = await call("GET", "/v1/alerts.csv?site=gate-3")
    assert len(answer.text.splitlines()) == 2
    assert (await call("GET", "/v1/alerts.csv?state=lost")).status_code == 422
    assert (await call("GET", "/v1/alerts.csv", role="device")).status_code == 403


async def test_the_view_of_alertmanager(call: Call, tell: Tell) -> None:
    await tell(
        finding("0123456789abcdef0", severity="high", site="gate"),
        finding("b", severity="low", site="exit", subject=CAR, order=None, grid="g1"),
        finding("c", site="exit"),
        finding("c", "cleared", outcome="transit"),
    )
    ends = format_ms(AT + 60_000)
    matchers = [{"name": "site", "value": "ex.*", "isRegex": True}]
    wanted = {"matchers": matchers, "comment": "c", "endsAt": ends}
    silence = (await call("POST", "/v1/silences", json=wanted)).json()["id"]
    shown = (await call("GET", "/api/v2/alerts", role="viewer")).json()
    assert [one["labels"]["severity"] for one in shown] == ["low", "high"]
    hidden, active = shown
    assert hidden["status"] == {
        "state": "suppressed",
        "silencedBy": [silence],
        "inhibitedBy": [],
        "mutedBy": [],
    }
    assert active["status"]["state"] == "active"
    assert active["fingerprint"] == "0123456789abcdef"
    assert active["labels"]["alertname"] == "quarantine-breach"
    assert active["endsAt"] > active["startsAt"]
    assert active["receivers"] == [{"name": "cordon"}]

    async def sites(query: str) -> list[str]:
        answer = await call("GET", f"/api/v2/alerts?{query}")
        assert answer.status_code == 200, answer.text
        return [one["labels"]["site"] for one in answer.json()]

    assert await sites("silenced=false&inhibited=false&unprocessed=false") == ["gate"]
    assert await sites("active=false") == ["exit"]
    assert await sites("filter=severity%3D~%22high|critical%22") == ["gate"]
    assert await sites("filter=site!%3Dgate&filter=severity%3D%22low%22") == ["exit"]
    bad = await call("GET", "/api/v2/alerts?filter=severity")
    assert (bad.status_code, bad.json()["field"]) == (422, "filter")
    groups = (await call("GET", "/api/v2/alerts/groups")).json()
    assert [group["labels"]["incident"] for group in groups] == ["vehicle:浙F12345", "order:o1"]
    limited = (await call("GET", "/api/v2/alerts", role="limited")).json()
    assert [one["labels"]["grid"] for one in limited] == ["g1"]
    [told] = (await call("GET", "/api/v2/silences")).json()
    assert (told["id"], told["matchers"][0]["value"]) == (silence, "ex.*")
    assert (await call("GET", "/api/v2/silences?filter=site%3Dx")).json() == []
    assert (await call("GET", f"/api/v2/silence/{silence}")).json() == told
    assert (await call("GET", "/api/v2/silence/none")).status_code == 404
    assert (await call("GET", "/api/v2/receivers")).json() == [{"name": "cordon"}]
    status = (await call("GET", "/api/v2/status")).json()
    assert set(status) == {"cluster", "versionInfo", "config", "uptime"}
    assert (await call("GET", "/api/v2/status", role="nobody")).status_code == 401
