"""Several processes of a kind on one machine: two of ingest on one broker, and two workers."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.child import Child
from deploy.doctor import fetch
from deploy.readiness import wait_ready
from deploy.system import Places
from tests.system import RunningSystem, call

pytestmark = pytest.mark.broker
DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system with two workers; gone afterwards whatever happened."""
    running = RunningSystem(tmp_path_factory.mktemp("several") / "data", workers="2")
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
async def second(system: RunningSystem, tmp_path: Path) -> AsyncIterator[str]:
    """Another ingest on the same broker, tokens and key; only its own folder is another."""
    environment = {
        **os.environ,
        "CORDON_KAFKA": system.ready.kafka,
        "CORDON_DATA_DIR": str(system.data_dir),
        "CORDON_STATE_DIR": str(tmp_path / "second"),
        "CORDON_INGEST_PORT": "0",
    }
    log = tmp_path / "second.log"
    child = await Child.spawn("second", "deploy.launch", ["ingest"], log, environment)
    try:
        child.go({})
        port = await child.port()
        assert port is not None, log.read_text()
        await wait_ready("127.0.0.1", port)
        yield f"http://127.0.0.1:{port}"
    finally:
        assert await child.stop(DEADLINE_S)


def event(number: int) -> dict[str, Any]:
    """A check of nobody in particular."""
    return {
        "specversion": "1.0",
        "type": "cordon.health-check.v1",
        "source": "desk",
        "id": f"e{number}",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "site": "exit",
            "person": {"id_type": "passport", "id_number": f"E{number}", "verified_by": "none"},
        },
    }


def counted(system: RunningSystem, what: str) -> float:
    """Return how many events became so, at all workers together."""
    return sum(
        sample.value
        for url in system.ready.workers
        for family in text_string_to_metric_families(fetch(url, "/metrics").text)
        for sample in family.samples
        if sample.name == "cordon_worker_events_total" and sample.labels["what"] == what
    )


async def test_an_event_that_is_sent_to_both_counts_once(
    system: RunningSystem, second: str
) -> None:
    events = [event(number) for number in range(40)]
    for url in (system.ready.ingest, second):
        answer = call(url, system.ready.device_token, "POST", "/v1/health-checks", events)
        # Each knows only what it has accepted itself; the workers know both.
        assert (answer.status, answer.json()["accepted"]) == (202, 40), answer
    until_s = time.monotonic() + DEADLINE_S
    while counted(system, "duplicates") < 40:
        assert time.monotonic() < until_s
    assert counted(system, "site-not-filed") == 40
    # And each of them knows its own, as long as it lives and after.
    again = call(second, system.ready.device_token, "POST", "/v1/health-checks", events)
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 40)


def test_each_worker_keeps_a_cache_of_its_own(system: RunningSystem) -> None:
    places = Places(system.data_dir)
    folders = [places.worker(1), places.worker(2)]
    assert folders[0] == system.data_dir / "worker"
    held = [sorted(path.name for path in folder.glob("partition-*")) for folder in folders]
    # The group gives each of two workers two of four partitions; whose is whose is its business.
    assert all(held)
    assert {name for names in held for name in names} == {f"partition-{n}" for n in range(4)}
    for url in system.ready.workers:
        assert "cordon_worker_local_store_errors_total 0.0" in fetch(url, "/metrics").text
