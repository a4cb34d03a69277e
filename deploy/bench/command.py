"""`cordon bench`: runs benchmarks, prints a table, and JSON for machines."""

import asyncio
import os
import platform
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from deploy.bench import (
    alerts,
    backtest,
    decisions,
    feed,
    gate,
    importing,
    ingest,
    latency,
    memory,
    recovery,
    sightings,
)

BENCHMARKS: Final[dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]]] = {
    "gate": gate.run,
    "latency": latency.run,
    "feed": feed.run,
    "decisions": decisions.run,
    "ingest": ingest.run,
    "memory": memory.run,
    "recovery": recovery.run,
    "sightings": sightings.run,
    "backtest": backtest.run,
    "import": importing.run,
    "alerts": alerts.run,
}

# What takes minutes, in a form of its own that takes some seconds.
SHORT: Final[dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]]] = {
    "latency": partial(latency.run, seconds=10, warm_up_s=10),
    "sightings": partial(sightings.run, seconds=10),
    "import": partial(importing.run, names=2_760, batches=60, one_table=6_000),
}


def main(names: list[str], out: Path | None, *, short: bool = False) -> int:
    """Run benchmarks by name (all where none is named) and print their figures."""
    wanted = {**BENCHMARKS, **SHORT} if short else BENCHMARKS
    console = Console()
    figures: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_memory_gib()} GiB, Python "
        f"{platform.python_version()}",
    }
    for name in names or list(BENCHMARKS):
        console.print(f"running {name} …")
        figures[name] = asyncio.run(wanted[name]())
        table = Table("figure", "value", title=f"{name}, {figures['date']}, {figures['machine']}")
        for figure, value in figures[name].items():
            table.add_row(figure, f"{value:,}")
        console.print(table)
    text = msgspec.json.format(msgspec.json.encode(figures), indent=1)
    if out is not None:
        out.write_bytes(text + b"\n")
    console.print(text.decode())
    return 0


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30))
