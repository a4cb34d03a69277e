"""The metrics that the services declare, in whichever registry, and as a scrape shows them."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).parent.parent


def families() -> Iterator[Any]:
    """Yield every metric of every service: a module's own, or of a registry of its `Metrics`."""
    for path in sorted((ROOT / "services").rglob("metrics.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, MetricWrapperBase):
                yield from value.describe()
            elif isinstance(value, type) and value.__name__ == "Metrics":
                registry: CollectorRegistry = value().registry
                yield from registry.collect()


def names() -> set[str]:
    """Return the name of every metric, as docs and people write it."""
    return {family.name + ("_total" if family.type == "counter" else "") for family in families()}


def series() -> set[str]:
    """Return the name of every series, of which a histogram has several."""
    found: set[str] = set()
    for family in families():
        match family.type:
            case "counter":
                found |= {f"{family.name}_total", f"{family.name}_created"}
            case "histogram":
                found |= {f"{family.name}_{each}" for each in ("bucket", "sum", "count")}
            case _:
                found.add(family.name)
    return found
