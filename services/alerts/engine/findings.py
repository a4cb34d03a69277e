"""What the rules found: matches go in, and when a batch ends, findings come out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from rules.catalogue import BY_NAME
from rules.facts import known_by
from rules.match import Match
from rules.registers import Change, Registers
from rules.rule import Rule
from schemas.alerts import FINDING_TYPES, FindingEvent, Reason
from schemas.joins import ConditionTold
from schemas.suppressions import SUPPRESSED_TYPE, Suppressed, SuppressedEvent, reason_of
from schemas.times import DAY_MS, HOUR_MS, format_ms
from services.alerts.engine import episodes
from services.alerts.engine.book import Book, who_of
from services.alerts.engine.calendar import LocalDays
from services.alerts.engine.episodes import History, Place
from services.alerts.engine.incidents import Incidents

# Histories are kept this long after their last match, for late events and late excuses.
KEEP_HISTORY_MS = 10 * DAY_MS
# Up to this lateness events are applied as if they had come in time.
LATE_MS = 72 * HOUR_MS
_encode = msgspec.json.Encoder().encode
Key = tuple[str, str]


class Findings:
    """The histories of one partition, and which of them changed since the last flush."""

    def __init__(
        self, book: Book, registers: Registers, counts: Counter[str], days: LocalDays
    ) -> None:
        self._book = book
        self._registers = registers
        self._counts = counts
        self._days = days
        self._incidents = Incidents(book)
        # By history, the matches that came since the last flush and may be lowered.
        self._fresh: dict[Key, set[Place]] = defaultdict(set)
        self.touched: set[Key] = set()
        self._old: list[tuple[str, bytes]] = []
        self._suppressed: dict[tuple[str, str, str], Suppressed] = {}

    @property
    def pending(self) -> bool:
        """Tell whether some alert may have changed since the last flush."""
        return bool(self.touched or self._old)

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
        self,
        rule: Rule,
        dedupe: str,
        kind: str,
        who: str,
        matches: Sequence[Match],
        since_ms: int,
        *,
        again: bool = False,
    ) -> None:
        """Put the matches from an instant on in the place of those on record; older ones stand,
        and none of the new ones is older. `again` = something was found under the key before: what
        was forgotten of it is not made anew."""
        if again and (rule.name, dedupe) not in self._book.histories:
            # All or none: the first of them gives the alert its id.
            oldest_ms = self._book.joint_ms - _keep_ms(rule)
            if all(match.last_ms < oldest_ms for match in matches):
                matches = ()
        if not matches and (rule.name, dedupe) not in self._book.histories:
            return
        history = self._book.history(rule.name, dedupe, kind, who)
        settled = [match for match in history.matches if match.first_ms < since_ms]
        fresh = [self._excused(rule, who, match) for match in matches]
        orders_before = {match.order for match in history.matches}
        places_before = {episodes.place(match) for match in history.matches}
        if episodes.replace_all(history, [*settled, *fresh], rule):
            self.touched.add((rule.name, dedupe))
            if rule.lowered_by:
                places = {episodes.place(match) for match in fresh}
                self._fresh[rule.name, dedupe] |= places - places_before
            orders = {match.order for match in history.matches}
            for order in orders_before | orders:
                if order in orders and order is not None:
                    self._book.by_order[order].add((rule.name, dedupe))
                elif order is not None:
                    self._book.by_order[order].discard((rule.name, dedupe))

    def suppress(
        self, rule: Rule, by: str, source: str, event_id: str, time_ms: int, site: str
    ) -> None:
        """Note that an event gave no match of a rule, or a lesser one, for a reason of the
        suppression table.

        Raises ValueError for a reason that the table does not have for this rule.
        """
        by = reason_of(rule.name, by).name
        self._counts[f"suppressed:{rule.name}:{by}"] += 1
        at = format_ms(time_ms)
        known = self._suppressed.get((rule.name, by, site))
        self._suppressed[rule.name, by, site] = Suppressed(
            rule=rule.name,
            by=by,
            site=site or None,
            count=known.count + 1 if known else 1,
            first_seen=min(known.first_seen, at) if known else at,
            last_seen=max(known.last_seen, at) if known else at,
            source=source,
            id=event_id,
        )

    def take_suppressed(self, clock: str) -> list[tuple[str, bytes]]:
        """Return (rule, event) for what was suppressed since the last call."""
        told = [
            SuppressedEvent(
                specversion="1.0",
                id=f"{each.rule}/{each.by}/{clock}/{each.source}/{each.id}",
                source="cordon/worker",
                type=SUPPRESSED_TYPE,
                time=clock,
                recordedtime=clock,
                data=each,
            )
            for _, each in sorted(self._suppressed.items())
        ]
        self._suppressed.clear()
        return [(event.data.rule, _encode(event)) for event in told]

    def _excused(self, rule: Rule, who: str, match: Match) -> Match:
        excuse = rule.excuse(match, who, self._registers) if rule.excuse else None
        return msgspec.structs.replace(match, withdrawn=excuse) if excuse else match

    def _filed(self, history: History, match: Match) -> None:
        key = (history.rule, history.dedupe)
        self.touched.add(key)
        if BY_NAME[history.rule].lowered_by:
            self._fresh[key].add(episodes.place(match))
        if match.order is not None:
            self._book.by_order[match.order].add(key)
        if self._registers.newest_ms > known_by(match.first_ms, match.recorded_ms):
            self.review(key, match.first_ms, match.last_ms)

    def take_out(self, source: str, ids: frozenset[str], why: str) -> None:
        """Take out whatever came of one event, in every history."""
        for key, history in self._book.histories.items():
            rule = BY_NAME[key[0]]
            if episodes.take_out(history, source, ids, rule, why):
                self.touched.add(key)
                if rule.coalesce_ms:
                    # What excused the frame that is gone may not excuse the others.
                    self.review(key)

    def about(self, rule: Rule, who: str) -> list[str]:
        """Return the dedupe keys under which a rule found something about somebody."""
        keys = self._book.by_subject.get(who, ())
        return [dedupe for name, dedupe in keys if name == rule.name]

    def forgo(self, orders: Iterable[str]) -> None:
        """Drop the matches about orders whose person is known by now to have arrived there.

        In another order of arrival they would never have been, so they shape no episode either.
        """
        for order in orders:
            for key in sorted(self._book.by_order.get(order, ())):
                history, rule = self._book.histories[key], BY_NAME[key[0]]
                for match in list(history.matches) if rule.excuse else ():
                    transfer = self._registers.arrived_at(order, match.site, match.first_ms)
                    if match.order == order and transfer is not None:
                        where, why = episodes.place(match), f"transfer:{transfer}"
                        episodes.put(history, where, None, rule, fresh=False, why=why)
                        self.touched.add(key)

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

    def doubt(self, kind: str, subject: str) -> None:
        """Look anew at what a condition of a subject lowers."""
        by_order = self._book.by_order
        for key in sorted(self._book.by_subject.get(subject, ())):
            if kind in BY_NAME[key[0]].lowered_by:
                self.touched.add(key)
        for key in sorted(by_order.get(subject, ())):
            if kind in BY_NAME[key[0]].borne_out_by:
                self.touched.add(key)
        shared = self._incidents.note(kind, subject)
        if shared is not None:
            for key in self._book.by_subject.get(shared, set()) | by_order.get(shared, set()):
                history = self._book.histories[key]
                if self._incidents.linked(history) != history.linked:
                    self.touched.add(key)

    def tell(self) -> list[tuple[str | None, ConditionTold]]:
        """Return what others have to know of alerts that changed since the last flush, and the key
        of who has to; None = every partition."""
        return [
            told
            for key in sorted(self.touched)
            for told in self._incidents.tell(self._book.histories[key])
        ]

    def _regard(self, history: History, rule: Rule) -> None:
        """Let what is known of others bear on a history's alerts."""
        told = [(kind, who_of(history)) for kind in rule.lowered_by]
        if rule.borne_out_by:
            orders = sorted({match.order for match in history.matches if match.order is not None})
            told += [(kind, order) for kind in rule.borne_out_by for order in orders]
        doubts = [
            (kind, first_ms, last_ms)
            for kind, subject in told
            for first_ms, last_ms in self._book.conditions.get((kind, subject), ())
        ]
        if history.doubts:
            # Nobody tells it any more of what is that long ago: it stands as it was told.
            oldest_ms = self._book.joint_ms - KEEP_HISTORY_MS
            old = [each for each in history.doubts if each[2] < oldest_ms and each not in doubts]
            since_ms = history.matches[0].first_ms if history.matches else episodes.FOREVER_MS
            doubts = sorted([*(each for each in old if each[2] >= since_ms), *doubts])
        before = history.doubts
        episodes.regard(history, rule, doubts, self._incidents.linked(history))
        fresh = self._fresh.pop((history.rule, history.dedupe), set())
        for match, kind in episodes.lowered(history, rule, before, fresh):
            self.suppress(rule, kind, match.source, match.id, match.first_ms, match.site)

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
        told, self._old = self._old, []
        for key in sorted(self.touched):
            told += self._found(key, clock)
        self.touched.clear()
        return told

    def _found(self, key: Key, clock: str) -> Iterator[tuple[str, bytes]]:
        history = self._book.histories[key]
        self._regard(history, BY_NAME[key[0]])
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
                data=msgspec.structs.replace(finding, reason=self._spoken(finding.reason)),
            )
            yield finding.alert_id, _encode(event)
        self._book.changed.add(("h", *key))

    def _spoken(self, reason: Reason) -> Reason:
        return Reason(self._days.spoken(reason.en), self._days.spoken(reason.zh))

    def forget(self, clock_ms: int) -> None:
        """Drop histories whose alerts no event can change any more."""
        known = self._book.histories
        for key, history in list(known.items()):
            last_ms = episodes.newest_ms(history)
            if last_ms + _keep_ms(BY_NAME[key[0]]) < clock_ms:
                if key in self.touched:
                    # The clock leapt over days since the last flush: it leaves as it stands.
                    self._old += self._found(key, format_ms(clock_ms))
                    self.touched.discard(key)
                self._book.forget_history(key)
        self._incidents = Incidents(self._book)
        # A history that lost its matches is still listed under what they were about.
        for listed in (self._book.by_order, self._book.by_subject):
            for about in [name for name, keys in listed.items() if not keys <= known.keys()]:
                listed[about] &= known.keys()
            for about in [name for name, keys in listed.items() if not keys]:
                del listed[about]


def _keep_ms(rule: Rule) -> int:
    return max(KEEP_HISTORY_MS, rule.quiet_gap_ms + LATE_MS)
