"""The floor of the sighting benchmark: fetch the same records and decode what a sighting has."""

import gc
import sys
import time

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import Settings
from schemas.topics import PLATE_HITS
from services.alerts.engine.decode import sort_out


async def _main(count: int) -> None:
    settings = Settings()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=10,
        check_crcs=False,
    )
    await consumer.start()
    places = [TopicPartition(PLATE_HITS, number) for number in range(settings.partitions)]
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    began, cpu, seen = time.perf_counter(), time.process_time(), 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            sort_out(PLATE_HITS, [record.value for record in records])
            seen += len(records)
    report = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
    }
    await consumer.stop()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1])))
