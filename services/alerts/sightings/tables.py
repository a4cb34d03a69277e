"""The sightings in SQL: the columns of a file, how a batch becomes them, and how they are asked.

One query serves the files of the store and the table in memory, so that a backtest looks back on
what the running system looks back on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import duckdb
import numpy
from msgspec import Struct

from schemas.versions import FOREVER
from services.alerts.sightings.sighting import TEXTS, Columns, Same, Sighting

COLUMNS: Final = (
    "subject",
    "time",
    "recordedtime",
    "source",
    "id",
    "type",
    "site",
    "direction",
    "evidence",
    "lane",
    "confidence",
    "plate",
    "plate_colour",
    "vehicle_type",
    "vehicle_colour",
    "partof",
    "corrects",
)
# Of a repeat the first that was accepted counts; the rest makes the choice the same everywhere.
# `seen` is what it is asked of, `within` what the choice is made in besides.
FIRST: Final = (
    "row_number() OVER (PARTITION BY {within} seen.source, seen.id "
    "ORDER BY seen.recordedtime, seen.subject, seen.time, seen.site, seen.direction)"
)
_INSTANTS: Final = {"time": "time_ms", "recordedtime": "recorded_ms"}
_ASKED: Final = """
    WITH asked AS (
        SELECT n, asked_subject, make_timestamptz(from_ms * 1000) AS from_time,
            make_timestamptz(to_ms * 1000) AS to_time,
            make_timestamptz(known_ms * 1000) AS known_time
        FROM (SELECT unnest($numbers) AS n, unnest($subjects) AS asked_subject,
            unnest($from_ms) AS from_ms, unnest($to_ms) AS to_ms, unnest($known_ms) AS known_ms))
    SELECT n, {columns} FROM asked JOIN {sightings} AS seen ON seen.subject = asked_subject
    WHERE seen.subject IN ({subjects}) AND time >= from_time AND time < to_time
        AND recordedtime < known_time
        AND time >= make_timestamptz($earliest_ms * 1000)
        {uncorrected}
    QUALIFY {first} = 1
    ORDER BY n, time, source, id
"""
_UNCORRECTED: Final = """
        AND NOT EXISTS (
            SELECT 1 FROM {corrections} AS later
            WHERE later.corrects IS NOT NULL AND later.corrects <> later.id
                AND later.source = seen.source AND later.recordedtime < known_time
                AND (later.corrects = seen.id OR later.corrects = seen.partof))
"""
_SELECTED: Final = ", ".join(
    {"time": "epoch_ms(time)", "recordedtime": "epoch_ms(recordedtime)"}.get(name, f"seen.{name}")
    for name in COLUMNS
)
# Beyond it an instant has no microseconds in 64 bits, and nothing was seen there.
_LAST_MS: Final = 1 << 52


class Asked(Struct, frozen=True):
    """What is asked: a subject, from_ms ≤ time < to_ms, accepted before known_ms; all ms UTC."""

    subject: str
    from_ms: int
    to_ms: int = FOREVER
    known_ms: int = FOREVER


class Sightings(Protocol):
    """Where sightings can be asked for."""

    def of(
        self, subject: str, from_ms: int, to_ms: int = FOREVER, known_ms: int = FOREVER
    ) -> list[Sighting]:
        """Return the sightings of a subject as `Asked` says, ordered by (time, source, id).

        A repeat counts once, and what was corrected by an event that was accepted before
        `known_ms` is left out.
        """

    def of_all(self, asked: Sequence[Asked]) -> list[list[Sighting]]:
        """Return what `of` returns for each; many at once cost little more than one."""


def connect(
    spill: Path | None = None, *, memory: str = "512MB", threads: int = 2
) -> duckdb.DuckDBPyConnection:
    """Return a connection that takes no more than its share and loads nothing from anywhere.

    `spill` is the folder for what does not fit into `memory`; None = the memory is not bounded.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "false",
    }
    if spill is not None:
        config |= {"temp_directory": str(spill), "memory_limit": memory}
    return duckdb.connect(config=config)


def register(connection: duckdb.DuckDBPyConnection, columns: Columns) -> str:
    """Show a batch to a connection as the view `batch`; return the query that gives its rows."""
    arrays = {
        name: numpy.array(column, dtype=object)
        for name, column in columns.texts.items()
        if not isinstance(column, Same)
    }
    confidence = numpy.array(columns.confidence, dtype=float)
    connection.register(
        "batch",
        {
            **arrays,
            "confidence": numpy.ma.masked_invalid(confidence),
            "time_ms": columns.time_ms,
            "recorded_ms": columns.recorded_ms,
        },
    )
    return f"SELECT {', '.join(_selected(name, columns) for name in COLUMNS)} FROM batch"


def _selected(name: str, columns: Columns) -> str:
    """Return a column of a batch in SQL, with its type: one of which a batch has nothing would get
    none, and its file would fit no other."""
    if name in _INSTANTS:
        return f"make_timestamptz({_INSTANTS[name]} * 1000) AS {name}"
    if name not in TEXTS:
        return f"{name}::DOUBLE AS {name}"
    column = columns.texts[name]
    if not isinstance(column, Same):
        return f"{name}::VARCHAR AS {name}"
    # They are of our own making: no text of an event is the same in every row by rule.
    text = "NULL" if column.text is None else f"'{column.text}'"
    return f"{text}::VARCHAR AS {name}"


def ask(
    connection: duckdb.DuckDBPyConnection,
    sightings: str,
    corrections: str | None,
    asked: Sequence[Asked],
    parameters: dict[str, object],
) -> list[list[Sighting]]:
    """Return the sightings of each that is asked; `sightings` and `corrections` are relations."""
    found: list[list[Sighting]] = [[] for _ in asked]
    if not asked:
        return found
    subjects = {f"subject_{n}": each for n, each in enumerate({each.subject for each in asked})}
    uncorrected = _UNCORRECTED.format(corrections=corrections) if corrections else ""
    query = _ASKED.format(
        columns=_SELECTED,
        sightings=sightings,
        # Constants let whole row groups be passed over, since files are sorted by subject.
        subjects=", ".join(f"${name}" for name in subjects),
        uncorrected=uncorrected,
        first=FIRST.format(within="n,"),
    )
    rows = connection.execute(
        query,
        {
            "numbers": list(range(len(asked))),
            "subjects": [each.subject for each in asked],
            "from_ms": [_bounded(each.from_ms) for each in asked],
            "to_ms": [_bounded(each.to_ms) for each in asked],
            "known_ms": [_bounded(each.known_ms) for each in asked],
            "earliest_ms": _bounded(min(each.from_ms for each in asked)),
            **subjects,
            **parameters,
        },
    )
    for number, sighting in _read(rows):
        found[number].append(sighting)
    return found


def _read(rows: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, Sighting]]:
    while batch := rows.fetchmany(10_000):
        for number, subject, time_ms, recorded_ms, *rest in batch:
            source, id_, type_, site, direction, evidence, lane, confidence, *body = rest
            plate, plate_colour, vehicle_type, vehicle_colour, partof, corrects = body
            yield (
                number,
                Sighting(
                    subject=subject,
                    time_ms=time_ms,
                    recorded_ms=recorded_ms,
                    source=source,
                    id=id_,
                    type=type_,
                    site=site,
                    direction=direction,
                    evidence=evidence,
                    lane=lane,
                    confidence=confidence,
                    plate=plate,
                    plate_colour=plate_colour,
                    vehicle_type=vehicle_type,
                    vehicle_colour=vehicle_colour,
                    partof=partof,
                    corrects=corrects,
                ),
            )


def _bounded(instant_ms: int) -> int:
    return max(-_LAST_MS, min(_LAST_MS, instant_ms))
