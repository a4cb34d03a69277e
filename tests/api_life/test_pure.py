"""Patterns that cannot run away, intervals by nodes, incidents, cells that are safe."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.exports.csv_file import cell
from services.api.history.spans import node_of, nodes_for
from services.api.incidents.incident import incident_of
from services.api.silences.matchers import BadMatcher, Matcher, parsed
from services.api.silences.patterns import BadPattern, Pattern
from tests.api.examples import finding


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 600))
def test_a_point_finds_just_the_intervals_that_hold_it(first: int, more: int, point: int) -> None:
    last = first + more
    node, nodes = node_of(first, last), nodes_for(point)
    found = (node in nodes.low and last >= point) or (node in nodes.high and first <= point)
    assert first <= node <= last
    assert found == (first <= point <= last)


@given(st.text("ab|()*+?.[]{}1,^-\\d", max_size=8), st.text("ab1]", max_size=6))
def test_a_pattern_means_what_the_usual_engine_says(pattern: str, text: str) -> None:
    try:
        ours = Pattern(pattern)
    except BadPattern:
        return
    with pytest.warns() if "[[" in pattern else _nothing():
        theirs = re.compile(pattern, re.DOTALL)
    assert ours.matches(text) == bool(theirs.fullmatch(text))


def _nothing() -> "_Nothing":
    return _Nothing()


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [
        ("gate-[0-9]+", "gate-17", True),
        ("gate-[^0-9]+", "gate-17", False),
        ("浙F.*|苏.{6}", "浙F12345", True),
        (r"site\.(a|b){2}", "site.ab", True),
        (r"\d{2,}\w?\s*", "123a ", True),
        (r"[\d\-x]+", "1-x", True),
        ("(?:ab){0}c", "c", True),
        ("", "", True),
        ("(a*)*(a|a)*b", "a" * 2_000, False),
    ],
)
def test_patterns(pattern: str, text: str, same: bool) -> None:
    assert Pattern(pattern).matches(text) == same


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[", "[]", "a**", "*", "a{2", "a{3,2}", "a{101}", "^a", r"\1", r"\bx", "(?=a)"]
    + ["[b-a]", "a" * 201, "((a{100}){100}){100}", "\\"],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(BadPattern):
        Pattern(pattern)


def test_matchers_are_read_as_alertmanager_writes_them() -> None:
    assert parsed('severity="high"') == Matcher("severity", "high")
    assert parsed("site=~gate-.*") == Matcher("site", "gate-.*", True)
    assert parsed('site != "a\\"b"') == Matcher("site", 'a"b', False, False)
    assert parsed('grid!~"g1|g2"') == Matcher("grid", "g1|g2", True, False)
    for bad in ("severity", '="x"', 'site=~"("', 'a="b'):
        with pytest.raises(BadMatcher):
            parsed(bad)


def test_whoever_lives_together_is_one_incident() -> None:
    one = finding("a", order="o1").data
    assert incident_of(one, {}) == "order:o1"
    assert incident_of(one, {"o1": "h7"}) == "household:h7"
    assert incident_of(finding("a", order=None).data, {}) == "person:1:ab"
    gate = finding("a", order=None)
    gate.data.subject = type(gate.data.subject)("site", "site:gate", "gate")
    assert incident_of(gate.data, {}) == "site:gate"
    gate.data.subject = type(gate.data.subject)("vehicle", "vehicle:car/blue", "car/blue")
    assert incident_of(gate.data, {}) == "vehicle:car~blue"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\r", " =1", "\uff1dA1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(f"a{text}") == f"a{text}"
