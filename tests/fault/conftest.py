"""Systems to be broken."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system import RunningSystem

Begin = Callable[..., RunningSystem]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start fresh systems whose clock is the timeline's; all are gone afterwards.

    The settings are those of `RunningSystem`, such as `partitions="4"`.
    """
    begun: list[RunningSystem] = []

    def start(**settings: str) -> RunningSystem:
        system = RunningSystem(tmp_path / f"data-{len(begun)}", "--clock", "events", **settings)
        begun.append(system)
        system.start()
        return system

    yield start
    for system in begun:
        system.kill()
        # Shown where the test failed: why a process ended is in its log, which goes now.
        for log in sorted((system.data_dir / "logs").glob("*.log")):
            sys.stdout.write(f"--- {log.name}\n{log.read_text(errors='replace')[-4_000:]}\n")
        shutil.rmtree(system.data_dir, ignore_errors=True)
