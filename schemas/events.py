"""The events that devices post and that the event topics carry (contracts: Events).

One struct serves both sides: what a device may post is a superset of what is written, since
identifiers are replaced by pseudonyms in between. Fields that a struct does not name are not
written anywhere, so a stray name or telephone number never reaches a topic.

The structs are not tracked by the garbage collector: they hold no cycles, and tracking them costs a
third of the time of decoding them.
"""

import builtins
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

Direction = Literal["in", "out", "internal", "unknown"]
CaptureMode = Literal["online", "buffered", "paper"]
VerifiedBy = Literal["document", "officer", "code", "video", "none"]
CodeColour = Literal["green", "yellow", "red", "none"]
IdType = Literal[
    "resident_id", "passport", "hk_macau_permit", "tw_permit", "foreign_permit", "other"
]

# For Python `$` alone lets a line break pass at the end.
VERY_END = r"$(?!\n)"
Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*" + VERY_END)]
ShortText = Annotated[str, Meta(max_length=64)]
LongText = Annotated[str, Meta(max_length=2000)]
# Wider than any plate or number: one that fails its checks is set aside, and its event accepted.
PlateText = Annotated[str, Meta(max_length=256)]
IdNumberText = Annotated[str, Meta(max_length=256)]
# Some readers of cards post the number as a number.
PostedNumber = IdNumberText | int
Instant = Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})]
Confidence = Annotated[float, Meta(ge=0, le=1)]
Celsius = Annotated[float, Meta(ge=20, le=50)]
Symptoms = Annotated[list[ShortText], Meta(max_length=32)]
Crs = Literal["wgs84", "gcj02"]
Lon = Annotated[float, Meta(ge=-180, le=180)]
Lat = Annotated[float, Meta(ge=-90, le=90)]
Metres = Annotated[float, Meta(ge=0)]


class HealthCode(Struct, omit_defaults=True, gc=False):
    """A health code as its issuer showed it; `issuer` is a GB/T 2260 region."""

    issuer: ShortText
    colour: CodeColour
    issued_at: Instant
    expires_at: Instant


class PersonReference(Struct, omit_defaults=True, kw_only=True, gc=False):
    """Whom an event is about: `{id_type, id_number}` as posted, `{person}` as written.

    One whose identifier fails its checks is written without any.
    """

    id_type: str | None = None
    id_number: PostedNumber | None = None
    person: str | None = None


class Person(PersonReference, kw_only=True):
    """One person at a check: who (an identifier, or none) and what was seen, in °C."""

    verified_by: VerifiedBy
    temperature: Celsius | None = None
    code: HealthCode | None = None
    pass_: Name | None = field(default=None, name="pass")
    refusal: bool | None = None
    symptoms: Symptoms | None = None
    declarations: dict[ShortText, bool | ShortText] | None = None


class Vehicle(Struct, omit_defaults=True, gc=False):
    """What a camera saw of the body."""

    type: ShortText | None = None
    colour: ShortText | None = None
    brand: ShortText | None = None


class Stay(Struct, omit_defaults=True, gc=False):
    """A declared stay in a GB/T 2260 area; `from` and `to` are dates or date-times."""

    area: ShortText
    from_: ShortText = field(name="from")
    to: ShortText


class Destination(Struct, omit_defaults=True, gc=False):
    """Where a traveller says they go."""

    grid: ShortText | None = None
    address: LongText | None = None


class PlateCandidate(Struct, omit_defaults=True, gc=False):
    """Another reading of the same plate."""

    plate: PlateText
    confidence: Confidence


class CheckpointScan(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One vehicle or walking group at a checkpoint; its persons become health checks."""

    site: Name
    direction: Direction
    lane: ShortText | None = None
    plate: PlateText | None = None
    plate_raw: str | None = None
    plate_confidence: Confidence | None = None
    plate_colour: ShortText | None = None
    aux_plate: PlateText | None = None
    vehicle: Vehicle | None = None
    persons: Annotated[list[Person], Meta(max_length=100)] | None = None
    occupants: int | None = None
    stays: Annotated[list[Stay], Meta(max_length=64)] | None = None
    destination: Destination | None = None
    capture_mode: CaptureMode | None = None


class PlateHit(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One reading by a camera; `plate` null means that a vehicle was seen and no plate was read."""

    site: Name
    direction: Direction
    plate: PlateText | None
    plate_raw: str | None = None
    confidence: Confidence
    lane: ShortText | None = None
    plate_colour: ShortText | None = None
    aux_plate: PlateText | None = None
    vehicle: Vehicle | None = None
    speed_kmh: Annotated[float, Meta(ge=0, le=400)] | None = None
    frames: Annotated[int, Meta(ge=0)] | None = None
    is_preview: bool | None = None
    candidates: Annotated[list[PlateCandidate], Meta(max_length=32)] | None = None
    image_ref: LongText | None = None
    capture_mode: CaptureMode | None = None


class HealthCheck(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One person checked at a site.

    `guardian_code` = somebody who is with them showed a valid code; of a scan Cordon sees that
    itself. The persons of a scan have its stays and its destination.
    """

    site: Name
    person: Person
    direction: Direction | None = None
    plate: PlateText | None = None
    capture_mode: CaptureMode | None = None
    guardian_code: bool | None = None
    stays: Annotated[list[Stay], Meta(max_length=64)] | None = None
    destination: Destination | None = None


class CodeChange(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A new health code of a person, from the authority that issues codes: nobody was checked."""

    person: PersonReference
    code: HealthCode


class Tip(Struct, omit_defaults=True, kw_only=True, gc=False):
    """What somebody noticed, about an order or a place."""

    kind: Literal["suspected-breach", "new-face", "incident"]
    address: LongText | None = None
    order: Name | None = None
    grid: ShortText | None = None
    reporter_role: ShortText
    text: LongText | None = None


class CheckIn(Struct, omit_defaults=True, kw_only=True, gc=False):
    """How a check-in of somebody under an order went."""

    order: Name
    result: Literal["ok", "unanswered", "call-failed", "device-off"]


class Visit(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A visit to somebody under an order; the temperature in °C."""

    order: Name
    result: Literal["cooperative", "uncooperative", "unavailable"]
    temperature: Celsius | None = None
    symptoms: Symptoms | None = None


class GateEvent(Struct, omit_defaults=True, kw_only=True, gc=False):
    """What a barrier did; without `mode` it was in normal use."""

    site: Name
    kind: Literal["open", "close", "forced", "fault"]
    mode: Literal["normal", "maintenance"] | None = None


class MeasuredPosition(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A measured point in degrees, in the reference system that it names, good to `accuracy_m`."""

    lon: Lon
    lat: Lat
    crs: Crs
    accuracy_m: Metres


class PositionFix(Struct, omit_defaults=True, kw_only=True, gc=False):
    """Where the device of somebody under an order is."""

    order: Name
    position: MeasuredPosition


class Heartbeat(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A sign of life of the event's source; `clock_offset_ms` = its clock minus the true time."""

    site: Name | None = None
    status: ShortText | None = None
    queue_length: Annotated[int, Meta(ge=0)] | None = None
    clock_offset_ms: float | None = None


class TransferArrival(Struct, omit_defaults=True, kw_only=True, gc=False):
    """Who arrived with a transfer."""

    transfer: Name
    persons: Annotated[list[Person], Meta(max_length=500)]


class ShopObservation(Struct, omit_defaults=True, kw_only=True, gc=False):
    """Whether premises were seen open."""

    premises: Name
    open: bool


class WorkerHealth(Struct, omit_defaults=True, kw_only=True, gc=False):
    """What an enterprise reports of one worker; the temperature in °C."""

    enterprise: Name
    person: PersonReference
    result: Literal["well", "ill", "absent"]
    temperature: Celsius | None = None


class NilReport(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A reporter had nothing to report for a day (ISO 8601), counted in the deployment's zone."""

    reporter: Name
    day: ShortText


class DutySignIn(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A member of a shift came or went; `member` is a name or an identifier, as in the shift."""

    shift: Name
    member: Name | PersonReference
    kind: Literal["in", "out"]


D = TypeVar("D", bound=Struct)


class Event(Struct, Generic[D], omit_defaults=True, kw_only=True, gc=False):
    """A CloudEvents 1.0 event. `time` is when it happened, `recordedtime` when it was accepted."""

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: str
    time: Instant
    recordedtime: Instant | None = None
    datacontenttype: str | None = None
    corrects: Name | None = None
    partof: Name | None = None
    data: D


class EventKind(Struct, frozen=True):
    """One kind of event: its CloudEvents type, its topic, its path at ingest and its data."""

    type: str
    topic: str
    path: str
    data: "builtins.type[Struct]"

    def decoder(self) -> "msgspec.json.Decoder[Event[Struct]]":
        """Return a typed decoder of this kind; it raises msgspec.ValidationError with a path."""
        return msgspec.json.Decoder(Event[self.data])  # type: ignore[name-defined]


CHECKPOINT_SCAN = EventKind(
    "cordon.checkpoint-scan.v1",
    "cordon.checkpoint-scans.v1",
    "/v1/checkpoint-scans",
    CheckpointScan,
)
PLATE_HIT = EventKind("cordon.plate-hit.v1", "cordon.plate-hits.v1", "/v1/plate-hits", PlateHit)
HEALTH_CHECK = EventKind(
    "cordon.health-check.v1", "cordon.health-checks.v1", "/v1/health-checks", HealthCheck
)
CODE_CHANGE = EventKind(
    "cordon.code-change.v1", "cordon.health-checks.v1", "/v1/health-checks", CodeChange
)


def _field_report(name: str, data: "type[Struct]") -> EventKind:
    return EventKind(f"cordon.{name}.v1", "cordon.field-reports.v1", "/v1/field-reports", data)


TIP = _field_report("tip", Tip)
CHECK_IN = _field_report("check-in", CheckIn)
VISIT = _field_report("visit", Visit)
GATE_EVENT = _field_report("gate-event", GateEvent)
POSITION_FIX = _field_report("position-fix", PositionFix)
HEARTBEAT = _field_report("heartbeat", Heartbeat)
TRANSFER_ARRIVAL = _field_report("transfer-arrival", TransferArrival)
SHOP_OBSERVATION = _field_report("shop-observation", ShopObservation)
WORKER_HEALTH = _field_report("worker-health", WorkerHealth)
NIL_REPORT = _field_report("nil-report", NilReport)
DUTY_SIGN_IN = _field_report("duty-sign-in", DutySignIn)
FIELD_REPORT_KINDS = (
    TIP,
    CHECK_IN,
    VISIT,
    GATE_EVENT,
    POSITION_FIX,
    HEARTBEAT,
    TRANSFER_ARRIVAL,
    SHOP_OBSERVATION,
    WORKER_HEALTH,
    NIL_REPORT,
    DUTY_SIGN_IN,
)
EVENT_KINDS = (CHECKPOINT_SCAN, PLATE_HIT, HEALTH_CHECK, CODE_CHANGE, *FIELD_REPORT_KINDS)
KIND_BY_TYPE = {kind.type: kind for kind in EVENT_KINDS}
# What is posted to a path; where that is of several kinds, its `type` says which.
KINDS_BY_PATH = {
    path: {kind.type: kind for kind in EVENT_KINDS if kind.path == path}
    for path in dict.fromkeys(kind.path for kind in EVENT_KINDS)
}

CLOCK_TYPE = "cordon.clock.v1"


class Clock(Struct, kw_only=True):
    """The engine's clock where no event moves it: a record or a timeline's line, not an event."""

    type: Literal["cordon.clock.v1"]
    time: Instant
