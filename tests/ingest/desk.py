"""Ingest with a producer that acknowledges when the test says so, and events to post to it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI

from rules.registers import Registers
from schemas.access import Grant, TokenFile, digest
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from services.ingest.app import create_app
from services.ingest.clock import ClockDesk
from services.ingest.decisions import DecisionDesk, Filed
from services.ingest.devices import REGISTER, DeviceTokens
from services.ingest.identity import Fingerprints
from services.ingest.judgement import JUDGED_BY
from services.ingest.metrics import Metrics
from services.ingest.notebook import Notebook
from services.ingest.offline_list import OfflineLists
from services.ingest.producer import KafkaProducer, Outgoing, Producer, Undelivered
from services.ingest.reception import Reception
from services.ingest.recorder import Recorder
from services.ingest.window import Window

PARTITIONS = 4
NOON = "2026-11-22T12:00:00.000+08:00"
NOON_MS = 1_795_320_000_000
ROLES: tuple[str, ...] = ("device", "viewer", "dispatcher", "admin", "replay")
PATHS = {
    "cordon.plate-hit.v1": "/v1/plate-hits",
    "cordon.health-check.v1": "/v1/health-checks",
    "cordon.checkpoint-scan.v1": "/v1/checkpoint-scans",
}
RESIDENT = "330421198001010013"
ENTRY = {
    "valid_from": "2026-11-01T00:00:00Z",
    "author": "test",
    "source": "test",
    "reason": "test",
    "purpose": "outbreak-control",
}


class FakeProducer:
    """Keeps what is submitted. With `hold` the test acknowledges; else it happens at once."""

    def __init__(self) -> None:
        self.up = True
        self.hold = False
        self.submitted: list[Outgoing] = []
        self.waiting: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    def submit(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        self.submitted += records
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.hold:
            self.waiting.put_nowait(future)
        else:
            future.set_result(None)
        return future

    async def acknowledge(self) -> None:
        """Acknowledge the oldest submission, once there is one."""
        (await self.waiting.get()).set_result(None)

    async def fail(self) -> None:
        """Let the oldest submission fail, once there is one."""
        (await self.waiting.get()).set_exception(Undelivered("lost"))


class FakeRegisters:
    """Registers into which a test files; `known` = they hold everything that was filed."""

    def __init__(self) -> None:
        self.registers = Registers((*JUDGED_BY, REGISTER))
        self.known = True
        self.complete = True
        self._filing = Filing(Intake(PseudonymKey.fixed_for_tests()))
        self._filed = 0

    async def confirm(self, wait_s: float) -> bool:
        return self.known

    def put(self, register: str, /, **data: Any) -> None:
        """File an entry, a day before noon unless `filed_ms` says another time."""
        filed_ms: int = data.pop("filed_ms", NOON_MS - 86_400_000)
        self._filed += 1
        entry = self._filing.entry(register, {**ENTRY, **data})
        event_id = f"{register}/{self._filed}"
        change = self._filing.filed_put(register, entry, filed_ms, event_id, "test")
        self.registers.apply(change.value)


class Desk:
    """One running ingest, as a device sees it."""

    def __init__(
        self,
        folder: Path,
        *,
        events_clock: bool = False,
        now_ms: int = NOON_MS,
        max_body_bytes: int = 100_000,
        max_items: int = 500,
        in_flight_bytes: int = 1_000_000,
        delivery_timeout_s: float = 5.0,
        broker: KafkaProducer | None = None,
        partitions: int = PARTITIONS,
        registers: Filed | None = None,
        decision_wait_s: float = 5.0,
    ) -> None:
        self.now_ms = now_ms
        self.registers = FakeRegisters()
        self.producer = FakeProducer()
        producer: Producer = broker or self.producer
        self.metrics = Metrics()
        self.window = Window.open(folder, self.metrics)
        key = PseudonymKey.fixed_for_tests()
        intake, recorder = Intake(key), Recorder(lambda: self.now_ms)
        fingerprints = Fingerprints(key.derive("ingest-fingerprints"))
        self.notebook = Notebook()
        reception = Reception(
            intake=intake,
            producer=producer,
            window=self.window,
            fingerprints=fingerprints,
            recorder=recorder,
            metrics=self.metrics,
            notebook=self.notebook,
            partitions=partitions,
            delivery_timeout_s=delivery_timeout_s,
        )
        self.app: FastAPI = create_app(
            reception=reception,
            clock=ClockDesk(producer, partitions, delivery_timeout_s),
            decisions=DecisionDesk(
                reception=reception,
                producer=producer,
                registers=registers or self.registers,
                lists=OfflineLists(key, 43_200),
                recorder=recorder,
                metrics=self.metrics,
                notebook=self.notebook,
                wait_s=decision_wait_s,
            ),
            producer=producer,
            tokens=TokenFile({digest(role): Grant(role, role) for role in ROLES}),  # type: ignore[arg-type]
            devices=DeviceTokens(self.registers, key, recorder.stamp),
            metrics=self.metrics,
            events_clock=events_clock,
            max_body_bytes=max_body_bytes,
            max_items=max_items,
            in_flight_bytes=in_flight_bytes,
        )
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://ingest")

    async def __aenter__(self) -> "Desk":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        self.window.close()

    async def post(
        self,
        path: str,
        body: Any,
        token: str | None = "device",
        content_type: str | None = "application/json",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Post JSON, or bytes as they are."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if content_type is not None:
            sent["Content-Type"] = content_type
        if isinstance(body, bytes) or hasattr(body, "__aiter__"):
            return await self.http.post(path, content=body, headers=sent)
        return await self.http.post(path, json=body, headers=sent)

    async def post_event(self, event: dict[str, Any], **options: Any) -> httpx.Response:
        """Post one event to the path of its type."""
        return await self.post(PATHS[event["type"]], event, **options)

    def count(self, name: str, **labels: str) -> float:
        """Return the value of a metric, 0 where it was never counted."""
        return self.metrics.registry.get_sample_value(f"cordon_ingest_{name}", labels) or 0.0


def hit(ident: str = "p1", **changes: Any) -> dict[str, Any]:
    """Return a plate hit; `data_…` changes its data."""
    data = {"site": "s1", "direction": "in", "plate": "浙F12345", "confidence": 0.9}
    return _event("cordon.plate-hit.v1", "cam-1", ident, data, changes)


def check(ident: str = "h1", **changes: Any) -> dict[str, Any]:
    """Return a health check by document."""
    data = {"site": "s1", "person": person()}
    return _event("cordon.health-check.v1", "dev-1", ident, data, changes)


def scan(ident: str = "s1", persons: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a scan with so many persons."""
    data = {"site": "s1", "direction": "in", "plate": "浙F12345"}
    if persons:
        data["persons"] = [person() for _ in range(persons)]  # type: ignore[assignment]
    return _event("cordon.checkpoint-scan.v1", "gate-1", ident, data, changes)


def report(name: str, ident: str = "r1", /, **changes: Any) -> dict[str, Any]:
    """Return a field report, or a code change; `changes` is its data, but for `time`."""
    envelope = {"time": changes.pop("time")} if "time" in changes else {}
    return _event(f"cordon.{name}.v1", "desk-1", ident, changes, envelope)


def person(**changes: Any) -> dict[str, Any]:
    """Return a person with a resident ID."""
    base = {"id_type": "resident_id", "id_number": RESIDENT, "verified_by": "document"}
    return {**base, **changes}


def _event(
    kind: str, source: str, ident: str, data: dict[str, Any], changes: dict[str, Any]
) -> dict[str, Any]:
    event = {"specversion": "1.0", "type": kind, "source": source, "id": ident, "time": NOON}
    for name, value in changes.items():
        if name.startswith("data_"):
            data[name.removeprefix("data_")] = value
        else:
            event[name] = value
    return {**event, "data": data}


def ndjson(*events: Any) -> bytes:
    """Return one line for each."""
    return b"\n".join(msgspec.json.encode(event) for event in events)
