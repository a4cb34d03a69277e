"""The labels of an alert, and what is said about them: Alertmanager's matchers."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from schemas.alerts import Alert
from services.api.silences.patterns import BadPattern, Pattern

LABELS: Final = (
    "alertname",
    "severity",
    "evidence_class",
    "subject",
    "subject_kind",
    "site",
    "grid",
    "order",
    "incident",
)
_MATCHER = re.compile(r'\s*([a-zA-Z_]{1,64})\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"]*?))\s*')
_pattern = lru_cache(maxsize=1_000)(Pattern)


class Matcher(Struct, frozen=True, rename="camel"):
    """One condition on one label; a label that an alert does not have is the empty text."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class BadMatcher(ValueError):
    """A matcher that cannot be used; `field` is its part that is wrong."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def labels_of(alert: Alert) -> dict[str, str]:
    """Return the labels of an alert; they do not change from one match to the next, but for `site`,
    `grid` and `severity`."""
    labels = {
        "alertname": alert.rule,
        "severity": alert.severity,
        "evidence_class": alert.evidence_class,
        "subject": alert.subject.key,
        "subject_kind": alert.subject.kind,
        "site": alert.site,
        "grid": alert.grid,
        "order": alert.order,
        "incident": alert.incident,
    }
    return {name: value for name, value in labels.items() if value}


def check(matcher: Matcher) -> None:
    """Raise BadMatcher for one that cannot be used."""
    if matcher.name not in LABELS:
        raise BadMatcher("name", f"must be one of {', '.join(LABELS)}")
    if matcher.is_regex:
        try:
            _pattern(matcher.value)
        except BadPattern as error:
            raise BadMatcher("value", str(error)) from error


def holds(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Return whether a matcher holds; raises BadPattern for one that `check` refuses."""
    value = labels.get(matcher.name, "")
    same = _pattern(matcher.value).matches(value) if matcher.is_regex else value == matcher.value
    return same == matcher.is_equal


def all_hold(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Return whether all matchers hold."""
    return all(holds(matcher, labels) for matcher in matchers)


def parsed(text: str) -> Matcher:
    """Return the matcher of a text such as `severity="high"` or `site=~gate.*`.

    Raises BadMatcher. A name that no alert has is taken: its value is the empty text.
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise BadMatcher("filter", 'must be a matcher such as severity="high"')
    name, operator, quoted, bare = found.groups()
    value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    matcher = Matcher(name, value, operator.endswith("~"), not operator.startswith("!"))
    if matcher.is_regex:
        try:
            _pattern(value)
        except BadPattern as error:
            raise BadMatcher("filter", str(error)) from error
    return matcher
