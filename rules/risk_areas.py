"""Stays in areas on the risk list, which is read as of the stay (contracts: register risk-area)."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from msgspec import Struct

from rules.dossier import Calendar, Dossier
from rules.facts import NEWEST
from schemas.times import TimeProblem, parse_ms
from schemas.versions import governing

_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_DIGITS: Final = 6


class Stay(Struct, frozen=True):
    """A stay in a GB/T 2260 area of six digits, both ends included, ms UTC."""

    area: str
    from_ms: int
    to_ms: int


def read_stay(area: str, begins: str, ends: str, calendar: Calendar) -> Stay | None:
    """Return a declared stay, None where its area or its ends can't be read.

    An area is a code of two, four or six digits, or one of a town or village, whose county counts.
    An end is a date, which is that whole day, or a date-time.
    """
    code = area.strip()
    from_ms, to_ms = instant_of(begins, calendar), instant_of(ends, calendar, last=True)
    if not (code.isascii() and code.isdigit()) or len(code) not in (2, 4, 6, 9, 12):
        return None
    if from_ms is None or to_ms is None or to_ms < from_ms:
        return None
    return Stay(code.ljust(_DIGITS, "0")[:_DIGITS], from_ms, to_ms)


def instant_of(text: str, calendar: Calendar, *, last: bool = False) -> int | None:
    """Return the first or the `last` instant of a date, or the instant of a date-time."""
    try:
        day = date.fromisoformat(text).toordinal() - _FIRST_DAY
    except ValueError:
        # Then it is a date-time, or nothing.
        try:
            return parse_ms(text)
        except TimeProblem:
            # A traveller's words: who asked knows by `None` that they say nothing.
            return None
    return calendar.start_ms(day + 1) - 1 if last else calendar.start_ms(day)


def level_of(stay: Stay, dossier: Dossier, known_ms: int) -> str | None:
    """Return the highest level at which the area was listed at some time of the stay, None = never.

    An entry's trailing 00 pairs are wildcards: 330300 covers 330327. A stay that names only a
    prefecture is not one in each of its counties.
    """
    levels = {
        level
        for area in _covering(stay.area)
        for entry_id in dossier.named("risk-area", area)
        for level in _levels(stay, area, entry_id, dossier, known_ms)
    }
    return "high" if "high" in levels else "medium" if levels else None


def was_listed(stay: Stay, dossier: Dossier, known_ms: int) -> tuple[str | None, bool]:
    """Return the level as known then, and whether what is filed by now bears it out."""
    level = level_of(stay, dossier, known_ms)
    return level, level is not None and level_of(stay, dossier, NEWEST) is not None


def _covering(area: str) -> Iterator[str]:
    """Yield the codes that cover an area: its own, its prefecture's, its province's."""
    yield from dict.fromkeys((area, f"{area[:4]}00", f"{area[:2]}0000"))


def _levels(stay: Stay, area: str, entry_id: str, dossier: Dossier, known_ms: int) -> Iterator[str]:
    versions = dossier.versions("risk-area", entry_id)
    # An entry comes into force only where one of its filings begins.
    begins = {version.from_ms for version in versions if stay.from_ms < version.from_ms}
    for at_ms in (stay.from_ms, *sorted(begins)):
        if at_ms <= stay.to_ms:
            entry = governing(versions, at_ms, known_ms)
            if entry is not None and entry.area == area:
                yield entry.level
