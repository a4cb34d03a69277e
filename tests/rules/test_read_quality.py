"""D34, temperatures: which windows are biased, and for which time a device was."""

import pytest

from rules.facts import NEWEST
from rules.read_quality import (
    LONGEST_WINDOW,
    RULE,
    Reading,
    Window,
    describe,
    matches,
    spans,
    window,
)
from schemas.alerts import Subject
from schemas.policy import BOUNDS
from schemas.times import HOUR_MS, MINUTE_MS

FIVE = {**RULE.defaults, "readings": 5}


def series(*temperatures: float, step_ms: int = MINUTE_MS) -> list[Reading]:
    """Readings, a step apart."""
    return [
        Reading(place * step_ms, f"e{place}", each, place * step_ms, "inner", "t")
        for place, each in enumerate(temperatures)
    ]


def windows(readings: list[Reading]) -> list[Window | None]:
    """The biased windows of five."""
    return [window(readings, last, FIVE, "default@1") for last in range(len(readings))]


@pytest.mark.parametrize(
    ("temperatures", "biased"),
    [
        ((37.1,) * 4, False),
        ((37.1,) * 5, True),
        ((37.0,) * 5, False),
        ((36.5, 36.5, 37.1, 37.2, 37.3), True),
        ((36.5, 36.5, 36.9, 37.2, 37.3), False),
        ((35.4,) * 5, True),
        ((35.5,) * 5, False),
    ],
)
def test_the_median_of_a_full_window_decides(temperatures: tuple[float, ...], biased: bool) -> None:
    assert (windows(series(*temperatures))[-1] is not None) is biased


def test_fifty_readings_make_a_window() -> None:
    readings = series(*[37.2] * 50)
    assert window(readings, 48, RULE.defaults, "p") is None
    assert window(readings, 49, RULE.defaults, "p") == Window(50, 37.2, "p")
    assert BOUNDS["read-quality"]["readings"][1] == LONGEST_WINDOW


def test_all_readings_of_a_biased_window_are_and_the_device_still_is() -> None:
    readings = series(36, 36, 37.2, 37.2, 37.2)
    assert spans(readings, windows(readings)) == [(0, NEWEST)]
    cooled = series(36, 36, 37.2, 37.2, 37.2, 36, 36, 36)
    assert spans(cooled, windows(cooled)) == [(0, 6 * MINUTE_MS)]
    assert spans(series(36, 36), [None, None]) == []


def test_biased_times_that_touch_are_one() -> None:
    one, two = Window(2, 37.2, "p"), Window(3, 37.2, "p")
    readings = series(*[37.2] * 8)
    none: list[Window | None] = [None] * 8
    apart = [*none]
    apart[1], apart[5] = one, one
    assert spans(readings, apart) == [(0, MINUTE_MS), (4 * MINUTE_MS, 5 * MINUTE_MS)]
    touching = [*none]
    touching[2], touching[4] = two, two
    assert spans(readings, touching) == [(0, 4 * MINUTE_MS)]


def test_one_match_for_each_hour_in_which_it_was_found() -> None:
    readings = series(*[37.2] * 12, step_ms=HOUR_MS // 4)
    found = matches("desk", readings, windows(readings))
    assert [match.id for match in found] == ["e4", "e8"]
    first = found[0]
    assert (first.severity, first.evidence_class, first.source) == ("low", "system", "desk")
    assert matches("desk", readings, [None] * 12) == []


def test_a_reason_names_the_device_and_the_median() -> None:
    readings = series(*[37.25] * 5)
    (match,) = matches("desk", readings, windows(readings))
    reason = describe(match, Subject("source", "source:desk", "desk"))
    assert "The last 5 temperatures of desk at inner have a median of 37.2 °C" in reason.en
    assert "desk" in reason.zh
