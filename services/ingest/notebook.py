"""What each device sent lately, noted while it is taken in and told to the API every second."""

import asyncio
import uuid
from typing import Any, Final

import msgspec
import structlog
from msgspec import Raw, Struct
from msgspec.structs import replace

from schemas.events import HEARTBEAT, PLATE_HIT, Event, EventKind
from schemas.intake import Accepted
from schemas.intake_reports import DeviceReport, IntakeReport, blotted
from schemas.problems import Problem
from schemas.times import SECOND_MS, TimeProblem, format_ms, parse_ms
from schemas.topics import INTAKE
from services.ingest.metrics import Metrics, field_label
from services.ingest.producer import Outgoing, Producer, Undelivered
from services.ingest.recorder import Recorder

EVERY_S: Final = 1.0
# Devices are told less often than sites, so that thousands of them are some kilobytes a second.
DEVICES_EVERY_MS: Final = 10 * SECOND_MS
# A token may name any source; more than these are told as one.
MOST_DEVICES: Final = 4_000
OTHERS: Final = "…"
MOST_SITES: Final = 1_000
# What keeps a record far below what the broker takes.
_DEVICES_A_RECORD: Final = 50
_MOST_PREVIEWED_BYTES: Final = 4_096
_Key = tuple[str, str, str | None]
_log = structlog.get_logger(__name__)


class _Named(Struct):
    """What a rejected item may say of itself; it may as well say something else."""

    source: str = ""
    data: Any = None


_decode_named = msgspec.json.Decoder(_Named).decode
_decode_any = msgspec.json.Decoder().decode


class _Noted(Struct):
    """The counts of a device, and its newest event as it stands in the request's memory."""

    report: DeviceReport
    event: Event[Any] | None = None
    value: bytes | None = None


class Notebook:
    """Counts what is taken in, by device and by site, until it is told."""

    def __init__(self) -> None:
        self._process = uuid.uuid4().hex[:12]
        self._accepted = 0
        self._rejected = 0
        self._sites: dict[str, int] = {}
        self._devices: dict[_Key, _Noted] = {}
        self._told_ms = 0

    def accepted(self, device: str, kind: EventKind, event: Event[Any], accepted: Accepted) -> None:
        """Note an event that is new. It may yet fail to be delivered, and come again then."""
        data = event.data
        site = getattr(data, "site", None)
        self._accepted += 1
        if site is not None and (site in self._sites or len(self._sites) < MOST_SITES):
            self._sites[site] = self._sites.get(site, 0) + 1
        noted = self._noted(device, event.source, site)
        report = noted.report
        report.accepted += 1
        report.records += len(accepted.records)
        noted.event, noted.value = event, accepted.records[0].value
        if kind is PLATE_HIT and not data.is_preview:
            report.reads += 1
            if data.plate is None:
                report.unread += 1
            else:
                report.confidence += data.confidence
        elif kind is HEARTBEAT and data.clock_offset_ms is not None:
            report.clock_offset_ms = round(data.clock_offset_ms)

    def repeated(self, device: str, event: Event[Any]) -> None:
        """Note an event that came before."""
        site = getattr(event.data, "site", None)
        self._noted(device, event.source, site).report.duplicates += 1

    def rejected(self, device: str, item: bytes | Raw, problem: Problem, at_ms: int) -> None:
        """Note an item that is not accepted, under the source and site that it names."""
        source, site = "", None
        try:
            named = _decode_named(item)
            source = named.source[:128]
            if isinstance(named.data, dict) and isinstance(named.data.get("site"), str):
                site = named.data["site"][:128]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # That it cannot be read is what it was rejected for, and counted as.
            pass
        self._rejected += 1
        report = self._noted(device, source, site).report
        report.rejected += 1
        report.refused = format_ms(at_ms)
        report.field = field_label(problem.field)
        report.title = problem.title

    def told(self, now_ms: int) -> list[IntakeReport]:
        """Return what is to be told now, and begin anew."""
        at = format_ms(now_ms)
        reports = [
            IntakeReport(
                process=self._process,
                at=at,
                accepted=self._accepted,
                rejected=self._rejected,
                sites=self._sites,
            )
        ]
        self._accepted = self._rejected = 0
        self._sites = {}
        if not self._told_ms <= now_ms < self._told_ms + DEVICES_EVERY_MS:
            devices = [_told(noted) for noted in self._devices.values()]
            self._devices = {}
            self._told_ms = now_ms
            reports += [
                IntakeReport(
                    process=self._process, at=at, devices=devices[n : n + _DEVICES_A_RECORD]
                )
                for n in range(0, len(devices), _DEVICES_A_RECORD)
            ]
        return reports

    def _noted(self, device: str, source: str, site: str | None) -> _Noted:
        key = (device, source, site)
        noted = self._devices.get(key)
        if noted is None:
            if len(self._devices) >= MOST_DEVICES:
                key = (device, OTHERS, None)
            noted = self._devices.setdefault(
                key, _Noted(DeviceReport(device=key[0], source=key[1], site=key[2]))
            )
        return noted


def _told(noted: _Noted) -> DeviceReport:
    event, report = noted.event, noted.report
    if event is None or event.recordedtime is None:
        return report
    recorded_ms = parse_ms(event.recordedtime)
    offset_ms = None
    if getattr(event.data, "capture_mode", None) in (None, "online"):
        try:
            offset_ms = recorded_ms - parse_ms(event.time)
        except TimeProblem:
            # The event was taken with this time, so it has one; a leap second has none of ours.
            offset_ms = None
    preview = None
    if noted.value is not None and len(noted.value) <= _MOST_PREVIEWED_BYTES:
        preview = blotted(_decode_any(noted.value))
    return replace(
        report,
        type=event.type,
        time=event.time,
        recorded=event.recordedtime,
        offset_ms=offset_ms,
        preview=preview,
    )


class Teller:
    """Writes what the notebook has into its topic, every second."""

    def __init__(
        self,
        notebook: Notebook,
        producer: Producer,
        recorder: Recorder,
        metrics: Metrics,
        every_s: float = EVERY_S,
    ) -> None:
        self._notebook = notebook
        self._producer = producer
        self._recorder = recorder
        self._metrics = metrics
        self._every_s = every_s

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            if self._producer.up:
                await self.tell()

    async def tell(self) -> None:
        """Write what there is. What the broker does not take is lost: it only was news."""
        reports = self._notebook.told(self._recorder.stamp())
        records = [
            Outgoing(INTAKE, 0, report.process.encode(), msgspec.json.encode(report))
            for report in reports
        ]
        try:
            await self._producer.submit(records)
        except Undelivered as error:
            self._metrics.untold.inc()
            _log.warning("intake_not_told", reports=len(records), error=repr(error))
