"""From what a device posts to what the topics carry: normalise, pseudonymise, split.

Ingest, the API and backtest all go through here, so a timeline means the same everywhere.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.events import (
    CHECKPOINT_SCAN,
    HEALTH_CHECK,
    PLATE_HIT,
    CheckpointScan,
    Event,
    EventKind,
    HealthCheck,
    PlateHit,
)
from schemas.persons import ID_TYPES, IdentifierProblem, PseudonymKey, is_person_key
from schemas.plates import PlateProblem, normalise
from schemas.problems import Problem, invalid, rejected
from schemas.times import TimeProblem, canonical, format_ms, parse_ms

_encode = msgspec.json.Encoder().encode
# With separators; a resident's number has 18 characters.
LONGEST_PLATE: Final = 16
# All events of a request are recorded at one instant.
_recorded_text = lru_cache(maxsize=16)(format_ms)
_decoders: Final = {
    kind.type: msgspec.json.Decoder(Event[kind.data]).decode  # type: ignore[name-defined]
    for kind in (CHECKPOINT_SCAN, PLATE_HIT, HEALTH_CHECK)
}
# A name has at most 128 characters, and `#100` is appended for the last of a scan's persons.
_SCAN_ID_LIMIT: Final = 124


class Record(Struct, frozen=True, gc=False):
    """One record to write: the subject is its key, (source, id) its identity."""

    topic: str
    subject: str
    source: str
    id: str
    value: bytes


class Accepted(Struct, frozen=True):
    """What one posted event becomes. The first record is the event itself."""

    records: list[Record]
    warnings: list[Problem]


class Intake:
    """The intake of one deployment: its pseudonym key and its grammar of plates."""

    def __init__(self, key: PseudonymKey, grammar: str = "prc") -> None:
        self._key = key
        self._grammar = grammar
        self._build: dict[str, Callable[[Event[Any], list[Problem]], list[Record]]] = {
            CHECKPOINT_SCAN.type: self._scan,
            PLATE_HIT.type: self._hit,
            HEALTH_CHECK.type: self._check,
        }

    def accept(
        self, kind: EventKind, item: bytes | msgspec.Raw, recorded_ms: int, *, keep: bool = False
    ) -> Accepted:
        """Return the records of one posted event: `decode`, then `admit`."""
        return self.admit(kind, self.decode(kind, item), recorded_ms, keep=keep)

    def decode(self, kind: EventKind, item: bytes | msgspec.Raw) -> Event[Any]:
        """Return one posted event as it was posted. Raises Rejected, which names the field."""
        try:
            event = _decoders[kind.type](item)
        except msgspec.ValidationError as error:
            # Of an event of another type nearly every field is wrong; its type is to blame.
            _check_type(kind, _type_of(item))
            raise invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise rejected(f"not JSON: {error}", status=400) from error
        except RecursionError as error:
            raise rejected("nested too deeply", status=400) from error
        _check_type(kind, event.type)
        return event

    def admit(
        self, kind: EventKind, event: Event[Any], recorded_ms: int, *, keep: bool = False
    ) -> Accepted:
        """Return the records of a decoded event, which is changed into what is written.

        `recorded_ms` is when it is accepted; with `keep` (a replay) the event's own
        `recordedtime`, else its `time`, is kept. Raises Rejected, which names the field.
        """
        happened_ms = _instant(event.time, "time")
        if keep:
            recorded_ms = (
                happened_ms
                if event.recordedtime is None
                else _instant(event.recordedtime, "recordedtime")
            )
        event.time = canonical(event.time, happened_ms)
        event.recordedtime = _recorded_text(recorded_ms)
        event.datacontenttype = None
        event.partof = None
        warnings: list[Problem] = []
        return Accepted(self._build[kind.type](event, warnings), warnings)

    def _hit(self, event: Event[PlateHit], warnings: list[Problem]) -> list[Record]:
        hit = event.data
        hit.plate_raw = _kept_raw(hit.plate)
        hit.plate = self._plate(hit.plate, "data.plate", warnings)
        if hit.plate_raw == hit.plate:
            hit.plate_raw = None
        hit.aux_plate = self._plate(hit.aux_plate, "data.aux_plate", warnings)
        for index, candidate in enumerate(hit.candidates or ()):
            field = f"data.candidates[{index}].plate"
            candidate.plate = self._plate(candidate.plate, field, warnings) or candidate.plate
        subject = f"vehicle:{hit.plate}" if hit.plate else f"site:{hit.site}"
        return [_record(PLATE_HIT, subject, event)]

    def _scan(self, event: Event[CheckpointScan], warnings: list[Problem]) -> list[Record]:
        scan = event.data
        scan.plate_raw = _kept_raw(scan.plate)
        scan.plate = self._plate(scan.plate, "data.plate", warnings)
        if scan.plate_raw == scan.plate:
            scan.plate_raw = None
        scan.aux_plate = self._plate(scan.aux_plate, "data.aux_plate", warnings)
        persons, scan.persons = scan.persons or [], None
        if persons and len(event.id) > _SCAN_ID_LIMIT:
            raise rejected(f"has at most {_SCAN_ID_LIMIT} characters where there are persons", "id")
        scan.occupants = len(persons)
        subject = f"vehicle:{scan.plate}" if scan.plate else f"site:{scan.site}"
        records = [_record(CHECKPOINT_SCAN, subject, event)]
        for place, person in enumerate(persons, 1):
            check = Event[HealthCheck](
                specversion="1.0",
                id=f"{event.id}#{place}",
                source=event.source,
                type=HEALTH_CHECK.type,
                time=event.time,
                recordedtime=event.recordedtime,
                corrects=f"{event.corrects}#{place}" if event.corrects else None,
                partof=event.id,
                data=HealthCheck(
                    site=scan.site,
                    person=person,
                    direction=scan.direction,
                    plate=scan.plate,
                    capture_mode=scan.capture_mode,
                ),
            )
            field = f"data.persons[{place - 1}]"
            records += self._checked(check, field, warnings)
        return records

    def _check(self, event: Event[HealthCheck], warnings: list[Problem]) -> list[Record]:
        event.data.plate = self._plate(event.data.plate, "data.plate", warnings)
        return self._checked(event, "data.person", warnings)

    def _checked(
        self, event: Event[HealthCheck], field: str, warnings: list[Problem]
    ) -> list[Record]:
        person = event.data.person
        for name in ("issued_at", "expires_at"):
            if person.code is not None:
                moment = _instant(getattr(person.code, name), f"{field}.code.{name}")
                setattr(person.code, name, format_ms(moment))
        try:
            number = None if person.id_number is None else str(person.id_number)
            person.person = self.pseudonym(
                person.person, person.id_type, number, event.recordedtime
            )
        except IdentifierProblem as error:
            blamed = "person" if person.id_number is None else "id_number"
            warnings.append(_set_aside(f"{field}.{blamed}", error))
            person.person = None
        person.id_number = None
        if person.id_type not in ID_TYPES:
            # Whatever stands there instead, a number perhaps, is not written.
            person.id_type = None
        return [_record(HEALTH_CHECK, person.person or f"site:{event.data.site}", event)]

    def pseudonym(
        self,
        person: str | None,
        id_type: str | None,
        id_number: str | None,
        recorded: str | None = None,
    ) -> str | None:
        """Return the pseudonym of an identifier, or None where none is given.

        Raises IdentifierProblem for an identifier that fails its checks.
        """
        if id_number is not None:
            if id_type is None:
                raise IdentifierProblem("id_number without id_type")
            today = datetime.fromtimestamp(parse_ms(recorded) / 1000, UTC) if recorded else None
            return self._key.person(id_type, id_number, today.date() if today else None)
        if person is not None and not is_person_key(person):
            raise IdentifierProblem("not a pseudonym of the form person:<key>:<hex>")
        return person

    def sealed(self, secret: str) -> str:
        """Return the form in which a device's secret is kept; what is sealed already stays so."""
        return self._key.seal(secret)

    def plate(self, raw: str) -> str:
        """Return the canonical plate; raises PlateProblem."""
        return normalise(raw, self._grammar).text

    def _plate(self, raw: str | None, field: str, warnings: list[Problem]) -> str | None:
        if raw is None:
            return None
        try:
            return self.plate(raw)
        except PlateProblem as error:
            warnings.append(_set_aside(field, error))
            return None


def _record(kind: EventKind, subject: str, event: Event[Any]) -> Record:
    return Record(kind.topic, subject, event.source, event.id, _encode(event))


class _Head(Struct):
    """As much of an event as tells what it is meant to be."""

    type: str | None = None


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def _type_of(item: bytes | msgspec.Raw) -> str | None:
    try:
        return _decode_head(item).type
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # The first decoder stopped at a wrong value, before it came to where the text breaks off.
        raise rejected(f"not JSON: {error}", status=400) from error


def _check_type(kind: EventKind, named: str | None) -> None:
    if named is not None and named != kind.type:
        raise rejected(f"must be {kind.type}", "type")


def _kept_raw(plate: str | None) -> str | None:
    """Return the plate as posted, unless it is too long for one: it may be an identity number."""
    return plate if plate is not None and len(plate) <= LONGEST_PLATE else None


def _set_aside(field: str, error: ValueError) -> Problem:
    return Problem(title="Set aside", status=422, detail=str(error), field=field)


def _instant(text: str, field: str) -> int:
    try:
        return parse_ms(text)
    except TimeProblem as error:
        raise rejected(str(error), field) from error
