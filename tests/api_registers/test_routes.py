"""Filing, looking up and ending entries over HTTP, on the real broker."""

import asyncio
import json
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.access import ROLES
from schemas.registers import REGISTERS
from schemas.times import format_ms, parse_ms
from services.api.guard import ACTORS, READERS
from services.api.registers.desk import Desk
from tests.api_registers.conftest import Clock
from tests.schemas.sampled import sample

COMMON = {"source": "test", "reason": "test", "purpose": "outbreak-control"}
NDJSON = {"content-type": "application/x-ndjson"}
RESIDENT = "110101199003070054"


def site(**fields: object) -> dict[str, object]:
    return {**COMMON, "name": "north gate", "role": "checkpoint", "zones": [], **fields}


def order(number: str) -> dict[str, object]:
    return {
        **COMMON,
        "subject": {"id_type": "resident_id", "id_number": number},
        "class": "home-isolation",
        "kind": "home",
        "zone": "home",
        "exposure_date": "2022-04-01",
        "start": "2022-04-01T00:00:00+08:00",
    }


@pytest.fixture
def url() -> str:
    """The address of an entry that no other test files."""
    return f"/v1/registers/site/{uuid4().hex}"


async def test_a_put_is_new_then_unchanged_then_a_change(
    client: httpx.AsyncClient, url: str
) -> None:
    new = await client.put(url, json=site())
    assert (new.status_code, new.json()["author"]) == (201, "the admin")
    same = await client.put(url, json=site(), headers={"Authorization": "Bearer dispatcher"})
    assert (same.status_code, same.json()) == (200, new.json())
    changed = await client.put(url, json=site(name="south gate"))
    assert (changed.status_code, changed.json()["name"]) == (200, "south gate")
    assert (await client.get(url)).json() == changed.json()
    history = (await client.get(f"{url}/history")).json()["items"]
    assert history == [changed.json(), new.json()]


async def test_every_register_takes_and_gives_its_entries(client: httpx.AsyncClient) -> None:
    entry_id = uuid4().hex
    for name in REGISTERS:
        written = sample(f"cordon.{name}.put.v1")["data"] | {"id": entry_id}
        posted = sample(f"cordon.{name}.put.v1.posted")["data"] | {"id": entry_id}
        del posted["valid_to"], written["valid_to"]
        if name == "watch-entry":
            posted["valid_to"] = written["valid_to"] = "9999-01-01T00:00:00.000Z"
        url = f"/v1/registers/{name}/{entry_id}"
        new = await client.put(url, json=posted)
        assert new.status_code == 201, new.json()
        assert new.json().items() >= (written | {"author": "the admin"}).items()
        rows = json.dumps(posted) + "\n"
        again = await client.post(
            f"/v1/registers/{name}:import", content=rows.encode(), headers=NDJSON
        )
        assert (again.json()["unchanged"], again.json()["rejected"]) == (1, [])
        if parse_ms(written["valid_from"]) <= parse_ms(new.json()["recordedtime"]):
            assert (await client.get(url)).json() == new.json()


async def test_of_two_that_put_the_same_at_once_one_files(
    client: httpx.AsyncClient, url: str
) -> None:
    answers = await asyncio.gather(client.put(url, json=site()), client.put(url, json=site()))
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len((await client.get(f"{url}/history")).json()["items"]) == 1


async def test_an_entry_is_looked_up_as_it_was_known(
    client: httpx.AsyncClient, url: str, clock: Clock
) -> None:
    first = (await client.put(url, json=site())).json()
    # Other tests on this broker may have filed from a clock that is ahead of this one.
    clock.offset_ms += 60_000 + max(parse_ms(first["recordedtime"]) - clock(), 0)
    second = (await client.put(url, json=site(name="renamed"))).json()
    assert parse_ms(second["recordedtime"]) >= parse_ms(first["recordedtime"]) + 60_000
    for known, name in ((first, "north gate"), (second, "renamed")):
        answer = await client.get(url, params={"as_of": known["recordedtime"]})
        assert answer.json()["name"] == name
    before = format_ms(parse_ms(first["recordedtime"]) - 1)
    assert (await client.get(url, params={"as_of": before})).status_code == 404


async def test_a_clock_that_is_put_back_does_not_file_into_the_past(
    client: httpx.AsyncClient, url: str, clock: Clock
) -> None:
    first = (await client.put(url, json=site())).json()
    clock.offset_ms -= 3_600_000
    second = (await client.put(url, json=site(name="renamed"))).json()
    assert second["recordedtime"] >= first["recordedtime"]
    assert (await client.get(url)).json()["name"] == "renamed"


async def test_a_deletion_ends_the_entry_and_stays_on_record(
    client: httpx.AsyncClient, url: str
) -> None:
    assert (await client.delete(url)).status_code == 404
    new = (await client.put(url, json=site())).json()
    assert (await client.delete(url, params={"reason": "closed"})).status_code == 204
    assert (await client.get(url)).status_code == 404
    assert (await client.delete(url)).status_code == 404
    gone, filed = (await client.get(f"{url}/history")).json()["items"]
    assert (gone["deleted"], gone["reason"], filed) == (True, "closed", new)
    assert (await client.put(url, json=site())).status_code == 201


async def test_the_list_shows_what_governs_a_page_at_a_time(client: httpx.AsyncClient) -> None:
    mark = uuid4().hex
    permit = {**COMMON, "order": "o", "from": "2022-04-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
    for n in range(5):
        await client.put(f"/v1/registers/permit/{mark}-{n}", json=permit)
    await client.delete(f"/v1/registers/permit/{mark}-3")
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await client.get("/v1/registers/permit", params={"limit": 2, "cursor": cursor})
        assert len(page.json()["items"]) <= 2
        listed += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next"]
    assert listed == sorted(listed)
    assert [i for i in listed if i.startswith(mark)] == [f"{mark}-{n}" for n in (0, 1, 2, 4)]


async def test_a_change_is_a_cloudevent_under_the_key_of_its_entry(
    client: httpx.AsyncClient, kafka: str, url: str
) -> None:
    at = TopicPartition("cordon.registers.site.v1", 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        consumer.assign([at])
        await consumer.seek_to_end(at)
        await consumer.position(at)
        answer = (await client.put(url, json=site())).json()
        record = await consumer.getone()
    finally:
        await consumer.stop()
    event = json.loads(record.value)
    assert record.key.decode() == answer["id"]
    assert record.headers == (("content-type", b"application/cloudevents+json"),)
    assert (event["specversion"], event["source"]) == ("1.0", "cordon/api")
    assert event["type"] == "cordon.site.put.v1"
    assert len(event["id"]) <= 128
    assert event["recordedtime"] == event["time"] == answer.pop("recordedtime")
    assert event["data"] == answer


async def test_a_raw_identifier_is_neither_kept_nor_echoed(client: httpx.AsyncClient) -> None:
    url = f"/v1/registers/order/{uuid4().hex}"
    answer = await client.put(url, json=order(RESIDENT))
    assert answer.status_code == 201, answer.text
    assert answer.json()["subject"]["person"].startswith("person:")
    wrong = await client.put(url, json=order(RESIDENT[:-1] + "9"))
    assert (wrong.status_code, wrong.json()["field"]) == (422, "subject.id_number")
    history = await client.get(f"{url}/history")
    for text in (answer.text, wrong.text, history.text):
        assert RESIDENT[:-1] not in text


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ('{"role": "moon"}', 422, "role"),
        ('{"id": "another"}', 422, "id"),
        ('{"valid_from": "2022-04-01"}', 422, "valid_from"),
        ("{not json", 400, None),
        ("[]", 400, None),
    ],
)
async def test_a_bad_entry_is_refused_with_the_name_of_the_field(
    client: httpx.AsyncClient, url: str, body: str, status: int, field: str | None
) -> None:
    content = body
    if status == 422:
        content = json.dumps({**site(), **json.loads(body)})
    answer = await client.put(url, content=content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json().get("field")) == (status, field)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/registers/nothing/x", 404),
        ("/v1/registers/nothing", 404),
        ("/v1/registers/site/none", 404),
        ("/v1/registers/site/none/history", 404),
        ("/v1/registers/site/x?as_of=yesterday", 422),
        ("/v1/registers/site?cursor=%21", 422),
        ("/v1/registers/site?limit=0", 422),
    ],
)
async def test_what_cannot_be_looked_up(client: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "allowed"),
    [
        ("GET", {*READERS}),
        ("PUT", {*ACTORS, "replay"}),
        ("DELETE", {*ACTORS, "replay"}),
    ],
)
async def test_who_may_do_what(
    client: httpx.AsyncClient, url: str, method: str, allowed: set[str]
) -> None:
    for role in ROLES:
        headers = {"Authorization": f"Bearer {role}"}
        await client.put(url, json=site())
        answer = await client.request(method, url, json=site(), headers=headers)
        assert (answer.status_code != 403) is (role in allowed), role
    assert (await client.request(method, url, headers={"Authorization": ""})).status_code == 401


async def test_an_import_keeps_the_good_rows_and_names_the_bad(client: httpx.AsyncClient) -> None:
    mark = uuid4().hex
    rows = [
        json.dumps({**COMMON, "id": f"{mark}-{n % 3}", "plate": f"浙F7000{n % 3}"})
        for n in range(4)
    ]
    rows += [
        json.dumps({**COMMON, "id": f"{mark}-x", "plate": "??"}),
        json.dumps(COMMON),
        "{",
    ]
    url = "/v1/registers/resident-vehicle:import"
    answer = await client.post(url, content="\n".join(rows), headers=NDJSON)
    tally = answer.json()
    assert (tally["accepted"], tally["unchanged"]) == (3, 1)
    assert [row["index"] for row in tally["rejected"]] == [4, 5, 6]
    assert [row["problem"].get("field") for row in tally["rejected"]] == ["plate", "id", "id"]
    again = (await client.post(url, content="\n".join(rows[:4]), headers=NDJSON)).json()
    assert (again["accepted"], again["unchanged"]) == (0, 4)
    assert (await client.get(f"/v1/registers/resident-vehicle/{mark}-1")).status_code == 200


async def test_a_replay_keeps_times_of_filing_and_can_be_repeated(
    client: httpx.AsyncClient,
) -> None:
    mark = uuid4().hex

    def line(at: str, verb: str, **data: object) -> str:
        return json.dumps(
            {
                "specversion": "1.0",
                "id": f"{mark}-{at}",
                "source": "timeline",
                "type": f"cordon.site.{verb}.v1",
                "time": at,
                "data": {"id": mark, "author": "timeline", **data},
            }
        )

    first = site(name="first", valid_from="2022-04-01T00:00:00Z")
    second = site(name="second", valid_from="2022-04-01T00:00:00Z")
    lines = [
        line("2022-04-01T08:00:00Z", "put", **first),
        line("2022-04-02T08:00:00Z", "put", **second),
        line("2022-04-03T08:00:00Z", "delete"),
        '{"type": "cordon.clock.v1", "time": "2022-04-03T08:00:00Z"}',
    ]
    headers = {**NDJSON, "Authorization": "Bearer replay"}
    for accepted, unchanged in ((3, 0), (0, 3)):
        answer = await client.post(
            "/v1/registers:replay", content="\n".join(lines), headers=headers
        )
        tally = answer.json()
        assert (tally["accepted"], tally["unchanged"]) == (accepted, unchanged)
        assert [row["index"] for row in tally["rejected"]] == [3]
    for as_of, name in (("2022-04-01T09:00:00Z", "first"), ("2022-04-02T09:00:00Z", "second")):
        answer = await client.get(f"/v1/registers/site/{mark}", params={"as_of": as_of})
        assert (answer.json()["name"], answer.json()["author"]) == (name, "timeline")
    assert (await client.get(f"/v1/registers/site/{mark}")).status_code == 404


async def test_a_replay_needs_its_role_and_a_system_that_takes_replays(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    answer = await client.post("/v1/registers:replay", content="", headers=NDJSON)
    assert answer.status_code == 403
    desk.takes_replays = False
    headers = {**NDJSON, "Authorization": "Bearer replay"}
    answer = await client.post("/v1/registers:replay", content="", headers=headers)
    assert answer.status_code == 403
    assert "--clock events" in answer.json()["detail"]


async def test_entries_are_found_by_what_they_name_now(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    mark = uuid4().hex
    url = "/v1/registers/resident-vehicle"
    for n, (plate, grid) in enumerate((("浙F7T001", "a"), ("浙F7T002", "a"), ("浙F7T003", "b"))):
        body = {**COMMON, "plate": plate, "grid": f"{mark}-{grid}"}
        assert (await client.put(f"{url}/{mark}-{n}", json=body)).status_code == 201
    # What it said before is found no more, but as of then.
    before = (await client.get(f"{url}/{mark}-2")).json()["recordedtime"]
    clock.offset_ms += 60_000 + max(parse_ms(before) - clock(), 0)
    moved = {**COMMON, "plate": "浙F7T001", "grid": f"{mark}-b"}
    await client.put(f"{url}/{mark}-0", json=moved)

    async def found(**asked: str) -> list[str]:
        answer = await client.get(url, params=asked)
        assert answer.status_code == 200, answer.text
        return [item["id"].removeprefix(f"{mark}-") for item in answer.json()["items"]]

    assert await found(grid=f"{mark}-a") == ["1"]
    assert await found(grid=f"{mark}-b") == ["0", "2"]
    assert await found(grid=f"{mark}-b", plate="浙f 7t003") == ["2"]
    assert await found(q=f"{mark}-A".upper()) == ["1"]
    assert await found(grid=f"{mark}-a", as_of=before) == ["0", "1"]
    assert (await client.get(url, params={"plate": "??"})).json()["field"] == "plate"


async def test_with_if_match_the_second_is_told(client: httpx.AsyncClient, url: str) -> None:
    seen = {"If-Match": (await client.put(url, json=site())).headers["etag"]}
    assert (await client.get(url)).headers["etag"] == seen["If-Match"]
    first = await client.put(url, json=site(name="first"), headers=seen)
    assert first.status_code == 200
    second = await client.put(url, json=site(name="second"), headers=seen)
    assert (second.status_code, second.headers["etag"]) == (409, first.headers["etag"])
    assert (await client.delete(url, headers=seen)).status_code == 409
    current = {"If-Match": first.headers["etag"]}
    assert (await client.delete(url, headers=current)).status_code == 204
    wrong = await client.put(url, json=site(), headers={"If-Match": "abc"})
    assert wrong.status_code == 400
