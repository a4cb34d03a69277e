"""What one partition has counted of its sources and not told yet, in shards of its state."""

from typing import Final
from zlib import crc32

from msgspec import Struct

# A commit writes no more records of counts than these, however many sources there are.
SHARDS: Final = 64


class Tally(Struct):
    """The open minute and hour of a source; instants are text in the one written form.

    Of the minute `minute` (as `2020-02-10T10:00`): online events that came at once, and others by
    how late they came (rules.tallies.offset_bin). Of the hour: readings that were good and poor.
    `plain` are those of this minute that came at once and were good, which nearly all are. `held`
    are the hour's minutes that are not told, because nothing was late in the hour so far (`late`).
    `saved` is how much of all this was kept when it was kept last.
    """

    source: str
    minute: str
    site: str = ""
    punctual: int = 0
    offsets: dict[int, int] = {}
    plain: int = 0
    good: int = 0
    poor: int = 0
    held: dict[int, dict[int, int]] = {}
    late: bool = False
    saved: int = -1

    @property
    def count(self) -> int:
        """How much is counted and not told."""
        held = sum(sum(bins.values()) for bins in self.held.values()) if self.held else 0
        unusual = self.punctual + sum(self.offsets.values()) + self.good + self.poor
        return self.plain + unusual + held


class Life(Struct):
    """When a watched site or device was heard without a break of more than `least_ms`.

    `key` is `site:…` or `source:…`. Up to `limit` nothing can come after such a break. `told` and
    `saved` are what `last` was when it was told and saved.
    """

    key: str
    least_ms: int = 0
    first_ms: int = 0
    last: str = ""
    limit: str = ""
    told: str = ""
    saved: str = ""
    site: str = ""
    status: str = ""


class Entries(Struct):
    """Who came in, as digits of a hash, and when the first of them was accepted, ms UTC."""

    recorded_ms: int
    digits: list[str]


class Shard(Struct):
    """One record of counts.

    `entries` are the vehicles that came into a region and are not told yet, by the region and the
    beginning of their five minutes, ms UTC, with a line between.
    """

    tallies: dict[str, Tally] = {}
    lives: dict[str, Life] = {}
    entries: dict[str, Entries] = {}


class Counted:
    """All counts of one partition, by source and by key."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.lives: dict[str, Life] = {}
        self.shards = [Shard() for _ in range(SHARDS)]

    def load(self, number: int, shard: Shard) -> None:
        """Take a shard back."""
        self.shards[number] = shard
        self.tallies.update(shard.tallies)
        self.lives.update(shard.lives)

    def tally(self, source: str, minute: str) -> Tally:
        """Return the tally of a source, made on first use."""
        tally = self.tallies.get(source)
        if tally is None:
            tally = self.tallies[source] = Tally(source, minute)
            self.shards[shard_of(source)].tallies[source] = tally
        return tally

    def life(self, key: str) -> Life:
        """Return the life of a watched site or device, made on first use."""
        life = self.lives.get(key)
        if life is None:
            life = self.lives[key] = Life(key)
            self.shards[shard_of(key)].lives[key] = life
        return life

    def enter(self, key: str, recorded_ms: int, digits: str) -> None:
        """Note a vehicle that came in."""
        entries = self.shards[shard_of(key)].entries.setdefault(key, Entries(recorded_ms, []))
        entries.recorded_ms = min(entries.recorded_ms, recorded_ms)
        entries.digits.append(digits)

    def take_entries(self) -> dict[str, Entries]:
        """Take out the vehicles that came in."""
        entered: dict[str, Entries] = {}
        for shard in self.shards:
            entered.update(shard.entries)
            shard.entries = {}
        return entered

    def drop(self, source: str) -> None:
        """Forget a source."""
        del self.tallies[source]
        del self.shards[shard_of(source)].tallies[source]


def shard_of(key: str) -> int:
    """Return which record of counts holds a key."""
    return crc32(key.encode()) % SHARDS
