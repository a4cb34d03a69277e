"""D03: colours that count, codes that hold, and a second scan that changes one."""

from typing import Any

import pytest

from rules.adverse_health_code import RULE, describe, detect
from rules.facts import Check, Code
from rules.match import Match
from schemas.alerts import Subject
from tests.alerts.build import Moment, ms, person, seen, world

NOON = "02-03 12:00"


def code(colour: str = "red", issued: Moment = "02-03 08:00", issuer: str = "330400") -> Code:
    """A code that is valid for three days."""
    return Code(issuer, colour, ms(issued), ms(issued) + 3 * 86_400_000)


def shown(colour: str = "red", when: Moment = NOON, **more: Any) -> Check:
    """Somebody shows a fresh code."""
    return seen("wang", "inner", when, code=code(colour), **more)


def found(check: Check, **parameters: Any) -> list[tuple[str, Match]]:
    """What the rule finds."""
    return list(detect(check, world(), {**RULE.defaults, **parameters}, "default@1"))


def test_red_is_high_yellow_medium_and_the_rest_nothing() -> None:
    ((dedupe, red),) = found(shown("red"))
    assert dedupe == f"{person('wang')}/red"
    ((_, yellow),) = found(shown("yellow"))
    assert (red.severity, yellow.severity) == ("high", "medium")
    for colour in ("green", "none", "purple"):
        assert found(shown(colour)) == []
    assert found(seen("wang", "inner", NOON)) == []


@pytest.mark.parametrize(
    ("by", "evidence"),
    [("document", "person"), ("officer", "person"), ("code", "digital"), ("none", "digital")],
)
def test_a_code_is_digital_evidence_at_least(by: str, evidence: str) -> None:
    ((_, match),) = found(shown(by=by))
    assert (match.evidence_class, match.severity) == (evidence, "high")


@pytest.mark.parametrize(
    ("when", "issued", "expires", "holds"),
    [
        ("02-03 12:00", "02-02 12:00", "02-09 00:00", True),
        ("02-03 12:00", "02-02 11:59", "02-09 00:00", False),
        ("02-03 12:00", "02-03 12:10", "02-09 00:00", True),
        ("02-03 12:00", "02-03 12:11", "02-09 00:00", False),
        ("02-03 12:00", "02-03 08:00", "02-03 11:51", True),
        ("02-03 12:00", "02-03 08:00", "02-03 11:50", False),
    ],
)
def test_a_code_must_be_valid_and_fresh(
    when: Moment, issued: Moment, expires: Moment, holds: bool
) -> None:
    one = Code("330400", "red", ms(issued), ms(expires))
    assert bool(found(seen("wang", "inner", when, code=one))) is holds


@pytest.mark.parametrize(
    ("table", "colours"),
    [
        ({}, ["red", "yellow"]),
        ({"*": ["red"]}, ["red"]),
        ({"*": [], "330000": ["yellow"]}, ["yellow"]),
        ({"*": [], "330000": [], "330400": ["red"]}, ["red"]),
        ({"330400": [], "330421": ["red"]}, ["red"]),
        ({"420000": []}, ["red", "yellow"]),
    ],
)
def test_the_nearest_line_of_the_table_of_issuers_decides(
    table: dict[str, list[str]], colours: list[str]
) -> None:
    counted = [
        colour
        for colour in ("red", "yellow")
        if found(
            seen("wang", "inner", NOON, code=code(colour, issuer="330421")),
            issuers=table,
        )
    ]
    assert counted == colours


@pytest.mark.parametrize(
    ("second", "changed"),
    [
        (shown("green", "02-03 12:05"), True),
        (shown("green", "02-03 12:05:00.001"), False),
        (shown("green", "02-03 12:00"), False),
        (shown("green", "02-03 11:58"), False),
        (shown("yellow", "02-03 12:03"), False),
        (seen("wang", "exit", "02-03 12:03"), False),
        (seen("wang", "exit", "02-03 12:03", code=code("green", issuer="420000")), False),
        (seen("wang", "exit", "02-03 12:03", code=code("green", "02-01 08:00")), False),
    ],
)
def test_a_green_scan_within_five_minutes_lowers_it(second: Check, changed: bool) -> None:
    ((_, match),) = found(shown("red", around=[second]))
    assert match.severity == ("medium" if changed else "high")
    reason = describe(match, Subject("person", person("wang"), "person aa…"))
    assert ("Changed" in reason.en) is changed
    assert ("已变化" in reason.zh) is changed
    assert ("red" in reason.en, "红码" in reason.zh, "330400" in reason.en) == (True, True, True)


def test_a_yellow_one_stays_medium() -> None:
    ((_, match),) = found(shown("yellow", around=[shown("green", "02-03 12:03")]))
    assert match.severity == "medium"
