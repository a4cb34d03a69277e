"""Folding, neighbours and weighted distance, and how they hang together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.confusion import GROUPS, confusable, distance, fold, neighbours
from schemas.prefixes import PROVINCES

plates = st.text(alphabet="".join(PROVINCES) + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789警", max_size=9)


@pytest.mark.parametrize(
    ("plate", "folded"),
    [
        ("浙F7E321", "浙F1E321"),
        ("浙FB0G13", "浙F80613"),
        ("浙F8DC73", "浙F80613"),
        ("0DQ8B5S2Z17L6GC4AUV", "00088552211166644UU"),
        ("EFHIJKMNOPRTWXY39", "EFHIJKMNOPRTWXY39"),
        ("", ""),
    ],
)
def test_fold(plate: str, folded: str) -> None:
    assert fold(plate) == folded


def test_groups_that_share_a_letter_fold_together_but_are_not_confusable() -> None:
    assert fold("6") == fold("G") == fold("C") == "6"
    assert confusable("6", "G")
    assert confusable("G", "C")
    assert not confusable("6", "C")


def test_neighbours_substitute_one_position() -> None:
    assert neighbours("浙FG0321") == (
        "浙F60321",
        "浙FC0321",
        "浙FGD321",
        "浙FGQ321",
        "浙FG03Z1",
        "浙FG0327",
        "浙FG032L",
    )
    assert neighbours("浙") == ()


def test_the_province_character_is_never_substituted() -> None:
    assert all(not set(group) & set(PROVINCES) for group in GROUPS)
    assert all(neighbours(province) == () for province in PROVINCES)


def test_a_look_alike_is_not_the_plate_itself() -> None:
    """Scenario 21: the whitelist has 苏F8A123; 苏FBA123 is close to it and not on it."""
    assert confusable("苏F8A123", "苏FBA123")
    assert not confusable("苏F8A123", "苏F8A123")


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("浙F8A123", "浙F8A123", 0.0),
        ("浙F8A123", "浙FBA123", 0.3),
        ("浙F8A123", "浙FB4123", 0.6),
        ("浙F8AS23", "浙FB4523", 0.9),
        ("浙F8A123", "浙F8A129", 1.0),
        ("浙F8A123", "苏F8A123", 1.0),
        ("浙F12345", "浙FD12345", 1.0),
        ("浙F12345", "浙F1234", 1.0),
        ("6", "C", 1.0),
        ("", "浙F", 2.0),
        ("", "", 0.0),
    ],
)
def test_distance(left: str, right: str, expected: float) -> None:
    assert distance(left, right) == expected
    assert distance(right, left) == expected


def test_confusable_needs_equal_length_and_one_difference() -> None:
    assert not confusable("浙F12345", "浙FD12345")
    assert not confusable("浙F8A123", "浙FB4123")
    assert not confusable("浙F8A123", "浙F9A123")


@given(plates)
def test_fold_is_idempotent(plate: str) -> None:
    assert fold(fold(plate)) == fold(plate)


@given(plates)
def test_every_neighbour_shares_the_fold_and_is_confusable(plate: str) -> None:
    found = neighbours(plate)
    assert len(set(found)) == len(found)
    for neighbour in found:
        assert fold(neighbour) == fold(plate)
        assert confusable(plate, neighbour)
        assert distance(plate, neighbour) == 0.3
        assert plate in neighbours(neighbour)


@given(plates, plates)
def test_confusable_is_being_a_neighbour(left: str, right: str) -> None:
    assert confusable(left, right) == (right in neighbours(left)) == confusable(right, left)


@given(plates, plates)
def test_distance_is_symmetric_and_bounded(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert abs(len(left) - len(right)) <= distance(left, right) <= max(len(left), len(right))
    assert (distance(left, right) == 0) == (left == right)
