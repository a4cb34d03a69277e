"""The order in which the events of one partition number are applied, over all its topics.

Each topic is a lane whose events come in the order of their offsets; between lanes the time of
acceptance decides, then the topic. An event waits while a lane that is behind may still bring an
earlier one, so that a backlog is worked off in the order in which it came about.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from services.alerts.engine.decode import Event


class Lane:
    """The fetched, not yet applied events of one topic. None stands for a refused record."""

    def __init__(self, next_offset: int) -> None:
        self.next_offset = next_offset
        self.fetched_offset = next_offset
        self.events: list[Event | None] = []
        self.offsets: list[int] = []
        self.newest = ""

    def offer(self, events: Sequence[Event | None], offsets: Sequence[int]) -> None:
        """Take fetched events in; their offsets rise and begin at or after `fetched_offset`."""
        self.events += events
        self.offsets += offsets
        self.fetched_offset = self.offsets[-1] + 1
        for event in reversed(events):
            if event is not None:
                self.newest = max(self.newest, event.recordedtime)
                break

    def take(self, count: int) -> list[Event | None]:
        """Take the first events out; the next offset moves behind them."""
        if count == 0:
            return []
        self.next_offset = self.offsets[count - 1] + 1
        taken = self.events[:count]
        del self.events[:count], self.offsets[:count]
        return taken

    def keys(self, most: int) -> list[str]:
        """Return the time of acceptance of the first events, made to rise with the offset."""
        keys: list[str] = []
        newest = ""
        for event in self.events[:most]:
            if event is not None and event.recordedtime > newest:
                newest = event.recordedtime
            keys.append(newest)
        return keys


class Lanes:
    """All lanes of one partition number."""

    def __init__(self, next_offsets: Mapping[str, int]) -> None:
        self.by_topic = {topic: Lane(offset) for topic, offset in sorted(next_offsets.items())}

    @property
    def next_offsets(self) -> dict[str, int]:
        """The offset of the first event of each topic that is not applied yet."""
        return {topic: lane.next_offset for topic, lane in self.by_topic.items()}

    @property
    def waiting(self) -> int:
        """How many events are fetched and not applied."""
        return sum(len(lane.events) for lane in self.by_topic.values())

    def take(self, most: int, ends: Mapping[str, int]) -> list[Event]:
        """Take out the events that are next in order, about `most` of them.

        `ends` are the end offsets as last seen: a lane that has not been fetched up to its end
        holds the others back to the newest event that it brought.
        """
        full = [(topic, lane) for topic, lane in self.by_topic.items() if lane.events]
        behind = [
            lane
            for topic, lane in self.by_topic.items()
            if lane.fetched_offset < ends.get(topic, 0)
        ]
        if len(full) == 1 and all(lane is full[0][1] for lane in behind):
            lane = full[0][1]
            return [event for event in lane.take(min(most, len(lane.events))) if event is not None]
        bounds = [lane.newest for lane in behind if not lane.events]
        lanes = [(lane, lane.keys(most)) for _, lane in full]
        for lane, keys in lanes:
            if len(keys) < len(lane.events):
                bounds.append(keys[-1])
            elif lane in behind:
                # Its last event may be older than its first, which must not wait for that.
                bounds.append(max(lane.newest, keys[-1]))
        bound = min(bounds, default=None)
        ordered: list[tuple[str, int, int, Event]] = []
        for rank, (lane, keys) in enumerate(lanes):
            count = len(keys) if bound is None else bisect_right(keys, bound)
            for place, event in enumerate(lane.take(count)):
                if event is not None:
                    ordered.append((keys[place], rank, place, event))
        ordered.sort(key=lambda each: each[:3])
        return [event for *_, event in ordered]
