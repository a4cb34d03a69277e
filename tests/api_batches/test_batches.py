"""A batch of names over HTTP: looked up, assigned, answered from the field, counted, exported."""

from uuid import uuid4

import httpx
import pytest

from schemas.access import Grant
from schemas.persons import PseudonymKey
from services.api.tasks.desk import TaskDesk
from services.api.tasks.machine import Act
from services.api.tasks.transactions import task_id
from tests.api_imports.numbers import resident

CSV = {"content-type": "text/csv"}
HEADER = "序号,户号,姓名,身份证号,联系电话"
OFFICER = Grant("li", "dispatcher")


@pytest.fixture
async def batch(client: httpx.AsyncClient) -> str:
    """A batch of three names, of whom one lives here and one lives elsewhere here."""
    mark = uuid4().hex[:8]
    key = PseudonymKey.fixed_for_tests()
    for number, household in ((1, f"{mark}-h1"), (2, f"{mark}-other")):
        body = {
            "person": {"person": key.person("resident_id", person(mark, number))},
            "address": "x",
            "household": household,
            "source": "t",
            "reason": "t",
            "purpose": "outbreak-control",
        }
        filed = await client.put(f"/v1/registers/residence/{mark}-{number}", json=body)
        assert filed.status_code == 201, filed.text
    made = await client.post("/v1/batches", json={"id": mark, "title": "637 号"})
    assert made.status_code == 201, made.text
    return mark


def person(mark: str, number: int) -> str:
    """Return the number of a person of this test only."""
    return resident(int(mark, 16) % 900_000 + number)


def table(mark: str) -> bytes:
    """Return the names of the batch."""
    rows = [f"{n},{mark}-h{n},张三{n},{person(mark, n)},1385731234{n}" for n in (1, 2, 3)]
    return "\n".join([HEADER, *rows, f"4,{mark}-h4,某人,123,"]).encode("gb18030")


async def test_the_life_of_a_batch(client: httpx.AsyncClient, batch: str, tasks: TaskDesk) -> None:
    url = f"/v1/batches/{batch}"
    for created, unchanged in ((3, 0), (0, 3)):
        answer = await client.post(f"{url}/rows", content=table(batch), headers=CSV)
        assert answer.status_code == 200, answer.text
        taken = answer.json()
        assert (taken["created"], taken["unchanged"]) == (created, unchanged)
        assert [each["row"] for each in taken["rejected"]] == [5]
    counts = (await client.get(url)).json()
    assert [counts[state] for state in ("FOUND", "MISMATCH", "PENDING", "NOT_FOUND")] == [
        1, 1, 1, 0,
    ]  # fmt: skip
    rows = await client.get(f"{url}/rows")
    shown = {each["row"]: each for each in rows.json()["items"]}
    assert shown[2]["found"][0]["differs"] == ["household"]
    assert shown[1]["channel"] == "ONLINE"
    for raw in (person(batch, 1), "张三", "1385731"):
        assert raw not in rows.text

    assert (await client.post(f"{url}/assign")).json() == {"tasks": 1}
    assert (await client.post(f"{url}/assign")).json() == {"tasks": 0}
    task = task_id("batch", batch, "3")
    left = await client.get(f"{url}/remainder.csv")
    assert left.content.startswith(b"\xef\xbb\xbf")
    assert left.text.count("\r\n") == 2
    assert task in left.text
    for act in (
        Act(name="claim", actor="li"),
        Act(name="start", actor="li"),
        Act(name="done", actor="li", result="not-found", note="moved to Shanghai"),
    ):
        standing = await tasks.get(task)
        await tasks.act(task, standing.revision, act, OFFICER)
    counts = (await client.get(url)).json()
    assert (counts["PENDING"], counts["NOT_FOUND"]) == (0, 1)
    (row,) = (await client.get(f"{url}/rows", params={"state": "NOT_FOUND"})).json()["items"]
    assert (row["row"], row["channel"], row["task"]) == (3, "OFFLINE", task)
    summary = (await client.get("/v1/batches:summary")).json()
    assert (summary["batches"], summary["names"], summary["open_batches"]) == (1, 3, 0)
    # A batch without a name yet is one all the same.
    empty = await client.post("/v1/batches", json={"id": "empty"})
    assert empty.status_code == 201
    summary = (await client.get("/v1/batches:summary")).json()
    assert (summary["batches"], summary["open_batches"]) == (2, 0)


async def test_a_result_is_recorded_by_the_one_who_saw_the_last(
    client: httpx.AsyncClient, batch: str
) -> None:
    url = f"/v1/batches/{batch}/rows"
    await client.post(url, content=table(batch), headers=CSV)
    body = {"result": "FOUND", "note": "telephoned"}
    assert (await client.post(f"{url}/3/result", json=body)).status_code == 428
    headers = {"If-Match": "1"}
    told = await client.post(f"{url}/3/result", json=body, headers=headers)
    assert (told.json()["result"], told.json()["channel"], told.json()["revision"]) == (
        "FOUND",
        "OFFLINE",
        2,
    )
    assert (await client.post(f"{url}/3/result", json=body, headers=headers)).status_code == 409
    unknown = await client.post(f"{url}/99/result", json=body, headers=headers)
    assert unknown.status_code == 404


async def test_what_is_found_later_is_found_by_looking_again(
    client: httpx.AsyncClient, batch: str
) -> None:
    url = f"/v1/batches/{batch}"
    await client.post(f"{url}/rows", content=table(batch), headers=CSV)
    assert (await client.post(f"{url}/match")).json() == {"found": 0}
    key = PseudonymKey.fixed_for_tests()
    body = {
        "person": {"person": key.person("resident_id", person(batch, 3))},
        "address": "x",
        "source": "t",
        "reason": "t",
        "purpose": "outbreak-control",
    }
    await client.put(f"/v1/registers/residence/{batch}-3", json=body)
    assert (await client.post(f"{url}/match")).json() == {"found": 1}
    assert (await client.get(url)).json()["FOUND"] == 2


async def test_names_come_as_lines_of_json_too(client: httpx.AsyncClient, batch: str) -> None:
    line = f'{{"row": 9, "id_type": "resident_id", "id_number": "{person(batch, 1)}"}}\n'
    answer = await client.post(
        f"/v1/batches/{batch}/rows",
        content=(line + '{"row": 10, "name": "nobody"}\n').encode(),
        headers={"content-type": "application/x-ndjson"},
    )
    assert (answer.json()["created"], len(answer.json()["rejected"])) == (1, 1), answer.text
    listed = await client.get("/v1/batches", params={"limit": 1})
    assert listed.json()["items"][0]["id"] == batch


async def test_what_is_not_there_or_there_already(client: httpx.AsyncClient, batch: str) -> None:
    assert (await client.post("/v1/batches", json={"id": batch})).status_code == 409
    for method, path in (
        ("GET", "/v1/batches/none"),
        ("GET", "/v1/batches/none/rows"),
        ("GET", "/v1/batches/none/remainder.csv"),
        ("POST", "/v1/batches/none/assign"),
        ("POST", "/v1/batches/none/match"),
    ):
        assert (await client.request(method, path)).status_code == 404, path
    lost = await client.post("/v1/batches/none/rows", content=table(batch), headers=CSV)
    assert lost.status_code == 404
    text = await client.post(f"/v1/batches/{batch}/rows", content=b"x")
    assert text.status_code == 415


@pytest.mark.parametrize("name", ["第637批", "a\x7fb", "a%2Fb?c#d"])
async def test_a_batch_may_be_called_what_no_header_may_hold(
    client: httpx.AsyncClient, name: str
) -> None:
    called = f"{name}-{uuid4().hex[:8]}"
    made = await client.post("/v1/batches", json={"id": called})
    assert made.status_code == 201, made.text
    assert made.headers["location"].isprintable()
    assert (await client.get(made.headers["location"])).json()["id"] == called
