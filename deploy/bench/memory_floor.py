"""The floor of the memory benchmark: a dict from plate to day, and nothing else."""

import os
import sys
from pathlib import Path

import msgspec

from deploy.bench import traffic


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _main(vehicles: int) -> None:
    before = _rss_bytes()
    days = {traffic.plate(number): 18_302 + number % 30 for number in range(vehicles)}
    report = {"bytes": _rss_bytes() - before, "vehicles": len(days)}
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    _main(int(sys.argv[1]))
