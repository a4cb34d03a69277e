"""Reference data with two times: valid time and filing time (contracts: Registers)."""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from schemas.events import (
    CLOCK_TYPE,
    KIND_BY_TYPE,
    VERY_END,
    Crs,
    IdNumberText,
    IdType,
    Instant,
    Lat,
    Lon,
    LongText,
    Metres,
    Name,
    PersonReference,
    PlateText,
    ShortText,
)

EntryId = Annotated[str, Meta(pattern=r"^[^/\s]{1,128}" + VERY_END)]
Purpose = Literal["outbreak-control"]
Point = tuple[Lon, Lat]
Secret = Annotated[str, Meta(min_length=16, max_length=256)]
Strength = Annotated[float, Meta(ge=0, le=1)]
# A county, prefecture or province of GB/T 2260; trailing pairs of zeros are wildcards.
Area = Annotated[str, Meta(pattern=r"^[1-9][0-9](?:0000|(?!00)[0-9]{4})" + VERY_END)]
LocalTime = Annotated[str, Meta(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]" + VERY_END)]
# A date (the whole day, counted in the deployment's zone) or a date-time with its offset.
DayOrInstant = Annotated[str, Meta(max_length=40)]
Seconds = Annotated[float, Meta(gt=0, le=864_000)]


class Identifier(Struct, omit_defaults=True, kw_only=True):
    """Who: `{id_type, id_number}` as posted, `{person}` as written."""

    id_type: IdType | None = None
    id_number: IdNumberText | None = None
    person: str | None = None


# Somebody on duty: a name, or an identifier where orders are to be known of them.
Member = Name | Identifier


class Entry(Struct, omit_defaults=True, kw_only=True):
    """What every register entry has. `author` comes from the token of who files it."""

    id: EntryId
    valid_from: Instant
    valid_to: Instant | None = None
    author: ShortText
    source: ShortText
    reason: LongText
    purpose: Purpose


class Position(Struct, omit_defaults=True):
    """A point, in the reference system that it names."""

    lon: Lon
    lat: Lat
    crs: Crs
    accuracy_m: Metres | None = None


class Site(Entry, kw_only=True):
    """A place where devices stand. It lies in exactly the zones that it lists."""

    name: LongText
    role: Literal["boundary", "checkpoint", "inner", "community"]
    zones: list[EntryId]
    grid: ShortText | None = None
    position: Position | None = None
    mandatory: bool | None = None
    warm_until: Instant | None = None
    heartbeat_s: Annotated[int, Meta(ge=0)] | None = None


class Polygon(Struct):
    """A GeoJSON polygon (RFC 7946); either winding is accepted (erratum 5069)."""

    type: Literal["Polygon"]
    coordinates: list[list[Point]]


class Zone(Entry, kw_only=True):
    """An area: a polygon, or a centre with a radius in metres."""

    kind: Literal["isolation", "community", "grid", "region", "facility"]
    crs: Crs
    geometry: Polygon | None = None
    centre: Point | None = None
    radius_m: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None


class Route(Entry, kw_only=True):
    """How long a drive takes: never less than `min_s` seconds, half of all `p50_s` or less.

    It holds for both directions unless the reverse is filed; `via` are the sites that it passes.
    """

    from_: EntryId = field(name="from")
    to: EntryId
    min_s: Seconds
    p50_s: Seconds
    via: Annotated[list[EntryId], Meta(max_length=64)] | None = None


class Order(Entry, kw_only=True):
    """A person's obligation to stay in a zone, from `start` until `valid_to` or deletion."""

    subject: Identifier
    class_: Literal["confirmed", "suspected", "close-contact", "home-isolation", "returnee"] = (
        field(name="class")
    )
    kind: Literal["home", "facility", "community"]
    zone: EntryId
    exposure_date: ShortText
    start: Instant
    last_day: ShortText | None = None
    household: EntryId | None = None
    vehicles: Annotated[list[PlateText], Meta(max_length=16)] | None = None
    home_possible: bool | None = None
    channel: Literal["phone", "visit"] | None = None
    keepers: list[ShortText | Identifier] | None = None
    # Who decided that it ends, where it was ended by a release.
    released_by: ShortText | None = None


class Permit(Entry, kw_only=True):
    """Leave for one order to be out of its zone, anywhere or at the places named."""

    order: EntryId
    from_: Instant = field(name="from")
    to: Instant
    places: list[EntryId] | None = None
    reason: LongText


class Transfer(Entry, kw_only=True):
    """A planned move; it covers its persons from window_from to max(window_to, eta + 60 min)."""

    orders: list[EntryId] | None = None
    persons: list[Identifier] | None = None
    from_zone: EntryId
    to_zone: EntryId
    window_from: Instant
    window_to: Instant
    eta: Instant
    vehicle: PlateText | None = None
    sealed: bool | None = None


class RiskArea(Entry, kw_only=True):
    """An area where staying is a risk; trailing pairs of zeros stand for all below it."""

    area: Area
    level: Literal["high", "medium"]


class ArrivalNotice(Entry, kw_only=True):
    """A household that came, or comes, from an area; judged at the filing's own `time`."""

    household: EntryId
    persons: Annotated[list[Identifier], Meta(min_length=1, max_length=500)]
    area: Area
    stay_from: DayOrInstant
    stay_to: DayOrInstant
    arrival: DayOrInstant
    batch: ShortText | None = None
    row: Annotated[int, Meta(ge=0)] | None = None


class ResidentVehicle(Entry, kw_only=True):
    """A vehicle that is at home here."""

    plate: PlateText
    grid: ShortText | None = None
    attributes: dict[ShortText, ShortText] | None = None


class VehicleLink(Entry, kw_only=True):
    """Who uses which vehicle, and how sure that is (0 to 1)."""

    person: Identifier
    plate: PlateText
    role: Literal["owner", "driver", "household"]
    strength: Strength


class WatchEntry(Entry, kw_only=True):
    """A plate or a person to look out for: at some sites or all, one way or both, until an end.

    The categories are a closed list and name no crime. An entry without an end would outlive its
    reason, so `valid_to` is mandatory (domain: section 2, list mistakes).
    """

    valid_to: Instant
    plate: PlateText | None = None
    person: Identifier | None = None
    category: Literal[
        "quarantined", "close-contact", "confirmed", "suspected", "risk-return", "cloned-plate"
    ]
    sites: Annotated[list[Name], Meta(min_length=1)] | None = None
    direction: Literal["in", "out", "internal"] | None = None


class Exemption(Entry, kw_only=True):
    """A vehicle or person that need not be stopped: everywhere, or within a corridor of zones.

    `stops` are sites and zones outside the corridor where it may be too.
    """

    plate: PlateText | None = None
    person: Identifier | None = None
    kind: Literal["whitelist", "green-channel", "fleet"]
    corridor: Annotated[list[EntryId], Meta(min_length=1)] | None = None
    stops: list[Name] | None = None


class Residence(Entry, kw_only=True):
    """Where a person lives."""

    person: Identifier
    address: LongText
    grid: ShortText | None = None
    household: EntryId | None = None
    foreign: bool | None = None


class Pass(Entry, kw_only=True):
    """A pass for the zones of its scope; without `holders` it is the bearer's."""

    holders: Annotated[list[Identifier], Meta(min_length=1, max_length=500)] | None = None
    scope: Annotated[list[EntryId], Meta(min_length=1)]
    medium: Literal["paper", "qr"]
    revoked: bool | None = None


class Facility(Entry, kw_only=True):
    """A zone where people are quarantined, and how many it takes."""

    zone: EntryId
    capacity: Annotated[int, Meta(ge=0)]


class Approval(Entry, kw_only=True):
    """Leave for premises to be open."""

    premises: Name


class Enterprise(Entry, kw_only=True):
    """An employer; `officer` answers for its workers' health."""

    name: LongText
    officer: ShortText | None = None
    grid: ShortText | None = None


class Worker(Entry, kw_only=True):
    """A person on the roster of an enterprise."""

    enterprise: EntryId
    person: Identifier


class Reporter(Entry, kw_only=True):
    """Who reports every day, by a time of day of the deployment's zone."""

    due_local: LocalTime
    grid: ShortText | None = None


class DutyShift(Entry, kw_only=True):
    """Who is on duty at a place, from `start` until `end`, and how many have to be there."""

    place: Name
    start: Instant
    end: Instant
    members: Annotated[list[Member], Meta(min_length=1, max_length=100)]
    min_staff: Annotated[int, Meta(ge=1)]
    order: EntryId | None = None


class Roster(Entry, kw_only=True):
    """A unit that has tasks to do: its members, who leads it, and the unit above it.

    Members and the leader are the names under which they sign in. `place` is where the unit's duty
    shifts are filed; without one all its members count as on duty.
    """

    name: LongText
    members: Annotated[list[Name], Meta(max_length=500)]
    leader: Name | None = None
    above: EntryId | None = None
    place: Name | None = None


class Responsibility(Entry, kw_only=True):
    """Which unit answers for a place or for people, and which of its officers in particular.

    `of` is the id of the household, grid, village, enterprise or site; a village names its grids.
    A household has up to three officers of its own (三联), an enterprise exactly one (一企一警).
    """

    kind: Literal["household", "grid", "village", "enterprise", "site"]
    of: Name
    unit: EntryId
    officers: Annotated[list[Name], Meta(max_length=100)] | None = None
    grids: Annotated[list[ShortText], Meta(min_length=1, max_length=500)] | None = None


class Case(Entry, kw_only=True):
    """A person who has the disease, or is suspected of it."""

    person: Identifier
    class_: Literal["confirmed", "suspected", "asymptomatic", "excluded"] = field(name="class")
    onset: DayOrInstant | None = None
    sampled: DayOrInstant | None = None
    isolated_at: DayOrInstant | None = None


class Device(Entry, kw_only=True):
    """A device, filed under the `source` of its events.

    `secret` (what the device itself shows) or `key` (what its vendor's platform shows for it) is
    posted in clear and written as a keyed digest only (decision 0014). `timezone` is for local
    times without an offset, `plate_grammar` for plates that are not of the mainland. Whoever shows
    the secret as a bearer token may post events of `site` and of `sites`, until `valid_to`.
    """

    site: Name
    sites: Annotated[list[Name], Meta(max_length=100)] | None = None
    lane: ShortText | None = None
    direction: Literal["in", "out", "internal"] | None = None
    timezone: ShortText | None = None
    plate_grammar: Literal["prc", "any"] | None = None
    secret: Secret | None = None
    key: Secret | None = None
    heartbeat_s: Annotated[int, Meta(ge=0)] | None = None


class Policy(Entry, kw_only=True):
    """Thresholds by rule name; what it does not name keeps the rule's default."""

    response_level: ShortText
    rules: dict[ShortText, dict[ShortText, Any]]


REGISTERS: dict[str, type[Entry]] = {
    "site": Site,
    "zone": Zone,
    "route": Route,
    "order": Order,
    "permit": Permit,
    "transfer": Transfer,
    "risk-area": RiskArea,
    "arrival-notice": ArrivalNotice,
    "resident-vehicle": ResidentVehicle,
    "vehicle-link": VehicleLink,
    "residence": Residence,
    "pass": Pass,
    "watch-entry": WatchEntry,
    "exemption": Exemption,
    "facility": Facility,
    "approval": Approval,
    "enterprise": Enterprise,
    "worker": Worker,
    "reporter": Reporter,
    "duty-shift": DutyShift,
    "roster": Roster,
    "responsibility": Responsibility,
    "case": Case,
    "device": Device,
    "policy": Policy,
}


class Deletion(Struct, omit_defaults=True, kw_only=True):
    """The data of a deletion: the entry's validity ends when the deletion is filed."""

    id: EntryId
    author: ShortText
    reason: LongText | None = None


class RegisterEvent(Struct, omit_defaults=True, kw_only=True):
    """A change of a register as a CloudEvents event; `recordedtime` is the time of filing."""

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: str
    time: Instant
    recordedtime: Instant | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw


def member_key(member: str | Identifier | PersonReference) -> str:
    """Return what somebody on duty is known by: the pseudonym, else the name; "" for nobody."""
    return member if isinstance(member, str) else member.person or ""


def register_topic(name: str) -> str:
    """Return the topic of a register."""
    return f"cordon.registers.{name}.v1"


def register_type(name: str, verb: Literal["put", "delete"]) -> str:
    """Return the CloudEvents type of a change."""
    return f"cordon.{name}.{verb}.v1"


# An event (`cordon.plate-hit.v1`) or a change of a register (`cordon.site.put.v1`).
_OF_CORDON = re.compile(r"cordon\.[a-z]+(?:-[a-z]+)*(?P<change>\.(?:put|delete))?\.v[0-9]+")


def unread_sort(event_type: str) -> Literal["event", "change"] | None:
    """Return what a type that this version has nothing to read with is, None for any other.

    It is formed as Cordon's are: an event, or a change of a register. A timeline may hold such
    lines, and a reader passes them over (contracts: unknown values).
    """
    formed = _OF_CORDON.fullmatch(event_type)
    if formed is None or event_type in KIND_BY_TYPE or event_type == CLOCK_TYPE:
        return None
    if formed["change"] is None:
        return "event"
    return None if parse_register_type(event_type) else "change"


def parse_register_type(event_type: str) -> tuple[str, str] | None:
    """Return (register name, verb) of a CloudEvents type, or None when it is no register's."""
    parts = event_type.split(".")
    if len(parts) == 4 and parts[0] == "cordon" and parts[3] == "v1":
        name, verb = parts[1], parts[2]
        if name in REGISTERS and verb in ("put", "delete"):
            return name, verb
    return None
