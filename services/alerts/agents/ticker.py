"""One clock record a second to every partition that this worker owns."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.events import CLOCK_TYPE
from schemas.times import format_ms
from schemas.topics import CLOCK, HEADERS
from services.alerts.agents import metrics

log = structlog.get_logger()
PERIOD_S = 1.0


class Ticker:
    """Lets time pass on partitions without events, so that what is due there fires too."""

    def __init__(
        self, bootstrap: str, partitions: Callable[[], Iterable[int]], wall_ms: Callable[[], int]
    ) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._wall_ms = wall_ms
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to tick."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, enable_idempotence=True, acks="all"
        )
        await producer.start()
        self._task = asyncio.create_task(self._run(producer), name="ticker")

    async def stop(self) -> None:
        """Stop ticking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, producer: AIOKafkaProducer) -> None:
        try:
            while True:
                await asyncio.sleep(PERIOD_S)
                await self._tick(producer)
        finally:
            await producer.stop()

    async def _tick(self, producer: AIOKafkaProducer) -> None:
        tick = msgspec.json.encode({"type": CLOCK_TYPE, "time": format_ms(self._wall_ms())})
        try:
            sends = [
                await producer.send(CLOCK, tick, b"clock", partition=partition, headers=HEADERS)
                for partition in list(self._partitions())
            ]
            await asyncio.gather(*sends)
        except KafkaError as error:
            metrics.EVENTS.labels("tick-failed").inc()
            log.warning("no tick", error=str(error))
