"""Where an alert goes: to the territory where its subject is registered, and to the gate where it
was seen. Both get it, because the one knows the people and the other stands on the spot."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from schemas.alerts import Alert
from services.api.routing.directory import Directory, Duty

Side = Literal["territory", "gate"]


class Destination(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A unit that gets an alert, and the officers who answer in it; `why` says what led there.

    `unit` is None where nobody answers for the grid, household or site: the desk keeps it.
    """

    side: Side
    unit: str | None
    officers: Sequence[str] = ()
    why: str
    grid: str | None = None
    household: str | None = None


class Routing(Struct, frozen=True):
    """The destinations of one alert; a side that has nothing to do with it is absent."""

    territory: Destination | None
    gate: Destination | None

    @property
    def destinations(self) -> list[Destination]:
        """Both, as far as they are there."""
        return [each for each in (self.territory, self.gate) if each is not None]


class _Place(Struct, frozen=True):
    """Where a subject is registered, as far as that is known."""

    household: str | None = None
    grid: str | None = None
    enterprise: str | None = None


def route(alert: Alert, directory: Directory, at_ms: int) -> Routing:
    """Return where an alert goes by what the registers say at an instant, ms UTC."""
    territory = _territory(_registered(alert, directory, at_ms), directory, at_ms)
    gate = None if alert.site is None else _gate(alert.site, alert.grid, directory, at_ms)
    if territory is None and gate is None and alert.grid is not None:
        # Nothing is known but the area that the rule itself has named.
        territory = _territory([_Place(grid=alert.grid)], directory, at_ms)
    return Routing(territory, gate)


def territory_of(
    directory: Directory, at_ms: int, *, household: str | None = None, grid: str | None = None
) -> Destination | None:
    """Return who answers for a household or a grid: for what is no alert's."""
    return _territory(_with_homes(household, grid, directory, at_ms), directory, at_ms)


def _registered(alert: Alert, directory: Directory, at_ms: int) -> list[_Place]:
    """Return the places where an alert's subject is registered, the surest first."""
    kind, key = alert.subject.kind, alert.subject.key
    who = key if kind == "person" else key.removeprefix(f"{kind}:")
    places: list[_Place] = []
    if kind == "household":
        places += _with_homes(who, alert.grid, directory, at_ms)
    if alert.order is not None:
        order = directory.order(alert.order, at_ms)
        if order is not None:
            places += _of_person(order.person, order.household, directory, at_ms)
    if kind == "person":
        places += _of_person(who, None, directory, at_ms)
        places += [_Place(enterprise=each) for each in directory.employers(who, at_ms)]
    if kind == "vehicle":
        home = directory.vehicle(who, at_ms)
        if home is not None:
            places.append(_Place(grid=home.grid))
        for person in directory.drivers(who, at_ms):
            places += _of_person(person, None, directory, at_ms)
    return places


def _of_person(
    person: str, household: str | None, directory: Directory, at_ms: int
) -> Iterable[_Place]:
    homes = directory.residences(person, at_ms)
    if household is None:
        # Another order of the same person may name the household that no residence does.
        named = (order.household for order in directory.orders_of(person, at_ms))
        household = next((each for each in named if each is not None), None)
    for home in homes:
        yield _Place(home.household or household, home.grid)
    if household is not None and not homes:
        yield from _with_homes(household, None, directory, at_ms)


def _with_homes(
    household: str | None, grid: str | None, directory: Directory, at_ms: int
) -> list[_Place]:
    homes = directory.residences(f"household:{household}", at_ms) if household else []
    grids = [home.grid for home in homes if home.grid is not None]
    return [_Place(household, grids[0] if grids else grid)]


def _territory(places: Iterable[_Place], directory: Directory, at_ms: int) -> Destination | None:
    """Return who answers for the first of the places that anybody answers for."""
    known: _Place | None = None
    for place in places:
        if place.household is None and place.grid is None and place.enterprise is None:
            continue
        known = known or place
        named = (
            ("household", place.household),
            ("enterprise", place.enterprise),
            ("grid", place.grid),
        )
        for kind, of in named:
            for duty in directory.duties(kind, of, at_ms) if of is not None else ():
                return _destination(duty, place, f"{kind}:{of}", directory, at_ms)
        for duty in directory.villages(place.grid, at_ms) if place.grid is not None else ():
            return _destination(duty, place, f"village:{duty.of}", directory, at_ms)
    if known is None:
        return None
    why = "nobody answers for it"
    return Destination(
        side="territory", unit=None, why=why, grid=known.grid, household=known.household
    )


def _destination(
    duty: Duty, place: _Place, why: str, directory: Directory, at_ms: int
) -> Destination:
    return Destination(
        side="territory",
        unit=duty.unit,
        officers=duty.officers or _present(duty.unit, directory, at_ms),
        why=why,
        grid=place.grid,
        household=place.household,
    )


def _gate(site: str, grid: str | None, directory: Directory, at_ms: int) -> Destination:
    """Return who stands at a site: whoever is on duty there, of the unit that answers for it."""
    grid = directory.grid_of("site", site, at_ms) or grid
    on_duty = tuple(directory.on_duty(site, at_ms))
    named = (("site", site), ("grid", grid))
    for kind, of in named:
        for duty in directory.duties(kind, of, at_ms) if of is not None else ():
            officers = on_duty or duty.officers or _present(duty.unit, directory, at_ms)
            why = f"{kind}:{of}"
            return Destination(side="gate", unit=duty.unit, officers=officers, why=why, grid=grid)
    why = f"site:{site}" if on_duty else "nobody answers for it"
    return Destination(side="gate", unit=None, officers=on_duty, why=why, grid=grid)


def _present(unit_id: str, directory: Directory, at_ms: int) -> tuple[str, ...]:
    """Return who of a unit is there: on duty at its place, or all its members without one."""
    unit = directory.unit(unit_id, at_ms)
    if unit is None:
        return ()
    return unit.members if unit.place is None else tuple(directory.on_duty(unit.place, at_ms))
