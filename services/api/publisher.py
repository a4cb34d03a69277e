"""Sends records to Kafka until they are acknowledged."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from msgspec import Struct

from schemas.topics import HEADERS
from services.api.ending import stopped

BACKOFF_S = (0.1, 0.25, 0.5, 1.0, 2.0)
_REQUEST_TIMEOUT_MS = 5_000
_log = structlog.get_logger(__name__)


class Outgoing(Struct, frozen=True):
    """One record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = tuple(HEADERS)


class Publisher:
    """An idempotent producer that is made anew after every failure.

    What was sent but not acknowledged is sent again, from the first record on, so a reader may see
    a stretch twice but never out of order.
    """

    def __init__(self, bootstrap: str, on_failure: Callable[[], None]) -> None:
        self._bootstrap = bootstrap
        self._on_failure = on_failure
        self._producer: AIOKafkaProducer | None = None

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Return when all records are acknowledged by all in-sync replicas."""
        failures = 0
        while True:
            try:
                await self._send(await self._started(), records)
                return
            except KafkaError as error:
                self._on_failure()
                _log.warning("publish_failed", records=len(records), error=repr(error))
                await self.stop()
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def stop(self) -> None:
        """Let go of the broker; a later `send` begins anew."""
        producer, self._producer = self._producer, None
        if producer is not None and not await stopped(producer):
            self._on_failure()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                enable_idempotence=True,
                acks="all",
                compression_type="lz4",
                max_request_size=4 << 20,
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
            )
            try:
                await producer.start()
            except BaseException:
                if not await stopped(producer):
                    self._on_failure()
                raise
            self._producer = producer
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        acknowledgements: list[asyncio.Future[RecordMetadata]] = []
        for one in records:
            acknowledgement = await producer.send(
                one.topic, one.value, key=one.key, headers=list(one.headers)
            )
            acknowledgement.add_done_callback(_retrieve)
            acknowledgements.append(acknowledgement)
        await asyncio.gather(*acknowledgements)


def _retrieve(acknowledgement: asyncio.Future[RecordMetadata]) -> None:
    """Take note of a failure that nobody waits for any more; the first one has been reported."""
    if not acknowledgement.cancelled():
        acknowledgement.exception()
