"""The bed plan of a group: households together, strangers of different sex apart. Pure.

A room is given to one household, or to strangers of one sex. Each household goes into the fullest
room that still takes it whole; one that no room takes whole is split by sex. Then strangers come,
one sex after the other, in the order that finds beds for more of them: into the smallest room that
takes all who are left of their sex, else into the largest. Who finds no bed is told, and nobody is
given a bed that somebody has.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Final, Literal

from msgspec import Struct

Sex = Literal["female", "male"]
_SEXES: Final[tuple[Sex, ...]] = ("female", "male")
_ALONE: Final = ""


class Guest(Struct, frozen=True):
    """Somebody who needs a bed; `task` is the item of the campaign."""

    task: str
    sex: Sex
    household: str | None = None


class Room(Struct, frozen=True):
    """A room of a facility with its beds."""

    facility: str
    room: str
    beds: tuple[str, ...]


class Bed(Struct, frozen=True):
    """A bed, which has a name of its own within its facility."""

    facility: str
    room: str
    bed: str


class Plan(Struct, frozen=True):
    """Who gets which bed, by task, and who finds none."""

    beds: dict[str, Bed]
    without: list[str]


class _Open:
    """A room while a plan is made: its free beds, and whom it is for by now."""

    def __init__(self, room: Room, taken: Iterable[str]) -> None:
        occupied = set(taken) & set(room.beds)
        self.room = room
        self.free = [bed for bed in room.beds if bed not in occupied]
        # Whoever lies there already is unknown here: then nobody else is put into the room.
        self.holder: tuple[str, str] | None = ("", "others") if occupied else None

    def takes(self, holder: tuple[str, str], how_many: int) -> bool:
        """Return whether so many beds are free, for whom the room is, or may be."""
        return self.holder in (None, holder) and len(self.free) >= how_many


def plan(
    guests: Sequence[Guest],
    rooms: Sequence[Room],
    taken: Mapping[str, Iterable[str]],
    capacity: Mapping[str, int],
) -> Plan:
    """Return a plan; `taken` are the beds that are given away and `capacity` how many people a
    facility may hold, both by facility. A facility without a capacity holds its beds."""
    found = [_planned(guests, rooms, taken, capacity, sexes) for sexes in permutations(_SEXES)]
    return max(found, key=lambda each: len(each.beds))


def _planned(
    guests: Sequence[Guest],
    rooms: Sequence[Room],
    taken: Mapping[str, Iterable[str]],
    capacity: Mapping[str, int],
    sexes: Sequence[Sex],
) -> Plan:
    """Return the plan in which strangers come in an order of the sexes."""
    left = {
        facility: most - len(set(taken.get(facility, ()))) for facility, most in capacity.items()
    }
    open_rooms = [_Open(room, taken.get(room.facility, ())) for room in rooms]
    beds: dict[str, Bed] = {}
    without: list[str] = []

    def each_alone(group: Sequence[Guest]) -> None:
        for settled, guest in enumerate(group):
            if not _settle([guest], len(group) - settled, open_rooms, left, beds):
                without.append(guest.task)

    households, strangers = _parties(guests)
    for party in households:
        if _settle(party, len(party), open_rooms, left, beds):
            continue
        # Together would be better; a bed each is what matters.
        for sex in sexes:
            part = [guest for guest in party if guest.sex == sex]
            if part and not _settle(part, len(part), open_rooms, left, beds):
                each_alone(part)
    for sex in sexes:
        each_alone([guest for guest in strangers if guest.sex == sex])
    return Plan(beds, without)


def _parties(guests: Sequence[Guest]) -> tuple[list[list[Guest]], list[Guest]]:
    """Return households, the largest first, because they fit nowhere else; and single guests."""
    by_household: dict[str, list[Guest]] = {}
    strangers: list[Guest] = []
    for guest in guests:
        if guest.household is None:
            strangers.append(guest)
        else:
            by_household.setdefault(guest.household, []).append(guest)
    households = [party for party in by_household.values() if len(party) > 1]
    strangers += [party[0] for party in by_household.values() if len(party) == 1]
    households.sort(key=lambda party: (-len(party), party[0].task))
    return households, sorted(strangers, key=lambda guest: guest.task)


def _settle(
    party: Sequence[Guest],
    to_come: int,
    rooms: Sequence[_Open],
    left: dict[str, int],
    beds: dict[str, Bed],
) -> bool:
    """Give a party one room; return False where there is none. `to_come` is how many beds are asked
    for in all by those who could share the room, the party among them."""
    holder = _holder(party)
    fitting = [
        room
        for room in rooms
        if room.takes(holder, len(party)) and left.get(room.room.facility, len(party)) >= len(party)
    ]
    if not fitting:
        return False

    def waste(each: _Open) -> tuple[bool, bool, int, str]:
        # A room that is begun is filled up first; else the one that leaves the fewest beds empty.
        free = len(each.free)
        small = free < to_come
        return each.holder is None, small, -free if small else free, each.room.room

    best = min(fitting, key=waste)
    best.holder = holder
    facility = best.room.facility
    if facility in left:
        left[facility] -= len(party)
    for guest in party:
        beds[guest.task] = Bed(facility, best.room.room, best.free.pop(0))
    return True


def _holder(party: Sequence[Guest]) -> tuple[str, str]:
    """Return whom a room is for that this party moves into."""
    household = party[0].household
    sexes = {guest.sex for guest in party}
    if household is not None and (len(party) > 1 or len(sexes) > 1):
        return household, "household"
    return _ALONE, party[0].sex
