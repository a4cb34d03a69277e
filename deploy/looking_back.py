"""Backtest's own sighting store: in memory, and only where some entry looks back into it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from schemas.events import KIND_BY_TYPE
from schemas.joins import LookBack
from services.alerts.engine.decode import Event, Hit, PersonSeen, Scan
from services.alerts.sightings.look_backs import LookBacks, look_back
from services.alerts.sightings.memory import MemorySightings

# Sightings are put in order when somebody asks, or when this many wait.
MOST_WAITING = 100_000
_FILED = (b'"cordon.order.put.v1"', b'"cordon.watch-entry.put.v1"')
_SEEN = tuple(f'"{kind}"'.encode() for kind in (
    "cordon.plate-hit.v1", "cordon.checkpoint-scan.v1", "cordon.health-check.v1"
))  # fmt: skip


class LookingBack:
    """What was seen so far, and what is asked of it when an entry is filed."""

    def __init__(self, timezone: str) -> None:
        self._filings = LookBacks(timezone)
        self._sightings = MemorySightings()
        self._waiting: dict[str, list[Event]] = defaultdict(list)
        self._count = 0

    def see(self, events: Iterable[Event]) -> None:
        """Keep what events saw."""
        for event in events:
            if isinstance(event, Hit | Scan | PersonSeen):
                self._waiting[KIND_BY_TYPE[event.type].topic].append(event)
                self._count += 1
        if self._count >= MOST_WAITING:
            self._put()

    def _put(self) -> None:
        for topic, events in self._waiting.items():
            self._sightings.add_events(topic, events)
        self._waiting.clear()
        self._count = 0

    def file(self, change: bytes) -> LookBack | None:
        """Return what was seen of whom a filed entry is about, if it looks back at all.

        `change` is a register's record, after everything that was accepted before it was seen.
        """
        due = self._filings.file(change)
        if due is None:
            return None
        self._put()
        return look_back(due, self._filings, self._sightings)


def is_needed(lines: Iterable[bytes]) -> bool:
    """Tell whether a timeline files an order or a watch entry after somebody was seen."""
    seen = False
    for line in lines:
        if not seen:
            seen = _names(line, _SEEN)
        elif _names(line, _FILED):
            return True
    return False


def _names(line: bytes, types: Sequence[bytes]) -> bool:
    return any(each in line for each in types)
