"""Instants: RFC 3339 text outside, whole milliseconds of UTC since 1970 inside."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FORM = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
# An offset can carry an instant over the edge of what a date can hold.
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


class TimeProblem(ValueError):
    """A text is not an instant: it is malformed, or it names no offset."""


# An event's times are read in several places, and many events were recorded at one instant.
@lru_cache(maxsize=8192)
def parse_ms(text: str) -> int:
    """Return the instant that an RFC 3339 text names, in ms UTC; finer fractions are cut off.

    Raises TimeProblem for malformed text, for a local time without an offset, because nobody can
    say when that was, and for an instant outside the years 1 to 9999 of UTC, which has no text.
    """
    try:
        # RFC 3339 permits a small z; Python's parser knows only the other.
        moment = datetime.fromisoformat(f"{text[:-1]}Z" if text[-1:] == "z" else text)
    except ValueError as error:
        raise TimeProblem(f"not an RFC 3339 date-time: {text[:40]!r}") from error
    # What else Python reads is not RFC 3339: a bare date, a week date, other separators.
    if len(text) < 17 or text[7] != "-" or text[10] not in "Tt ":
        raise TimeProblem(f"not an RFC 3339 date-time: {text[:40]!r}")
    if moment.tzinfo is None:
        raise TimeProblem(f"has no offset from UTC: {text[:40]!r}")
    # Python also reads a time without seconds, a comma, and offsets that are not +hh:mm. The form
    # that Cordon writes has none of them, and is most of what is read.
    if not _is_ours(text) and not _FORM.match(text, 11):
        raise TimeProblem(f"not an RFC 3339 date-time: {text[:40]!r}")
    instant_ms = (moment - _EPOCH) // _MILLISECOND
    if not _FIRST_MS <= instant_ms <= _LAST_MS:
        raise TimeProblem(f"outside the years 1 to 9999 of UTC: {text[:40]!r}")
    return instant_ms


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    # Not strftime: it writes the year 500 without its zero, and texts no longer sort.
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def format_ms(instant_ms: int) -> str:
    """Return the one form that Cordon writes: UTC, milliseconds, `Z`; texts sort as instants."""
    day, rest = divmod(instant_ms, DAY_MS)
    minutes, rest = divmod(rest, MINUTE_MS)
    return (
        f"{_day_text(day)}T{minutes // 60:02d}:{minutes % 60:02d}"
        f":{rest // 1000:02d}.{rest % 1000:03d}Z"
    )


def canonical(text: str, instant_ms: int) -> str:
    """Return the form that Cordon writes of a text that `parse_ms` has read as this instant."""
    return text if _is_ours(text) and text[10] == "T" else format_ms(instant_ms)


def _is_ours(text: str) -> bool:
    """Tell whether a text that reads as an instant has the length and the marks of `format_ms`."""
    return len(text) == 24 and text[19] == "." and text[23] == "Z"
