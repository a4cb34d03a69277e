"""The one form in which a register's entries are written: instants, persons, plates, days."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas import policy
from schemas.intake import Intake
from schemas.persons import IdentifierProblem
from schemas.plates import PlateProblem
from schemas.problems import instant, rejected
from schemas.registers import (
    ArrivalNotice,
    Case,
    Device,
    DutyShift,
    Entry,
    Exemption,
    Identifier,
    Order,
    Pass,
    Permit,
    Policy,
    Residence,
    ResidentVehicle,
    Responsibility,
    Roster,
    Route,
    Site,
    Transfer,
    VehicleLink,
    WatchEntry,
    Worker,
    Zone,
)
from schemas.times import format_ms

Fields = dict[type[Entry], tuple[str, ...]]

# Besides valid_from and valid_to; `from_` is the field `from`.
_INSTANTS: Final[Fields] = {
    Site: ("warm_until",),
    Order: ("start",),
    Permit: ("from_", "to"),
    Transfer: ("window_from", "window_to", "eta"),
    DutyShift: ("start", "end"),
}
_DAYS: Final[Fields] = {Order: ("exposure_date", "last_day")}
_DAYS_OR_INSTANTS: Final[Fields] = {
    ArrivalNotice: ("stay_from", "stay_to", "arrival"),
    Case: ("onset", "sampled", "isolated_at"),
}
_PERSONS: Final[Fields] = {
    Order: ("subject",),
    VehicleLink: ("person",),
    Residence: ("person",),
    WatchEntry: ("person",),
    Exemption: ("person",),
    Worker: ("person",),
    Case: ("person",),
}
_LISTS_OF_PERSONS: Final[Fields] = {
    Transfer: ("persons",),
    ArrivalNotice: ("persons",),
    Pass: ("holders",),
}
_LISTS_OF_MEMBERS: Final[Fields] = {Order: ("keepers",), DutyShift: ("members",)}
_PLATES: Final[Fields] = {
    Transfer: ("vehicle",),
    ResidentVehicle: ("plate",),
    VehicleLink: ("plate",),
    WatchEntry: ("plate",),
    Exemption: ("plate",),
}
# A span's beginning and its end, which comes later.
_SPANS: Final[Fields] = {
    Permit: ("from_", "to"),
    Transfer: ("window_from", "window_to"),
    DutyShift: ("start", "end"),
}

# Forms of "any" in lists of plates, in their full-width forms too.
_WILDCARDS: Final = frozenset("*?%_＊？％＿")


class Normaliser:
    """Brings the entries of one deployment into their written form."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def normalise(self, entry: Entry) -> None:
        """Change an entry into its written form; raises Rejected, which names the field."""
        sort = type(entry)
        _replace(entry, ("valid_from", "valid_to", *_INSTANTS.get(sort, ())), _instant)
        _replace(entry, _DAYS.get(sort, ()), _day)
        _replace(entry, _DAYS_OR_INSTANTS.get(sort, ()), _day_or_instant)
        _replace(entry, _PERSONS.get(sort, ()), self._identifier)
        _replace(entry, _PLATES.get(sort, ()), self._plate)
        _replace_each(entry, _LISTS_OF_PERSONS.get(sort, ()), self._identifier)
        _replace_each(entry, _LISTS_OF_MEMBERS.get(sort, ()), self._member)
        _check_span(entry, "valid_from", "valid_to")
        if sort in _SPANS:
            _check_span(entry, *_SPANS[sort])
        if isinstance(entry, Order):
            _replace_each(entry, ("vehicles",), self._plate)
        elif isinstance(entry, Transfer):
            if not entry.orders and not entry.persons:
                raise rejected("needs orders or persons", "orders")
        elif isinstance(entry, ArrivalNotice):
            _check_stay(entry)
        elif isinstance(entry, Route):
            _check_route(entry)
        elif isinstance(entry, WatchEntry | Exemption):
            if (entry.plate is None) == (entry.person is None):
                raise rejected("needs either plate or person, and one of them only", "plate")
        elif isinstance(entry, Device):
            self._seal(entry)
        elif isinstance(entry, Zone):
            _check_shape(entry)
        elif isinstance(entry, Roster):
            if entry.above == entry.id:
                raise rejected("must be another unit", "above")
        elif isinstance(entry, Responsibility):
            _check_officers(entry)
        elif isinstance(entry, Policy):
            wrong = policy.problem(entry.rules)
            if wrong is not None:
                raise rejected(wrong[1], wrong[0])

    def _seal(self, device: Device) -> None:
        if (device.secret is None) == (device.key is None):
            raise rejected("needs either secret or key, and one of them only", "secret")
        if device.secret is not None:
            device.secret = self._intake.sealed(device.secret)
        if device.key is not None:
            device.key = self._intake.sealed(device.key)
        if device.timezone is not None:
            try:
                ZoneInfo(device.timezone)
            except (KeyError, ValueError, OSError) as error:
                raise rejected(f"no time zone: {device.timezone!r}", "timezone") from error

    def _identifier(self, who: Identifier, field: str) -> Identifier:
        try:
            person = self._intake.pseudonym(who.person, who.id_type, who.id_number)
        except IdentifierProblem as error:
            blamed = "person" if who.id_number is None else "id_number"
            raise rejected(str(error), f"{field}.{blamed}") from error
        if person is None:
            raise rejected("needs id_type and id_number, or person", field)
        return Identifier(person=person)

    def _member(self, member: str | Identifier, field: str) -> str | Identifier:
        if isinstance(member, str):
            person = self._intake.person_named(member)
            return member if person is None else Identifier(person=person)
        return self._identifier(member, field)

    def _plate(self, raw: str, field: str) -> str:
        if _WILDCARDS & set(raw):
            raise rejected("has a wildcard; an entry names one whole plate", field)
        try:
            return self._intake.plate(raw)
        except PlateProblem as error:
            raise rejected(str(error), field) from error


def _replace(entry: Entry, fields: tuple[str, ...], form: Callable[[Any, str], Any]) -> None:
    """Bring the fields that are there into their form; `form` takes a value and its field."""
    for name in fields:
        value = getattr(entry, name)
        if value is not None:
            setattr(entry, name, form(value, _field(name)))


def _replace_each(entry: Entry, fields: tuple[str, ...], form: Callable[[Any, str], Any]) -> None:
    """Bring the values of lists into their form; an empty list is as none."""
    for name in fields:
        values = getattr(entry, name) or ()
        written = [form(value, f"{_field(name)}[{place}]") for place, value in enumerate(values)]
        setattr(entry, name, written or None)


def _field(attribute: str) -> str:
    """Return the name of a field whose struct cannot have it as it is: `from_` is `from`."""
    return attribute.rstrip("_")


def _instant(text: str, field: str) -> str:
    return format_ms(instant(text, field))


def _day(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise rejected(f"not a date: {text[:20]!r}", field) from error


def _day_or_instant(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        # Then it is a date-time; one that is neither is refused as such.
        return _instant(text, field)


def _check_span(entry: Entry, begin: str, end: str) -> None:
    last = getattr(entry, end)
    # Written instants compare as text.
    if last is not None and last <= getattr(entry, begin):
        raise rejected(f"must be after {_field(begin)}", _field(end))


def _check_stay(notice: ArrivalNotice) -> None:
    first, last = notice.stay_from, notice.stay_to
    if len(first) == len(last):
        ended_before = last < first
    else:
        # A date against an instant of UTC: near midnight they may differ by a day and both be true.
        ended_before = (date.fromisoformat(last[:10]) - date.fromisoformat(first[:10])).days < -1
    if ended_before:
        raise rejected("must not be before stay_from", "stay_to")


def _check_route(route: Route) -> None:
    if route.to == route.from_:
        raise rejected("must be another site than from", "to")
    if route.p50_s < route.min_s:
        raise rejected("must not be below min_s", "p50_s")


def _check_officers(duty: Responsibility) -> None:
    officers = len(set(duty.officers or ()))
    if duty.kind == "enterprise" and officers != 1:
        raise rejected("an enterprise has exactly one officer", "officers")
    if duty.kind == "household" and not 1 <= officers <= 3:
        raise rejected("a household has one to three officers", "officers")
    if (duty.kind == "village") != (duty.grids is not None):
        raise rejected("is what a village consists of, and nothing else has", "grids")


def _check_shape(zone: Zone) -> None:
    if (zone.geometry is None) == (zone.centre is None):
        raise rejected("needs either geometry or centre with radius_m", "geometry")
    if zone.centre is not None and zone.radius_m is None:
        raise rejected("is needed with centre", "radius_m")
    if zone.geometry is not None and not zone.geometry.coordinates:
        raise rejected("needs a ring", "geometry.coordinates")
    for index, ring in enumerate(zone.geometry.coordinates if zone.geometry else ()):
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise rejected(
                "a ring has at least four points and ends where it began",
                f"geometry.coordinates[{index}]",
            )
