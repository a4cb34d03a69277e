"""The benchmarks in their short form: that they run, and measure what they say."""

from pathlib import Path

import pytest

from deploy.bench import command, importing, ingest, memory, recovery, stage, traffic
from schemas.settings import Settings

# Each starts a broker of its own.
pytestmark = pytest.mark.broker


async def test_ingest_and_its_floor() -> None:
    figures = await ingest.run(requests=4, warm_up=1)
    assert figures["events"] == 4 * ingest.REQUEST_EVENTS
    assert figures["events_per_s"] > 0
    assert figures["floor_events_per_s"] > 0
    assert figures["cpu_us_per_event"] > figures["floor_cpu_us_per_event"] > 0


async def test_memory_and_its_floor() -> None:
    figures = await memory.run(vehicles=2_000)
    assert figures["vehicles"] == 2_000
    assert figures["empty_worker_mb"] > 0
    assert figures["floor_bytes_per_vehicle"] > 0


async def test_recovery_and_its_floor() -> None:
    figures = await recovery.run(vehicles=2_000)
    # A record of each vehicle, and those of the identities and of the position.
    assert figures["floor_records"] > 2_000
    assert figures["rebuild_s"] > figures["restore_s"] > 0


async def test_names_of_batches_are_imported_once() -> None:
    figures = await importing.run(names=700, batches=9, one_table=1_200)
    assert (figures["names"], figures["batches"], figures["rejected"]) == (700, 9, 2)
    assert (figures["verified_to_tasks"], figures["one_table_rows"]) == (349, 1_200)


def test_every_benchmark_can_be_named() -> None:
    assert {"gate", "latency", "ingest", "memory", "recovery"} <= set(command.BENCHMARKS)


def test_there_are_plates_for_more_than_a_million_vehicles() -> None:
    step = 997
    plates = {traffic.plate(number) for number in range(0, 1_500_000, step)}
    assert len(plates) == len(range(0, 1_500_000, step))
    assert traffic.plate(0)[0] != traffic.plate(1_499_999)[0]


def test_settings_of_whoever_measures_stay_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORDON_STATE_DIR", "/srv/cordon")
    settings = Settings(data_dir=tmp_path, kafka="127.0.0.1:1", state_dir=None)
    monkeypatch.setenv("CORDON_CONFIG", "/etc/cordon.toml")
    environment = stage.environment(settings, clock="events")
    assert "/srv/cordon" not in environment.values()
    assert "CORDON_CONFIG" not in environment
    assert environment["CORDON_CLOCK"] == "events"


async def test_a_service_that_ends_is_told_with_its_log(tmp_path: Path) -> None:
    # Without tokens ingest cannot start.
    settings = Settings(data_dir=tmp_path, kafka="127.0.0.1:1")
    with pytest.raises(stage.Failed, match=r"ingest ended:[\s\S]*tokens\.json"):
        async with stage.service("ingest", stage.environment(settings)):
            raise AssertionError("it started")
