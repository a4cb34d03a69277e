"""Entries with two times, and which of their versions governs (decision 0004).

The one bitemporal rule: at an instant, as known at another, the last filed version that begins by
the instant governs. It holds until its own end, and a deletion, which begins when it is filed,
holds nothing. Versions are kept in the order of their filing; `insert` puts them there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

FOREVER: Final = 1 << 62

F = TypeVar("F")
V = TypeVar("V", bound="Version[Any]")


class Version(Struct, Generic[F], frozen=True):
    """One filing of an entry: `facts` is None where it deletes the entry. Times are ms UTC."""

    recorded_ms: int
    from_ms: int
    to_ms: int
    facts: F | None


def in_force(versions: Sequence[V], at_ms: int, known_ms: int) -> V | None:
    """Return the version that governs an instant, as far as it was filed by `known_ms`.

    So a later filing with an end does end the entry, and a deletion is never returned.
    """
    for version in reversed(versions):
        if version.recorded_ms <= known_ms and version.from_ms <= at_ms:
            holds = at_ms < version.to_ms and version.facts is not None
            return version if holds else None
    return None


def governing(versions: Sequence[Version[F]], at_ms: int, known_ms: int) -> F | None:
    """Return what the version in force says."""
    version = in_force(versions, at_ms, known_ms)
    return None if version is None else version.facts


def first_filed(versions: Sequence[Version[F]], at_ms: int) -> Version[F] | None:
    """Return the earliest filed version that holds at an instant."""
    for version in versions:
        if version.from_ms <= at_ms < version.to_ms and version.facts is not None:
            return version
    return None


def newest(versions: Sequence[V], known_ms: int) -> V | None:
    """Return the version that was filed last by `known_ms`, a deletion too."""
    place = _after(versions, known_ms)
    return versions[place - 1] if place else None


def insert(versions: list[V], version: V) -> bool:
    """Add a version in order of filing; return False where it repeats the one before it."""
    place = _after(versions, version.recorded_ms)
    if place:
        last = versions[place - 1]
        same_dates = (last.from_ms, last.to_ms) == (version.from_ms, version.to_ms)
        if last.facts == version.facts and (same_dates or version.facts is None):
            return False
    versions.insert(place, version)
    return True


def _after(versions: Sequence[V], recorded_ms: int) -> int:
    """Return the place behind all that were filed by then."""
    return bisect_right(versions, recorded_ms, key=lambda version: version.recorded_ms)
