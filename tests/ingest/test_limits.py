"""Limits of size, of items and of what is in flight, and what the broker's absence does."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cramjam
import pytest

from tests.ingest.desk import Desk, hit, ndjson

LIMIT = 100_000


@pytest.mark.parametrize("length", [str(LIMIT + 1), "9" * 5000])
async def test_a_declared_length_over_the_limit_is_refused_before_reading(
    desk: Desk, length: str
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"["

    answer = await desk.post("/v1/plate-hits", body(), headers={"Content-Length": length})
    assert (answer.status_code, read) == (413, 0)
    assert answer.headers["connection"] == "close"


async def test_a_chunked_body_is_refused_as_soon_as_it_passes(desk: Desk) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 30_000

    answer = await desk.post("/v1/plate-hits", body())
    assert (answer.status_code, read) == (413, 4)
    assert desk.count("in_flight_bytes") == 0


async def test_too_many_items(tmp_path: Path) -> None:
    async with Desk(tmp_path, max_items=3) as desk:
        events = [hit(str(n)) for n in range(4)]
        assert (await desk.post("/v1/plate-hits", events)).status_code == 413
        lines = ndjson(*events)
        answer = await desk.post("/v1/plate-hits", lines, content_type="application/x-ndjson")
        assert answer.status_code == 413
        assert (await desk.post("/v1/plate-hits", events[:3])).json()["accepted"] == 3


def gz(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


def zstd(raw: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(raw))


def two_members(raw: bytes) -> bytes:
    return gz(raw[:9]) + gz(raw[9:])


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gz(ndjson(hit()))),
        ("x-gzip", two_members(ndjson(hit()))),
        ("ZSTD", zstd(ndjson(hit()))),
        ("identity", ndjson(hit())),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)
async def test_bodies_may_be_compressed(desk: Desk, coding: str, packed: bytes) -> None:
    headers = {"Content-Encoding": coding}
    assert (await desk.post("/v1/plate-hits", packed, headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("coding", "packed", "status"),
    [
        ("gzip", gz(b"[" + b" " * LIMIT + b"]"), 413),
        ("zstd", zstd(b"[" + b" " * LIMIT + b"]"), 413),
        ("gzip", gz(b" " * LIMIT + b"5"), 413),
        ("zstd", zstd(b" " * LIMIT + b"5"), 413),
        ("zstd", zstd(b" " * 50_000_000), 413),
        ("gzip", gz(b"[]" + b" " * (LIMIT - 2)), 202),
        ("zstd", zstd(b"[]" + b" " * (LIMIT - 2)), 202),
        ("gzip", b"no gzip", 400),
        ("gzip", gz(b"[]")[:-2], 400),
        ("zstd", b"no zstd", 400),
        ("zstd", zstd(b"[]")[:-2], 400),
        ("br", b"", 415),
        ("gzip, gzip", b"", 415),
    ],
    ids=lambda value: "body" if isinstance(value, bytes) else str(value),
)
async def test_what_comes_out_of_a_compressed_body_is_limited(
    desk: Desk, coding: str, packed: bytes, status: int
) -> None:
    headers = {"Content-Encoding": coding}
    answer = await desk.post("/v1/plate-hits", packed, headers=headers)
    assert answer.status_code == status
    assert desk.count("in_flight_bytes") == 0


async def test_without_room_a_request_is_to_come_again(tmp_path: Path) -> None:
    async with Desk(tmp_path, in_flight_bytes=500) as desk:
        desk.producer.hold = True
        first = asyncio.create_task(desk.post_event(hit("a")))
        acknowledgement = await desk.producer.waiting.get()
        second = await desk.post_event(hit("b", data_image_ref="x" * 300))
        assert (second.status_code, second.headers["retry-after"]) == (429, "1")
        acknowledgement.set_result(None)
        assert (await first).status_code == 202
        third = asyncio.create_task(desk.post_event(hit("b")))
        await desk.producer.acknowledge()
        assert (await third).status_code == 202


async def test_while_the_broker_is_away_nothing_is_read(desk: Desk) -> None:
    desk.producer.up = False
    answer = await desk.post_event(hit())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert desk.producer.submitted == []
    desk.producer.up = True
    assert (await desk.post_event(hit())).json()["accepted"] == 1


async def test_what_is_not_delivered_is_not_accepted(desk: Desk) -> None:
    desk.producer.hold = True
    answer = asyncio.create_task(desk.post("/v1/plate-hits", [hit("a"), hit("b")]))
    await desk.producer.fail()
    refused = await answer
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert desk.count("accepted_total", type="cordon.plate-hit.v1") == 0
    desk.producer.hold = False
    again = await desk.post("/v1/plate-hits", [hit("a"), hit("b")])
    assert (again.json()["accepted"], again.json()["duplicates"]) == (2, 0)


async def test_what_is_acknowledged_too_late_is_a_repeat_when_it_comes_again(
    tmp_path: Path,
) -> None:
    async with Desk(tmp_path, delivery_timeout_s=0) as desk:
        desk.producer.hold = True
        assert (await desk.post_event(hit())).status_code == 503
        assert (await desk.post_event(hit())).status_code == 503
        assert len(desk.producer.submitted) == 1
        await desk.producer.acknowledge()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert (await desk.post_event(hit())).json()["duplicates"] == 1


async def test_a_full_disk_accepts_nothing(tmp_path: Path) -> None:
    async with Desk(tmp_path / "window") as desk:
        (tmp_path / "window").rename(tmp_path / "gone")
        assert (await desk.post_event(hit())).status_code == 503
        assert desk.count("window_errors_total") == 1
        (tmp_path / "gone").rename(tmp_path / "window")
        assert (await desk.post_event(hit())).json()["accepted"] == 1


async def test_a_defect_is_a_problem_and_is_counted(desk: Desk) -> None:
    desk.producer.submit = lambda records: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    answer = await desk.post_event(hit())
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert desk.count("defects_total") == 1


async def test_a_device_that_hangs_up_leaves_no_room_taken(desk: Desk) -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b"[", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/plate-hits",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer device"), (b"content-type", b"application/json")],
    }
    await desk.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert desk.count("in_flight_bytes") == 0
