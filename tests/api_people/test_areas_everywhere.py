"""Who is limited to an area: every list and entry of the running API, asked from the south."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from schemas.registers import REGISTERS
from services.api.registers.writers import POWERS
from tests.api_imports.numbers import resident
from tests.api_people.running import running_api

COMMON: Final = {"source": "office", "reason": "outbreak", "purpose": "outbreak-control"}
ADMIN: Final = {"Authorization": "Bearer admin"}
SOUTH: Final = {"Authorization": "Bearer austral"}
# What everybody sees: these name nobody (people/personal.py).
OF_ALL: Final = (
    "site",
    "facility",
    "zone",
    "route",
    "roster",
    "responsibility",
    "device",
    "policy",
)
NUMBERS: Final = {"boreal": resident(101), "austral": resident(202)}
# Lists that must show to the admin what lies in the north, or this test would prove nothing.
SHOW: Final = (
    "/v1/batches",
    "/v1/batches/names-boreal",
    "/v1/batches/names-boreal/rows",
    "/v1/batches/names-boreal/remainder.csv",
    "/v1/campaigns",
    "/v1/facilities/hotel-boreal/beds",
    "/v1/imports",
    "/v1/imports/{import_id}/rows",
    "/v1/registers/case",
    "/v1/registers/order",
    "/v1/registers/pass",
    "/v1/registers/residence",
    "/v1/registers/resident-vehicle",
    "/v1/registers/vehicle-link",
    "/v1/registers/watch-entry",
    "/v1/self-registrations",
    "/v1/tasks",
    "/v1/tasks/changes",
    "/v1/tasks/counts",
)


class Seeded:
    """A county with the same in the north and in the south, filed by the admin."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.persons: dict[str, str] = {}
        # What stands for the parameters of paths that lead to something in the north.
        self.boreal: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self._client.request(
            method, path, json=body, headers={**ADMIN, **more.pop("headers", {})}, **more
        )
        assert answer.status_code in (200, 201, 202, 204), f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def file(self, name: str, entry_id: str, /, **data: Any) -> Any:
        return await self.call("PUT", f"/v1/registers/{name}/{entry_id}", {**COMMON, **data})

    async def fill(self, area: str) -> None:
        """File everything of one area; each thing has the area's name in its own."""
        who = {"id_type": "resident_id", "id_number": NUMBERS[area]}
        await self.file("site", f"gate-{area}", name=area, role="checkpoint", zones=[], grid=area)
        home = await self.file("residence", f"home-{area}", person=who, address=area, grid=area)
        self.persons[area] = home["person"]["person"]
        await self.file(
            "order", f"order-{area}", subject=who, kind="home", zone=area,
            start="2020-01-20T00:00:00Z", exposure_date="2020-01-20",
            **{"class": "home-isolation"},
        )  # fmt: skip
        await self.file("case", f"case-{area}", person=who, **{"class": "confirmed"})
        await self.file(
            "vehicle-link", f"link-{area}", person=who, plate="浙F12345", role="owner", strength=1.0
        )
        await self.file(
            "watch-entry", f"watch-{area}", person=who, category="quarantined",
            valid_to="2099-01-01T00:00:00Z",
        )  # fmt: skip
        await self.file(
            "pass", f"pass-{area}", holders=[who], scope=[area], medium="paper",
            valid_to="2099-01-01T00:00:00Z",
        )  # fmt: skip
        await self.file("facility", f"hotel-{area}", zone=area, capacity=5)
        await self.call("POST", "/v1/batches", {"id": f"names-{area}", "title": area})
        table = f"身份证号,网格,户号\n{resident(900)},{area},house-{area}\n".encode()
        csv = {"Content-Type": "text/csv"}
        path = f"/v1/batches/names-{area}/rows"
        taken = await self.call("POST", path, content=table, headers=csv)
        assert taken["created"] == 1, taken
        found = await self.call(
            "POST", "/v1/registers/resident-vehicle:import",
            content=f"id,车牌号,网格\ncar-{area},浙F0000{len(self.persons)},{area}\n".encode(),
            params={"batch": f"cars-{area}"}, headers=csv,
        )  # fmt: skip
        code = await self.call("POST", "/v1/self-registrations/codes", {"site": f"gate-{area}"})
        await self.call(
            "POST", "/v1/self-registrations",
            {
                **who, "code": code["code"], "name": "王某", "telephone": "13900000000",
                "address": area, "area": "330300", "stay_from": _today(-3), "stay_to": _today(-1),
                "arrival": _today(0), "consent": "yes",
            },
        )  # fmt: skip
        waiting = await self.call("GET", "/v1/self-registrations", params={"site": f"gate-{area}"})
        task = await self.call(
            "POST", "/v1/tasks", {"kind": "visit", "text": f"see {area}", "grid": area}
        )
        wish = {"kind": "placement", "title": f"beds {area}", "unit": area}
        campaign = (await self.call("POST", "/v1/campaigns", wish))["campaign"]["id"]
        await self.call(
            "POST", f"/v1/campaigns/{campaign}/items",
            {"items": [{"person": who, "grid": area, "unit": area, "facts": {"sex": "male"}}]},
        )  # fmt: skip
        room = {"facility": f"hotel-{area}", "room": "1", "beds": [f"bed-{area}"]}
        await self.call("POST", f"/v1/campaigns/{campaign}/plan", {"rooms": [room], "keep": True})
        self.boreal |= {} if area == "austral" else {
            "batch": f"names-{area}",
            "campaign_id": campaign,
            "facility": f"hotel-{area}",
            "id_": waiting["items"][0]["id"],
            "import_id": found["import"],
            "order_id": f"order-{area}",
            "pass_id": f"pass-{area}",
            "task_id": task["id"],
        }  # fmt: skip


def _today(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


async def test_the_south_sees_nothing_of_the_north(kafka: str, tmp_path: Path) -> None:
    async with running_api(kafka, tmp_path) as client:
        county = Seeded(client)
        await county.fill("boreal")
        await county.fill("austral")
        paths = await every_path(client, county.boreal)
        leaks = []
        for path in paths:
            answer = await client.get(path, headers=SOUTH)
            assert answer.status_code < 500, (path, answer.text)
            if answer.status_code == 200:
                marks = ("boreal", county.persons["boreal"], NUMBERS["boreal"])
                # The register of facilities is everybody's; who lies in their beds is not.
                told = answer.text.replace('"facility":"hotel-boreal"', "")
                leaks += [(path, mark, told) for mark in marks if mark in told]
        assert leaks == []
        for path in (each.format(**county.boreal) for each in SHOW):
            assert path in paths, path
            told = await every_page(client, path)
            assert "boreal" in told or county.persons["boreal"] in told, path
        for path in ("/v1/campaigns", "/v1/self-registrations", "/v1/tasks", "/v1/registers/order"):
            answer = await client.get(path, headers=SOUTH)
            assert len(answer.json()["items"]) >= 1, path
        await nothing_is_done_in_the_north(client, county)


async def every_page(client: httpx.AsyncClient, path: str) -> str:
    """Return what a list holds for the admin, who also sees what other tests left on the broker."""
    answer = await client.get(path, headers=ADMIN)
    told = answer.text
    while answer.headers["content-type"] == "application/json":
        page = answer.json()
        if not page.get("items") or page.get("next") is None:
            break
        place = {"after" if path.endswith("/changes") else "cursor": page["next"]}
        answer = await client.get(path, params=place, headers=ADMIN)
        assert answer.status_code == 200, answer.text
        told += answer.text
    return told


async def nothing_is_done_in_the_north(client: httpx.AsyncClient, county: Seeded) -> None:
    """Try to change what lies in the north, or to get power over it, from the south."""
    revision = {**SOUTH, "If-Match": "1"}
    at = {name: f"/v1/{path}".format(**county.boreal) for name, path in DEEDS.items()}
    csv = {**SOUTH, "Content-Type": "text/csv"}
    tried = [
        await client.post(at["rows"], content=b"\xe5\x8f\xb7\n1", headers=csv),
        await client.post(at["assign"], headers=SOUTH),
        await client.post(at["match"], headers=SOUTH),
        await client.post(at["result"], json={"result": "FOUND"}, headers=revision),
        await client.post(at["confirm"], json={"household": "h"}, headers=revision),
        await client.post(at["refuse"], json={"reason": "no"}, headers=revision),
        await client.post(at["items"], json={"items": [{"key": "k"}]}, headers=SOUTH),
        await client.get(at["paper"], headers=SOUTH),
        await client.post("/v1/passes:print", json={"ids": ["pass-boreal"]}, headers=SOUTH),
        await client.post(at["revoke"], json={"reason": "no"}, headers=revision),
        await client.post(at["claim"], headers=revision),
    ]
    assert [answer.status_code for answer in tried] == [404] * len(tried), [
        (answer.request.url.path, answer.status_code) for answer in tried
    ]
    theirs = {"id_type": "resident_id", "id_number": NUMBERS["boreal"], "name": "x"}
    written = [
        await client.post("/v1/vault", json=theirs, headers=SOUTH),
        await client.put(
            f"/v1/vault/{county.persons['boreal']}", json={"name": "x"}, headers=SOUTH
        ),
    ]
    assert [answer.status_code for answer in written] == [403, 403]
    ours = await client.put(
        f"/v1/vault/{county.persons['austral']}", json={"name": "x"}, headers=SOUTH
    )
    assert ours.status_code == 200, ours.text
    site = {**COMMON, "name": "x", "role": "checkpoint", "zones": []}
    for entry_id, grid in (("gate-boreal", "austral"), ("gate-new", "boreal"), ("gate-new", None)):
        body = site if grid is None else {**site, "grid": grid}
        answer = await client.put(f"/v1/registers/site/{entry_id}", json=body, headers=SOUTH)
        assert answer.status_code == 403, (entry_id, grid, answer.text)
    ended = await client.delete("/v1/registers/site/gate-boreal", headers=SOUTH)
    assert ended.status_code == 403
    mine = await client.put(
        "/v1/registers/site/gate-new", json={**site, "grid": "austral"}, headers=SOUTH
    )
    assert mine.status_code == 201, mine.text
    for name in POWERS:
        answer = await client.put(f"/v1/registers/{name}/x", json={}, headers=SOUTH)
        assert answer.status_code == 403, name
    code = await client.post(
        "/v1/self-registrations/codes", json={"site": "gate-boreal"}, headers=SOUTH
    )
    assert code.status_code == 422
    # A table cannot bring what a single entry may not, nor say who somebody elsewhere is.
    header = "id,身份证号,联系电话,家庭住址,address,网格"
    for grid, number, told in (
        ("boreal", NUMBERS["boreal"], {"rejected"}),
        ("austral", resident(303), {"created"}),
    ):
        content = f"{header}\nhome-new,{number},13911111111,x,x,{grid}\n".encode()
        answer = await client.post(
            "/v1/registers/residence:import", content=content, headers=csv, params={"batch": "b"}
        )
        url = f"/v1/imports/{answer.json()['import']}/rows"
        rows = (await client.get(url, headers=SOUTH)).json()["items"]
        assert {row["outcome"] for row in rows} == told, answer.text
        if grid == "boreal":
            who = {"telephone": "13911111111"}
            path = f"/v1/vault/{county.persons['boreal']}"
            kept = await client.put(path, json=who, headers=ADMIN)
            assert kept.json()["changed"] is True, "the table had told it already"
    # Their own they do: the newcomer at their gate is filed, though nobody lived there before.
    (own,) = (await client.get("/v1/self-registrations", headers=SOUTH)).json()["items"]
    path = f"/v1/self-registrations/{own['id']}/confirm"
    done = await client.post(path, json={"household": "h-austral"}, headers=revision)
    assert done.status_code == 200, done.text


DEEDS: Final = {
    "rows": "batches/{batch}/rows",
    "assign": "batches/{batch}/assign",
    "match": "batches/{batch}/match",
    "result": "batches/{batch}/rows/2/result",
    "confirm": "self-registrations/{id_}/confirm",
    "refuse": "self-registrations/{id_}/refuse",
    "items": "campaigns/{campaign_id}/items",
    "paper": "passes/{pass_id}/paper",
    "revoke": "passes/{pass_id}/revoke",
    "claim": "tasks/{task_id}/claim",
}


async def every_path(client: httpx.AsyncClient, boreal: dict[str, str]) -> list[str]:
    """Return every GET route, with what lies in the north in its path; streams never end."""
    document = (await client.get("/v1/openapi.json")).json()
    found: list[str] = []
    for path, item in document["paths"].items():
        if "get" not in item or "stream" in path:
            continue
        if path.startswith("/v1/registers/{name}"):
            for name in REGISTERS:
                if name not in OF_ALL:
                    found.append(path.format(name=name, entry_id=f"{name}-boreal"))
            continue
        filled = re.sub(r"\{(\w+)\}", lambda hole: boreal.get(hole[1], "x-of-nobody"), path)
        found.append(filled)
    return found
