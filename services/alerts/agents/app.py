"""The Faust app: one agent over all event topics, which hands each fetch to its unit."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import faust
import structlog
from aiokafka.errors import ProducerFenced

from schemas.topics import UNIT_TOPICS
from services.alerts.agents import metrics
from services.alerts.agents.transport import Consumer, Transport
from services.alerts.agents.unit import Fetched, Surroundings, Unit

log = structlog.get_logger()

# A state of millions of subjects is read in less; the group waits for nobody much longer.
ASSIGNMENT_S = 120.0


class Units:
    """The units of this worker, as the consumer group assigns them."""

    def __init__(self, around: Surroundings, on_failure: Callable[[BaseException], None]) -> None:
        self._around = around
        self._on_failure = on_failure
        self._lock = asyncio.Lock()
        self.by_partition: dict[int, Unit] = {}
        # A worker may well own nothing: there can be more workers than partitions.
        self.assigned = False

    def wants_more(self, topic: str, partition: int) -> bool:
        """Tell whether a partition of a topic should be fetched."""
        unit = self.by_partition.get(partition)
        return unit is not None and unit.wants_more(topic)

    async def positions(self, partitions: set[int]) -> Mapping[tuple[str, int], int]:
        """Make the units of an assignment ready; return where each topic goes on.

        Whatever goes wrong here ends the worker, because Faust would only log it and stand still.
        """
        try:
            async with asyncio.timeout(ASSIGNMENT_S):
                return await self._positions(partitions)
        except Exception as error:
            log.exception("an assignment could not be taken up", partitions=sorted(partitions))
            self._on_failure(error)
            raise

    async def _positions(self, partitions: set[int]) -> Mapping[tuple[str, int], int]:
        async with self._lock:
            await self._release(set(self.by_partition) - partitions)
            fresh = [Unit(n, self._around) for n in sorted(partitions - set(self.by_partition))]
            await asyncio.gather(*(unit.start() for unit in fresh))
            for unit in fresh:
                self.by_partition[unit.partition] = unit
            for unit in self.by_partition.values():
                unit.run(self._ended(unit))
            metrics.UNITS.set(len(self.by_partition))
            self.assigned = True
            return {
                (topic, partition): offset
                for partition, unit in self.by_partition.items()
                for topic, offset in unit.next_offsets.items()
            }

    def _ended(self, unit: Unit) -> Callable[["asyncio.Task[None]"], None]:
        def ended(task: "asyncio.Task[None]") -> None:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, ProducerFenced):
                # Another worker owns the partition by now; a rebalance will tell us so too.
                metrics.FENCED.inc()
                log.warning("fenced", partition=unit.partition)
            if error is not None:
                self._on_failure(error)

        return ended

    def fail(self, error: BaseException) -> None:
        """End the worker: nothing that is not committed counts as done."""
        self._on_failure(error)

    async def quiesce(self) -> None:
        """Let every unit finish its batch and rest: the group is handing out partitions anew."""
        await asyncio.gather(*(unit.rest() for unit in self.by_partition.values()))

    async def release_all(self) -> None:
        """Let every partition go."""
        async with self._lock:
            await self._release(set(self.by_partition))

    async def _release(self, partitions: set[int]) -> None:
        units = [self.by_partition.pop(n) for n in partitions if n in self.by_partition]
        await asyncio.gather(*(unit.stop() for unit in units))

    def wake(self) -> None:
        """Let every unit look at the registers."""
        for unit in self.by_partition.values():
            unit.wake()


def make_app(bootstrap: str, deployment: str, datadir: str, units: Units) -> faust.App:
    """Return the Faust app of a worker."""
    app = faust.App(
        deployment,
        broker=[f"aiokafka://{address}" for address in bootstrap.split(",")],
        datadir=datadir,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        consumer_max_fetch_size=1 << 20,
        stream_wait_empty=False,
        broker_commit_interval=3600.0,
        loghandlers=[],
    )

    class ShopConsumer(Consumer):
        shop = units

    class ShopTransport(Transport):
        Consumer = cast(Any, ShopConsumer)

    app.transport = ShopTransport(app.conf.broker_consumer, app)

    # Without acks Faust keeps no books about offsets: the units' markers are the books.
    topic = app.topic(*UNIT_TOPICS, key_serializer="raw", value_serializer="raw", acks=False)

    @app.agent(topic)
    async def judge(fetches: Any) -> None:
        async for event in fetches.events():
            fetched = cast(Fetched, event.value)
            unit = units.by_partition.get(event.message.partition)
            if unit is None:
                continue  # It was taken away meanwhile; its next owner fetches this again.
            try:
                await unit.offer(fetched)
            except Exception as error:
                # An exception must not leave an agent: Faust would go on without the records.
                log.exception("a fetch could not be taken in", partition=unit.partition)
                units.fail(error)

    return app
