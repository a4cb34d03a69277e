"""A broker whose event topics hold only what these tests write."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy import topics
from deploy.broker import Broker, BrokerSettings
from tests.sightings.system import PARTITIONS


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker of the test's own, with all topics."""
    # In a loop and a thread of its own: the loop of a test may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        loop = asyncio.new_event_loop()
        running = Broker(BrokerSettings(data_dir=tmp_path_factory.mktemp("kafka"), port=0))

        async def start() -> None:
            await running.start()
            await topics.apply(running.bootstrap, PARTITIONS)
            await topics.wait_for_leaders(running.bootstrap)

        thread.submit(loop.run_until_complete, start()).result()
        yield running.bootstrap
        thread.submit(loop.run_until_complete, running.stop()).result()
        thread.submit(loop.close).result()


@pytest.fixture
def now_ms() -> int:
    """The time; what is filed or seen in these tests lies shortly before it."""
    return time.time_ns() // 1_000_000
