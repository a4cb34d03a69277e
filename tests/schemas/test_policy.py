"""Policies: every threshold of every rule has bounds, and nothing else is one."""

from typing import Any

import pytest

from rules.catalogue import CATALOGUE
from schemas.policy import BOUNDS, problem
from services.api import overdue


def test_bounds_and_defaults_name_the_same_parameters() -> None:
    # What waits for people is judged by the API: it is no detector, and in no catalogue.
    defaults = {rule.name: rule.defaults for rule in CATALOGUE} | {overdue.RULE: overdue.DEFAULTS}
    assert {rule: set(names) for rule, names in defaults.items()} == {
        rule: set(bounds) for rule, bounds in BOUNDS.items()
    }
    assert problem(defaults) is None


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"first-seen": {}}, "rules.first-seen"),
        ({"quarantine-breach": {"grace": 1}}, "rules.quarantine-breach.grace"),
        ({"first-seen-vehicle": {"look_back_d": "30"}}, "rules.first-seen-vehicle.look_back_d"),
        ({"first-seen-vehicle": {"look_back_d": 91}}, "rules.first-seen-vehicle.look_back_d"),
        ({"first-seen-vehicle": {"visit_h": 0}}, "rules.first-seen-vehicle.visit_h"),
        ({"quarantine-breach": {"grace_s": True}}, "rules.quarantine-breach.grace_s"),
        ({"adverse-health-code": {"issuers": 5}}, "rules.adverse-health-code.issuers"),
        (
            {"adverse-health-code": {"issuers": {"33": ["red"]}}},
            "rules.adverse-health-code.issuers.33",
        ),
        (
            {"adverse-health-code": {"issuers": {"*": "red"}}},
            "rules.adverse-health-code.issuers.*",
        ),
        (
            {"adverse-health-code": {"issuers": {"330000": ["green"]}}},
            "rules.adverse-health-code.issuers.330000",
        ),
    ],
)
def test_what_no_rule_can_use_is_named(rules: dict[str, dict[str, Any]], field: str) -> None:
    wrong = problem(rules)
    assert wrong is not None
    assert wrong[0] == field


def test_a_bound_itself_is_allowed() -> None:
    assert problem({"first-seen-vehicle": {"look_back_d": 90, "min_confidence": 1}}) is None
