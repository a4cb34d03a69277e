"""Which files are merged next, and which days go."""

from msgspec.structs import replace

from schemas.times import DAY_MS, HOUR_MS
from services.alerts.sightings.manifest import File
from services.alerts.sightings.merging import (
    CLOSED_AFTER_MS,
    FAN_IN,
    FINAL,
    MOST_ROWS,
    QUIET_MS,
    day_end_ms,
    day_of,
    expired,
    next_merge,
)

DAY = "2020-02-10"
NOON = day_end_ms(DAY) - 12 * HOUR_MS
CLOSED = day_end_ms(DAY) + CLOSED_AFTER_MS + 1


def files(count: int, *, level: int = 0, rows: int = 100, day: str = DAY) -> list[File]:
    """Return files of a day, written at its noon."""
    return [
        File(f"day={day}/{level}-{number:03d}.parquet", day, rows, 1000, 0, level, NOON)
        for number in range(count)
    ]


def test_days_are_those_of_utc() -> None:
    assert day_of(0) == "1970-01-01"
    assert (day_of(NOON), day_end_ms("1970-01-01")) == (DAY, DAY_MS)
    assert day_of(-1) == "1969-12-31"


def test_many_files_of_a_level_become_one_of_the_next() -> None:
    assert next_merge(files(FAN_IN - 1), NOON) is None
    assert next_merge(files(FAN_IN), NOON) == (files(FAN_IN), 1)
    mixed = [*files(FAN_IN, level=1), *files(3)]
    assert next_merge(mixed, NOON) == (files(FAN_IN, level=1), 2)


def test_a_day_that_is_over_becomes_one_file() -> None:
    several = [*files(2), *files(1, level=1)]
    assert next_merge(several, CLOSED - 1) is None
    merge = next_merge(several, CLOSED)
    assert merge is not None
    assert (sorted(merge[0], key=str), merge[1]) == (sorted(several, key=str), FINAL)
    assert next_merge(files(1, level=FINAL), CLOSED) is None
    # A single one is sorted and free of repeats only after its own merge.
    assert next_merge(files(1), CLOSED) == (files(1), FINAL)


def test_what_trickles_into_a_day_that_is_over_is_gathered_first() -> None:
    late = replace(files(1)[0], written_ms=CLOSED)
    both = [*files(1, level=FINAL), late]
    assert next_merge(both, CLOSED + QUIET_MS - 1) is None
    merge = next_merge(both, CLOSED + QUIET_MS)
    assert merge is not None
    assert len(merge[0]) == 2


def test_a_merge_takes_no_more_rows_than_fit() -> None:
    big = files(FAN_IN, rows=MOST_ROWS // 2)
    merge = next_merge(big, NOON)
    assert merge is not None
    assert len(merge[0]) == 2
    assert next_merge(files(FAN_IN, rows=MOST_ROWS), NOON) is None
    # The last merge of a day leaves alone what is large already.
    end = [*files(2, level=FINAL, rows=MOST_ROWS), *files(1)]
    assert next_merge(end, CLOSED) == (files(1), FINAL)


def test_only_days_that_lie_wholly_behind_the_retention_go() -> None:
    now_ms = day_end_ms(DAY) + 30 * DAY_MS
    assert expired(files(2), now_ms, 30 * DAY_MS) == files(2)
    assert expired(files(2), now_ms - 1, 30 * DAY_MS) == []
