"""The scale of severity, and the catalogue."""

import pytest

from rules.catalogue import BY_NAME, CATALOGUE
from rules.match import is_historical, rank, weigh
from schemas.alerts import EvidenceClass, Severity


@pytest.mark.parametrize(
    ("severity", "proof", "now", "later"),
    [
        ("critical", "person", "critical", "high"),
        ("critical", "digital", "high", "medium"),
        ("critical", "vehicle", "medium", "low"),
        ("critical", "tip", "medium", "low"),
        ("critical", "system", "critical", "high"),
        ("low", "person", "low", "info"),
        ("info", "vehicle", "info", "info"),
    ],
)
def test_the_ceiling_comes_first_and_history_takes_one_off(
    severity: Severity, proof: EvidenceClass, now: Severity, later: Severity
) -> None:
    assert weigh(severity, proof, historical=False) == now
    assert weigh(severity, proof, historical=True) == later


def test_severities_rise() -> None:
    scale: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
    assert [rank(severity) for severity in scale] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("late_ms", "historical"), [(1_800_000, False), (1_800_001, True)])
def test_historical_is_more_than_thirty_minutes(late_ms: int, historical: bool) -> None:
    assert is_historical(1_000, 1_000 + late_ms) is historical


def test_the_catalogue_is_in_order_and_names_are_unique() -> None:
    codes = [rule.code for rule in CATALOGUE]
    assert codes == sorted(set(codes))
    assert list(BY_NAME) == [rule.name for rule in CATALOGUE]


def test_a_rule_that_looks_around_keeps_its_matches_apart() -> None:
    # A match is found again by its event, which a passage of several has not.
    looking = [rule for rule in CATALOGUE if rule.looks_around]
    assert [rule.name for rule in looking] == ["adverse-health-code", "fever"]
    assert all(rule.on_check is not None and rule.coalesce_ms == 0 for rule in looking)
