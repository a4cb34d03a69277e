"""From what a device posts to what the topics carry: normalise, pseudonymise, split.

Ingest, the API and backtest all go through here, so a timeline means the same everywhere.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas import field_reports
from schemas.events import (
    CHECKPOINT_SCAN,
    CODE_CHANGE,
    EVENT_KINDS,
    FIELD_REPORT_KINDS,
    HEALTH_CHECK,
    KIND_BY_TYPE,
    PLATE_HIT,
    CheckpointScan,
    Event,
    EventKind,
    HealthCheck,
    HealthCode,
    Person,
    PersonReference,
    PlateHit,
)
from schemas.persons import ID_TYPES, IdentifierProblem, PseudonymKey, is_person_key
from schemas.plates import PlateProblem, normalise
from schemas.problems import Problem, instant, invalid, rejected, set_aside
from schemas.times import TimeProblem, format_ms, written

_encode = msgspec.json.Encoder().encode
# With separators; a resident's number has 18 characters.
LONGEST_PLATE: Final = 16
# All events of a request are recorded at one instant.
_recorded_text = lru_cache(maxsize=16)(format_ms)
_day_of = lru_cache(maxsize=16)(date.fromisoformat)
_decoders: Final = {
    kind.type: msgspec.json.Decoder(Event[kind.data]).decode  # type: ignore[name-defined]
    for kind in EVENT_KINDS
}
# A name has at most 128 characters, and `#100` is appended for the last of a scan's persons.
_SCAN_ID_LIMIT: Final = 124
# The plates of a county and their usual misreadings.
_MOST_PLATES: Final = 32_768

# An event as it is written, and the subject that it is written under.
Part = tuple[str, Event[Any]]


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
        # Most vehicles come again: a table is quicker than the grammar.
        self._canonical = lru_cache(_MOST_PLATES)(lambda raw: normalise(raw, grammar).text)
        self._split: dict[str, Callable[[Event[Any], list[Problem]], list[Part]]] = {
            CHECKPOINT_SCAN.type: self._scan,
            PLATE_HIT.type: self._hit,
            HEALTH_CHECK.type: self._check,
            **{kind.type: self._report for kind in (CODE_CHANGE, *FIELD_REPORT_KINDS)},
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
        parts, warnings = self.split(kind, event, recorded_ms, keep=keep)
        return Accepted([_record(*part) for part in parts], warnings)

    def split(
        self, kind: EventKind, event: Event[Any], recorded_ms: int, *, keep: bool = False
    ) -> tuple[list[Part], list[Problem]]:
        """Return what `admit` writes, before it is encoded, and the warnings."""
        field = "time"
        try:
            event.time = written(event.time)
            if not keep:
                event.recordedtime = _recorded_text(recorded_ms)
            elif event.recordedtime is None:
                event.recordedtime = event.time
            else:
                field = "recordedtime"
                event.recordedtime = written(event.recordedtime)
        except TimeProblem as error:
            raise rejected(str(error), field) from error
        event.datacontenttype = None
        event.partof = None
        warnings: list[Problem] = []
        return self._split[kind.type](event, warnings), warnings

    def _hit(self, event: Event[PlateHit], warnings: list[Problem]) -> list[Part]:
        hit = event.data
        self._settle_plates(hit, warnings)
        if hit.candidates is not None:
            for index, candidate in enumerate(hit.candidates):
                field = f"data.candidates[{index}].plate"
                candidate.plate = self._plate(candidate.plate, field, warnings) or candidate.plate
        return [(f"vehicle:{hit.plate}" if hit.plate else f"site:{hit.site}", event)]

    def _scan(self, event: Event[CheckpointScan], warnings: list[Problem]) -> list[Part]:
        scan = event.data
        self._settle_plates(scan, warnings)
        persons, scan.persons = scan.persons or [], None
        if persons and len(event.id) > _SCAN_ID_LIMIT:
            raise rejected(f"has at most {_SCAN_ID_LIMIT} characters where there are persons", "id")
        scan.occupants = len(persons)
        subject = f"vehicle:{scan.plate}" if scan.plate else f"site:{scan.site}"
        parts: list[Part] = [(subject, event)]
        valid = [_shows_valid_code(person, event.time) for person in persons]
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
                    guardian_code=sum(valid) > valid[place - 1] or None,
                    stays=scan.stays,
                    destination=scan.destination,
                ),
            )
            field = f"data.persons[{place - 1}]"
            parts.append(self._checked(check, field, warnings))
        return parts

    def _check(self, event: Event[HealthCheck], warnings: list[Problem]) -> list[Part]:
        check = event.data
        if check.plate is not None:
            check.plate = self._plate(check.plate, "data.plate", warnings)
        return [self._checked(event, "data.person", warnings)]

    def _checked(self, event: Event[HealthCheck], field: str, warnings: list[Problem]) -> Part:
        person = event.data.person
        self.settle_person(person, field, event.recordedtime, warnings)
        return person.person or f"site:{event.data.site}", event

    def _report(self, event: Event[Any], warnings: list[Problem]) -> list[Part]:
        return [(field_reports.settle(event, self, warnings), event)]

    def settle_person(
        self, who: PersonReference, field: str, recorded: str | None, warnings: list[Problem]
    ) -> None:
        """Bring a posted person into the written form: the identifier becomes a pseudonym.

        One that fails its checks is left out, with a warning. Raises Rejected for a health code
        whose times are none.
        """
        if isinstance(who, Person) and who.code is not None:
            self.settle_code(who.code, f"{field}.code")
        try:
            number = None if who.id_number is None else str(who.id_number)
            who.person = self.pseudonym(who.person, who.id_type, number, recorded)
        except IdentifierProblem as error:
            blamed = "person" if who.id_number is None else "id_number"
            warnings.append(set_aside(f"{field}.{blamed}", error))
            who.person = None
        who.id_number = None
        if who.id_type not in ID_TYPES:
            # Whatever stands there instead, a number perhaps, is not written.
            who.id_type = None

    def settle_code(self, code: HealthCode, field: str) -> None:
        """Bring the times of a health code into the written form. Raises Rejected."""
        code.issued_at = format_ms(instant(code.issued_at, f"{field}.issued_at"))
        code.expires_at = format_ms(instant(code.expires_at, f"{field}.expires_at"))

    def person_named(self, name: str) -> str | None:
        """Return the pseudonym where a name is one or is a resident's number, which is not written.

        None for any other name.
        """
        try:
            return self.pseudonym(None, "resident_id", name)
        except IdentifierProblem:
            # A name of the usual kind fails these checks; nothing is wrong with it.
            return name if is_person_key(name) else None

    def pseudonym(
        self,
        person: str | None,
        id_type: str | None,
        id_number: str | None,
        recorded: str | None = None,
    ) -> str | None:
        """Return the pseudonym of an identifier, or None where none is given.

        `recorded` is an instant in the written form: nobody is born after it. Raises
        IdentifierProblem for an identifier that fails its checks.
        """
        if id_number is not None:
            if id_type is None:
                raise IdentifierProblem("id_number without id_type")
            today = _day_of(recorded[:10]) if recorded else None
            return self._key.person(id_type, id_number, today)
        if person is not None and not is_person_key(person):
            raise IdentifierProblem("not a pseudonym of the form person:<key>:<hex>")
        return person

    def sealed(self, secret: str) -> str:
        """Return the form in which a device's secret is kept; what is sealed already stays so."""
        return self._key.seal(secret)

    def plate(self, raw: str) -> str:
        """Return the canonical plate; raises PlateProblem."""
        return self._canonical(raw)

    def _settle_plates(self, data: PlateHit | CheckpointScan, warnings: list[Problem]) -> None:
        """Bring the plates of a vehicle into the written form, and keep what was read for one."""
        raw, data.plate_raw = data.plate, None
        if raw is not None:
            data.plate = self._plate(raw, "data.plate", warnings)
            # A longer text is no plate: it may be an identity number.
            if raw != data.plate and len(raw) <= LONGEST_PLATE:
                data.plate_raw = raw
        if data.aux_plate is not None:
            data.aux_plate = self._plate(data.aux_plate, "data.aux_plate", warnings)

    def _plate(self, raw: str, field: str, warnings: list[Problem]) -> str | None:
        try:
            return self._canonical(raw)
        except PlateProblem as error:
            warnings.append(set_aside(field, error))
            return None


def _shows_valid_code(person: Person, at: str) -> bool:
    code = person.code
    if code is None or code.colour == "none":
        return False
    try:
        return written(code.expires_at) > at
    except TimeProblem:
        return False  # The person's own check names the field and rejects the scan.


def _record(subject: str, event: Event[Any]) -> Record:
    topic = KIND_BY_TYPE[event.type].topic
    return Record(topic, subject, event.source, event.id, _encode(event))


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
