"""The checks of each person in the last 72 hours: what rules look around in.

A person's checks are one packed piece of state, the newest `MOST_CHECKS` of them. They leave by
their own time, so that the rest is the same in any order of arrival.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from rules.facts import NEAR_MS, Code
from schemas.times import HOUR_MS
from services.alerts.engine.book import Book
from services.alerts.engine.findings import LATE_MS

KEEP_MS = LATE_MS + NEAR_MS
MOST_CHECKS = 64


class RecentCheck(Struct, frozen=True, array_like=True, order=True):
    """One check of a person, as it was accepted; checks sort as they happened."""

    time_ms: int
    source: str
    id: str
    recorded_ms: int
    type: str
    site: str
    direction: str
    verified_by: str
    has_pass: bool
    temperature: float | None
    code: Code | None


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[RecentCheck]).decode


class RecentChecks:
    """The recent checks of one partition's persons, kept in the book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        # By the hour in which they happened, so that forgetting looks at nobody else.
        self._hours: dict[int, set[str]] = defaultdict(set)
        for person in book.checks:
            self._note(person, self.of(person))

    def _note(self, person: str, checks: Iterable[RecentCheck]) -> None:
        for check in checks:
            self._hours[check.time_ms // HOUR_MS].add(person)

    def of(self, person: str) -> list[RecentCheck]:
        """Return a person's checks in order of time."""
        packed = self._book.checks.get(person)
        return [] if packed is None else _unpack(packed)

    def add(self, person: str, check: RecentCheck) -> list[RecentCheck]:
        """Add a check; return the person's checks with it. One on record is replaced."""
        checks = [
            each for each in self.of(person) if (each.source, each.id) != (check.source, check.id)
        ]
        checks.append(check)
        checks.sort(key=lambda each: (each.time_ms, each.source, each.id))
        checks = checks[-MOST_CHECKS:]
        self._keep(person, checks)
        self._note(person, (check,))
        return checks

    def take_out(
        self, source: str, event_id: str, ids: frozenset[str]
    ) -> Iterable[tuple[str, RecentCheck]]:
        """Take out the checks that an event was, all of whose `ids` begin with `event_id`; yield
        whose each was, and the check."""
        part = event_id.encode()
        # Most records are passed over by a look at their bytes.
        for person in [who for who, packed in self._book.checks.items() if part in packed]:
            checks = self.of(person)
            gone = [each for each in checks if each.source == source and each.id in ids]
            if gone:
                self._keep(person, [each for each in checks if each not in gone])
                for each in gone:
                    yield person, each

    def _keep(self, person: str, checks: list[RecentCheck]) -> None:
        if checks:
            self._book.checks[person] = _pack(checks)
        else:
            self._book.checks.pop(person, None)
        self._book.changed.add(("c", person))

    def forget(self, clock_ms: int) -> None:
        """Drop the checks that no event in time can be near to."""
        oldest_ms = clock_ms - KEEP_MS
        for hour in [each for each in self._hours if (each + 1) * HOUR_MS <= oldest_ms]:
            for person in self._hours.pop(hour):
                checks = self.of(person)
                kept = [check for check in checks if check.time_ms >= oldest_ms]
                if len(kept) < len(checks):
                    self._keep(person, kept)
