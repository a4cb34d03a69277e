"""Entries with two times, and which version governs."""

from bisect import insort
from typing import Generic, TypeVar

from msgspec import Struct

FOREVER = 1 << 62

F = TypeVar("F")


class Version(Struct, Generic[F], frozen=True):
    """One filing of an entry: `facts` is None where it deletes the entry."""

    recorded_ms: int
    from_ms: int
    to_ms: int
    facts: F | None


def governing(versions: list[Version[F]], at_ms: int, known_ms: int) -> F | None:
    """Return what is in force at an instant, as far as it was filed by `known_ms`.

    The last filed version that begins by then governs; it holds until its own end, and a deletion
    holds nothing. So a later filing with an end does end the entry (decision 0004).
    """
    for version in reversed(versions):
        if version.recorded_ms <= known_ms and version.from_ms <= at_ms:
            return version.facts if at_ms < version.to_ms else None
    return None


def first_filed(versions: list[Version[F]], at_ms: int) -> Version[F] | None:
    """Return the earliest filed version that holds at an instant."""
    for version in versions:
        if version.from_ms <= at_ms < version.to_ms and version.facts is not None:
            return version
    return None


def insert(versions: list[Version[F]], version: Version[F]) -> bool:
    """Add a version in order of filing; return False where it repeats the one before it."""
    if versions and versions[-1].facts == version.facts:
        last = versions[-1]
        if (last.from_ms, last.to_ms) == (version.from_ms, version.to_ms):
            return False
        if version.facts is None:
            return False
    insort(versions, version, key=lambda each: each.recorded_ms)
    return True
