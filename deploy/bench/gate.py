"""The gate benchmark: a million plate hits through one worker, beside its floor and stock Faust."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.bench import stage, traffic
from deploy.bench.stage import PARTITIONS
from schemas.times import DAY_MS
from schemas.topics import PLATE_HITS


async def run(count: int = 1_000_000, stock: int = 20_000) -> dict[str, Any]:
    """Return the figures of all three, and their ratios."""
    async with stage.broker() as settings:
        environment = stage.environment(settings, clock="events", history_since="forever")
        environment["CORDON_BENCH_STOCK_EVENTS"] = str(stock)
        async with stage.producer(settings.kafka) as producer:
            for topic, key, value in traffic.registers():
                await producer.send(topic, value, key)
            await stage.produce(producer, traffic.warm_up())
            warm_ms = (traffic.START_MS - 2 * DAY_MS, traffic.START_MS - DAY_MS)
            for at_ms in warm_ms:
                await stage.tick(producer, at_ms)
            until = str(traffic.VEHICLES), str(warm_ms[-1])
            await stage.measured("deploy.bench.gate_worker", environment, *until)
            offsets = await _ends(settings.kafka)
            await stage.produce(producer, traffic.hits(count))
        worker = await stage.measured("deploy.bench.gate_worker", environment, str(count), "0")
        starts = ",".join(map(str, offsets))
        floor = await stage.measured("deploy.bench.gate_floor", environment, str(count), starts)
        faust = (
            await stage.measured("deploy.bench.stock_faust", environment, "worker")
            if stock
            else None
        )
    return _report(count, worker, floor, faust)


def _report(
    count: int, worker: dict[str, Any], floor: dict[str, Any], faust: dict[str, Any] | None
) -> dict[str, Any]:
    rate, floor_rate = count / worker["seconds"], count / floor["seconds"]
    report = {
        "events": count,
        "events_per_s": round(rate),
        "cpu_us_per_event": round(worker["cpu_seconds"] / count * 1e6, 2),
        "peak_mb": round(worker["peak_mb"]),
        "floor_events_per_s": round(floor_rate),
        "floor_cpu_us_per_event": round(floor["cpu_seconds"] / count * 1e6, 2),
        "ratio_to_floor": round(rate / floor_rate, 3),
    }
    if faust is not None:
        stock_rate = faust["events"] / faust["seconds"]
        report["stock_faust_events_per_s"] = round(stock_rate)
        report["times_stock_faust"] = round(rate / stock_rate, 1)
    return report


async def _ends(bootstrap: str) -> list[int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    places = [TopicPartition(PLATE_HITS, number) for number in range(PARTITIONS)]
    ends = await consumer.end_offsets(places)
    await consumer.stop()
    return [ends[place] for place in places]
