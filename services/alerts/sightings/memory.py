"""Sightings in memory, for a process that keeps none of them: backtest."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from schemas.versions import FOREVER
from services.alerts.sightings.sighting import Columns, Sighting, of_events, sort_out
from services.alerts.sightings.tables import Asked, ask, connect, register


class MemorySightings:
    """What the store would hold of the records that it was given; nothing is ever dropped."""

    def __init__(self) -> None:
        self._connection = connect(threads=1)
        self._rows = 0
        self._corrections = 0

    def add(self, topic: str, values: Sequence[bytes | None]) -> Counter[str]:
        """Take in records of an event topic; return what became of them (`sighting.sort_out`)."""
        columns, counts = sort_out(topic, values)
        self._insert(columns)
        return counts

    def add_events(self, topic: str, events: Sequence[Any]) -> None:
        """Take in events of a topic that somebody has decoded (`sighting.of_events`)."""
        self._insert(of_events(topic, events))

    def _insert(self, columns: Columns) -> None:
        if len(columns):
            batch = register(self._connection, columns)
            into = "INSERT INTO sightings" if self._rows else "CREATE TABLE sightings AS"
            self._connection.execute(f"{into} {batch}")
            self._rows += len(columns)
            self._corrections += columns.corrections

    def of(
        self, subject: str, from_ms: int, to_ms: int = FOREVER, known_ms: int = FOREVER
    ) -> list[Sighting]:
        """Return the sightings of a subject (tables.Sightings)."""
        return self.of_all([Asked(subject, from_ms, to_ms, known_ms)])[0]

    def of_all(self, asked: Sequence[Asked]) -> list[list[Sighting]]:
        """Return what `of` returns for each."""
        if not self._rows:
            return [[] for _ in asked]
        corrections = "sightings" if self._corrections else None
        return ask(self._connection, "sightings", corrections, asked, {})

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()
