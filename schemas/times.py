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
_SECOND_TEXTS = [f"{second:02d}." for second in range(60)]
_MS_TEXTS = [f"{ms:03d}Z" for ms in range(SECOND_MS)]
# An offset can carry an instant over the edge of what a date can hold.
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


class TimeProblem(ValueError):
    """A text is not an instant: it is malformed, or it names no offset."""


# Most texts differ from some text before them in little: what stood up to its minute, and what
# after its seconds, is known by then. Both tables hold only parts of texts that were read.
_MOST_PARTS = 8192
_minutes_ms: dict[str, int] = {}
_tails_ms: dict[str, int] = {}
_SECONDS_MS = {f"{second:02d}": second * SECOND_MS for second in range(60)}


def parse_ms(text: str) -> int:
    """Return the instant that an RFC 3339 text names, in ms UTC; finer fractions are cut off.

    Raises TimeProblem for malformed text, for a local time without an offset, because nobody can
    say when that was, and for an instant outside the years 1 to 9999 of UTC, which has no text.
    """
    try:
        return _minutes_ms[text[:17]] + _SECONDS_MS[text[17:19]] + _tails_ms[text[19:]]
    except KeyError:
        pass  # Some part of it is new.
    instant_ms = _read(text)
    _learn(text, instant_ms)
    return instant_ms


def _learn(text: str, instant_ms: int) -> None:
    """Keep the parts of a text that reads as this instant."""
    minute, tail = text[:17], text[19:]
    if text[10] != "T" or tail[1:5].isdigit():
        return  # A form that nobody writes, or finer than milliseconds: there would be too many.
    minute_ms = _read(f"{minute}00Z")
    if _FIRST_MS + DAY_MS <= minute_ms <= _LAST_MS - DAY_MS:
        # With any offset it lies within the calendar.
        _keep(_minutes_ms, minute, minute_ms)
    _keep(_tails_ms, tail, instant_ms - minute_ms - _SECONDS_MS[text[17:19]])


def _keep(parts: dict[str, int], part: str, part_ms: int) -> None:
    if len(parts) >= _MOST_PARTS:
        parts.clear()
    parts[part] = part_ms


def _read(text: str) -> int:
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
def _minute_text(minute: int) -> str:
    # Not strftime: it writes the year 500 without its zero, and texts no longer sort.
    return (_EPOCH + timedelta(minutes=minute)).isoformat()[:17]


def format_ms(instant_ms: int) -> str:
    """Return the one form that Cordon writes: UTC, milliseconds, `Z`; texts sort as instants."""
    minute, rest = divmod(instant_ms, MINUTE_MS)
    return _minute_text(minute) + _SECOND_TEXTS[rest // SECOND_MS] + _MS_TEXTS[rest % SECOND_MS]


def written(text: str) -> str:
    """Return the form that Cordon writes of an RFC 3339 text; raises TimeProblem as `parse_ms`."""
    if (
        len(text) == 24
        and text[23] == "Z"
        and text[19:] in _tails_ms
        and text[17:19] in _SECONDS_MS
        and text[:17] in _minutes_ms
    ):
        return text  # All of its parts stood in texts that were read: it is that form already.
    return format_ms(parse_ms(text))


def _is_ours(text: str) -> bool:
    """Tell whether a text that reads as an instant has the length and the marks of `format_ms`."""
    return len(text) == 24 and text[19] == "." and text[23] == "Z"
