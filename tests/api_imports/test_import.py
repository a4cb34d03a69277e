"""Tables over HTTP: filed row by row, repeated without effect, and nobody's name in the topics."""

import asyncio
from uuid import uuid4

import httpx
import msgspec
from sqlalchemy import select

from services.api.audit.tables import audit_entries
from services.api.store.database import Database
from services.api.vault.tables import vault_fields
from tests.api_imports.numbers import resident
from tests.api_imports.test_sheets import workbook

CSV = {"content-type": "text/csv; charset=utf-8"}
XLSX = {
    "content-type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ARRIVALS = "/v1/registers/arrival-notice:import"
HEADER = "户号,姓名,身份证号,联系电话,家庭住址,来源地代码,停留开始,停留结束,抵达日期"


def household(mark: str, n: int, count: int = 3) -> list[str]:
    """Return the rows of a household."""
    return [
        f"{mark}-{n},张小{place},{resident(10 * n + place)},1385731{n:02d}{place:02d},"
        f"姚庄镇{n}号,330300,2020-01-10,2020年1月22日,2020/1/23 10:00"
        for place in range(count)
    ]


async def test_a_batch_of_households_is_filed_once_however_often_it_comes(
    client: httpx.AsyncClient, database: Database
) -> None:
    mark = uuid4().hex[:8]
    text = "\n".join([HEADER, *household(mark, 1), *household(mark, 2)])
    for created, unchanged in ((6, 0), (0, 6), (0, 6)):
        answer = await client.post(
            ARRIVALS, params={"batch": mark}, content=text.encode("gb18030"), headers=CSV
        )
        assert answer.status_code == 200, answer.text
        tally = answer.json()
        assert (tally["created"], tally["unchanged"], tally["rejected"]) == (created, unchanged, [])
    entry = (await client.get(f"/v1/registers/arrival-notice/{mark}-2")).json()
    assert entry["household"] == f"{mark}-1"
    assert (entry["batch"], entry["row"], entry["arrival"]) == (
        mark,
        2,
        "2020-01-23T02:00:00.000Z",
    )
    found = await client.get("/v1/registers/arrival-notice", params={"household": f"{mark}-1"})
    assert len(found.json()["items"]) == 3
    named = await client.get(
        "/v1/registers/arrival-notice", params={"subject": entry["persons"][0]["person"]}
    )
    assert entry["id"] in {item["id"] for item in named.json()["items"]}
    rows = await client.get(f"{answer.headers['location']}/rows")
    for shown in (entry, found.json(), rows.json(), tally):
        said = msgspec.json.encode(shown).decode()
        for raw in (resident(10), "张小", "1385731", "姚庄镇"):
            assert raw not in said
    kept = await database.read(
        lambda connection: connection.execute(
            select(vault_fields.c.field).where(
                vault_fields.c.person == entry["persons"][0]["person"]
            )
        ).scalars()
    )
    assert set(kept) == {"id_type", "id_number", "name", "telephone", "address"}


async def test_rows_are_told_one_by_one_in_both_languages(client: httpx.AsyncClient) -> None:
    mark = uuid4().hex[:8]
    wrong = resident(1)[:-1] + ("0" if resident(1)[-1] != "0" else "1")
    rows: list[list[object]] = [
        ["户号", "身份证号", "来源地代码", "停留开始", "停留结束", "抵达日期", "备注"],
        [mark, resident(5), 330300, "2020-01-10", "2020-01-22", "2020-01-23", "ok"],
        [mark, 330421199003070000, 330300, "2020-01-10", "2020-01-22", "2020-01-23"],
        [mark, wrong, 330300, "2020-01-10", "2020-01-22", "2020-01-23"],
        [mark, resident(6), "=A1", "2020-01-10", "2020-01-22", "2020-01-23"],
        [mark, resident(7), 330300, "2020-01-10", "1/2/2020", None],
        [mark, f" {resident(8)}", "３３０３００", "2020-01-10", "2020-01-22", "2020-01-23"],
    ]
    answer = await client.post(
        ARRIVALS, params={"batch": mark}, content=workbook(*rows), headers=XLSX
    )
    tally = answer.json()
    assert (tally["created"], tally["unused_columns"]) == (2, ["备注"])
    told = (await client.get(f"/v1/imports/{tally['import']}/rows")).json()["items"]
    assert [row["row"] for row in told] == [2, 3, 4, 5, 6, 7]
    problems = [[note["column"] for note in row.get("problems", [])] for row in told]
    assert problems == [[], ["B3"], ["B4"], ["C5"], ["E6"], []]
    assert "校验码" in told[2]["problems"][0]["zh"]
    assert {note["field"] for note in told[5]["repairs"]} == {"id_number", "area"}
    assert wrong not in msgspec.json.encode(told).decode()
    rejected = await client.get(
        f"/v1/imports/{tally['import']}/rows", params={"outcome": "rejected", "limit": 3}
    )
    assert len(rejected.json()["items"]) == 3
    following = rejected.json()["next"]
    last = await client.get(
        f"/v1/imports/{tally['import']}/rows", params={"outcome": "rejected", "cursor": following}
    )
    assert [row["row"] for row in last.json()["items"]] == [6]


async def test_a_dry_run_files_nothing_and_keeps_nobody(
    client: httpx.AsyncClient, database: Database
) -> None:
    mark = uuid4().hex[:8]
    text = "\n".join([HEADER, *household(mark, 7)])
    params = {"batch": mark, "dry_run": "true"}
    answer = await client.post(ARRIVALS, params=params, content=text.encode(), headers=CSV)
    assert (answer.json()["created"], answer.json()["dry_run"]) == (3, True)
    assert (await client.get(f"/v1/registers/arrival-notice/{mark}-2")).status_code == 404
    kept = await database.read(
        lambda connection: connection.execute(select(vault_fields.c.person)).all()
    )
    assert kept == []


async def test_a_long_table_becomes_a_job_with_progress(
    client: httpx.AsyncClient, database: Database
) -> None:
    mark = uuid4().hex[:8]
    rows = "\n".join(f"浙F{n:05d},g-{mark},{'蓝' if n % 2 else '白'}" for n in range(450))
    answer = await client.post(
        "/v1/registers/resident-vehicle:import",
        content=f"车牌号,网格,颜色\n{rows}\n".encode(),
        headers={**CSV, "prefer": "respond-async"},
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    url = answer.headers["location"]
    while (seen := (await client.get(url)).json())["state"] == "running":
        assert 0 <= seen["done"] <= seen["total"] == 450
        await asyncio.sleep(0)
    assert (seen["state"], seen["done"], seen["rejected"]) == ("done", 450, 0)
    entry = (await client.get("/v1/registers/resident-vehicle/浙F00007")).json()
    assert entry["attributes"] == {"colour": "蓝"}
    page = await client.get("/v1/registers/resident-vehicle", params={"grid": f"g-{mark}"})
    assert len(page.json()["items"]) == 100
    listed = (await client.get("/v1/imports")).json()["items"]
    assert seen["id"] in {each["id"] for each in listed}
    entry = await database.read(
        lambda connection: connection.execute(
            select(audit_entries).where(audit_entries.c.action == "register.import")
        ).all()[-1]
    )
    assert entry.about == f"resident-vehicle/{seen['id']}"


async def test_headers_of_another_name_are_mapped_and_constants_set(
    client: httpx.AsyncClient,
) -> None:
    mark = uuid4().hex[:8]
    answer = await client.post(
        "/v1/registers/permit:import",
        params={
            "map": ["Order = no=order", "Until=to"],
            "set": ["from=2020-01-24", "reason=dialysis", f"id=p-{mark}"],
        },
        content=f"Order = no,Until\no-{mark},2020-01-25\n".encode(),
        headers=CSV,
    )
    assert answer.json()["created"] == 1, answer.text
    permit = (await client.get(f"/v1/registers/permit/p-{mark}")).json()
    assert (permit["from"], permit["to"]) == (
        "2020-01-23T16:00:00.000Z",
        "2020-01-25T16:00:00.000Z",
    )
    assert permit["reason"] == "dialysis"


REFUSED: tuple[tuple[dict[str, str], bytes, dict[str, str], int, str | None], ...] = (
    ({}, b"", CSV, 400, None),
    ({}, b"what\nx\n", CSV, 422, "header"),
    ({}, b"plate,plate\nx,y\n", CSV, 422, "header"),
    ({}, b"=plate\nx\n", CSV, 422, "header"),
    ({"map": "x=nothing"}, b"x\n1\n", CSV, 422, "map"),
    ({"map": "z=plate"}, b"plate\n1\n", CSV, 422, "map"),
    ({"map": "plate"}, b"plate\n1\n", CSV, 422, "map"),
    ({"set": "nothing=1"}, b"plate\n1\n", CSV, 422, "set"),
    ({"batch": "a b"}, b"plate\n1\n", CSV, 422, "batch"),
    ({}, b"no workbook", XLSX, 400, None),
    ({}, b"[]", {"content-type": "application/json"}, 415, None),
)


async def test_what_is_no_such_table_is_refused(client: httpx.AsyncClient) -> None:
    for params, content, headers, status, field in REFUSED:
        answer = await client.post(
            "/v1/registers/resident-vehicle:import", params=params, content=content, headers=headers
        )
        assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text


async def test_a_person_s_number_is_no_id_anywhere(client: httpx.AsyncClient) -> None:
    number = resident(77)
    body = {"source": "t", "reason": "t", "purpose": "outbreak-control", "plate": "浙F70002"}
    answer = await client.put(f"/v1/registers/resident-vehicle/{number}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "id")
    assert number not in answer.text
    # A household that is called by its head's number is called by the pseudonym.
    mark = uuid4().hex[:8]
    row = household(mark, 3, 1)[0].replace(f"{mark}-3", number)
    filed = await client.post(
        ARRIVALS, params={"batch": mark}, content=f"{HEADER}\n{row}\n".encode(), headers=CSV
    )
    assert filed.json()["created"] == 1, filed.text
    entry = (await client.get(f"/v1/registers/arrival-notice/{mark}-2")).json()
    assert entry["household"].startswith("person:")


async def test_what_is_not_there_is_said(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/imports/none")).status_code == 404
    assert (await client.get("/v1/imports/none/rows")).status_code == 404
    unknown = await client.post("/v1/registers/nothing:import", content=b"", headers=CSV)
    assert unknown.status_code == 404
