"""Days and times of day in the deployment's time zone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.times import DAY_MS, HOUR_MS

DayOf = Callable[[int], int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()
# An instant in the one written form, as rules put it into what they say.
_WRITTEN = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class LocalDays:
    """Days of a time zone by number, from 1970-01-01 = 0; raises ZoneInfoNotFoundError."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self.day = day_of(self._zone)

    def start_ms(self, day: int, minute: int = 0) -> int:
        """Return the instant, ms UTC, at which a minute of a day begins by the clock there."""
        date = _EPOCH + timedelta(days=day)
        begins = datetime(
            date.year, date.month, date.day, minute // 60, minute % 60, tzinfo=self._zone
        )
        return int(begins.timestamp() * 1000)

    def spoken(self, text: str) -> str:
        """Return a sentence with its instants as the clocks there show them: `2026-11-22 23:48`."""
        return _WRITTEN.sub(self._shown, text)

    def _shown(self, written: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(written[0]).astimezone(self._zone)
        except (ValueError, OverflowError):
            return written[0]  # Somebody's name for something, or beyond the calendar there.
        return moment.replace(tzinfo=None).isoformat(" ", "minutes")


def day_of(zone: ZoneInfo) -> DayOf:
    """Return what tells the number of the day in which an instant, ms UTC, lies.

    The zone's offset is looked up once an hour's worth of instants.
    """

    @lru_cache(maxsize=4096)
    def offset_ms(hour: int) -> int:
        offset = datetime.fromtimestamp(hour * 3600, zone).utcoffset() or timedelta()
        return offset // timedelta(milliseconds=1)

    def day(instant_ms: int) -> int:
        return (instant_ms + offset_ms(instant_ms // HOUR_MS)) // DAY_MS

    return day
