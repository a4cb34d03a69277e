"""The bed plan of a group: households together, strangers of different sex apart. Pure.

A room is given to one household, or to strangers of one sex. Each party (a household, or somebody
alone) goes into the fullest room that still takes it whole; a household that no room takes whole is
split by sex. Who finds no bed is told, and nobody is given a bed that somebody has.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

Sex = Literal["female", "male"]
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
    left = {
        facility: most - len(set(taken.get(facility, ()))) for facility, most in capacity.items()
    }
    open_rooms = [_Open(room, taken.get(room.facility, ())) for room in rooms]
    beds: dict[str, Bed] = {}
    without: list[str] = []
    for party in _parties(guests):
        whole = _settle(party, open_rooms, left, beds)
        if whole:
            continue
        # Together would be better; a bed each is what matters.
        for sex in ("female", "male"):
            part = [guest for guest in party if guest.sex == sex]
            if part and not _settle(part, open_rooms, left, beds):
                for guest in part:
                    if not _settle([guest], open_rooms, left, beds):
                        without.append(guest.task)
    return Plan(beds, without)


def _parties(guests: Sequence[Guest]) -> list[list[Guest]]:
    """Return households and single guests; the largest first, because they fit nowhere else."""
    by_household: dict[str, list[Guest]] = {}
    parties: list[list[Guest]] = []
    for guest in guests:
        if guest.household is None:
            parties.append([guest])
        else:
            by_household.setdefault(guest.household, []).append(guest)
    parties += by_household.values()
    return sorted(parties, key=lambda party: (-len(party), party[0].task))


def _settle(
    party: Sequence[Guest], rooms: Sequence[_Open], left: dict[str, int], beds: dict[str, Bed]
) -> bool:
    """Give a party one room; return False where there is none."""
    holder = _holder(party)
    fitting = [
        room
        for room in rooms
        if room.takes(holder, len(party)) and left.get(room.room.facility, len(party)) >= len(party)
    ]
    if not fitting:
        return False
    # A room that is begun is filled up first; else the one that leaves the fewest beds empty.
    best = min(fitting, key=lambda each: (each.holder is None, len(each.free), each.room.room))
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
