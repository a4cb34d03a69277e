"""Alerts of one incident: each partition tells where its own stand, and learns of the others.

An alert's id follows from its rule, its dedupe key and its first instant, so that where and when
its episodes are is all that has to be told: as a condition, to whoever may have the others.
"""

from collections import defaultdict
from typing import Final

from rules.catalogue import BY_NAME
from rules.incidents import OF_RULE
from schemas.alerts import alert_id
from schemas.joins import ConditionTold
from services.alerts.engine import episodes
from services.alerts.engine.book import Book
from services.alerts.engine.episodes import History, Linked

_ALERT: Final = "alert:"


class Incidents:
    """What one partition knows of the alerts of incidents."""

    def __init__(self, book: Book) -> None:
        self._book = book
        # By rule and what it shares with others: the conditions' subjects.
        self._told: dict[tuple[str, str], set[str]] = defaultdict(set)
        for kind, subject in book.conditions:
            self.note(kind, subject)

    def note(self, kind: str, subject: str) -> str | None:
        """Take note of a condition; return what alerts may share with the one told of, if any."""
        if not kind.startswith(_ALERT):
            return None
        key = subject.partition("\n")[0]
        self._told[kind.removeprefix(_ALERT), key].add(subject)
        return key

    def tell(self, history: History) -> list[tuple[str | None, ConditionTold]]:
        """Return what is new of a history's alerts, and the key whose owner has to hear of it;
        None = every partition."""
        incident = OF_RULE.get(history.rule)
        if incident is None:
            return []
        spans = episodes.standing(history, BY_NAME[history.rule], incident.key)
        before, history.spans = history.spans, spans
        return [
            (
                incident.listener(history.rule, key),
                ConditionTold(
                    kind=f"{_ALERT}{history.rule}",
                    subject=f"{key}\n{history.dedupe}",
                    spans=spans.get(key, []),
                ),
            )
            for key in sorted(before.keys() | spans.keys())
            if before.get(key) != spans.get(key)
        ]

    def linked(self, history: History) -> list[Linked]:
        """Return the alerts that any of a history's may belong together with."""
        incident = OF_RULE.get(history.rule)
        if incident is None or not history.matches:
            return []
        keys = {incident.key(match) for match in history.matches} - {""}
        first_ms, last_ms = history.matches[0].first_ms, episodes.newest_ms(history)
        found = (
            (
                alert_id(rule, BY_NAME[rule].major, subject.partition("\n")[2], span[0]),
                span[0] - incident.within_ms,
                span[1] + incident.within_ms,
            )
            for rule in sorted(incident.rules - {history.rule})
            for key in sorted(keys)
            for subject in sorted(self._told.get((rule, key), ()))
            for span in self._book.conditions.get((f"{_ALERT}{rule}", subject), ())
        )
        return [each for each in found if each[1] <= last_ms and each[2] >= first_ms]
