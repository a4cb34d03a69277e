"""What routing knows of the registers: who lives where, which unit answers for what, who leads it.

Pure: versions come in by `file`, and every look-up names its instant. Of each version only what
routing needs is kept, so that the residences of a county fit into the memory of the API.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.registers import Identifier, member_key
from schemas.times import parse_ms
from schemas.versions import FOREVER, Version, in_force, insert


class Home(Struct, frozen=True):
    """Where somebody or something is registered."""

    grid: str | None = None
    household: str | None = None
    person: str = ""


class Shift(Struct, frozen=True):
    """Who is on duty at a place, by name, from `start_ms` until `end_ms`."""

    place: str
    start_ms: int
    end_ms: int
    members: tuple[str, ...]


class Unit(Struct, frozen=True):
    """A roster as it is filed."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    leader: str | None = None
    above: str | None = None
    place: str | None = None


class Duty(Struct, frozen=True):
    """A responsibility as it is filed."""

    kind: str
    of: str
    unit: str
    officers: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()


class _Order(Struct):
    subject: Identifier
    household: str | None = None


class _Residence(Struct):
    person: Identifier
    grid: str | None = None
    household: str | None = None


class _Vehicle(Struct):
    plate: str
    grid: str | None = None


class _Link(Struct):
    plate: str
    person: Identifier


class _Place(Struct):
    """A site, or an enterprise."""

    grid: str | None = None


class _Shift(Struct):
    place: str
    start: str
    end: str
    members: list[str | Identifier]


class _Facility(Struct):
    capacity: int
    zone: str | None = None


class _Worker(Struct):
    enterprise: str
    person: Identifier


# The registers that routing reads, and of each: its form, and its facts with the names under which
# an entry is looked up besides its id.
_Facts = tuple[Any, Iterable[str]]


def _order(body: _Order, _: str) -> _Facts:
    person = body.subject.person or ""
    return Home(household=body.household, person=person), [person]


def _residence(body: _Residence, _: str) -> _Facts:
    person = body.person.person or ""
    names = [person] if body.household is None else [person, f"household:{body.household}"]
    return Home(body.grid, body.household, person), names


def _vehicle(body: _Vehicle, _: str) -> _Facts:
    return Home(body.grid), [body.plate]


def _link(body: _Link, _: str) -> _Facts:
    return Home(person=body.person.person or ""), [body.plate]


def _place(body: _Place, _: str) -> _Facts:
    return Home(body.grid), ()


def _facility(body: _Facility, _: str) -> _Facts:
    return body, ()


def _worker(body: _Worker, _: str) -> _Facts:
    return body.enterprise, [body.person.person or ""]


def _shift(body: _Shift, _: str) -> _Facts:
    members = tuple(member_key(each) for each in body.members)
    start_ms, end_ms = parse_ms(body.start), parse_ms(body.end)
    return Shift(body.place, start_ms, end_ms, members), [body.place]


def _unit(body: Unit, entry_id: str) -> _Facts:
    return msgspec.structs.replace(body, id=entry_id), body.members


def _duty(body: Duty, _: str) -> _Facts:
    return body, [f"{body.kind}:{body.of}", *(f"in:{grid}" for grid in body.grids)]


_READS: Final[dict[str, tuple[type[Struct], Callable[[Any, str], _Facts]]]] = {
    "order": (_Order, _order),
    "residence": (_Residence, _residence),
    "resident-vehicle": (_Vehicle, _vehicle),
    "vehicle-link": (_Link, _link),
    "site": (_Place, _place),
    "enterprise": (_Place, _place),
    "facility": (_Facility, _facility),
    "worker": (_Worker, _worker),
    "duty-shift": (_Shift, _shift),
    "roster": (Unit, _unit),
    "responsibility": (Duty, _duty),
}
REGISTERS_READ: Final = tuple(_READS)
_DECODERS: Final = {name: msgspec.json.Decoder(form).decode for name, (form, _) in _READS.items()}


class Directory:
    """The versions of what routing reads, by entry, and the names that lead to entries."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, list[Version[Any]]]] = {name: {} for name in _READS}
        self._named: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in _READS}

    def forget(self, name: str) -> None:
        """Drop a register: it is read anew."""
        self._entries[name].clear()
        self._named[name].clear()

    def file(
        self, name: str, entry_id: str, body: str | None, recorded_ms: int, from_ms: int, to_ms: int
    ) -> None:
        """Take in one version, `body` None = the entry ends. Raises msgspec.DecodeError, or
        ValueError, for data that another version of Cordon has filed in another form."""
        facts: Any = None
        if body is not None:
            facts, names = _READS[name][1](_DECODERS[name](body), entry_id)
            for each in names:
                self._named[name][each].add(entry_id)
        version = Version(recorded_ms, from_ms, to_ms, facts)
        insert(self._entries[name].setdefault(entry_id, []), version)

    def order(self, order_id: str, at_ms: int) -> Home | None:
        """Return whom an order is about, also after its end: the person still lives there."""
        found: Home | None = self._get("order", order_id, at_ms) or self._last("order", order_id)
        return found

    def orders_of(self, person: str, at_ms: int) -> list[Home]:
        """Return the orders of a person that are in force."""
        return [home for home in self._named_by("order", person, at_ms) if home.person == person]

    def residences(self, name: str, at_ms: int) -> list[Home]:
        """Return the residences of a person, or of `household:<id>`."""
        return list(self._named_by("residence", name, at_ms))

    def vehicle(self, plate: str, at_ms: int) -> Home | None:
        """Return where a vehicle is at home."""
        return next(self._named_by("resident-vehicle", plate, at_ms), None)

    def drivers(self, plate: str, at_ms: int) -> list[str]:
        """Return the persons who use a vehicle."""
        return [home.person for home in self._named_by("vehicle-link", plate, at_ms)]

    def grid_of(self, name: str, entry_id: str, at_ms: int) -> str | None:
        """Return the grid of a site or an enterprise."""
        home: Home | None = self._get(name, entry_id, at_ms)
        return None if home is None else home.grid

    def capacity(self, facility: str, at_ms: int) -> int | None:
        """Return how many people a facility takes, None = it is not filed."""
        found: _Facility | None = self._get("facility", facility, at_ms)
        return None if found is None else found.capacity

    def zone(self, facility: str, at_ms: int) -> str | None:
        """Return the zone of a facility, None = it is not filed."""
        found: _Facility | None = self._get("facility", facility, at_ms)
        return None if found is None else found.zone

    def employers(self, person: str, at_ms: int) -> list[str]:
        """Return the enterprises on whose roster of workers a person is."""
        return list(self._named_by("worker", person, at_ms))

    def duties(self, kind: str, of: str, at_ms: int) -> list[Duty]:
        """Return who answers for a household, grid, village, enterprise or site."""
        found = self._named_by("responsibility", f"{kind}:{of}", at_ms)
        return [duty for duty in found if (duty.kind, duty.of) == (kind, of)]

    def villages(self, grid: str, at_ms: int) -> list[Duty]:
        """Return the villages that a grid belongs to."""
        found = self._named_by("responsibility", f"in:{grid}", at_ms)
        return [duty for duty in found if grid in duty.grids]

    def unit(self, unit_id: str | None, at_ms: int) -> Unit | None:
        """Return a unit's roster."""
        found: Unit | None = self._get("roster", unit_id, at_ms) if unit_id else None
        return found

    def units(self, at_ms: int) -> list[Unit]:
        """Return every unit, by id."""
        found = (
            self._get("roster", entry_id, at_ms) for entry_id in sorted(self._entries["roster"])
        )
        return [unit for unit in found if unit is not None]

    def units_of(self, name: str, at_ms: int) -> list[str]:
        """Return the units that somebody is a member or the leader of."""
        return [
            unit.id for unit in self.units(at_ms) if name in unit.members or name == unit.leader
        ]

    def on_duty(self, place: str, at_ms: int) -> list[str]:
        """Return who is on duty at a place at an instant."""
        return [
            member
            for shift in self._named_by("duty-shift", place, at_ms)
            if shift.place == place and shift.start_ms <= at_ms < shift.end_ms
            for member in shift.members
            if member
        ]

    def leader(self, unit_id: str | None, level: int, at_ms: int) -> str | None:
        """Return who leads a unit; at level 2 and 3 the unit above it, and the one above that.

        Where a unit above is missing, or has no leader, the last leader below it is told again.
        """
        found: str | None = None
        for _ in range(level):
            unit = self.unit(unit_id, at_ms)
            if unit is None:
                break
            found = unit.leader or found
            unit_id = unit.above
        return found

    def _get(self, name: str, entry_id: str, at_ms: int) -> Any:
        version = in_force(self._entries[name].get(entry_id, ()), at_ms, FOREVER)
        return None if version is None else version.facts

    def _last(self, name: str, entry_id: str) -> Any:
        said = [each.facts for each in self._entries[name].get(entry_id, ()) if each.facts]
        return said[-1] if said else None

    def _named_by(self, name: str, subject: str, at_ms: int) -> Iterator[Any]:
        for entry_id in sorted(self._named[name].get(subject, ())):
            facts = self._get(name, entry_id, at_ms)
            if facts is not None:
                yield facts
