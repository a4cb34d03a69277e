"""A worker that knows a million vehicles, for the benchmarks of its memory and its recovery."""

from typing import Final

from deploy.bench import stage, traffic
from schemas.settings import Settings
from schemas.times import HOUR_MS, SECOND_MS

# The last hit's identity is forgotten a day after it; the sweeps come once an hour.
_AFTER_MS: Final = (26 * HOUR_MS, 28 * HOUR_MS)
_APPLIED: Final = "cordon_worker_events_total"
_CLOCK: Final = "cordon_worker_clock_seconds"


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of the worker: time comes from the events, history is incomplete.

    So a vehicle becomes known by its first accepted read, as in the first month of a deployment.
    """
    return stage.environment(settings, clock="events")


async def introduce(
    settings: Settings,
    worker: stage.Running,
    vehicles: int,
    *,
    reads: int = 1,
    placed: bool = False,
) -> None:
    """Let a worker read each vehicle so often, and a day pass; return when all of it is committed.

    `placed` = it is known where the sites are, so that readings there are kept in tracks.
    """
    events = vehicles * reads
    async with stage.producer(settings.kafka) as producer:
        for topic, key, value in traffic.registers(orders=0, cars=0, placed=placed):
            await producer.send(topic, value, key)
        await stage.produce(producer, traffic.first_hits(vehicles, reads))
        await worker.until(_APPLIED, "applied", events)
        end_ms = traffic.START_MS + events * traffic.STEP_MS
        for after_ms in _AFTER_MS:
            await stage.tick(producer, end_ms + after_ms)
            # Applied is more than these: partitions tell one another their clocks.
            for partition in range(stage.PARTITIONS):
                await worker.until(_CLOCK, str(partition), (end_ms + after_ms) / SECOND_MS)
