"""Records as ingest writes them, and a store's plain opposite to compare it with."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from schemas.events import CHECKPOINT_SCAN, HEALTH_CHECK, KIND_BY_TYPE, PLATE_HIT
from schemas.filing import Filing
from schemas.intake import Intake, Record
from schemas.persons import PseudonymKey
from schemas.times import format_ms, parse_ms
from schemas.versions import FOREVER
from services.alerts.sightings.sighting import Sighting

T0 = parse_ms("2020-02-10T08:00:00Z")
PLATE = "浙F12345"
OTHER = "浙F67890"
VEHICLE = f"vehicle:{PLATE}"
NUMBER = "330421195702160002"
KEY = PseudonymKey.fixed_for_tests()
PERSON = KEY.person("resident_id", NUMBER)
INTAKE = Intake(KEY)
FILING = Filing(INTAKE)


def event(
    type_: str,
    id_: str,
    at_ms: int,
    data: dict[str, Any],
    *,
    source: str = "camera-1",
    recorded_ms: int | None = None,
    corrects: str | None = None,
) -> list[Record]:
    """Return the records of one event, accepted a second later unless said otherwise."""
    body = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "time": format_ms(at_ms),
        "data": data,
        **({} if corrects is None else {"corrects": corrects}),
    }
    accepted_ms = at_ms + 1000 if recorded_ms is None else recorded_ms
    return INTAKE.accept(KIND_BY_TYPE[type_], msgspec.json.encode(body), accepted_ms).records


def hit(
    id_: str,
    at_ms: int = T0,
    *,
    plate: str | None = PLATE,
    site: str = "site-1",
    direction: str = "in",
    source: str = "camera-1",
    recorded_ms: int | None = None,
    corrects: str | None = None,
    **more: Any,
) -> list[Record]:
    """Return the record of a plate hit."""
    data = {"site": site, "direction": direction, "plate": plate, "confidence": 0.95, **more}
    return event(
        PLATE_HIT.type,
        id_,
        at_ms,
        data,
        source=source,
        recorded_ms=recorded_ms,
        corrects=corrects,
    )


def scan(id_: str, at_ms: int = T0, *, persons: int = 1, **more: Any) -> list[Record]:
    """Return the records of a scan with persons, of whom the first is PERSON."""
    corrects = more.pop("corrects", None)
    seen = [
        {"id_type": "resident_id", "id_number": NUMBER, "verified_by": "document"},
        {"verified_by": "none"},
        {"id_type": "passport", "id_number": "E12345678", "verified_by": "code"},
    ][:persons]
    data = {"site": "gate", "direction": "in", "plate": PLATE, "persons": seen, **more}
    return event(CHECKPOINT_SCAN.type, id_, at_ms, data, source="desk-1", corrects=corrects)


def check(id_: str, at_ms: int = T0, **more: Any) -> list[Record]:
    """Return the record of a check of PERSON."""
    who = {"id_type": "resident_id", "id_number": NUMBER, "verified_by": "document"}
    recorded_ms = more.pop("recorded_ms", None)
    data = {"site": "desk", "person": who, **more}
    return event(HEALTH_CHECK.type, id_, at_ms, data, source="desk-2", recorded_ms=recorded_ms)


def by_topic(*groups: Iterable[Record]) -> dict[str, list[bytes | None]]:
    """Return the values of records by topic."""
    values: dict[str, list[bytes | None]] = {}
    for group in groups:
        for record in group:
            values.setdefault(record.topic, []).append(record.value)
    return values


def filed(name: str, id_: str, filed_ms: int, **data: Any) -> bytes:
    """Return the record of a filing."""
    entry = {
        "id": id_,
        "valid_from": format_ms(filed_ms),
        "author": "a",
        "source": "s",
        "reason": "r",
        "purpose": "outbreak-control",
        **data,
    }
    body = FILING.entry(name, entry)
    return FILING.filed_put(name, body, filed_ms, f"{name}/{id_}/{filed_ms}", "api").value


def watched(id_: str, filed_ms: int, **data: Any) -> bytes:
    """Return the record of a watch entry, about PLATE unless said otherwise."""
    about = {} if "person" in data else {"plate": PLATE}
    ends = {"valid_to": "2020-12-31T00:00:00Z", "category": "close-contact"}
    return filed("watch-entry", id_, filed_ms, **{**ends, **about, **data})


def ordered(id_: str, filed_ms: int, start_ms: int, **data: Any) -> bytes:
    """Return the record of an order of PERSON."""
    order = {
        "subject": {"id_type": "resident_id", "id_number": NUMBER},
        "class": "close-contact",
        "kind": "home",
        "zone": "home",
        "exposure_date": format_ms(start_ms)[:10],
        "start": format_ms(start_ms),
        "valid_from": format_ms(start_ms),
    }
    return filed("order", id_, filed_ms, **{**order, **data})


def plainly(
    sightings: Sequence[Sighting], subject: str, from_ms: int, to_ms: int, known_ms: int = FOREVER
) -> list[Sighting]:
    """Return what a store must answer, found the slow and obvious way."""
    known = [each for each in sightings if each.recorded_ms < known_ms]
    corrected = {(each.source, each.corrects) for each in known if each.corrects != each.id}
    found: dict[tuple[str, str], Sighting] = {}
    for each in known:
        if each.subject != subject or not from_ms <= each.time_ms < to_ms:
            continue
        if {(each.source, each.id), (each.source, each.partof or "")} & corrected:
            continue
        first = found.get((each.source, each.id))
        if first is None or _rank(each) < _rank(first):
            found[each.source, each.id] = each
    return sorted(found.values(), key=lambda each: (each.time_ms, each.source, each.id))


def _rank(each: Sighting) -> tuple[int, int, str, str]:
    return each.recorded_ms, each.time_ms, each.site, each.direction
