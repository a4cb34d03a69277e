"""Which small files of a day become one: a pure choice, so that nothing has to run to test it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS
from services.alerts.sightings.manifest import File

# So many files of a level become one of the next: every row is written a few times in all.
FAN_IN: Final = 12
# The level of the one file of a day that is over.
FINAL: Final = 9
# How late events still take their place in the order (contracts: Lateness); hardly any comes later.
CLOSED_AFTER_MS: Final = 72 * HOUR_MS
# What trickles into a closed day is gathered for so long, or its big file would be written again
# for each of them.
QUIET_MS: Final = 10 * MINUTE_MS
# A merge has to fit into memory, more or less; larger files gain nothing by being merged.
MOST_ROWS: Final = 6_000_000


def day_of(at_ms: int) -> str:
    """Return the day of UTC of an instant, as files are named: 2020-02-10."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + at_ms // DAY_MS).isoformat()


def day_end_ms(day: str) -> int:
    """Return when a day of UTC ends, in ms."""
    return (date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal() + 1) * DAY_MS


def next_merge(files: Sequence[File], now_ms: int) -> tuple[list[File], int] | None:
    """Return the files to merge next and the level of the result, None = nothing to do."""
    days: dict[str, list[File]] = defaultdict(list)
    for file in files:
        days[file.day].append(file)
    for day in sorted(days):
        chosen = _within(days[day], now_ms - day_end_ms(day) > CLOSED_AFTER_MS, now_ms)
        if chosen is not None:
            return chosen
    return None


def _within(files: list[File], closed: bool, now_ms: int) -> tuple[list[File], int] | None:
    unfinished = [file for file in files if file.level < FINAL]
    if closed and unfinished:
        if all(now_ms - file.written_ms >= QUIET_MS for file in unfinished):
            return _fitting(files, unfinished), FINAL
        return None
    for level in range(FINAL - 1):
        same = [file for file in files if file.level == level and file.rows < MOST_ROWS]
        if len(same) >= FAN_IN:
            return _fitting(same, same[:1]), level + 1
    return None


def _fitting(files: list[File], first: list[File]) -> list[File]:
    """Return as many files as fit into a merge, one of `first` among them, the small ones first."""
    chosen = [min(first, key=_size)]
    for file in sorted(files, key=_size):
        if file not in chosen and sum(each.rows for each in chosen) + file.rows <= MOST_ROWS:
            chosen.append(file)
    return chosen


def _size(file: File) -> tuple[int, str]:
    return file.rows, file.path


def expired(files: Sequence[File], now_ms: int, retention_ms: int) -> list[File]:
    """Return the files of the days that lie wholly behind the retention."""
    return [file for file in files if day_end_ms(file.day) <= now_ms - retention_ms]
