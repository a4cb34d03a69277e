"""The load of the ingest benchmark: requests made beforehand, sent over plain sockets."""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator

import msgspec
import uvloop

from deploy.bench import traffic
from deploy.bench.ingest import CONNECTIONS, REQUEST_EVENTS
from deploy.caller import NDJSON
from schemas.events import PLATE_HIT
from schemas.times import format_ms

_encode = msgspec.json.Encoder().encode


def _requests(count: int, series: str, token: str) -> Iterator[bytes]:
    """Yield whole requests; `series` makes their events new ones."""
    stamp = _encode(
        {
            "specversion": "1.0",
            "id": "ID",
            "source": "camera-SITE",
            "type": PLATE_HIT.type,
            "time": format_ms(time.time_ns() // 1_000_000),
            "data": {
                "site": "site-SITE",
                "direction": "internal",
                "plate": "PLATE",
                "confidence": 0.97,
                "lane": "2",
                "plate_colour": "blue",
                "speed_kmh": 61.5,
                "frames": 7,
            },
        }
    ).decode()
    for number in range(count):
        lines = []
        for event in range(number * REQUEST_EVENTS, (number + 1) * REQUEST_EVENTS):
            line = stamp.replace("ID", f"{series}{event:012d}").replace("SITE", f"{event % 60:03d}")
            lines.append(line.replace("PLATE", traffic.plate(event % traffic.VEHICLES)))
        body = "\n".join(lines).encode()
        head = (
            f"POST {PLATE_HIT.path} HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {NDJSON}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


async def _send(port: int, requests: Iterator[bytes], took_s: list[float]) -> None:
    """Send what is left of the requests, one after the other, over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    expected = _encode({"accepted": REQUEST_EVENTS, "duplicates": 0})[:-1]
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if not head.startswith(b"http/1.1 202") or not answer.startswith(expected):
            raise RuntimeError(f"not accepted: {head!r} {answer[:500]!r}")
        took_s.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()


async def _main(port: int, count: int, series: str) -> None:
    requests = list(_requests(count, series, os.environ["CORDON_BENCH_TOKEN"]))
    left, took_s = iter(requests), list[float]()
    began = time.perf_counter()
    await asyncio.gather(*(_send(port, left, took_s) for _ in range(CONNECTIONS)))
    took_s.sort()
    report = {
        "seconds": time.perf_counter() - began,
        "p50_ms": statistics.median(took_s) * 1000,
        "p99_ms": took_s[int(len(took_s) * 0.99)] * 1000,
    }
    sys.stdout.buffer.write(_encode(report) + b"\n")


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
