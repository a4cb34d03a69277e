"""The floor of the recovery benchmark: read the state topic to its end, and keep nothing."""

import sys
import time

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import Settings
from schemas.topics import WORKER_STATE


async def _main() -> None:
    settings = Settings()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=50,
    )
    began, records = time.perf_counter(), 0
    await consumer.start()
    places = [TopicPartition(WORKER_STATE, number) for number in range(settings.partitions)]
    consumer.assign(places)
    ends = await consumer.end_offsets(places)
    for place in places:
        while await consumer.position(place) < ends[place]:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += len(batch)
    report = {"seconds": time.perf_counter() - began, "records": records}
    await consumer.stop()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    uvloop.run(_main())
