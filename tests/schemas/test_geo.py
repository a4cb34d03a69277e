"""GCJ-02: published positions, and that the way there and back is exact to the millimetre."""

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.geo import to_gcj02, to_wgs84

METRES_A_DEGREE = 111_320


@pytest.mark.parametrize(
    ("given_position", "shifted"),
    [
        # As several public implementations give them.
        ((116.404, 39.915), (116.410_244_499_169_38, 39.916_404_281_501_64)),
        ((113.647_881, 34.829_793), (113.653_963_742_151_76, 34.828_728_009_478_3)),
    ],
)
def test_published_positions(
    given_position: tuple[float, float], shifted: tuple[float, float]
) -> None:
    assert to_gcj02(*given_position) == pytest.approx(shifted, abs=1e-9)
    assert to_wgs84(*shifted) == pytest.approx(given_position, abs=1e-9)


@pytest.mark.parametrize("position", [(0.0, 51.5), (139.7, 35.7), (100.0, -10.0), (100.0, 60.0)])
def test_outside_of_china_nothing_is_shifted(position: tuple[float, float]) -> None:
    assert to_gcj02(*position) == to_wgs84(*position) == position


@given(lon=st.floats(73.5, 135.0), lat=st.floats(18.0, 53.5))
def test_the_way_back_is_exact_to_the_millimetre(lon: float, lat: float) -> None:
    shifted = to_gcj02(lon, lat)
    assert 1 < _apart_m((lon, lat), shifted) < 1_500
    assert _apart_m((lon, lat), to_wgs84(*shifted)) < 0.001


def _apart_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (one[0] - other[0]) * cos(radians(one[1]))
    return hypot(east, one[1] - other[1]) * METRES_A_DEGREE
