"""Backtest on a simulated county, and its floor: the same lines read and decoded, no more."""

import gc
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, Final

from deploy.backtest import FOREVER_MS, Backtest
from deploy.county.people import settle
from deploy.county.size import FULL
from deploy.county.timeline import write
from schemas.events import KIND_BY_TYPE
from schemas.persons import PseudonymKey
from schemas.times import parse_ms

_SEED: Final = 1
_START_MS: Final = parse_ms("2026-03-02T08:00:00+08:00")
_HOURS: Final = 6.0


async def run(hours: float = _HOURS) -> dict[str, Any]:
    """Return events per second of backtest and of its floor, for a full county of some hours.

    The county's registers are filed before the clock starts; what is filed during the day is in.
    """
    backtest = Backtest(PseudonymKey.fixed_for_tests(), history_since_ms=FOREVER_MS)
    with tempfile.TemporaryDirectory() as folder:
        day = Path(folder) / "day.ndjson"
        lines = write(settle(_SEED, FULL), _SEED, _START_MS, hours, FULL.rate, [])
        for line in lines:
            if b".put.v1" not in line:
                break
            list(backtest.feed(line))
        began_s = time.perf_counter()
        with day.open("wb") as out:
            out.writelines(chain((line,), lines))
        made_s = time.perf_counter() - began_s
        floor_s, floor_cpu_s = _timed(day, _decode)
        seconds, cpu_s = _timed(day, lambda lines: _judge(backtest, lines))
        with day.open("rb") as again:
            events = sum(1 for _ in again)
    return {
        "events": events,
        "events_per_s": round(events / seconds),
        "cpu_us_per_event": round(cpu_s / events * 1e6, 1),
        "floor_events_per_s": round(events / floor_s),
        "floor_cpu_us_per_event": round(floor_cpu_s / events * 1e6, 1),
        "ratio_to_floor": round(floor_cpu_s / cpu_s, 3),
        "simulated_events_per_s": round(events / made_s),
    }


def _timed(file: Path, work: Callable[[Iterable[bytes]], None]) -> tuple[float, float]:
    """Return the seconds, and the seconds of CPU, of work on the lines of a file."""
    gc.collect()
    with file.open("rb") as lines:
        began_s, cpu_s = time.perf_counter(), time.process_time()
        work(lines)
        return time.perf_counter() - began_s, time.process_time() - cpu_s


def _decode(lines: Iterable[bytes]) -> None:
    decoders = [
        (f'"type":"{kind.type}"'.encode(), kind.decoder().decode) for kind in KIND_BY_TYPE.values()
    ]
    for line in lines:
        for mark, decode in decoders:
            if mark in line:
                decode(line)
                break


def _judge(backtest: Backtest, lines: Iterable[bytes]) -> None:
    for line in lines:
        for _ in backtest.feed(line):
            pass
    for _ in backtest.flush():
        pass
