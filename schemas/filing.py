"""From what is filed over the API to what a register topic carries."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from schemas import policy
from schemas.intake import Intake
from schemas.persons import IdentifierProblem
from schemas.plates import PlateProblem
from schemas.problems import invalid, rejected
from schemas.registers import (
    REGISTERS,
    Deletion,
    Device,
    Entry,
    Exemption,
    Identifier,
    Order,
    Permit,
    Policy,
    RegisterEvent,
    ResidentVehicle,
    Transfer,
    VehicleLink,
    WatchEntry,
    Zone,
    parse_register_type,
    register_topic,
    register_type,
)
from schemas.times import TimeProblem, format_ms, parse_ms

_encode = msgspec.json.Encoder().encode
_event_decoder = msgspec.json.Decoder(RegisterEvent)
# Which fields of which register are instants: they are written in the one form of UTC ms.
_INSTANTS = ("valid_from", "valid_to", "start", "from_", "to", "window_from", "window_to", "eta",
             "warm_until")  # fmt: skip

# Forms of "any" in lists of plates, in their full-width forms too.
_WILDCARDS = frozenset("*?%_＊？％＿")

# The field that an entry's validity begins with where its filing does not say.
_BEGINS = {"order": "start", "permit": "from", "transfer": "window_from"}


class Filed(Struct, frozen=True):
    """A change to write: `value` is the CloudEvents event for `topic`, keyed by `id`."""

    topic: str
    name: str
    id: str
    value: bytes
    entry: Entry | Deletion


class Filing:
    """Checks and normalises register changes with the same intake as events."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def put(self, name: str, entry_id: str, body: bytes, author: str, recorded_ms: int) -> Entry:
        """Return the checked, normalised entry of a PUT body; raises Rejected.

        `id` may be absent from the body and must be `entry_id` where it is given; the author is
        whoever holds the token; an absent `valid_from` means from now on.
        """
        try:
            raw = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise rejected(f"not JSON: {error}", status=400) from error
        if not isinstance(raw, dict):
            raise rejected("must be a JSON object", status=400)
        if raw.setdefault("id", entry_id) != entry_id:
            raise rejected(f"must be {entry_id!r}, as in the path", "id")
        raw["author"] = author
        # A permit that names its hours is meant for them, also when it is filed afterwards.
        begins = raw.get(_BEGINS.get(name, ""))
        raw.setdefault("valid_from", begins if begins else format_ms(recorded_ms))
        return self.entry(name, raw)

    def entry(self, name: str, raw: dict[str, Any]) -> Entry:
        """Return the checked, normalised entry of a register; raises Rejected."""
        try:
            entry = msgspec.convert(raw, REGISTERS[name])
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        self._normalise(entry)
        return entry

    def event(self, line: bytes) -> Filed:
        """Return the change that a register event (a timeline's line) makes; raises Rejected."""
        try:
            event = _event_decoder.decode(line)
            # Raw data was skipped so far, not decoded: it can still be malformed.
            body = msgspec.json.decode(event.data)
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise rejected(f"not JSON: {error}", status=400) from error
        what = parse_register_type(event.type)
        if what is None:
            raise rejected(f"no register has events of type {event.type!r}", "type")
        name, verb = what
        recorded_ms = _instant(event.recordedtime or event.time, "recordedtime")
        if verb == "put":
            if not isinstance(body, dict):
                raise rejected("must be a JSON object", "data")
            # Over the API the author is whoever holds the token; a timeline may leave it out.
            body.setdefault("author", event.source)
            return self.filed_put(name, self.entry(name, body), recorded_ms, event.id, event.source)
        if isinstance(body, dict):
            body.setdefault("author", event.source)
        try:
            deletion = msgspec.convert(body, Deletion)
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        return filed_deletion(name, deletion, recorded_ms, event.id, event.source)

    def filed_put(
        self, name: str, entry: Entry, recorded_ms: int, event_id: str, source: str
    ) -> Filed:
        """Return the change that files a checked entry."""
        value = _envelope(register_type(name, "put"), entry, recorded_ms, event_id, source)
        return Filed(register_topic(name), name, entry.id, value, entry)

    def _normalise(self, entry: Entry) -> None:
        for field in _INSTANTS:
            text = getattr(entry, field, None)
            if text is not None:
                setattr(entry, field, format_ms(_instant(text, field.rstrip("_"))))
        if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
            raise rejected("must be after valid_from", "valid_to")
        if isinstance(entry, Order):
            entry.subject = self._identifier(entry.subject, "subject")
            entry.exposure_date = _day(entry.exposure_date, "exposure_date")
            if entry.last_day is not None:
                entry.last_day = _day(entry.last_day, "last_day")
            entry.vehicles = [
                self._plate(plate, f"vehicles[{index}]")
                for index, plate in enumerate(entry.vehicles or ())
            ] or None
        elif isinstance(entry, Transfer):
            entry.persons = [
                self._identifier(who, f"persons[{index}]")
                for index, who in enumerate(entry.persons or ())
            ] or None
            if entry.vehicle is not None:
                entry.vehicle = self._plate(entry.vehicle, "vehicle")
            if not entry.orders and not entry.persons:
                raise rejected("needs orders or persons", "orders")
            if entry.window_to <= entry.window_from:
                raise rejected("must be after window_from", "window_to")
        elif isinstance(entry, Permit):
            if entry.to <= entry.from_:
                raise rejected("must be after from", "to")
        elif isinstance(entry, ResidentVehicle):
            entry.plate = self._plate(entry.plate, "plate")
        elif isinstance(entry, VehicleLink):
            entry.plate = self._plate(entry.plate, "plate")
            entry.person = self._identifier(entry.person, "person")
        elif isinstance(entry, WatchEntry | Exemption):
            self._name_one(entry)
        elif isinstance(entry, Device):
            self._seal(entry)
        elif isinstance(entry, Zone):
            _check_shape(entry)
        elif isinstance(entry, Policy):
            wrong = policy.problem(entry.rules)
            if wrong is not None:
                raise rejected(wrong[1], wrong[0])

    def _name_one(self, entry: WatchEntry | Exemption) -> None:
        """Check that an entry is about one vehicle or one person, and not about many."""
        if (entry.plate is None) == (entry.person is None):
            raise rejected("needs either plate or person, and one of them only", "plate")
        if entry.person is not None:
            entry.person = self._identifier(entry.person, "person")
        if entry.plate is not None:
            if _WILDCARDS & set(entry.plate):
                raise rejected("has a wildcard; an entry names one whole plate", "plate")
            entry.plate = self._plate(entry.plate, "plate")

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

    def _plate(self, raw: str, field: str) -> str:
        try:
            return self._intake.plate(raw)
        except PlateProblem as error:
            raise rejected(str(error), field) from error


def filed_deletion(
    name: str, deletion: Deletion, recorded_ms: int, event_id: str, source: str
) -> Filed:
    """Return the change that ends an entry's validity at the time of filing."""
    value = _envelope(register_type(name, "delete"), deletion, recorded_ms, event_id, source)
    return Filed(register_topic(name), name, deletion.id, value, deletion)


def _envelope(
    event_type: str, data: Entry | Deletion, recorded_ms: int, event_id: str, source: str
) -> bytes:
    recorded = format_ms(recorded_ms)
    return _encode(
        RegisterEvent(
            specversion="1.0",
            id=event_id,
            source=source,
            type=event_type,
            time=recorded,
            recordedtime=recorded,
            data=msgspec.Raw(_encode(data)),
        )
    )


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


def _instant(text: str, field: str) -> int:
    try:
        return parse_ms(text)
    except TimeProblem as error:
        raise rejected(str(error), field) from error


def _day(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise rejected(f"not a date: {text[:20]!r}", field) from error
