"""Faust's Kafka transport, made to hand each fetch over whole.

Stock Faust spends some 70 µs on every record before an agent sees it, and acknowledges what was
never processed (docs/decisions/0002). Here its consumer yields one message per partition number
and fetch; the message's value is a `Fetched`. Positions come from the units' markers, never from
the consumer group's commits.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, cast

import aiokafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import ConsumerT
from faust.types.tuples import ConsumerMessage

from schemas.parsed import as_parsed
from services.alerts.agents.unit import Fetched

# A fetch costs the broker and the worker the same for one event as for hundreds, so it waits until
# there are some; not for long, because it holds those that are there back.
FETCH_WAIT_MS = 20
FETCH_BYTES = 64 << 10
# So many events in one fetch are work enough until the next one.
MANY = 1_000
# How long to wait when some partitions are not fetched because their unit is full.
CROWDED_S = 0.02


class Shop(Protocol):
    """What the transport has to know of the units."""

    def wants_more(self, topic: str, partition: int) -> bool:
        """Tell whether a partition of a topic should be fetched."""

    async def positions(self, partitions: set[int]) -> Mapping[tuple[str, int], int]:
        """Make the units of an assignment ready; return where each topic goes on."""

    async def quiesce(self) -> None:
        """Let every unit finish its batch and rest."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, with settings that Faust does not let one choose."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        # All topics have the same number of partitions, so that ranges give partition n of each
        # of them to one worker.
        self._assignor = RangePartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=None,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_BYTES,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=30_000,
            max_poll_interval_ms=300_000,
            isolation_level="read_committed",
            check_crcs=False,
            value_deserializer=as_parsed,
        )

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 — The signature is Faust's.
        max_records: int | None = None,
    ) -> Any:
        """Return what one fetch brought, and where its partitions ended then.

        A moment later the next fetch may have seen them grow; what had not come by the one at hand
        is nothing to wait for.
        """
        records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        assigned = consumer.assignment()
        return records, {tp: consumer.highwater(tp) for tp in active_partitions if tp in assigned}


class Consumer(driver.Consumer):
    """Faust's consumer, with whole fetches for messages and markers for positions."""

    shop: Shop
    # The fetch that is under way, and the generation in which it was asked for.
    _ahead: tuple[int, "asyncio.Task[Any]"] | None = None

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(  # The signature is Faust's.
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message per partition number for what one fetch brought."""
        if not self.flow_active:
            await self.wait(cast(Any, self.can_resume_flow))
        active = self._get_active_partitions()
        wanted = {tp for tp in active if self.shop.wants_more(tp.topic, tp.partition)}
        if not wanted:
            await asyncio.sleep(CROWDED_S)
            return
        generation, fetching = self._ahead or self._fetch(active, wanted, timeout)
        self._ahead = None
        records, ends = await fetching
        # The next fetch goes on while this one is taken in: its thread is a long way off. Where
        # there is much to catch up with it would only lie in memory.
        if sum(map(len, records.values())) < MANY:
            self._ahead = self._fetch(active, wanted, timeout)
        by_partition: dict[int, dict[str, Any]] = {}
        for tp, batch in records.items():
            by_partition.setdefault(tp.partition, {})[tp.topic] = batch
        for partition, batches in by_partition.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return  # What is not handed over is fetched again from the marker.
            here = {tp.topic: end for tp, end in ends.items() if tp.partition == partition}
            fetched = Fetched(batches, {topic: end for topic, end in here.items() if end})
            topic = next(iter(batches))
            tp = TP(topic, partition)
            yield tp, self._message(tp, batches[topic][-1], fetched)

    def _fetch(
        self, active: set[TP], wanted: set[TP], timeout_s: float
    ) -> tuple[int, "asyncio.Task[Any]"]:
        """Begin to fetch; while some partitions have to wait, not for long."""
        wait_s = timeout_s if len(wanted) == len(active) else CROWDED_S
        fetching = asyncio.create_task(self._getmany(active_partitions=wanted, timeout=wait_s))
        return self.app.consumer_generation_id, fetching

    def _message(self, tp: TP, last: Any, fetched: Fetched) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            None,
            None,
            cast(bytes, fetched),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to where the markers stand, which restores the units first."""
        assigned = {TP(tp.topic, tp.partition) for tp in self.assignment()}
        positions = await self.shop.positions({tp.partition for tp in assigned})
        offsets = {tp: positions[tp] for tp in assigned}
        consumer = self._thread._ensure_consumer()  # noqa: SLF001 — Faust offers no other way.

        async def seek() -> None:
            for tp, offset in offsets.items():
                consumer.seek(aiokafka.TopicPartition(*tp), offset)

        await self._thread.call_thread(seek)
        return offsets

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take an assignment up; for an empty one Faust asks for no positions."""
        await super().on_partitions_assigned(assigned, generation_id)
        if not assigned:
            await self.shop.positions(set())

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the units rest before the group hands their partitions to somebody."""
        await super().on_partitions_revoked(revoked)
        await self.shop.quiesce()

    async def on_stop(self) -> None:
        """Give up the fetch that is under way."""
        await super().on_stop()
        if self._ahead is not None:
            _, fetching = self._ahead
            fetching.cancel()
            await asyncio.wait([fetching])

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Do nothing: positions are kept in the units' own transactions."""
        return False

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: `health` watches whether the units move."""


class Transport(driver.Transport):
    """The transport that Faust is given."""

    Consumer = cast(type[ConsumerT], Consumer)
