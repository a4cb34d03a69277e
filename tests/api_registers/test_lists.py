"""The watch list, exemptions and devices over HTTP: what is refused, and what is never shown."""

from uuid import uuid4

import httpx
import msgspec
import pytest

COMMON = {"source": "test", "reason": "test", "purpose": "outbreak-control"}
WATCH = {
    **COMMON,
    "plate": "浙F12345",
    "category": "risk-return",
    "valid_to": "2999-01-01T00:00:00Z",
}
SECRET = "what only the device knows"


@pytest.mark.parametrize(
    ("register", "body", "field"),
    [
        ("watch-entry", {**WATCH, "plate": "浙F*"}, "plate"),
        ("watch-entry", {key: WATCH[key] for key in WATCH if key != "valid_to"}, "valid_to"),
        ("exemption", {**COMMON, "kind": "fleet"}, "plate"),
        ("device", {**COMMON, "site": "north"}, "secret"),
    ],
)
async def test_what_is_too_broad_or_lacks_something_is_refused(
    client: httpx.AsyncClient, register: str, body: dict[str, object], field: str
) -> None:
    answer = await client.put(f"/v1/registers/{register}/{uuid4().hex}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_secret_is_answered_and_read_as_its_digest(client: httpx.AsyncClient) -> None:
    url = f"/v1/registers/device/{uuid4().hex}"
    body = {**COMMON, "site": "north", "secret": SECRET}
    new = await client.put(url, json=body)
    assert new.status_code == 201
    assert new.json()["secret"].startswith("sealed:")
    assert SECRET not in new.text + (await client.get(url)).text
    # The same secret again is no change, and neither is its digest.
    again = await client.put(url, json=body)
    assert (again.status_code, again.json()) == (200, new.json())
    digest = await client.put(url, json={**body, "secret": new.json()["secret"]})
    assert digest.json() == new.json()


async def test_a_bad_row_of_a_list_is_named_and_the_others_are_filed(
    client: httpx.AsyncClient,
) -> None:
    good, bad = uuid4().hex, uuid4().hex
    rows = [{**WATCH, "id": good}, {**WATCH, "id": bad, "plate": "浙F1234?"}]
    answer = await client.post(
        "/v1/registers/watch-entry:import",
        content=b"\n".join(map(msgspec.json.encode, rows)),
        headers={"content-type": "application/x-ndjson"},
    )
    tally = answer.json()
    assert (tally["accepted"], [each["index"] for each in tally["rejected"]]) == (1, [1])
    assert tally["rejected"][0]["problem"]["field"] == "plate"
    assert (await client.get(f"/v1/registers/watch-entry/{good}")).json()["plate"] == "浙F12345"
    assert (await client.get(f"/v1/registers/watch-entry/{bad}")).status_code == 404
