"""Where a benchmark plays: a broker of its own, records for it, and processes that are measured."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiokafka import AIOKafkaProducer
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from deploy import topics
from deploy.bench import traffic
from deploy.broker import Broker, BrokerSettings
from deploy.caller import NDJSON
from deploy.child import Child, tail
from deploy.credentials import Credentials, ensure_credentials
from deploy.doctor import fetch
from deploy.readiness import wait_ready
from deploy.service import Service
from deploy.system import Places
from schemas.events import CLOCK_TYPE
from schemas.intake import Record
from schemas.partition import partition_of
from schemas.persons import PseudonymKey
from schemas.settings import Settings
from schemas.times import DAY_MS, format_ms
from schemas.topics import CLOCK, HEADERS

PARTITIONS: Final = 4
_CHILD_TIMEOUT_S: Final = 300
_READY_TIMEOUT_S: Final = 120
_POLL_S: Final = 0.2
_STOP_S: Final = 10.0
_ROWS: Final = 5_000
HOST: Final = "127.0.0.1"


class Failed(Exception):
    """A benchmark could not be carried out; the text says why."""


@contextlib.asynccontextmanager
async def broker() -> AsyncIterator[Settings]:
    """Run a broker with every topic, and give the settings of what is to use it."""
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as name:
        folder = Path(name)
        running = Broker(BrokerSettings(data_dir=folder / "kafka", port=0))
        await running.start()
        try:
            # Said here, so that nothing of a deployment that the environment names is touched.
            settings = Settings(
                kafka=running.bootstrap,
                data_dir=folder,
                partitions=PARTITIONS,
                state_dir=None,
                tokens_file=None,
                pseudonym_key_file=None,
                database_url=None,
            )
            await topics.apply(settings.kafka, settings.partitions)
            await topics.wait_for_leaders(settings.kafka)
            yield settings
        finally:
            await running.stop()


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment of a process on this stage; `more` are settings without prefix.

    Settings of whoever runs the benchmark stay outside.
    """
    foreign = {name: text for name, text in os.environ.items() if not name.startswith("CORDON_")}
    return {
        **foreign,
        "CORDON_KAFKA": settings.kafka,
        "CORDON_DATA_DIR": str(settings.data_dir),
        "CORDON_PARTITIONS": str(settings.partitions),
        "CORDON_HOST": HOST,
        "CORDON_WORKER_PORT": "0",
        "CORDON_INGEST_PORT": "0",
        "CORDON_API_PORT": "0",
        **{f"CORDON_{key.upper()}": value for key, value in more.items()},
    }


@contextlib.asynccontextmanager
async def producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """Connect a producer that is made for volume."""
    connected = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=256 << 10,
        linger_ms=5,
    )
    await connected.start()
    try:
        yield connected
    finally:
        await connected.stop()


async def produce(to: AIOKafkaProducer, records: Iterable[Record]) -> None:
    """Write records of one topic to the partitions of their subjects."""
    batches: dict[int, Any] = {}
    topic = ""
    for record in records:
        topic = record.topic
        number = partition_of(record.subject, PARTITIONS)
        batch = batches.get(number) or batches.setdefault(number, to.create_batch())
        fields = {"key": record.subject.encode(), "value": record.value, "timestamp": None}
        if batch.append(**fields, headers=HEADERS) is None:
            await to.send_batch(batch, topic, partition=number)
            batches[number] = batch = to.create_batch()
            batch.append(**fields, headers=HEADERS)
    for number, batch in batches.items():
        await to.send_batch(batch, topic, partition=number)
    await to.flush()


async def tick(to: AIOKafkaProducer, at_ms: int) -> None:
    """Let the clock of every partition reach an instant."""
    value = msgspec.json.encode({"type": CLOCK_TYPE, "time": format_ms(at_ms)})
    for number in range(PARTITIONS):
        await to.send_and_wait(CLOCK, value, b"clock", partition=number, headers=HEADERS)


async def measured(module: str, env: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run a measuring process and return the figures that it prints. Raises Failed."""
    log = Path(env["CORDON_DATA_DIR"]) / f"{module}.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), _CHILD_TIMEOUT_S)
        except TimeoutError as error:
            raise Failed(f"{module} took over {_CHILD_TIMEOUT_S} s:\n{tail(log)}") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    lines = [line for line in out.splitlines() if line.startswith(b"{")]
    if not lines:
        raise Failed(f"{module} gave no figures:\n{tail(log)}")
    figures: dict[str, Any] = msgspec.json.decode(lines[0])
    return figures


class Running:
    """A service on the stage, as `cordon up` would start it, looked at from outside."""

    def __init__(self, child: Child, port: int, start_s: float) -> None:
        self.port = port
        self.start_s = start_s
        self.pid = child.pid
        self._child = child

    @property
    def rss_bytes(self) -> int:
        """The memory that the process holds now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu_s(self) -> float:
        """The processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def values(self, metric: str) -> dict[tuple[str, ...], float]:
        """Return the samples of a metric by the values of their labels."""
        page = await asyncio.to_thread(fetch, f"http://{HOST}:{self.port}", "/metrics")
        return {
            tuple(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(page.text)
            for sample in family.samples
            if sample.name == metric
        }

    async def until(self, metric: str, label: str, least: float) -> None:
        """Wait until a counter reaches a value. Raises Failed when it stands still too long."""
        last, moved_at = -1.0, time.monotonic()
        while True:
            with contextlib.suppress(OSError, HTTPException):  # It is too busy to answer.
                value = (await self.values(metric)).get((label,), 0.0)
                if value >= least:
                    return
                if value != last:
                    last, moved_at = value, time.monotonic()
            if time.monotonic() - moved_at > _READY_TIMEOUT_S:
                raise Failed(f"{metric} stands at {last:,.0f}, short of {least:,.0f}")
            await asyncio.sleep(_POLL_S)


@contextlib.asynccontextmanager
async def service(name: Service, env: Mapping[str, str]) -> AsyncIterator[Running]:
    """Run a service until the block ends; it is ready at its beginning. Raises Failed."""
    log = Path(env["CORDON_DATA_DIR"]) / f"{name}.log"
    began = time.perf_counter()
    child = await Child.spawn(name, "deploy.launch", [name], log, env)
    try:
        child.go({})
        async with asyncio.timeout(_READY_TIMEOUT_S):
            port = await child.port()
            if port is None:
                raise Failed(f"{name} ended:\n{tail(log)}")
            await wait_ready(HOST, port)
        yield Running(child, port, time.perf_counter() - began)
    finally:
        await child.stop(_STOP_S)


class System(Struct, frozen=True):
    """One process of each service on one broker, and what opens them."""

    api: Running
    worker: Running
    ingest: Running
    credentials: Credentials

    @property
    def api_url(self) -> str:
        """Where the API is."""
        return f"http://{HOST}:{self.api.port}"

    @property
    def ingest_url(self) -> str:
        """Where ingest is."""
        return f"http://{HOST}:{self.ingest.port}"


@contextlib.asynccontextmanager
async def system() -> AsyncIterator[System]:
    """Run a broker, API, worker and ingest as `cordon up` starts them, until the block ends."""
    async with broker() as settings:
        credentials = ensure_credentials(Places(settings.data_dir).secrets, settings.tokens_path)
        PseudonymKey.load_or_create(settings.pseudonym_key_path)
        env = environment(settings)
        async with (
            service("api", env) as api,
            service("worker", env) as worker,
            service("ingest", env) as ingest,
        ):
            yield System(api, worker, ingest, credentials)


async def file_orders(session: aiohttp.ClientSession, to: System, orders: int) -> None:
    """File sites and so many orders over the API. Raises Failed when one is refused."""
    since_ms = time.time_ns() // 1_000_000 - 2 * DAY_MS
    entries: dict[str, list[bytes]] = {}
    for name, data in traffic.entries(orders=orders, cars=0, since_ms=since_ms):
        entries.setdefault(name, []).append(msgspec.json.encode(data))
    headers = {"Authorization": f"Bearer {to.credentials.admin_token}", "Content-Type": NDJSON}
    for name, rows in entries.items():
        for first in range(0, len(rows), _ROWS):
            url = f"{to.api_url}/v1/registers/{name}:import"
            body = b"\n".join(rows[first : first + _ROWS])
            async with session.post(url, data=body, headers=headers) as answer:
                outcome = await answer.json()
                if answer.status != 200 or outcome["rejected"]:
                    raise Failed(f"registers were refused: {answer.status} {outcome}")
