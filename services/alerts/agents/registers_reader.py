"""The registers of a worker, read from their topics and never older than the events at hand."""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from rules.registers import UNREADABLE, Registers
from schemas.registers import REGISTERS, register_topic
from services.alerts.agents import metrics

log = structlog.get_logger()


class RegistersReader:
    """Reads all register topics from their beginning, and on."""

    def __init__(self, bootstrap: str, registers: Registers, on_change: asyncio.Event) -> None:
        self._registers = registers
        self._on_change = on_change
        self._partitions = [TopicPartition(register_topic(name), 0) for name in REGISTERS]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Long enough to cost nothing while idle: a fetch ends as soon as something comes.
            fetch_max_wait_ms=500,
        )
        # The broker answers the requests of one connection in turn: a question asked over the
        # consumer's own would wait until its long fetch ends.
        self._asker = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        self._read: dict[TopicPartition, int] = dict.fromkeys(self._partitions, 0)
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[dict[TopicPartition, int]] | None = None

    async def start(self) -> None:
        """Read everything that is filed by now."""
        await self._consumer.start()
        await self._asker.start()
        # It reads nothing; but what it is assigned it learns of at once, and of any other topic
        # only one in every tenth of a second.
        self._asker.assign(self._partitions)
        self._asker.pause(*self._partitions)
        self._consumer.assign(self._partitions)
        self._read = await self._consumer.beginning_offsets(self._partitions)
        self._task = asyncio.create_task(self._run(), name="registers")
        await self.catch_up()

    async def stop(self) -> None:
        """Stop reading."""
        for task in (self._task, self._asking):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._consumer.stop()
        await self._asker.stop()

    async def catch_up(self) -> None:
        """Return when everything that was filed before this call has been read."""
        ends = await self._ends()
        if self._behind(ends):
            async with self._moved:
                await self._moved.wait_for(lambda: not self._behind(ends) or self._failed())
        if self._failed() and self._task is not None:
            self._task.result()

    async def _ends(self) -> dict[TopicPartition, int]:
        """Return where the topics end, by a question asked after this call.

        An answer that is on its way could miss what the call must see; those who come while the
        broker is being asked share the next question.
        """
        under_way = self._asking
        if under_way is not None:
            await asyncio.wait([under_way])
        if self._asking is under_way:
            self._asking = asyncio.create_task(self._asker.end_offsets(self._partitions))
        assert self._asking is not None
        return await asyncio.shield(self._asking)

    def _behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any(self._read[partition] < end for partition, end in ends.items())

    def _failed(self) -> bool:
        return self._task is not None and self._task.done()

    async def _run(self) -> None:
        try:
            while True:
                records = await self._consumer.getmany(timeout_ms=1000)
                for partition, batch in records.items():
                    for record in batch:
                        self._take(partition.topic, record.value)
                async with self._moved:
                    for partition in records:
                        self._read[partition] = await self._consumer.position(partition)
                    self._moved.notify_all()
                if records:
                    self._on_change.set()
        finally:
            async with self._moved:
                self._moved.notify_all()

    def _take(self, topic: str, value: bytes | None) -> None:
        if value is None:
            return
        try:
            self._registers.apply(value)
        except UNREADABLE as error:
            metrics.REGISTER_ERRORS.labels(topic).inc()
            log.error("register record unreadable", topic=topic, error=str(error))
