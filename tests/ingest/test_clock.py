"""Stamps, recorded times that are kept, and clock lines of a replay."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.ingest.recorder import Recorder
from tests.ingest.desk import NOON_MS, Desk, hit, ndjson, scan

TICK = {"type": "cordon.clock.v1", "time": "2020-02-01T08:00:00+08:00"}


def test_stamps_never_go_back() -> None:
    readings = iter([5, 7, 3, 7, 9])
    recorder = Recorder(lambda: next(readings))
    assert [recorder.stamp() for _ in range(5)] == [5, 7, 7, 7, 9]


def recorded(desk: Desk) -> list[str]:
    return [msgspec.json.decode(record.value)["recordedtime"] for record in desk.producer.submitted]


@pytest.mark.parametrize(("token", "events_clock"), [("replay", False), ("device", True)])
async def test_recorded_time_is_ours(tmp_path: Path, token: str, events_clock: bool) -> None:
    async with Desk(tmp_path, events_clock=events_clock) as desk:
        desk.now_ms = NOON_MS + 250
        await desk.post_event(hit(recordedtime="2020-01-01T00:00:00Z"), token=token)
        assert recorded(desk) == ["2026-11-22T04:00:00.250Z"]


async def test_a_replay_keeps_recorded_times(tmp_path: Path) -> None:
    async with Desk(tmp_path, events_clock=True) as desk:
        await desk.post_event(hit("a", recordedtime="2020-01-01T08:00:00+08:00"), token="replay")
        await desk.post_event(scan("b", persons=1), token="replay")
        bad = await desk.post_event(hit("c", recordedtime="then"), token="replay")
        assert (bad.status_code, bad.json()["field"]) == (422, "recordedtime")
        noon = "2026-11-22T04:00:00.000Z"
        assert recorded(desk) == ["2020-01-01T00:00:00.000Z", noon, noon]


async def test_a_clock_line_goes_to_every_partition(tmp_path: Path) -> None:
    async with Desk(tmp_path, events_clock=True) as desk:
        desk.producer.hold = True
        answer = asyncio.create_task(desk.post("/v1/clock", TICK, token="replay"))
        acknowledgement = await desk.producer.waiting.get()
        assert not answer.done()
        acknowledgement.set_result(None)
        assert (await answer).json()["accepted"] == 1
        assert {record.partition for record in desk.producer.submitted} == {0, 1, 2, 3}
        for record in desk.producer.submitted:
            assert (record.topic, record.key) == ("cordon.clock.v1", b"clock")
            assert record.value == (b'{"type":"cordon.clock.v1","time":"2020-02-01T00:00:00.000Z"}')


async def test_clock_lines_are_judged_one_by_one(tmp_path: Path) -> None:
    async with Desk(tmp_path, events_clock=True) as desk:
        lines = ndjson(TICK, {**TICK, "time": "later"}, {**TICK, "type": "x"}, {**TICK, "time": 1})
        answer = await desk.post(
            "/v1/clock", lines + b"\n{", token="replay", content_type="application/x-ndjson"
        )
        body = answer.json()
        assert (answer.status_code, body["accepted"]) == (202, 1)
        fields = [item["problem"]["field"] for item in body["rejected"]]
        assert fields == ["time", "type", "time", "$"]
        single = await desk.post("/v1/clock", {**TICK, "time": "later"}, token="replay")
        assert (single.status_code, single.json()["field"]) == (422, "time")


async def test_a_clock_that_is_not_delivered_is_to_come_again(tmp_path: Path) -> None:
    async with Desk(tmp_path, events_clock=True) as desk:
        desk.producer.hold = True
        answer = asyncio.create_task(desk.post("/v1/clock", TICK, token="replay"))
        await desk.producer.fail()
        assert ((await answer).status_code, (await answer).headers["retry-after"]) == (503, "2")
    async with Desk(tmp_path, events_clock=True, delivery_timeout_s=0) as desk:
        desk.producer.hold = True
        assert (await desk.post("/v1/clock", TICK, token="replay")).status_code == 503


@pytest.mark.parametrize(
    ("token", "events_clock", "status"),
    [("replay", False, 403), ("device", True, 403), ("admin", True, 403), (None, True, 401)],
)
async def test_who_may_set_the_clock(
    tmp_path: Path, token: Any, events_clock: bool, status: int
) -> None:
    async with Desk(tmp_path, events_clock=events_clock) as desk:
        assert (await desk.post("/v1/clock", TICK, token=token)).status_code == status
        assert desk.producer.submitted == []
