"""What was found of what is planted, and which alerts nothing planted explains."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import median

from msgspec import Struct

from deploy.county.planted.case import Expected, Silence
from deploy.county.truth import Planted
from deploy.score.judged import Judged
from schemas.persons import PseudonymKey
from schemas.times import MINUTE_MS, parse_ms

# Clocks of devices are off by less than this.
_SLACK_MS = MINUTE_MS


class Tally(Struct):
    """The figures of one rule. Alerts that were taken back count as `withdrawn` alone."""

    planted: int = 0
    found: int = 0
    alerts: int = 0
    explained: int = 0
    withdrawn: int = 0
    delays_ms: list[int] = []
    # The same of the standing alerts that are critical or high, and of those that are medium.
    urgent: int = 0
    urgent_explained: int = 0
    medium: int = 0
    medium_explained: int = 0
    actionable: int = 0

    @property
    def recall(self) -> float | None:
        """The share of the planted cases that were found, None where none is planted."""
        return self.found / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        """The share of the standing alerts that a planted case explains, None where none stands."""
        return self.explained / self.alerts if self.alerts else None

    def add(self, other: "Tally") -> None:
        """Add the figures of another county."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def delay_s(self) -> float | None:
        """The median of the seconds from an alert's first match to its raising."""
        return median(self.delays_ms) / 1000 if self.delays_ms else None


class Compared(Struct):
    """The figures by rule; the cases that were missed, those at which an alert arose that must
    not, and the alerts that no case explains, each as a sentence."""

    tallies: dict[str, Tally]
    missed: list[str]
    broken: list[str]
    unexplained: list[str] = []


class _Index:
    """Standing alerts by rule and by whom they are about."""

    def __init__(self, alerts: Iterable[Judged]) -> None:
        self._by: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
        for each in alerts:
            keys = {each.alert.subject.key, f"order:{each.alert.order}"}
            for key in keys:
                self._by[each.alert.rule, key].append(each)
        self._key = PseudonymKey.fixed_for_tests()

    def of(self, rule: str, whom: Expected | Silence, case: Planted) -> Iterator[Judged]:
        """Yield the alerts of a rule about somebody whose matches lie in the time of a case."""
        begin_ms, end_ms = parse_ms(case.time) - _SLACK_MS, parse_ms(case.until) + _SLACK_MS
        keys = [key for key in (whom.subject, f"order:{whom.order}" if whom.order else None) if key]
        if whom.person is not None:
            keys.append(self._key.person(whom.id_type, whom.person))
        for each in self._by.get((rule, keys[0]), ()):
            alert = each.alert
            about = {alert.subject.key, f"order:{alert.order}"}
            if about.issuperset(keys) and (
                parse_ms(alert.first_seen) <= end_ms and parse_ms(alert.last_seen) >= begin_ms
            ):
                yield each


def compare(truth: Iterable[Planted], alerts: Iterable[Judged]) -> Compared:
    """Return how the alerts of a timeline answer the truth about it.

    A case is found when an alert of its rule about its subject, with a match in the time of the
    case, was raised by its end and stands as the truth says; an alert is explained by any case
    that it answers, found or too late.
    """
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    missed: list[str] = []
    broken: list[str] = []
    explained: set[tuple[str, str]] = set()
    standing: list[Judged] = []
    for each in alerts:
        tally = tallies[each.alert.rule]
        tally.actionable += is_actionable(each)
        if each.alert.state == "retracted" and each.alert.outcome != "transit":
            tally.withdrawn += 1
            continue
        tally.alerts += 1
        tally.delays_ms.append(each.delay_ms)
        standing.append(each)
    index = _Index(standing)
    for case in truth:
        for allowed in case.allowed:
            for each in index.of(allowed.rule, allowed, case):
                explained.add((each.alert.rule, each.alert.id))
        for expected in case.expected:
            tally = tallies[expected.rule]
            tally.planted += 1
            answers = list(index.of(expected.rule, expected, case))
            explained.update((each.alert.rule, each.alert.id) for each in answers)
            if any(_fits(each, expected, case) for each in answers):
                tally.found += 1
            else:
                missed.append(f"{case.case} at {case.time}: {_told(expected)}, found "
                              f"{[_shape(each) for each in answers] or 'nothing'}")  # fmt: skip
        if case.silence is not None:
            for rule in case.silence.rules:
                for each in index.of(rule, case.silence, case):
                    broken.append(f"{case.case} at {case.time}: {_shape(each)}, although "
                                  f"{case.silence.why}")  # fmt: skip
    for each in standing:
        tally, has_ground = tallies[each.alert.rule], (each.alert.rule, each.alert.id) in explained
        tally.explained += has_ground
        if each.alert.severity in ("critical", "high"):
            tally.urgent += 1
            tally.urgent_explained += has_ground
        elif each.alert.severity == "medium":
            tally.medium += 1
            tally.medium_explained += has_ground
    unexplained = [
        f"{_shape(each)} of {each.alert.order or each.alert.subject.key}: {each.alert.reason.en}"
        for each in standing
        if (each.alert.rule, each.alert.id) not in explained
    ]
    return Compared(dict(sorted(tallies.items())), missed, broken, unexplained)


def is_actionable(judged: Judged) -> bool:
    """Tell whether somebody has to do something about an alert now, whatever becomes of it."""
    alert = judged.alert
    is_shown = not alert.historical and alert.capped_by is None
    return is_shown and alert.severity in ("critical", "high", "medium")


def _fits(judged: Judged, expected: Expected, case: Planted) -> bool:
    alert = judged.alert
    if judged.raised_ms > parse_ms(case.until):
        return False
    if alert.outcome != expected.outcome and not expected.ends:
        return False
    # What came late is one severity lower, whatever the case.
    return expected.severity is None or alert.historical or alert.severity == expected.severity


def _told(expected: Expected) -> str:
    whom = expected.order or expected.subject or expected.person
    how = "/".join(each for each in (expected.severity, expected.outcome) if each)
    return f"{expected.rule} of {whom}{f' ({how})' if how else ''}"


def _shape(judged: Judged) -> str:
    alert = judged.alert
    return (
        f"{alert.rule} {alert.severity} {alert.state} {alert.outcome or ''} at {alert.first_seen}"
    )
