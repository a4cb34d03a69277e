"""What ingest notes of devices, and tells: nobody is named in it."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from schemas.intake_reports import IntakeReport
from schemas.topics import INTAKE
from services.ingest.metrics import Metrics
from services.ingest.notebook import DEVICES_EVERY_MS, OTHERS, Teller
from services.ingest.recorder import Recorder
from tests.ingest.desk import NOON_MS, Desk, FakeProducer, check, hit, person, report, scan


async def test_what_is_posted_is_told_by_site_and_by_device(desk: Desk) -> None:
    await desk.post_event(hit("p1"))
    await desk.post_event(hit("p2", data_plate=None, data_confidence=0.0))
    await desk.post_event(hit("p3", data_is_preview=True))
    await desk.post_event(hit("p1"))
    seconds, devices = desk.notebook.told(NOON_MS)
    assert (seconds.accepted, seconds.rejected, seconds.sites) == (3, 0, {"s1": 3})
    assert devices.devices is not None
    [camera] = devices.devices
    assert (camera.device, camera.source, camera.site) == ("device", "cam-1", "s1")
    assert (camera.accepted, camera.duplicates, camera.records) == (3, 1, 3)
    assert (camera.reads, camera.unread, camera.confidence) == (2, 1, 0.9)
    assert camera.type == "cordon.plate-hit.v1"
    assert camera.offset_ms is not None
    # What was told is told once.
    assert desk.notebook.told(NOON_MS)[0].sites == {}


async def test_the_newest_event_is_told_without_what_may_name_somebody(desk: Desk) -> None:
    await desk.post_event(check("h1", data_person=person(temperature=37.9)))
    await desk.post_event(scan("s1", persons=2))
    _, told = desk.notebook.told(NOON_MS)
    text = msgspec.json.encode(told).decode()
    for secret in ("330421", "person:", "浙F", "37.9"):
        assert secret not in text
    by_type = {each.type: each for each in told.devices or ()}
    assert by_type["cordon.checkpoint-scan.v1"].records == 3
    preview = by_type["cordon.health-check.v1"].preview
    assert preview is not None
    assert preview["data"]["site"] == "s1"
    assert preview["data"]["person"]["temperature"] == "•••"


async def test_a_rejection_is_told_with_its_field_and_no_value(desk: Desk) -> None:
    await desk.post_event(hit("p1", data_confidence="浙F12345"))
    await desk.post("/v1/plate-hits", [7, {"source": 5}, {"data": {"site": 3}}])
    seconds, told = desk.notebook.told(NOON_MS)
    assert seconds.rejected == 4
    by_source = {(each.source, each.site): each for each in told.devices or ()}
    assert by_source["cam-1", "s1"].field == "data.confidence"
    assert by_source["cam-1", "s1"].rejected == 1
    assert by_source["", None].rejected == 3
    assert "浙F12345" not in msgspec.json.encode(told).decode()


async def test_a_decision_is_noted_too(desk: Desk) -> None:
    await desk.post("/v1/decisions", scan("a"))
    await desk.post("/v1/decisions", scan("a"))
    assert (await desk.post("/v1/decisions", scan("b", data_site=4))).status_code == 422
    seconds, told = desk.notebook.told(NOON_MS)
    assert (seconds.accepted, seconds.rejected) == (1, 1)
    counts = [(each.accepted, each.duplicates, each.rejected) for each in told.devices or ()]
    assert sorted(counts) == [(0, 0, 1), (1, 1, 0)]


async def test_a_heartbeat_tells_its_clock_and_a_buffered_event_none(desk: Desk) -> None:
    alive = report("heartbeat", "h1", site="s1", clock_offset_ms=-250.4)
    await desk.post("/v1/field-reports", alive)
    await desk.post_event(hit("p1", source="late", data_capture_mode="buffered"))
    _, told = desk.notebook.told(NOON_MS)
    by_source = {each.source: each for each in told.devices or ()}
    assert by_source["desk-1"].clock_offset_ms == -250
    assert by_source["late"].offset_ms is None
    assert by_source["late"].time is not None


async def test_devices_are_told_every_ten_seconds(desk: Desk) -> None:
    assert len(desk.notebook.told(NOON_MS)) == 1
    await desk.post_event(hit("p1"))
    assert len(desk.notebook.told(NOON_MS + DEVICES_EVERY_MS - 1)) == 1
    assert len(desk.notebook.told(NOON_MS + DEVICES_EVERY_MS)) == 2


async def test_sources_without_end_are_told_as_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.notebook.MOST_DEVICES", 2)
    monkeypatch.setattr("services.ingest.notebook.MOST_SITES", 1)
    for n in range(4):
        await desk.post_event(hit(f"p{n}", source=f"cam-{n}", data_site=f"s{n}"))
    seconds, told = desk.notebook.told(NOON_MS)
    assert (seconds.accepted, seconds.sites) == (4, {"s0": 1})
    others = [each for each in told.devices or () if each.source == OTHERS]
    assert [(each.accepted, each.site) for each in others] == [(2, None)]


async def test_many_devices_are_several_records(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        for n in range(60):
            await desk.post_event(hit(f"p{n}", source=f"cam-{n}"))
        told = desk.notebook.told(NOON_MS)
        assert [len(each.devices or ()) for each in told] == [0, 50, 10]


async def test_the_teller_writes_what_there_is_and_counts_what_is_lost(desk: Desk) -> None:
    await desk.post_event(hit("p1"))
    producer, metrics = FakeProducer(), Metrics()
    teller = Teller(desk.notebook, producer, Recorder(lambda: NOON_MS), metrics)
    await teller.tell()
    assert {record.topic for record in producer.submitted} == {INTAKE}
    decoded = [msgspec.json.decode(r.value, type=IntakeReport) for r in producer.submitted]
    assert decoded[0].sites == {"s1": 1}
    producer.hold = True
    task = asyncio.create_task(teller.tell())
    await producer.fail()
    await task
    assert metrics.registry.get_sample_value("cordon_ingest_reports_untold_total") == 1.0
