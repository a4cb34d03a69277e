"""The registers at the barrier, on the real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from deploy.broker import Broker, BrokerSettings
from deploy.topics import apply, wait_for_leaders
from rules.facts import NEWEST, OrderFacts
from schemas.events import TRANSFER_ARRIVAL, Event, Person, TransferArrival
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.registers import register_topic
from schemas.times import format_ms
from schemas.topics import ARRIVALS, DEFAULT_PARTITIONS
from services.ingest.metrics import Metrics
from services.ingest.registers_reader import RegistersReader
from tests.ingest.desk import ENTRY, NOON_MS, RESIDENT, Desk, scan

WAIT_S = 10.0
PERSON = {"id_type": "resident_id", "id_number": RESIDENT}


@pytest.fixture
async def topics(kafka: str) -> str:
    """The broker with every topic of Cordon."""
    await apply(kafka, DEFAULT_PARTITIONS)
    await wait_for_leaders(kafka)
    return kafka


@asynccontextmanager
async def reading(bootstrap: str, **options: Any) -> AsyncIterator[RegistersReader]:
    """A reader that runs."""
    reader = RegistersReader(bootstrap, Metrics(), **options)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def filing(bootstrap: str) -> AsyncIterator[Any]:
    """A function that files an exemption and returns when the broker has acknowledged it."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    forms = Filing(Intake(PseudonymKey.fixed_for_tests()))
    await producer.start()

    async def put(register: str, /, **data: Any) -> None:
        entry = forms.entry(register, {**ENTRY, **data})
        event_id = f"{register}/{entry.id}"
        change = forms.filed_put(register, entry, NOON_MS - 1000, event_id, "test")
        await producer.send_and_wait(change.topic, change.value, key=entry.id.encode())

    try:
        yield put
    finally:
        await producer.stop()


async def until(reader: RegistersReader, seen: Callable[[], bool]) -> None:
    """Return when the registers are complete and hold what is to be seen. A broker that has just
    started is away now and then."""
    async with asyncio.timeout(60):
        while not (await reader.confirm(WAIT_S) and seen()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asyncio.Event().wait()


async def test_what_was_filed_before_is_seen_every_time(
    topics: str, tmp_path: Path, namespace: str
) -> None:
    async with reading(topics) as reader, filing(topics) as put:
        async with Desk(tmp_path, registers=reader) as desk:
            await put("site", id=namespace, name="gate", role="checkpoint", zones=[])
            for number in range(30):
                plate = f"浙F{10_000 + number}"
                event = scan(str(number), source=namespace, data_plate=plate, data_site=namespace)
                assert (await desk.post("/v1/decisions", event)).json()["verdict"] == "pass"
                sites = {"sites": [namespace]}
                await put(
                    "watch-entry", id=f"{namespace}-{number}", plate=plate,
                    category="close-contact", valid_to="2026-12-01T00:00:00Z", **sites,
                )  # fmt: skip
                event = {**event, "id": f"{number} again"}
                assert (await desk.post("/v1/decisions", event)).json()["verdict"] == "verify"


async def test_many_questions_at_once_are_few_to_the_broker(topics: str) -> None:
    async with reading(topics) as reader:
        assert await reader.confirm(WAIT_S)
        assert all(await asyncio.gather(*(reader.confirm(WAIT_S) for _ in range(500))))


async def test_nobody_is_told_that_registers_are_stale_while_entries_are_filed(
    topics: str, namespace: str
) -> None:
    """Entries are read while an answer is on its way: then more is read than the answer says."""
    aside: list[int] = []
    async with (
        reading(topics, set_aside=lambda: aside.append(1)) as reader,
        filing(topics) as put,
    ):
        assert await reader.confirm(WAIT_S)

        async def file(first: int) -> None:
            for number in range(first, first + 100):
                plate = f"浙F{10_000 + number}"
                await put("exemption", id=f"{namespace}-{number}", plate=plate, kind="fleet")

        filers = asyncio.gather(*(file(first) for first in range(0, 1000, 100)))
        while not filers.done():
            assert all(await asyncio.gather(*(reader.confirm(WAIT_S) for _ in range(5))))
        await filers
        assert await reader.confirm(WAIT_S)
        names = {f"{namespace}-{number}" for number in range(1000)}
        assert names <= reader.registers.versions("exemption").keys()
    assert aside


async def test_a_record_that_is_no_change_is_counted_and_passed_over(
    topics: str, namespace: str
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=topics, acks="all")
    await producer.start()
    try:
        topic, key = register_topic("exemption"), namespace.encode()
        await producer.send_and_wait(topic, b"no json", key=key)
        await producer.send_and_wait(topic, None, key=key)
    finally:
        await producer.stop()
    metrics = Metrics()
    reader = RegistersReader(topics, metrics)
    task = asyncio.create_task(reader.run())
    try:
        assert await reader.confirm(WAIT_S)
    finally:
        task.cancel()
        await asyncio.wait({task})
    (family,) = metrics.register_errors.collect()
    counted = [each.value for each in family.samples if each.name.endswith("_total")]
    assert sum(counted) >= 1


async def test_nobody_waits_for_a_broker_that_was_never_there() -> None:
    async with reading("127.0.0.1:1", stall_s=0.5) as reader:
        assert not await reader.confirm(WAIT_S)
        async with asyncio.timeout(1):
            assert not await reader.confirm(WAIT_S)


async def test_it_is_heard_when_the_broker_goes_and_comes_back(tmp_path: Path) -> None:
    """A broker of its own, since it is stopped; the second one has lost what the first had."""
    settings = BrokerSettings(data_dir=tmp_path / "first")
    broker = Broker(settings)
    await broker.start()
    bootstrap = broker.bootstrap
    port = int(bootstrap.rpartition(":")[2])
    try:
        await apply(bootstrap, 1)
        await wait_for_leaders(bootstrap)
        async with filing(bootstrap) as put:
            await put("exemption", id="e1", plate="浙F12345", kind="fleet")
        async with reading(bootstrap, partitions=1, probe_s=0.1, stall_s=2.0) as reader:
            await until(reader, lambda: reader.registers.versions("exemption").keys() == {"e1"})
            await broker.stop()
            assert not await reader.confirm(WAIT_S)
            broker = Broker(BrokerSettings(data_dir=tmp_path / "second", port=port))
            await broker.start()
            await apply(bootstrap, 1)
            await wait_for_leaders(bootstrap)
            await until(reader, lambda: not reader.registers.versions("exemption"))
    finally:
        await broker.stop()


async def test_arrivals_are_read_before_anybody_decides(topics: str, namespace: str) -> None:
    moved = Event[TransferArrival](
        specversion="1.0",
        id=namespace,
        source="desk",
        type=TRANSFER_ARRIVAL.type,
        time=format_ms(NOON_MS),
        recordedtime=format_ms(NOON_MS),
        data=TransferArrival(transfer=namespace, persons=[Person(verified_by="document")]),
    )
    zones = {"from_zone": "home", "to_zone": f"ward-{namespace}"}
    window = {"window_from": format_ms(NOON_MS - 2), "window_to": format_ms(NOON_MS - 1)}
    producer = AIOKafkaProducer(bootstrap_servers=topics, acks="all")
    await producer.start()
    try:
        async with reading(topics) as reader, filing(topics) as put:
            await put("transfer", id=namespace, persons=[PERSON],
                      eta=window["window_to"], **zones, **window)  # fmt: skip
            assert await reader.confirm(WAIT_S)
            await put(
                "order", id=namespace, subject=PERSON, kind="home", zone="home",
                start=format_ms(NOON_MS - 1), exposure_date="2026-11-18", **{"class": "suspected"},
            )  # fmt: skip
            (order,) = await _orders(reader, namespace)
            assert order.zone == "home"
            seen = Person(person=order.person, verified_by="document")
            arrived = msgspec.structs.replace(moved.data, persons=[seen])
            value = msgspec.json.encode(msgspec.structs.replace(moved, data=arrived))
            await producer.send_and_wait(ARRIVALS, value, partition=1)
            (order,) = await _orders(reader, namespace)
            assert order.zone == f"ward-{namespace}"
    finally:
        await producer.stop()


async def _orders(reader: RegistersReader, order_id: str) -> list[OrderFacts]:
    assert await reader.confirm(WAIT_S)
    order = reader.registers.order(order_id, NOON_MS + 1, NEWEST)
    return [order] if order else []
