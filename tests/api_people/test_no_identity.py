"""No answer to anyone without the right holds who somebody is: every route, the feed, the topics.

What is filed is drawn at random; everything that can be read is read, as every role.
"""

import asyncio
import random
import re
import uuid
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.access import ROLES
from schemas.alerts import Subject
from schemas.persons import check_identifier, label
from schemas.topics import FINDINGS, HEADERS, TOPICS
from tests.api.examples import finding
from tests.api_people.running import running_api

PERSONS: Final = 3
_WEIGHTS: Final = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
ENTRY: Final = {"source": "test", "reason": "a test", "purpose": "outbreak-control"}
START: Final = "2026-11-01T00:00:00+08:00"
END: Final = "2099-01-01T00:00:00+08:00"
WHY: Final = {"purpose": "contact", "case": "c-1", "reason": "not at home, to be called"}


def somebody(chance: random.Random) -> dict[str, str]:
    """Return who somebody is, as nobody else in any test."""
    stem = f"330421{chance.randint(1940, 2009)}0{chance.randint(1, 9)}1{chance.randint(0, 9)}"
    stem += f"{chance.randint(100, 999)}"
    total = sum(int(digit) * weight for digit, weight in zip(stem, _WEIGHTS, strict=True))
    number = stem + "10X98765432"[total % 11]
    return {
        "id_type": "resident_id",
        "id_number": check_identifier("resident_id", number),
        "name": "".join(chr(chance.randint(0x4E00, 0x9FA5)) for _ in range(6)),
        "telephone": f"139{chance.randint(10_000_000, 99_999_999)}",
        "address": f"{uuid.UUID(int=chance.getrandbits(128))} Lake Road",
    }


def secrets_of(person: dict[str, str]) -> list[str]:
    return [person[field] for field in ("id_number", "name", "telephone", "address")]


async def test_nobody_is_told_who_somebody_is(kafka: str, tmp_path: Path, namespace: str) -> None:
    people = [somebody(random.Random(f"{namespace}{n}")) for n in range(PERSONS)]
    hidden = [value for person in people for value in secrets_of(person)]
    async with running_api(kafka, tmp_path) as client:
        client.headers["Authorization"] = "Bearer admin"
        pseudonyms = [await filed(client, person) for person in people]
        ids = await register(client, people, namespace)
        # The last is somebody's order; all others are the subjects of their alerts.
        alerts = await raised(kafka, namespace, pseudonyms, ids["order"])
        await shown(client, alerts)
        feed = asyncio.create_task(followed(client))
        document = (await client.get("/v1/openapi.json")).json()
        paths = sorted(
            path
            for path, item in document["paths"].items()
            if "get" in item and "stream" not in path
        )
        told: list[str] = []
        for role in (*ROLES, "south"):
            for path in paths:
                for address in addresses(path, ids, alerts, pseudonyms):
                    answer = await client.get(address, headers={"Authorization": f"Bearer {role}"})
                    told += [f"{address} by {role}" for one in hidden if one in answer.text]
        for role in ("viewer", "auditor", "device", "replay", "south"):
            for alert in alerts:
                answer = await client.post(
                    f"/v1/alerts/{alert}/identity",
                    json=WHY,
                    headers={"Authorization": f"Bearer {role}"},
                )
                assert answer.status_code in (403, 404)
                told += [f"identity by {role}" for one in hidden if one in answer.text]
        assert told == []
        fed = await feed
        assert not any(one in fed for one in hidden)
        # Those who may are told, so that the test can fail.
        for alert, person in zip(alerts, people, strict=True):
            opened = await client.post(f"/v1/alerts/{alert}/identity", json=WHY)
            assert all(one in opened.text for one in secrets_of(person))
        log = (await client.get("/v1/audit?limit=1000")).text
        metrics = (await client.get("/metrics")).text
        assert not any(one in log + metrics for one in hidden)
    assert await on_topics(kafka, hidden) == []


async def filed(client: httpx.AsyncClient, person: dict[str, str]) -> str:
    answer = await client.post("/v1/vault", json=person)
    assert answer.status_code == 200
    return str(answer.json()["person"])


async def register(
    client: httpx.AsyncClient, people: list[dict[str, str]], namespace: str
) -> dict[str, str]:
    """File everybody in every register that tells of persons, by their number."""
    ids: dict[str, str] = {}
    for n, person in enumerate(people):
        who = {field: person[field] for field in ("id_type", "id_number")}
        link = {"person": who, "plate": "浙F12345", "role": "owner", "strength": 1.0}
        stay = {"area": "330300", "stay_from": "2026-11-01", "stay_to": "2026-11-02"}
        span = {"start": START, "end": END, "place": "gate"}
        entries: dict[str, dict[str, Any]] = {
            "order": {
                "subject": who,
                "class": "close-contact",
                "kind": "home",
                "zone": "z",
                "exposure_date": "2026-11-01",
                "start": START,
                "household": f"h{n}",
            },
            "watch-entry": {"person": who, "category": "close-contact", "valid_to": END},
            "vehicle-link": link,
            "arrival-notice": {
                **stay,
                "household": f"h{n}",
                "persons": [who],
                "arrival": "2026-11-03",
            },
            "residence": {"person": who, "address": "somewhere", "grid": "north"},
            "pass": {"holders": [who], "scope": ["z"], "medium": "paper"},
            "exemption": {"person": who, "kind": "whitelist"},
            "worker": {"enterprise": "e", "person": who},
            "case": {"person": who, "class": "suspected"},
            "duty-shift": {**span, "members": [who], "min_staff": 1},
            "transfer": {
                "persons": [who],
                "from_zone": "a",
                "to_zone": "b",
                "window_from": START,
                "window_to": END,
                "eta": END,
            },
        }
        for name, data in entries.items():
            ids[name] = f"{namespace}-{n}"
            path = f"/v1/registers/{name}/{ids[name]}"
            answer = await client.put(path, json={**ENTRY, **data})
            assert answer.status_code == 201, (name, answer.text)
            assert not any(one in answer.text for one in secrets_of(person))
    return ids


async def raised(kafka: str, namespace: str, persons: list[str], order: str) -> list[str]:
    """Let an alert be found about each person; return the alerts."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=namespace)
    await producer.start()
    alerts = [f"{namespace}-{n}" for n in range(len(persons))]
    async with producer.transaction():
        for alert, person in zip(alerts, persons, strict=True):
            subject = Subject("person", person, label(person))
            if person == persons[-1]:
                subject = Subject("order", f"order:{order}", order)
            raw = msgspec.json.encode(finding(alert, subject=subject, order=order, grid="north"))
            await producer.send(FINDINGS, raw, key=alert.encode(), headers=HEADERS)
    await producer.stop()
    return alerts


async def shown(client: httpx.AsyncClient, alerts: list[str]) -> None:
    """Return once the alerts are in the store: the feed tells of them from its beginning."""
    waiting = set(alerts)
    query = "since=2000-01-01T00:00:00Z"
    async with (
        asyncio.timeout(60),
        client.stream("GET", f"/v1/alerts/stream.jsonl?{query}") as stream,
    ):
        async for line in stream.aiter_lines():
            waiting.discard(msgspec.json.decode(line)["data"].get("id"))
            if not waiting:
                return


async def followed(client: httpx.AsyncClient) -> str:
    """Return what the feed tells from its beginning to the first of these alerts' last."""
    lines: list[str] = []
    headers = {"Authorization": "Bearer viewer"}
    async with client.stream(
        "GET", "/v1/alerts/stream.jsonl?since=2000-01-01T00:00:00Z", headers=headers
    ) as stream:
        async for line in stream.aiter_lines():
            lines.append(line)
            if len(lines) > PERSONS:
                break
    return "\n".join(lines)


def addresses(path: str, ids: dict[str, str], alerts: list[str], persons: list[str]) -> list[str]:
    """Return a route's addresses with everything put in that could be in it."""
    if "{name}" in path and "registers" in path:
        return [
            path.replace("{name}", name).replace("{entry_id}", entry_id)
            for name, entry_id in ids.items()
        ]
    known = {
        "alert_id": alerts,
        "order_id": [ids["order"]],
        "pass_id": [ids["pass"]],
        "person": persons,
    }
    for part in re.findall(r"\{([^}]+)\}", path):
        if part in known:
            return [path.replace(f"{{{part}}}", value) for value in known[part]]
    return [re.sub(r"\{[^}]+\}", "x", path)]


async def on_topics(kafka: str, hidden: list[str]) -> list[str]:
    """Return every topic of which a record holds one of the texts."""
    names = [topic.name for topic in TOPICS]
    consumer = AIOKafkaConsumer(
        *names, bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    found: list[str] = []
    try:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        open_ones = {
            partition
            for partition in partitions
            if ends[partition] > await consumer.position(partition)
        }
        while open_ones:
            batches = await consumer.getmany(timeout_ms=1_000)
            for batch in batches.values():
                for record in batch:
                    text = (record.value or b"").decode(errors="replace")
                    text += (record.key or b"").decode(errors="replace")
                    found += [record.topic for one in hidden if one in text]
            for partition in list(open_ones):
                if await consumer.position(partition) >= ends[partition]:
                    open_ones.discard(partition)
    finally:
        await consumer.stop()
    return found
