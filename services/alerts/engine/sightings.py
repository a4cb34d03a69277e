"""Which vehicles are known: one small number for each established one, reads for new ones.

A vehicle is established when its first accepted read is so old that no event still to come can
make it new again; then only the last day on which it was read matters, because the look-back is
counted in days. So a known vehicle costs a few bytes, and reading it again on the same day
changes nothing at all.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from rules.facts import NEWEST, Parameters, Read, World
from rules.first_seen_vehicle import is_exempt, lies_in
from schemas.times import DAY_MS, HOUR_MS
from services.alerts.engine.calendar import DayOf

# A visit lasts up to 72 h and an event of it may come up to 72 h late: then it is final.
FINAL_MS = 144 * HOUR_MS
# A vehicle is established an hour later, so that of two readings of one plate, seconds apart, the
# first to be established can't make the other, whose visit is final by then, a misread of it.
SETTLED_MS = FINAL_MS + HOUR_MS
# The longest look-back that a policy may ask for (domain: D18, 30 d, at most 90).
LONGEST_LOOK_BACK_D = 90
# Reads of one confusion group kept while one of its plates is new.
MOST_READS = 256


class Established:
    """Day of the last accepted read by plate, for one region; `changed` since the last dump."""

    def __init__(self) -> None:
        self.days: dict[str, int] = {}
        self.changed: set[str] = set()
        # One object for all vehicles of a day; each of its own would be a fifth of what they take.
        self._day: dict[int, int] = {}

    def note(self, plate: str, day: int) -> None:
        """Note a day on which a vehicle was read; the last one counts."""
        self.load(plate, max(day, self.days.get(plate, day)))
        self.changed.add(plate)

    def load(self, plate: str, day: int) -> None:
        """Take a vehicle back from the state."""
        self.days[plate] = self._day.setdefault(day, day)

    def expire(self, today: int) -> None:
        """Forget vehicles that no look-back can reach."""
        oldest = today - LONGEST_LOOK_BACK_D - 1
        gone = [plate for plate, day in self.days.items() if day < oldest]
        for plate in gone:
            del self.days[plate]
        self._day = {day: day for day in self._day if day >= oldest}
        self.changed.update(gone)

    def dump(self, region: str) -> list[tuple[bytes, bytes | None]]:
        """Return the records of what changed."""
        prefix, days = f"s{region}\0".encode(), self.days
        changes: list[tuple[bytes, bytes | None]] = [
            (prefix + plate.encode(), days[plate].to_bytes(4, "big") if plate in days else None)
            for plate in self.changed
        ]
        self.changed.clear()
        return changes


def last_day(established: Mapping[str, Established], region: str, plate: str) -> int | None:
    """Return the last day on which an established vehicle was read in a region, "" = anywhere."""
    if region:
        table = established.get(region)
        return table.days.get(plate) if table else None
    days = (table.days.get(plate) for table in established.values())
    return max((day for day in days if day is not None), default=None)


class Group(Struct):
    """The reads of a confusion group some plate of which is new."""

    reads: list[Read]


class Knowledge:
    """What `first_seen_vehicle` may ask, for one group at one moment (rules.Knowledge)."""

    def __init__(
        self,
        reads: Iterable[Read],
        established: dict[str, Established],
        world: World,
        history_since_ms: int | None,
        parameters: Parameters,
        day_of: DayOf,
    ) -> None:
        self._day_of = day_of
        self._established = established
        self._world = world
        self._since_ms = history_since_ms
        self._accepted: dict[tuple[str, str], list[int]] = {}
        for read in reads:
            if read.confidence >= parameters["min_confidence"]:
                self._accepted.setdefault((read.region, read.plate), []).append(read.time_ms)

    def known(self, region: str, plate: str, before_ms: int, look_back_d: int) -> bool:
        """Tell whether the region has an accepted read in the look-back before an instant."""
        day = last_day(self._established, region, plate)
        if day is not None and day >= self._day_of(before_ms) - look_back_d:
            return True
        since_ms = before_ms - look_back_d * DAY_MS
        return any(
            since_ms <= time_ms < before_ms
            for (place, read), times in self._accepted.items()
            if read == plate and lies_in(place, region)
            for time_ms in times
        )

    def is_final(self, region: str, plate: str, clock_ms: int) -> bool:
        """Tell whether no event in time can change what the vehicle's first reads led to."""
        times = self._accepted.get((region, plate))
        return times is not None and min(times) + FINAL_MS < clock_ms

    def resident(self, plate: str, at_ms: int, known_ms: int) -> bool:
        """Tell whether the vehicle is at home here."""
        return self._world.resident(plate, at_ms, known_ms)

    def exempt(self, read: Read) -> bool:
        """Tell whether a green channel or a fleet explains the vehicle there, as known then."""
        at_ms, known_ms = read.time_ms, read.recorded_ms
        return is_exempt(read.plate, read.site, at_ms, known_ms, self._world) is not None

    def warm(self, at_ms: int, look_back_d: int) -> bool:
        """Tell whether history is complete for the look-back before an instant."""
        return is_warm(self._since_ms, at_ms, look_back_d)


def is_warm(history_since_ms: int | None, at_ms: int, look_back_d: int) -> bool:
    """Tell whether a complete look-back lies before an instant; None = there is no history."""
    if history_since_ms is None:
        return False
    return at_ms - look_back_d * DAY_MS >= history_since_ms


def add(group: Group, read: Read) -> int:
    """Add a read to its group in any order; return how many the bound pushed out."""
    group.reads.append(read)
    over = len(group.reads) - MOST_READS
    if over > 0:
        group.reads.sort(key=lambda each: (each.time_ms, each.source, each.id))
        # The first reads decide whether a vehicle was new, the last ones where it is now.
        del group.reads[MOST_READS // 2 : MOST_READS // 2 + over]
        return over
    return 0


def recognise(group: Group, read: Read, parameters: Parameters, day_of: DayOf) -> int:
    """Take out of a group what is no news since a late read makes its vehicle a known one.

    Returns the last day on which it was read: the group is left as if the reads had come in order.
    """
    last, look_back_d = day_of(read.time_ms), parameters["look_back_d"]
    kept: list[Read] = []
    for other in sorted(group.reads, key=lambda each: each.time_ms):
        day = day_of(other.time_ms)
        if (other.region, other.plate) != (read.region, read.plate) or day - last > look_back_d:
            kept.append(other)
        elif other.confidence >= parameters["min_confidence"]:
            last = max(last, day)
    group.reads = kept
    return last


def graduates(
    group: Group, clock_ms: int, parameters: Parameters, day_of: DayOf
) -> tuple[list[tuple[str, str, int]], int | None]:
    """Take out of a group what has settled.

    Returns (region, plate, last day) of each vehicle that is established from now on, and the
    instant at which the next one will be (None when the group is empty).
    """
    accepted: dict[tuple[str, str], tuple[int, int]] = {}
    for read in group.reads:
        if read.confidence >= parameters["min_confidence"]:
            key = (read.region, read.plate)
            first, last = accepted.get(key, (NEWEST, 0))
            accepted[key] = (min(first, read.time_ms), max(last, read.time_ms))
    settled = {
        key: day_of(last)
        for key, (first, last) in accepted.items()
        if first + SETTLED_MS <= clock_ms
    }
    group.reads = [
        read
        for read in group.reads
        if (read.region, read.plate) not in settled
        and ((read.region, read.plate) in accepted or read.time_ms + SETTLED_MS > clock_ms)
    ]
    next_ms = min(
        (_settles_ms(read, accepted) for read in group.reads),
        default=None,
    )
    return [(region, plate, day) for (region, plate), day in settled.items()], next_ms


def _settles_ms(read: Read, accepted: dict[tuple[str, str], tuple[int, int]]) -> int:
    first, _ = accepted.get((read.region, read.plate), (read.time_ms, 0))
    return first + SETTLED_MS


def plates_of(reads: Iterable[Read]) -> set[tuple[str, str]]:
    """Return the (region, plate) pairs among reads."""
    return {(read.region, read.plate) for read in reads}
