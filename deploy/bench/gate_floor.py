"""The floor of the gate benchmark: fetch the same records, decode them the same way, no more."""

import gc
import resource
import sys
import time

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import Settings
from schemas.topics import PLATE_HITS
from services.alerts.engine.decode import sort_out


async def _main(offsets: list[int], count: int) -> None:
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
    places = [TopicPartition(PLATE_HITS, number) for number in range(len(offsets))]
    consumer.assign(places)
    for place, offset in zip(places, offsets, strict=True):
        consumer.seek(place, offset)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    began, cpu, seen = time.perf_counter(), time.process_time(), 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            events, _ = sort_out(PLATE_HITS, [record.value for record in records])
            seen += len(events)
    report = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    await consumer.stop()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    uvloop.run(_main([int(text) for text in sys.argv[2].split(",")], int(sys.argv[1])))
