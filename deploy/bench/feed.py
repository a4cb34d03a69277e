"""The feed benchmark: 500 readers of one API process, beside raw writes of the same bytes.

The server is a process of its own, and so are the readers, all of them together: raw sockets whose
bytes are only counted. Alerts are published in batches, the next when the last is with every
reader's connection; one alert a batch is the dearest case, ten are a burst as the consumer of
findings takes it.
"""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
import uvloop

from deploy.bench.feed_readers import TOKEN
from schemas.access import Grant, TokenFile, digest
from schemas.alerts import (
    FINDING_TYPES,
    Evidence,
    Finding,
    FindingEvent,
    Reason,
    Subject,
)
from schemas.times import format_ms
from services.api.app import create_app
from services.api.feed.frames import SSE
from services.api.feed.hub import Hub
from services.api.session import Sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Published, Sourced

READERS: Final = 500
_AT_MS: Final = 1_640_000_000_000
_CHILD_S: Final = 300
_OPENING: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


async def run(events: int = 2_000, readers: int = READERS) -> dict[str, Any]:
    """Return the figures of bursts of ten alerts, of single ones (`single_`), and their floors."""
    figures: dict[str, Any] = {"readers": readers}
    for prefix, count, batch in (("", events, 10), ("single_", events // 10, 1)):
        rate, cpu_us = await _measured("feed", readers, count, batch)
        floor_rate, floor_cpu_us = await _measured("floor", readers, count, batch)
        figures |= {
            f"{prefix}deliveries_per_s": round(rate),
            # What the process does with a core of its own, however busy the others are.
            f"{prefix}deliveries_per_cpu_s": round(1e6 / cpu_us),
            f"{prefix}cpu_us_per_delivery": round(cpu_us, 2),
            f"{prefix}floor_deliveries_per_s": round(floor_rate),
            f"{prefix}floor_cpu_us_per_delivery": round(floor_cpu_us, 2),
            f"{prefix}ratio_to_floor": round(rate / floor_rate, 3),
        }
    return figures


async def _measured(kind: str, readers: int, events: int, batch: int) -> tuple[float, float]:
    """Return deliveries a second, and the server's CPU µs for each."""
    async with _child("feed", kind, str(events), str(batch)) as server:
        port = await _line(server)
        async with _child("feed_readers", port, str(readers), str(events)) as counting:
            await _line(counting)
            assert server.stdin is not None
            server.stdin.write(b"go\n")
            seconds = float(await _line(counting))
            cpu_s = float(await _line(server))
    deliveries = readers * events
    return deliveries / seconds, cpu_s / deliveries * 1e6


@asynccontextmanager
async def _child(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"deploy.bench.{module}",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_CHILD_S):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a process of the benchmark ended early")
    return line.decode().strip()


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def _go() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


# The server.


async def _serve(kind: str, events: int, batch: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as folder:
        database = Database(f"sqlite:///{folder}/alerts.db")
        await database.migrate()
        published: list[Published] = []
        store = await AlertStore.open(database, published.extend, lambda: _AT_MS)
        findings = [Sourced(0, number, _finding(number)) for number in range(events)]
        await store.apply("bench", findings, {0: events})
        batches = [published[at : at + batch] for at in range(0, events, batch)]
        listener = socket.create_server(("127.0.0.1", 0), backlog=READERS)
        serve = _serve_feed if kind == "feed" else _serve_floor
        await serve(listener, store, database, Path(folder), batches)
        listener.close()
        await database.close()


async def _serve_feed(
    listener: socket.socket,
    store: AlertStore,
    database: Database,
    folder: Path,
    batches: list[list[Published]],
) -> None:
    hub = Hub(10_000)
    hub.begin(store.epoch, 0)
    app = create_app(
        store=store,
        database=database,
        hub=hub,
        tokens=TokenFile({digest(TOKEN): Grant("bench", "viewer")}),
        sessions=Sessions(database, lambda: _AT_MS, folder / "tokens.json"),
        clock_ms=lambda: _AT_MS,
        ready=dict,
        routers=[],
        max_body_bytes=1_000,
    )
    config = uvicorn.Config(app, access_log=False, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    async def publish(part: list[Published]) -> None:
        hub.publish(part)
        # The readers take it in the order in which they were woken.
        while any(reader.position < hub.last_n for reader in hub._readers):  # noqa: ASYNC110, SLF001
            await asyncio.sleep(0)

    await _timed(listener, batches, publish)
    hub.close()
    server.should_exit = True
    await serving


async def _serve_floor(
    listener: socket.socket,
    store: AlertStore,
    database: Database,
    folder: Path,
    batches: list[list[Published]],
) -> None:
    transports: list[asyncio.Transport] = []

    class Raw(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            # uvloop's transports are asyncio's by nature, not by class.
            writing = cast(asyncio.Transport, transport)
            writing.write(_OPENING)
            transports.append(writing)

    server = await asyncio.get_running_loop().create_server(Raw, sock=listener)

    async def publish(part: list[Published]) -> None:
        chunk = b"".join(
            SSE.encode(store.cursor(one.event.n), one.event.type, one.event.body) for one in part
        )
        for transport in transports:
            transport.write(chunk)
        await asyncio.sleep(0)

    await _timed(listener, batches, publish)
    for transport in transports:
        transport.close()
    server.close()


async def _timed(
    listener: socket.socket,
    batches: list[list[Published]],
    publish: Callable[[list[Published]], Awaitable[None]],
) -> None:
    """Tell the port, wait for the word to go, publish, and tell the CPU seconds that it took."""
    _say(listener.getsockname()[1])
    await _go()
    began_s = time.process_time()
    for part in batches:
        await publish(part)
    _say(time.process_time() - began_s)
    await _go()


def _finding(number: int) -> FindingEvent:
    at = format_ms(_AT_MS + number)
    return FindingEvent(
        specversion="1.0",
        id=f"{number:032x}/opened/{_AT_MS}",
        source="cordon/worker",
        type=FINDING_TYPES["opened"],
        time=at,
        recordedtime=at,
        data=Finding(
            alert_id=f"{number:032x}",
            verb="opened",
            rule="quarantine-breach",
            rule_version="1.0.0",
            policy_version="default@1",
            severity="critical",
            evidence_class="person",
            subject=Subject("person", f"person:1:{number:032x}", "330421…001X"),
            site="expressway-a",
            order=f"order-{number}",
            first_seen=at,
            last_seen=at,
            count=1,
            historical=False,
            evidence=[Evidence("desk-1", f"e{number}", "cordon.health-check.v1", at, "gate")],
            reason=Reason("A person under order was checked at the gate.", "隔离人员出现在卡口。"),
        ),
    )


def main(kind: str, events: str, batch: str) -> None:
    """Be the server: `feed` or `floor`."""
    uvloop.run(_serve(kind, int(events), int(batch)))


if __name__ == "__main__":
    main(*sys.argv[1:])
