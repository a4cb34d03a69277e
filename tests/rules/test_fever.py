"""D05: high at once, or raised twice; never on a device that cannot be believed."""

from collections.abc import Sequence
from typing import Any

import pytest

from rules.facts import Check, Cover
from rules.fever import LOWEST_FEVER_C, RULE, describe, detect, is_high, is_raised
from rules.match import Match
from rules.rule import Found
from schemas.alerts import Subject
from schemas.policy import BOUNDS
from tests.alerts.build import Line, Moment, order, person, seen, watch, world

NOON = "02-03 12:00"


def measured(temperature: float | None, when: Moment = NOON, **more: Any) -> Check:
    """Somebody is measured."""
    return seen("wang", "inner", when, temperature=temperature, **more)


def found(check: Check, *lines: Line, **parameters: Any) -> list[Found]:
    """What the rule finds."""
    return list(detect(check, world(*lines), {**RULE.defaults, **parameters}, "default@1"))


def fever(check: Check, *lines: Line, **parameters: Any) -> Match | None:
    """The match, where there is one."""
    for each in found(check, *lines, **parameters):
        if not isinstance(each, Cover):
            assert each[0] == person("wang")
            return each[1]
    return None


@pytest.mark.parametrize(
    ("temperature", "is_fever"),
    [(None, False), (36.5, False), (37.5, False), (37.9, False), (38.0, True), (42.0, True)],
)
def test_one_reading(temperature: float | None, is_fever: bool) -> None:
    match = fever(measured(temperature))
    assert (match is not None) is is_fever
    if match is not None:
        assert (match.severity, match.evidence_class) == ("medium", "person")


@pytest.mark.parametrize("temperature", [42.1, 45.0])
def test_an_implausible_reading_is_none(temperature: float) -> None:
    assert fever(measured(temperature)) is None
    assert fever(measured(37.5, around=[measured(temperature, "02-03 11:54")])) is None


@pytest.mark.parametrize(
    ("first", "when", "confirmed"),
    [
        (37.3, "02-03 11:54", True),
        (37.3, "02-03 11:55", True),
        (37.3, "02-03 11:55:01", False),
        (37.3, "02-03 11:45", True),
        (37.3, "02-03 11:44:59", False),
        (37.2, "02-03 11:54", False),
        (39.0, "02-03 11:54", True),
        # It is the later one that confirms.
        (37.6, "02-03 12:06", False),
        (None, "02-03 11:54", False),
    ],
)
def test_a_raised_reading_needs_one_before_it(
    first: float | None, when: Moment, confirmed: bool
) -> None:
    assert (fever(measured(37.5, around=[measured(first, when)])) is not None) is confirmed


def test_a_biased_device_raises_none_and_confirms_none() -> None:
    high = found(measured(38.5, biased=True))
    assert high == [Cover("device-bias", "desk-inner"), (person("wang"), None)]
    assert fever(measured(37.5, around=[measured(37.5, "02-03 11:54", biased=True)])) is None
    assert fever(measured(37.5, biased=True, around=[measured(37.5, "02-03 11:54")])) is None


@pytest.mark.parametrize(
    "known", [[order("o1", filed="02-01 10:00")], [watch("w1", "wang", "close-contact")]]
)
def test_somebody_listed_or_under_order_makes_it_high(known: Sequence[Line]) -> None:
    match = fever(measured(38.0), *known)
    assert match is not None
    assert match.severity == "high"
    reason = describe(match, Subject("person", person("wang"), "person aa…"))
    assert "38.0 °C was measured at inner. The person is on the watch list" in reason.en
    assert "布控名单" in reason.zh
    unproved = fever(measured(38.0, by="none"), *known)
    assert unproved is not None
    assert unproved.severity == "medium"


@pytest.mark.parametrize(
    "filed", [order("o1", filed="02-03 12:01"), watch("w1", "wang", filed="02-03 12:01")]
)
@pytest.mark.parametrize(
    ("recorded", "severity"), [("02-03 12:02", "high"), ("02-03 12:20", "medium")]
)
def test_what_is_filed_after_a_late_check_is_not_known(
    filed: Line, recorded: str, severity: str
) -> None:
    match = fever(measured(38.0, recorded=recorded), filed)
    assert match is not None
    assert match.severity == severity


def test_the_reason_of_a_confirmed_one_names_both() -> None:
    match = fever(measured(37.6, around=[measured(37.5, "02-03 11:54")]))
    assert match is not None
    reason = describe(match, Subject("person", person("wang"), "person aa…"))
    assert reason.en == "37.5 °C and then 37.6 °C were measured at inner."
    assert "37.5 °C，复测 37.6 °C" in reason.zh


def test_at_the_barrier_a_raised_one_asks_for_a_recheck() -> None:
    states = [
        (is_raised(measured(value), RULE.defaults), is_high(measured(value), RULE.defaults))
        for value in (None, 37.2, 37.3, 38.0, 42.1)
    ]
    assert states == [(False, False), (False, False), (True, False), (True, True), (False, False)]


def test_nothing_that_a_policy_calls_a_fever_is_overlooked() -> None:
    bound = BOUNDS["fever"]["fever_c"]
    assert bound[0] == LOWEST_FEVER_C
