"""What was suppressed: counted once, by the hour, and told with its reason."""

from typing import Any

import httpx
import msgspec
import pytest

from schemas.suppressions import SUPPRESSED_TYPE, Suppressed, SuppressedEvent
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from services.api.findings import decoded
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.suppressed import KEEP_MS, Span, counted
from services.api.store.transactions import Sourced
from tests.api.examples import AT, finding

# The start of an hour of the engine's clock.
HOUR = AT - AT % HOUR_MS


def told(
    rule: str = "fever", by: str = "device-bias", at_ms: int = HOUR, **changes: Any
) -> SuppressedEvent:
    """What a worker tells of a batch in which one event was suppressed, a minute before."""
    seen = format_ms(at_ms - MINUTE_MS)
    data = Suppressed(
        rule=rule, by=by, site="gate", count=1, first_seen=seen, last_seen=seen, source="d", id="1"
    )
    return SuppressedEvent(
        specversion="1.0",
        id=f"{rule}/{by}/{at_ms}",
        source="cordon/worker",
        type=SUPPRESSED_TYPE,
        time=format_ms(at_ms),
        recordedtime=format_ms(at_ms),
        data=msgspec.structs.replace(data, **changes),
    )


async def take(store: AlertStore, *events: SuppressedEvent, start: int = 0) -> None:
    records = [Sourced(0, start + n, event) for n, event in enumerate(events)]
    await store.apply("t", records, {0: start + len(records)})


async def asked(client: httpx.AsyncClient, query: str = "") -> Any:
    answer = await client.get(f"/v1/suppressions{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_adds_up_and_tells_why_in_both_languages(
    store: AlertStore, client: httpx.AsyncClient
) -> None:
    await take(
        store,
        told(at_ms=HOUR, count=3),
        told(at_ms=HOUR + HOUR_MS, count=2, source="later", id="9"),
        told("quarantine-breach", "permit", site=None),
        told(site="inner", count=7),
    )
    page = await asked(client)
    first, second, third = page["items"]
    assert (first["site"], first["count"]) == ("inner", 7)
    assert second == {
        "rule": "fever",
        "by": "device-bias",
        "site": "gate",
        "count": 5,
        "first_seen": format_ms(HOUR - MINUTE_MS),
        "last_seen": format_ms(HOUR + HOUR_MS - MINUTE_MS),
        "example": {"source": "later", "id": "9"},
        "reason": {
            "en": "the thermometer reads everybody too warm or too cold",
            "zh": "测温设备存在偏差",
        },
        "effect": "withdraws",
    }
    assert "site" not in third
    assert third["reason"]["zh"] == "许可覆盖该地点与时间"
    assert page["totals"] == {
        "count": 13,
        "items": 3,
        "rules": {"fever": 12, "quarantine-breach": 1},
        "reasons": {"device-bias": 12, "permit": 1},
    }


async def test_each_record_counts_once(store: AlertStore, client: httpx.AsyncClient) -> None:
    events = [told(count=2), told(count=3)]
    await take(store, *events)
    await take(store, *events, told(count=4))
    assert (await asked(client))["totals"]["count"] == 9


@pytest.mark.parametrize("batch", [1, 2, 5])
async def test_how_records_come_in_batches_changes_nothing(
    store: AlertStore, database: Database, batch: int
) -> None:
    moments = [(HOUR, 1), (HOUR + 2, 5), (HOUR + 1, 2), (HOUR, 3), (HOUR + HOUR_MS, 4)]
    events = [told(at_ms=at, id=str(n)) for at, n in moments]
    for start in range(0, len(events), batch):
        await take(store, *events[start : start + batch], start=start)
    span = Span(since_ms=HOUR, until_ms=HOUR + HOUR_MS)
    (row,) = await database.read(lambda connection: counted(connection, span))
    assert (row.count, row.event_id) == (4, "5")
    assert (row.first_ms, row.last_ms) == (HOUR - MINUTE_MS, HOUR + 2 - MINUTE_MS)


async def test_the_last_24_hours_are_those_of_the_engines_clock(
    store: AlertStore, client: httpx.AsyncClient
) -> None:
    await take(store, told(at_ms=HOUR - DAY_MS, count=5), told(at_ms=HOUR - DAY_MS + HOUR_MS))
    await take(store, told(at_ms=HOUR - 1, count=10), start=2)
    assert await store.engine_ms() == HOUR - 1
    # A finding moves the clock on, and nothing moves it back.
    await store.apply("t", [Sourced(0, 3, finding(at_ms=HOUR + HOUR_MS - 1))], {0: 4})
    page = await asked(client)
    assert page["totals"]["count"] == 11
    assert page["since"] == format_ms(HOUR - DAY_MS + HOUR_MS)
    await take(store, told(at_ms=HOUR - DAY_MS), start=4)
    assert await store.engine_ms() == HOUR + HOUR_MS - 1


async def test_a_reader_chooses_span_rule_reason_and_site(
    store: AlertStore, client: httpx.AsyncClient
) -> None:
    await take(
        store,
        told(),
        told("quarantine-breach", "permit", site="inner", count=2),
        told("quarantine-breach", "transfer", count=4),
        told(at_ms=HOUR - 2 * DAY_MS, count=8),
    )

    async def count(query: str) -> int:
        found: int = (await asked(client, query))["totals"]["count"]
        return found

    assert await count("?rule=fever") == 1
    assert await count("?rule=fever&rule=quarantine-breach") == 7
    assert await count("?by=permit") == 2
    assert await count("?site=gate") == 5
    assert await count(f"?since={format_ms(HOUR - 3 * DAY_MS)}") == 15
    assert await count(f"?until={format_ms(HOUR - DAY_MS)}&since={format_ms(0)}") == 8
    # An hour is counted as a whole.
    assert await count(f"?since={format_ms(HOUR + 1)}&until={format_ms(HOUR + 2)}") == 7
    page = await asked(client, "?limit=1")
    assert [item["count"] for item in page["items"]] == [4]
    assert page["totals"]["items"] == 3


async def test_a_question_that_means_nothing_names_the_field(client: httpx.AsyncClient) -> None:
    for query, field in (
        ("?since=yesterday", "since"),
        ("?since=2022-01-02T00:00:00Z&until=2022-01-01T00:00:00Z", "until"),
    ):
        answer = await client.get(f"/v1/suppressions{query}")
        assert answer.status_code == 422
        assert answer.json()["field"] == field


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("device", 403), ("nobody", 401)])
async def test_whoever_reads_alerts_reads_it(
    client: httpx.AsyncClient, role: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {role}"}
    assert (await client.get("/v1/suppressions", headers=headers)).status_code == status


async def test_it_is_forgotten_after_seven_days(store: AlertStore, database: Database) -> None:
    await take(store, told(at_ms=HOUR - KEEP_MS - HOUR_MS), told(at_ms=HOUR - KEEP_MS, count=2))
    await take(store, told(count=4), start=2)
    span = Span(since_ms=0, until_ms=HOUR + HOUR_MS)
    (row,) = await database.read(lambda connection: counted(connection, span))
    assert row.count == 6


async def test_a_reason_of_a_newer_worker_is_shown_by_its_name(
    store: AlertStore, client: httpx.AsyncClient
) -> None:
    await take(store, told("fever", "cold-weather"))
    (item,) = (await asked(client))["items"]
    assert item["reason"] == {"en": "cold-weather", "zh": "cold-weather"}


def test_a_record_is_told_apart_by_its_type() -> None:
    event = told()
    assert decoded(msgspec.json.encode(event)) == event
    assert decoded(msgspec.json.encode(finding())) == finding()
    broken = msgspec.json.encode(event).replace(b"2021-12-20T", b"not a time ")
    with pytest.raises(ValueError, match="not a time"):
        decoded(broken)
