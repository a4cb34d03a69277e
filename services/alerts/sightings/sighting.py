"""What a sighting is, and how the records of the event topics become columns of sightings.

Only what the store keeps is decoded, and a batch stays in columns from here to the file: an object
for every row would cost more than the writing. Nothing medical is kept; that is the events' own.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any, Final

import msgspec
import numpy
from msgspec import Struct
from numpy.typing import NDArray

from rules.facts import VERIFIED_CLASS
from schemas.events import CHECKPOINT_SCAN, HEALTH_CHECK, PLATE_HIT
from schemas.partition import VEHICLE
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS, format_ms, parse_ms

TOPICS: Final = (PLATE_HIT.topic, CHECKPOINT_SCAN.topic, HEALTH_CHECK.topic)
# Beyond it the workers hold an event aside (contracts: Lateness).
FUTURE_MS: Final = 5 * MINUTE_MS

# The fields of Sighting that are text.
TEXTS: Final = (
    "subject",
    "source",
    "id",
    "type",
    "site",
    "direction",
    "evidence",
    "lane",
    "plate",
    "plate_colour",
    "vehicle_type",
    "vehicle_colour",
    "partof",
    "corrects",
)


class Same(Struct, frozen=True):
    """A column that says the same in every row: most of a day's columns do."""

    text: str | None


Texts = list[str | None] | Same
Instants = NDArray[numpy.int64]
_EMPTY: Final = Same(None)


class Sighting(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody or something seen at a site.

    `subject` is `vehicle:<plate>` or a person key; where an event that corrects another names
    neither it is `site:<site>`. Instants are ms UTC. `evidence` is the class of the evidence
    (contracts: Person). `confidence` (0 to 1) is that of the plate; a typed plate has 1. `plate` is
    also that of the vehicle in which a person was checked. Companions of one scan share `source`
    and `partof`. `corrects` is the id of the earlier event that this one replaces.
    """

    subject: str
    time_ms: int
    recorded_ms: int
    source: str
    id: str
    type: str
    site: str
    direction: str
    evidence: str
    lane: str | None = None
    confidence: float | None = None
    plate: str | None = None
    plate_colour: str | None = None
    vehicle_type: str | None = None
    vehicle_colour: str | None = None
    partof: str | None = None
    corrects: str | None = None


class Columns(Struct):
    """Sightings by column: the lists and arrays are of equal length, `texts` has all of TEXTS."""

    time_ms: Instants
    recorded_ms: Instants
    confidence: list[float | None]
    texts: dict[str, Texts]

    def __len__(self) -> int:
        return len(self.confidence)

    @property
    def newest_ms(self) -> int:
        """When the newest of them was accepted; 0 where there are none."""
        return int(self.recorded_ms.max(initial=0))

    @property
    def corrections(self) -> int:
        """How many of them correct another event."""
        corrects = self.texts["corrects"]
        if isinstance(corrects, Same):
            return 0 if corrects.text is None else len(self)
        return len(self) - corrects.count(None)

    def where(self, mask: NDArray[numpy.bool_]) -> "Columns":
        """Return the rows for which the mask is true."""
        if mask.all():
            return self
        places = numpy.flatnonzero(mask).tolist()
        return Columns(
            self.time_ms[mask],
            self.recorded_ms[mask],
            [self.confidence[place] for place in places],
            {
                name: column if isinstance(column, Same) else [column[place] for place in places]
                for name, column in self.texts.items()
            },
        )


def joined(parts: Sequence[Columns]) -> Columns:
    """Return the rows of all parts, one after the other."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    return Columns(
        numpy.concatenate([numpy.empty(0, numpy.int64), *(part.time_ms for part in parts)]),
        numpy.concatenate([numpy.empty(0, numpy.int64), *(part.recorded_ms for part in parts)]),
        list(chain.from_iterable(part.confidence for part in parts)),
        {name: _joined([(part.texts[name], len(part)) for part in parts]) for name in TEXTS},
    )


def _joined(columns: Sequence[tuple[Texts, int]]) -> Texts:
    first = columns[0][0] if columns else None
    if isinstance(first, Same) and all(column == first for column, _ in columns):
        return first
    return list(
        chain.from_iterable(
            repeat(column.text, many) if isinstance(column, Same) else column
            for column, many in columns
        )
    )


class _Body(Struct, gc=False):
    type: str | None = None
    colour: str | None = None


class _Read(Struct, gc=False):
    """The data of a plate hit."""

    site: str
    direction: str
    confidence: float
    plate: str | None = None
    is_preview: bool = False
    lane: str | None = None
    plate_colour: str | None = None
    vehicle: _Body | None = None


class _Scanned(Struct, gc=False):
    """The data of a checkpoint scan; a plate that was typed has confidence 1.0."""

    site: str
    direction: str
    plate_confidence: float = 1.0
    plate: str | None = None
    lane: str | None = None
    plate_colour: str | None = None
    vehicle: _Body | None = None


class _Person(Struct, gc=False):
    verified_by: str = "none"
    person: str | None = None
    pass_: str | None = msgspec.field(default=None, name="pass")


class _Checked(Struct, gc=False):
    """The data of a health check."""

    site: str
    person: _Person
    direction: str = "unknown"
    plate: str | None = None


class _Event(Struct, gc=False):
    id: str
    source: str
    type: str
    time: str
    recordedtime: str
    corrects: str | None = None
    partof: str | None = None


class _Hit(_Event, kw_only=True, gc=False):
    data: _Read


class _Scan(_Event, kw_only=True, gc=False):
    data: _Scanned


class _Check(_Event, kw_only=True, gc=False):
    data: _Checked


# The one written form of an instant, where its digits stand, and what they count for.
_FORM: Final = b"0000-00-00T00:00:00.000Z"
_DIGITS: Final = numpy.frombuffer(_FORM, numpy.uint8) == ord("0")
_MARKS: Final = numpy.frombuffer(_FORM, numpy.uint8)[~_DIGITS]
_WEIGHTS: Final = numpy.array([1000, 100, 10, 1, *(10, 1) * 5, 100, 10, 1])
_FIELDS: Final = (0, 4, 6, 8, 10, 12, 14)
_LOWEST: Final = numpy.array([1, 1, 1, 0, 0, 0, 0])
_HIGHEST: Final = numpy.array([9999, 12, 31, 23, 59, 59, 999])

_decode_head: Final = msgspec.json.Decoder(_Event).decode
_DECODERS: Final[dict[str, tuple[Callable[[bytes], Any], str]]] = {
    PLATE_HIT.topic: (msgspec.json.Decoder(_Hit).decode, PLATE_HIT.type),
    CHECKPOINT_SCAN.topic: (msgspec.json.Decoder(_Scan).decode, CHECKPOINT_SCAN.type),
    HEALTH_CHECK.topic: (msgspec.json.Decoder(_Check).decode, HEALTH_CHECK.type),
}
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


def sort_out(topic: str, values: Sequence[bytes | None]) -> tuple[Columns, Counter[str]]:
    """Return the sightings among the records of a topic, in their order, and what became of all.

    Counted are `kept`, `unidentified` (no plate and no person), `preview`, `held` (more than five
    minutes in the future), `other` (no sighting) and `unreadable`. The workers set aside what is
    unreadable or held; here it is left out.
    """
    counts: Counter[str] = Counter()
    events, times, recorded = _decoded(topic, values, counts)
    columns = _COLUMNS[topic](events, times, recorded, counts)
    columns.texts["type"] = Same(_DECODERS[topic][1])
    counts["kept"] = len(columns)
    return columns, counts


def of_events(topic: str, events: Sequence[Any]) -> Columns:
    """Return the sightings among events of a topic that somebody has decoded, in their order.

    They have the fields of the structs here, whatever else they have, and none is held aside.
    """
    times = _instants([event.time for event in events])
    recorded = _instants([event.recordedtime for event in events])
    columns = _COLUMNS[topic](list(events), times, recorded, Counter())
    columns.texts["type"] = Same(_DECODERS[topic][1])
    return columns


def _decoded(
    topic: str, values: Sequence[Any], counts: Counter[str]
) -> tuple[list[Any], Instants, Instants]:
    """Return the events that are of the topic's kind and not held, with their two instants."""
    decode, kind = _DECODERS[topic]
    try:
        events = [decode(value) for value in values]
        times = _instants([event.time for event in events])
        recorded = _instants([event.recordedtime for event in events])
        usual = all(event.type == kind for event in events)
    except (*_UNREADABLE, TypeError):
        usual = False  # One of them needs a closer look.
    if not usual:
        events = [event for value in values if (event := _one(topic, value, counts)) is not None]
        times = _instants([event.time for event in events])
        recorded = _instants([event.recordedtime for event in events])
    ahead = times - recorded > FUTURE_MS
    if ahead.any():
        counts["held"] += int(ahead.sum())
        events = [event for event, held in zip(events, ahead.tolist(), strict=True) if not held]
        times, recorded = times[~ahead], recorded[~ahead]
    return events, times, recorded


def _instants(texts: list[str]) -> Instants:
    """Return the instants of texts in the one written form. Raises ValueError for any other."""
    # All at once, digit by digit: one by one they would take a third of the decoding.
    written = "".join(texts).encode()
    if len(written) != len(_FORM) * len(texts):
        raise ValueError("not in the written form")
    characters = numpy.frombuffer(written, numpy.uint8).reshape(len(texts), len(_FORM))
    digits = characters[:, _DIGITS] - ord("0")
    if (characters[:, ~_DIGITS] != _MARKS).any() or (digits > 9).any():
        raise ValueError("not in the written form")
    fields = numpy.add.reduceat(digits * _WEIGHTS, _FIELDS, axis=1)
    year, month, day, hour, minute, second, ms = fields.T
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    if (
        (fields > _HIGHEST).any()
        or (fields < _LOWEST).any()
        or (days.astype("datetime64[M]") != months).any()
    ):
        raise ValueError("not an instant")
    seconds = (hour * 60 + minute) * 60 + second
    instants: Instants = days.astype(numpy.int64) * DAY_MS + seconds * SECOND_MS + ms
    return instants


def _one(topic: str, value: bytes | None, counts: Counter[str]) -> Any:
    """Return the event of a record, None where it is unreadable or of another kind."""
    decode, kind = _DECODERS[topic]
    try:
        if value is None:
            raise ValueError("a record without a value")
        event = _decode_head(value)
        if event.type != kind:
            counts["other"] += 1
            return None
        event = decode(value)
        for text in (event.time, event.recordedtime):
            if len(text) != 24 or format_ms(parse_ms(text)) != text:
                raise ValueError("not an instant in the written form")
    except _UNREADABLE:
        # The worker sets the record aside as a dead letter, with the reason; here it is counted.
        counts["unreadable"] += 1
        return None
    return event


def _of_vehicles(
    events: list[Any], times: Instants, recorded: Instants, counts: Counter[str], is_scan: bool
) -> Columns:
    wanted = [event.data.plate is not None or event.corrects is not None for event in events]
    if not is_scan:
        previews = [event.data.is_preview for event in events]
        counts["preview"] += sum(previews)
        if any(previews):
            wanted = [each and not early for each, early in zip(wanted, previews, strict=True)]
    counts["unidentified"] += len(events) - sum(wanted) - counts["preview"]
    events, times, recorded = _chosen(events, times, recorded, wanted)
    data = [event.data for event in events]
    plates = [each.plate for each in data]
    bodies = [each.vehicle for each in data]
    texts = _shared(events, data)
    texts["subject"] = [
        f"site:{each.site}" if plate is None else VEHICLE + plate
        for plate, each in zip(plates, data, strict=True)
    ]
    texts["evidence"] = Same("vehicle")
    texts["lane"] = [each.lane for each in data]
    texts["plate"] = plates
    texts["plate_colour"] = [each.plate_colour for each in data]
    texts["vehicle_type"] = texts["vehicle_colour"] = _EMPTY
    if any(bodies):
        texts["vehicle_type"] = [body.type if body else None for body in bodies]
        texts["vehicle_colour"] = [body.colour if body else None for body in bodies]
    # The persons of a scan name it; it names itself, so that all of one scan share it.
    texts["partof"] = [event.id for event in events] if is_scan else _EMPTY
    sure = [each.plate_confidence if is_scan else each.confidence for each in data]
    return Columns(times, recorded, sure, texts)


def _hits(events: list[Any], times: Instants, recorded: Instants, counts: Counter[str]) -> Columns:
    return _of_vehicles(events, times, recorded, counts, is_scan=False)


def _scans(events: list[Any], times: Instants, recorded: Instants, counts: Counter[str]) -> Columns:
    return _of_vehicles(events, times, recorded, counts, is_scan=True)


def _checks(
    events: list[Any], times: Instants, recorded: Instants, counts: Counter[str]
) -> Columns:
    wanted = [
        event.data.person.person is not None or event.corrects is not None for event in events
    ]
    counts["unidentified"] += len(events) - sum(wanted)
    events, times, recorded = _chosen(events, times, recorded, wanted)
    data = [event.data for event in events]
    persons = [each.person for each in data]
    texts = _shared(events, data)
    texts["subject"] = [
        person.person or f"site:{each.site}" for person, each in zip(persons, data, strict=True)
    ]
    texts["evidence"] = [_evidence(person) for person in persons]
    texts["plate"] = [each.plate for each in data]
    texts["partof"] = [event.partof for event in events]
    for name in ("lane", "plate_colour", "vehicle_type", "vehicle_colour"):
        texts[name] = _EMPTY
    return Columns(times, recorded, [None] * len(events), texts)


_COLUMNS: Final = {
    PLATE_HIT.topic: _hits,
    CHECKPOINT_SCAN.topic: _scans,
    HEALTH_CHECK.topic: _checks,
}


def _chosen(
    events: list[Any], times: Instants, recorded: Instants, wanted: list[bool]
) -> tuple[list[Any], Instants, Instants]:
    if all(wanted):
        return events, times, recorded
    mask = numpy.array(wanted, bool)
    kept = [event for event, each in zip(events, wanted, strict=True) if each]
    return kept, times[mask], recorded[mask]


def _shared(events: list[Any], data: list[Any]) -> dict[str, Texts]:
    return {
        "source": [event.source for event in events],
        "id": [event.id for event in events],
        "site": [each.site for each in data],
        "direction": [each.direction for each in data],
        "corrects": _EMPTY
        if all(event.corrects is None for event in events)
        else [event.corrects for event in events],
    }


def _evidence(person: _Person) -> str:
    """As `rules.facts.evidence_class`: a pass is digital evidence where nothing else was shown."""
    proved = VERIFIED_CLASS.get(person.verified_by, "tip")
    return "digital" if proved == "tip" and person.pass_ is not None else proved
