"""Filing, looking up and ending entries over HTTP, on the real broker."""

from uuid import uuid4

import httpx

COMMON = {"source": "test", "reason": "test", "purpose": "outbreak-control"}


def site(**fields: object) -> dict[str, object]:
    return {**COMMON, "name": "north gate", "role": "checkpoint", "zones": [], **fields}


async def test_a_put_is_new_then_unchanged_then_a_change(client: httpx.AsyncClient) -> None:
    url = f"/v1/registers/site/{uuid4().hex}"
    new = await client.put(url, json=site())
    assert (new.status_code, new.json()["author"]) == (201, "the admin")
    same = await client.put(url, json=site())
    assert (same.status_code, same.json()) == (200, new.json())
    changed = await client.put(url, json=site(name="south gate"))
    assert (changed.status_code, changed.json()["name"]) == (200, "south gate")
    assert (await client.get(url)).json() == changed.json()
    history = (await client.get(f"{url}/history")).json()["items"]
    assert history == [changed.json(), new.json()]
