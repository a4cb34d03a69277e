"""The benchmark in its short form: that it runs, and measures what it says."""

import pytest

from deploy.bench import command, sightings

pytestmark = pytest.mark.broker


async def test_the_benchmark_and_its_floor() -> None:
    figures = await sightings.run(seconds=0.5)
    assert figures["sightings"] == 25_000
    assert figures["sightings_per_s"] > 0
    assert figures["bytes_per_sighting"] > 1
    assert figures["cpu_us_per_sighting"] > 0
    assert figures["floor_cpu_us_per_sighting"] > 0
    assert "sightings" in command.BENCHMARKS
