"""What the rules found: matches go in, and when a batch ends, findings come out."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from rules.catalogue import BY_NAME
from rules.facts import known_by
from rules.registers import Change, Registers
from rules.rule import Match, Rule
from schemas.alerts import FINDING_TYPES, FindingEvent
from schemas.times import DAY_MS, HOUR_MS
from services.alerts.engine import episodes
from services.alerts.engine.book import Book, who_of
from services.alerts.engine.episodes import History, Place

# Histories are kept this long after their last match, for late events and late excuses.
KEEP_HISTORY_MS = 10 * DAY_MS
# Up to this lateness events are applied as if they had come in time.
LATE_MS = 72 * HOUR_MS
_encode = msgspec.json.Encoder().encode
Key = tuple[str, str]


class Findings:
    """The histories of one partition, and which of them changed since the last flush."""

    def __init__(self, book: Book, registers: Registers, counts: Counter[str]) -> None:
        self._book = book
        self._registers = registers
        self._counts = counts
        self.touched: set[Key] = set()

    def add(self, rule: Rule, dedupe: str, kind: str, who: str, match: Match) -> None:
        """File a match of `who`: a plate, a person or a source, as `kind` says."""
        history = self._book.history(rule.name, dedupe, kind, who)
        if episodes.add(history, match, rule):
            self._filed(history, match)

    def put(
        self,
        rule: Rule,
        dedupe: str,
        who: str,
        where: Place,
        match: Match | None,
        *,
        fresh: bool,
        why: str,
    ) -> None:
        """Let what a person's check gave be this match (episodes.put)."""
        if match is None and (rule.name, dedupe) not in self._book.histories:
            return
        history = self._book.history(rule.name, dedupe, "person", who)
        if episodes.put(history, where, match, rule, fresh=fresh, why=why):
            self.touched.add((rule.name, dedupe))
            if match is not None:
                self._filed(history, match)

    def replace(
        self, rule: Rule, dedupe: str, kind: str, who: str, matches: Sequence[Match], since_ms: int
    ) -> None:
        """Put the matches from an instant on in the place of those on record; older ones stand."""
        if not matches and (rule.name, dedupe) not in self._book.histories:
            return
        history = self._book.history(rule.name, dedupe, kind, who)
        settled = [match for match in history.matches if match.first_ms < since_ms]
        fresh = [self._excused(rule, who, match) for match in matches]
        if episodes.replace_all(history, [*settled, *fresh], rule):
            self.touched.add((rule.name, dedupe))

    def _excused(self, rule: Rule, who: str, match: Match) -> Match:
        excuse = rule.excuse(match, who, self._registers) if rule.excuse else None
        return msgspec.structs.replace(match, withdrawn=excuse) if excuse else match

    def _filed(self, history: History, match: Match) -> None:
        key = (history.rule, history.dedupe)
        self.touched.add(key)
        if match.order is not None:
            self._book.by_order[match.order].add(key)
        if self._registers.newest_ms > known_by(match.first_ms, match.recorded_ms):
            self.review(key, match.first_ms, match.last_ms)

    # What is filed by now.

    def review(
        self, key: Key, since_ms: int = -episodes.FOREVER_MS, until_ms: int = episodes.FOREVER_MS
    ) -> None:
        """Look whether what is filed by now excuses the matches in a span, or no longer does."""
        history, rule = self._book.histories[key], BY_NAME[key[0]]
        excuse = rule.excuse
        if excuse is None:
            return
        who, registers = who_of(history), self._registers

        def judge(match: Match) -> str | None:
            return excuse(match, who, registers)

        if episodes.review(history, rule, judge, since_ms, until_ms):
            self.touched.add(key)

    def review_all(self) -> None:
        """Look at everything anew: what was filed while nobody was on duty takes its effect."""
        for key in sorted(self._book.histories):
            self.review(key)

    def review_concerned(self, changes: Iterable[Change]) -> None:
        """Look anew at what changes of the registers may concern."""
        keys: set[Key] = set()
        for change in changes:
            for order in change.orders:
                keys |= self._book.by_order.get(order, set())
            for subject in change.subjects:
                keys |= self._book.by_subject.get(subject, set())
        for key in sorted(keys):
            self.review(key)

    # What leaves, and what is forgotten.

    def flush(self, clock: str) -> list[tuple[str, bytes]]:
        """Return (alert id, finding event) for all that changed since the last flush."""
        told: list[tuple[str, bytes]] = []
        for key in sorted(self.touched):
            history = self._book.histories[key]
            for finding in episodes.flush(history, BY_NAME[key[0]]):
                history.revision += 1
                self._counts[f"finding:{finding.rule}:{finding.verb}"] += 1
                event = FindingEvent(
                    specversion="1.0",
                    id=f"{finding.alert_id}/{history.revision}",
                    source="cordon/worker",
                    type=FINDING_TYPES[finding.verb],
                    time=clock,
                    recordedtime=clock,
                    data=finding,
                )
                told.append((finding.alert_id, _encode(event)))
            self._book.changed.add(("h", *key))
        self.touched.clear()
        return told

    def forget(self, clock_ms: int) -> None:
        """Drop histories whose alerts no event can change any more."""
        for key, history in list(self._book.histories.items()):
            keep_ms = max(KEEP_HISTORY_MS, BY_NAME[key[0]].quiet_gap_ms + LATE_MS)
            last_ms = episodes.newest_ms(history)
            if last_ms + keep_ms < clock_ms and key not in self.touched:
                self._book.forget_history(key)
