"""Follows what ingest tells of devices: each API process by itself, from an hour ago."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from schemas.intake_reports import IntakeReport
from schemas.times import HOUR_MS, TimeProblem
from schemas.topics import INTAKE
from services.api.ending import stopped
from services.api.gates.metrics import FAILURES, REPORTS
from services.api.gates.news import News
from services.api.publisher import BACKOFF_S

BACK_MS: Final = HOUR_MS
_POLL_MS: Final = 1_000
_RECORDS: Final = 500
_decode = msgspec.json.Decoder(IntakeReport).decode
_log = structlog.get_logger(__name__)


class Following:
    """Reads the reports into the news; a failing broker is waited for, and nothing is left out."""

    def __init__(self, bootstrap: str, news: News, clock_ms: Callable[[], int]) -> None:
        self._bootstrap = bootstrap
        self._news = news
        self._clock_ms = clock_ms
        self._next: dict[int, int] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0
        while True:
            try:
                await self._connected()
            except (KafkaError, OSError, TimeoutError) as error:
                FAILURES.labels("broker").inc()
                _log.warning("intake_broker_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def _connected(self) -> None:
        consumer = AIOKafkaConsumer(
            INTAKE,
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # What is shown a moment later is no worse, and one fetch a second costs little.
            fetch_max_wait_ms=500,
        )
        try:
            await consumer.start()
            await self._seek(consumer)
            while True:
                fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
                for part, records in fetched.items():
                    for record in records:
                        self._take(record.value)
                    self._next[part.partition] = records[-1].offset + 1
                # Reading an hour back must not keep the feed waiting.
                await asyncio.sleep(0)
        finally:
            if not await stopped(consumer):
                FAILURES.labels("stop").inc()

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        parts = sorted(consumer.assignment())
        since_ms = self._clock_ms() - BACK_MS
        begins = await consumer.offsets_for_times(dict.fromkeys(parts, since_ms))
        ends = await consumer.end_offsets(parts)
        for part in parts:
            begin = ends[part] if begins[part] is None else begins[part].offset
            known = self._next.get(part.partition)
            # A topic that was made anew begins below what was read.
            consumer.seek(part, begin if known is None or known > ends[part] else known)

    def _take(self, value: bytes | None) -> None:
        try:
            self._news.take(_decode(value or b""))
            REPORTS.inc()
        except (msgspec.DecodeError, TimeProblem) as error:
            # It was news and nothing else; a newer ingest may tell it in another form.
            FAILURES.labels("unreadable").inc()
            _log.warning("intake_report_unreadable", error=repr(error))
