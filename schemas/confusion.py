"""Characters that cameras and people take for one another, and what follows from that.

The groups and weights are those of domain.md section 1: a substitution inside a group weighs 0.3,
any other edit 1.0.  Province characters are in no group, so they are never substituted.

A close plate is a reason to look (D02), never a reason to excuse: whitelists, permits and passes
are matched exactly.
"""

from __future__ import annotations

from typing import Final

__all__ = ["GROUPS", "confusable", "distance", "fold", "neighbours"]

GROUPS: Final = ("0DQ", "8B", "5S", "2Z", "17L", "6G", "4A", "UV", "CG")
"""Confusion groups as they are observed.  Being confused is not transitive: 6 is taken for G and G
for C, but 6 is not taken for C.  Only `fold` merges the groups that share a letter."""

_CONFUSABLE_TENTHS: Final = 3
_EDIT_TENTHS: Final = 10


def _partners(groups: tuple[str, ...]) -> dict[str, str]:
    """Each character → those that share a group with it, in the order of the groups."""
    partners: dict[str, str] = {}
    for group in groups:
        for character in group:
            others = group.replace(character, "")
            partners[character] = partners.get(character, "") + others
    return partners


def _folds(groups: tuple[str, ...]) -> dict[int, str]:
    """Table for `str.translate`: each character → the first of its merged group."""
    merged: list[str] = []
    for group in groups:
        joined = [other for other in merged if set(other) & set(group)]
        merged = [other for other in merged if other not in joined]
        merged.append("".join(dict.fromkeys("".join(joined) + group)))
    return {ord(character): group[0] for group in merged for character in group[1:]}


_PARTNERS: Final = _partners(GROUPS)
_FOLDS: Final = _folds(GROUPS)


def fold(plate: str) -> str:
    """The form in which a plate and its look-alikes are equal: 浙FB0G13 and 浙F8DC73 → 浙F80613.

    It decides the partition of vehicle records (contracts.md, "One record, one subject"), so a
    change of GROUPS moves subjects between partitions: it needs a new major version of the topics.
    """
    return plate.translate(_FOLDS)


def neighbours(plate: str) -> tuple[str, ...]:
    """All strings that differ from `plate` in one position by a character of a common group.

    They need not be legal plates (浙A12345 has 浙412345): the caller looks them up in an index of
    real ones.  Ordered by position, then by group; without repeats, and never `plate` itself.
    """
    return tuple(
        plate[:position] + other + plate[position + 1 :]
        for position, character in enumerate(plate)
        for other in _PARTNERS.get(character, "")
    )


def confusable(left: str, right: str) -> bool:
    """Whether the two differ in exactly one position, by characters of a common group."""
    if len(left) != len(right):
        return False
    differing = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    if len(differing) != 1:
        return False
    ((a, b),) = differing
    return b in _PARTNERS.get(a, "")


def distance(left: str, right: str) -> float:
    """Weighted edit distance: 0.3 for a confusable substitution, 1.0 for any other edit.

    Exact to one decimal, because it is summed in tenths: three confusions are 0.9.  Symmetric, and
    0.0 only for equal strings; not a metric, since 6→G→C is 0.6 and 6→C 1.0.
    """
    previous = [column * _EDIT_TENTHS for column in range(len(right) + 1)]
    for row, a in enumerate(left, start=1):
        current = [row * _EDIT_TENTHS]
        partners = _PARTNERS.get(a, "")
        for column, b in enumerate(right, start=1):
            substitution = 0 if a == b else _CONFUSABLE_TENTHS if b in partners else _EDIT_TENTHS
            current.append(
                min(
                    previous[column - 1] + substitution,
                    previous[column] + _EDIT_TENTHS,
                    current[column - 1] + _EDIT_TENTHS,
                )
            )
        previous = current
    return previous[-1] / 10
