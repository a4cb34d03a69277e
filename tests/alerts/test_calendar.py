"""Instants in what is said to people, by the clocks of the deployment."""

import pytest

from services.alerts.engine.calendar import LocalDays

SHANGHAI = LocalDays("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It was due at 2020-02-10T16:05:59.999Z.", "It was due at 2020-02-11 00:05."),
        ("应于 2020-02-10T16:05:59.999Z 到达。", "应于 2020-02-11 00:05 到达。"),
        (
            "From 2020-02-10T00:00:00.000Z to 2020-02-10T01:00:00.000Z.",
            "From 2020-02-10 08:00 to 2020-02-10 09:00.",
        ),
        ("No arrival was reported.", "No arrival was reported."),
        # A name that only looks like an instant, and an instant beyond the calendar there.
        ("Order 2020-99-10T16:05:59.999Z ended.", "Order 2020-99-10T16:05:59.999Z ended."),
        ("At 9999-12-31T23:59:59.999Z.", "At 9999-12-31T23:59:59.999Z."),
    ],
)
def test_a_sentence_tells_the_time_of_the_place(text: str, said: str) -> None:
    assert SHANGHAI.spoken(text) == said


def test_another_place_has_another_time() -> None:
    text = "It was due at 2020-07-10T16:05:59.999Z."
    assert LocalDays("Europe/Berlin").spoken(text) == "It was due at 2020-07-10 18:05."
    assert LocalDays("UTC").spoken(text) == "It was due at 2020-07-10 16:05."
