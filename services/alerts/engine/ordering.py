"""The order in which the events of one partition number are applied, over all its topics.

Each topic is a lane whose events come in the order of their offsets; between lanes the time of
acceptance decides, then the topic. An event waits while a lane that is behind may still bring an
earlier one, so that a backlog is worked off in the order in which it came about.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, repeat

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
        times = ["" if event is None else event.recordedtime for event in self.events[:most]]
        return list(accumulate(times, max))


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
        ranked = list(enumerate(self.by_topic.items()))
        full = [(rank, lane) for rank, (_, lane) in ranked if lane.events]
        behind = {
            rank: lane for rank, (topic, lane) in ranked if lane.fetched_offset < ends.get(topic, 0)
        }
        if len(full) == 1 and behind.keys() <= {full[0][0]}:
            lane = full[0][1]
            return [event for event in lane.take(min(most, len(lane.events))) if event is not None]
        lanes = [(rank, lane, lane.keys(most)) for rank, lane in full]
        bounds = [(lane.newest, rank) for rank, lane in behind.items() if not lane.events]
        for rank, lane, keys in lanes:
            if len(keys) < len(lane.events):
                bounds.append((keys[-1], rank))
            elif rank in behind:
                # Its last event may be older than its first, which must not wait for that.
                bounds.append((max(lane.newest, keys[-1]), rank))
        bound, holder = min(bounds, default=(None, 0))
        ordered: list[tuple[str, int, int, Event | None]] = []
        for rank, lane, keys in lanes:
            count = len(keys)
            if bound is not None:
                # At the bound itself a later topic waits for what an earlier one may still bring.
                count = (bisect_left if rank > holder else bisect_right)(keys, bound)
            ordered += zip(keys, repeat(rank), range(count), lane.take(count), strict=False)
        # No two have the same place, so that events themselves are never compared.
        ordered.sort()
        return [each[3] for each in ordered if each[3] is not None]
