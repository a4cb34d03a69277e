"""The rules and the suppression table agree, reason by reason."""

from collections import Counter
from pathlib import Path

import pytest

import rules
from rules.catalogue import BY_NAME, CATALOGUE
from rules.registers import Registers
from schemas.suppressions import SUPPRESSORS, against, reason_of, row_of
from services.alerts.engine.book import Book
from services.alerts.engine.calendar import LocalDays
from services.alerts.engine.findings import Findings
from tests.rules.reasons import Source

_FOLDER = Path(rules.__file__).parent
# These rules are made of two files.
_PARTS = {"read-quality": ("read_quality", "plate_quality")}


def _sources(rule: str) -> list[Source]:
    names = _PARTS.get(rule, (rule.replace("-", "_"),))
    return [Source(_FOLDER / f"{name}.py") for name in names]


@pytest.mark.parametrize("rule", [rule.name for rule in CATALOGUE])
def test_a_rule_yields_only_reasons_of_the_table(rule: str) -> None:
    for source in _sources(rule):
        for reason in source.reasons() | set(BY_NAME[rule].lowered_by):
            assert reason_of(rule, reason).name == reason


@pytest.mark.parametrize("rule", [rule.name for rule in CATALOGUE])
def test_the_table_has_nothing_that_a_rule_does_not_yield(rule: str) -> None:
    yielded = set(BY_NAME[rule].lowered_by).union(*(each.reasons() for each in _sources(rule)))
    assert {row.name for row in against(rule) if row.rules} == yielded


def test_a_reason_stands_once_for_a_rule_and_is_told_in_both_languages() -> None:
    places = Counter((rule, row.name) for row in SUPPRESSORS for rule in row.rules or ("",))
    assert max(places.values()) == 1
    for row in SUPPRESSORS:
        assert row.en.strip()
        assert row.zh.strip()


def test_what_lowers_a_rule_is_no_reason_for_finding_nothing() -> None:
    for rule in CATALOGUE:
        lowers = {row.name for row in against(rule.name) if row.effect == "lowers"}
        assert lowers == set(rule.lowered_by)


def test_what_a_reason_rests_on_may_follow_it() -> None:
    assert reason_of("quarantine-breach", "permit:p-1") is reason_of("quarantine-breach", "permit")
    assert reason_of("fever", "corrected").rules == ()


def test_a_reason_that_the_table_does_not_have_is_refused() -> None:
    assert row_of("fever", "permit") is None
    with pytest.raises(ValueError, match="no 'permit' for the rule fever"):
        reason_of("fever", "permit")
    counts: Counter[str] = Counter()
    findings = Findings(Book(), Registers(), counts, LocalDays("UTC"))
    with pytest.raises(ValueError, match="no 'because'"):
        findings.suppress(BY_NAME["fever"], "because", "desk", "1", 0, "gate")
    assert not counts
    assert findings.take_suppressed("2026-03-02T00:00:00.000Z") == []
