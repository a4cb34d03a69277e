"""Counts that add up, in whatever portions they are told."""

import msgspec
import pytest

from rules.tallies import Slots, add_up, offset_bin, pack, unpack
from schemas.joins import Fact


def portion(slots: Slots, at_ms: int = 0, site: str = "") -> Fact:
    """A portion of the span that begins at 0."""
    return Fact(0, "cam", "", at_ms, "", site, what=pack(slots))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_portions_add_up_in_any_order(order: tuple[int, int, int]) -> None:
    portions = [
        portion({3: {0: 2}}, 5, "here"), portion({3: {0: 1, -40: 1}, 1: {0: 1}}, 9, "there"),
        portion({4: {60: 1}}, 7),
    ]  # fmt: skip
    (total,) = add_up([portions[place] for place in order])
    assert unpack(total.what) == {1: {0: 1}, 3: {0: 3, -40: 1}, 4: {60: 1}}
    assert (total.recorded_ms, total.site) == (9, "there")
    # The sum is the same text too, so that nobody takes it for another fact.
    assert total.what == pack({1: {0: 1}, 3: {-40: 1, 0: 3}, 4: {60: 1}})
    (stepwise,) = add_up([*add_up([portions[order[0]], portions[order[1]]]), portions[order[2]]])
    assert stepwise == total


def test_other_spans_stand_beside() -> None:
    other = msgspec.structs.replace(portion({0: {0: 1}}), time_ms=3_600_000)
    assert len(list(add_up([portion({0: {0: 1}}), other]))) == 2


@pytest.mark.parametrize(
    ("offset_ms", "expected"),
    [
        (0, 0), (9_999, 0), (-9_999, 0), (10_000, 10), (-10_400, -10), (119_999, 119),
        (125_000, 120), (-125_000, -120), (3_599_999, 3590), (3_605_000, 3600), (7_261_000, 7260),
    ],
)  # fmt: skip
def test_offsets_are_counted_the_coarser_the_larger(offset_ms: int, expected: int) -> None:
    assert offset_bin(offset_ms) == expected
