"""The parts of an event that the engine reads, decoded straight from the record's bytes.

Only the fields that some rule needs are decoded: at hundreds of thousands of events a second the
rest would cost more than the rules. `gc=False` keeps them out of the collector's rounds.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from schemas import topics
from schemas.events import CODE_CHANGE, FIELD_REPORT_KINDS
from schemas.joins import JOINS_BY_TYPE, Join
from schemas.times import MINUTE_MS, format_ms, parse_ms


class Body(Struct, gc=False):
    """What a camera saw of the vehicle."""

    type: str | None = None
    colour: str | None = None


class SeenPlate(Struct, gc=False):
    """The data of a plate hit."""

    site: str
    direction: str
    confidence: float
    plate: str | None = None
    is_preview: bool = False
    lane: str | None = None
    plate_colour: str | None = None
    aux_plate: str | None = None
    vehicle: Body | None = None
    capture_mode: str = "online"


class DeclaredStay(Struct, gc=False):
    """Where a traveller was, as declared."""

    area: str
    from_: str = msgspec.field(name="from")
    to: str


class GoesTo(Struct, gc=False):
    """Where a traveller says they go."""

    grid: str | None = None


class ScannedPlate(Struct, gc=False):
    """The data of a checkpoint scan; a plate that was typed has confidence 1.0."""

    site: str
    direction: str
    plate: str | None = None
    plate_confidence: float = 1.0
    lane: str | None = None
    plate_colour: str | None = None
    aux_plate: str | None = None
    vehicle: Body | None = None
    occupants: int = 0
    stays: list[DeclaredStay] | None = None
    destination: GoesTo | None = None
    capture_mode: str = "online"


class ShownCode(Struct, gc=False):
    """A health code; its instants are text in the one written form."""

    issuer: str
    colour: str
    issued_at: str
    expires_at: str


class CheckedPerson(Struct, gc=False):
    """The person of a health check, the temperature in °C."""

    verified_by: str = "none"
    person: str | None = None
    temperature: float | None = None
    code: ShownCode | None = None
    pass_: str | None = msgspec.field(default=None, name="pass")
    refusal: bool = False
    id_type: str | None = None


class PersonCheck(Struct, gc=False):
    """The data of a health check."""

    site: str
    person: CheckedPerson
    direction: str = "unknown"
    plate: str | None = None
    capture_mode: str = "online"
    guardian_code: bool = False
    stays: list[DeclaredStay] | None = None
    destination: GoesTo | None = None


class Hit(Struct, gc=False):
    """A plate hit. Times are text in the one written form, so that they compare as instants."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str
    data: SeenPlate
    corrects: str | None = None


class Scan(Struct, gc=False):
    """A checkpoint scan."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str
    data: ScannedPlate
    corrects: str | None = None


class PersonSeen(Struct, gc=False):
    """A health check; `partof` is the scan in which it was made."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str
    data: PersonCheck
    partof: str | None = None
    corrects: str | None = None


class Tick(Struct, gc=False):
    """A clock record; its time is the engine's clock."""

    time: str
    type: str = "cordon.clock.v1"

    @property
    def recordedtime(self) -> str:
        """The place of the tick in the order of events."""
        return self.time


class Reported(Struct, gc=False):
    """A field report or a code change; `data` as it was written."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str
    data: dict[str, Any]
    corrects: str | None = None


class Other(Struct, gc=False):
    """An event of a kind that this version has no rule for: it only moves the clock."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str


class Ahead(Struct, gc=False):
    """What is left of an event that is held aside: whose clock is ahead, and by how much."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str


Dated = Hit | Scan | PersonSeen | Reported | Tick | Other
Event = Dated | Ahead | Join
# No events of devices: they are not repeated, so their identities are not kept.
UNMARKED = (Tick, Join, Ahead)

_HIT = msgspec.json.Decoder(Hit).decode
_SCAN = msgspec.json.Decoder(Scan).decode
_CHECK = msgspec.json.Decoder(PersonSeen).decode
_TICK = msgspec.json.Decoder(Tick).decode
_OTHER = msgspec.json.Decoder(Other).decode
_REPORTED = msgspec.json.Decoder(Reported).decode

DECODERS: dict[str, tuple[Callable[[bytes], Dated], str]] = {
    topics.PLATE_HITS: (_HIT, "cordon.plate-hit.v1"),
    topics.CHECKPOINT_SCANS: (_SCAN, "cordon.checkpoint-scan.v1"),
    topics.HEALTH_CHECKS: (_CHECK, "cordon.health-check.v1"),
    topics.CLOCK: (_TICK, "cordon.clock.v1"),
    topics.FIELD_REPORTS: (_REPORTED, ""),
}
# What is reported about somebody or something, rather than seen at a site.
REPORTED_TYPES = {kind.type for kind in (CODE_CHANGE, *FIELD_REPORT_KINDS)}
_JOINS = {name: msgspec.json.Decoder(struct).decode for name, struct in JOINS_BY_TYPE.items()}
_KIND = msgspec.json.Decoder(Join).decode


FUTURE_MS = 5 * MINUTE_MS
AHEAD = "more than 5 minutes in the future"


class Refused(Struct, frozen=True):
    """A record that is not applied: dead, or held aside because it lies in the future."""

    index: int
    held: bool
    reason: str


class _Unusual(ValueError):
    """A record needs a closer look."""


class _Seconds(dict[str, bool]):
    """Beginnings of instants up to the second, by whether they are in the written form.

    An instant that is none would stop the clock of the partition, or a whole batch: so each is
    looked at, and to look up both of its parts costs no more than to look at its form.
    """

    def __missing__(self, second: str) -> bool:
        if len(self) >= _MOST_SECONDS:
            self.clear()
        text = f"{second}.000Z"
        sound = self[second] = format_ms(parse_ms(text)) == text
        return sound


_MOST_SECONDS = 100_000
_SECONDS = _Seconds()
_REST = frozenset(f".{ms:03d}Z" for ms in range(1000))


def sort_out(
    topic: str, values: Sequence[bytes | None]
) -> tuple[list[Event | None], list[Refused]]:
    """Decode the records of one topic, in order; what can't be applied is refused, with why.

    The events have the places of their values; None stands for a refused one, Ahead for one that is
    held aside.
    """
    try:
        return _decode_all(topic, values), []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError):
        pass  # One of them needs a closer look: take them one by one.
    events: list[Event | None] = []
    refused: list[Refused] = []
    for index, value in enumerate(values):
        try:
            event = _decode_one(topic, value)
            ahead = not isinstance(event, Join | Ahead) and lies_ahead(event)
            reason = AHEAD if ahead else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            events.append(None)
            refused.append(Refused(index, False, str(error)))
            continue
        events.append(ahead_of(event) if ahead else event)
        if reason:
            refused.append(Refused(index, True, reason))
    return events, refused


def _decode_all(topic: str, values: Sequence[Any]) -> list[Event | None]:
    if topic == topics.JOINS:
        return [_decode_join(value) for value in values]
    decode, expected = DECODERS[topic]
    events = [decode(value) for value in values]
    seconds, rest = _SECONDS, _REST
    for event in events:
        time, recorded = event.time, event.recordedtime
        if expected and event.type != expected:
            raise _Unusual
        if not seconds[recorded[:19]] or recorded[19:] not in rest:
            raise _Unusual
        if not seconds[time[:19]] or time[19:] not in rest:
            raise _Unusual
        if time > recorded and lies_ahead(event):
            raise _Unusual
    return list[Event | None](events)


def _decode_one(topic: str, value: bytes | None) -> Event:
    if value is None:
        raise ValueError("a record without a value")
    if topic == topics.JOINS:
        return _decode_join(value)
    decode, expected = DECODERS[topic]
    event: Dated = _TICK(value) if topic == topics.CLOCK else _OTHER(value)
    if event.type == expected:
        event = decode(value)
    elif event.type in REPORTED_TYPES:
        event = _REPORTED(value)
    for text in (event.time, event.recordedtime):
        if len(text) != 24 or format_ms(parse_ms(text)) != text:
            raise ValueError(f"not an instant in the written form: {text[:40]!r}")
    return event


def _decode_join(value: bytes) -> Join:
    kind = _KIND(value).type
    if kind not in _JOINS:
        raise ValueError(f"no join is of type {kind[:40]!r}")
    return _JOINS[kind](value)


def ahead_of(event: Event) -> Ahead | None:
    """Return what the rules are told of an event that is held aside; a tick has no source."""
    if not isinstance(event, Hit | Scan | PersonSeen | Reported | Other):
        return None
    return Ahead(event.id, event.source, event.type, event.time, event.recordedtime)


def lies_ahead(event: Dated) -> bool:
    """Tell whether an event says that it happened later than it may have."""
    return parse_ms(event.time) - parse_ms(event.recordedtime) > FUTURE_MS
