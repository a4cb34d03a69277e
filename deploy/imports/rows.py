"""Rows of a CSV file, read by a mapping: each becomes a detection or a site, or a problem."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from deploy.imports.mapping import Column, Mapping, MappingProblem
from schemas.events import PLATE_HIT, PlateHit
from schemas.plates import PlateProblem, normalise
from schemas.registers import EntryId, Position
from schemas.times import TimeProblem, format_ms, parse_ms

_NUMBERS: Final = ("confidence", "speed_kmh", "lon", "lat")


class BadRow(ValueError):
    """A row means nothing; `field` is the field that is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class Detection(Struct, frozen=True):
    """One detection: when, where, and the plate hit as it is posted."""

    time_ms: int
    site: str
    event: dict[str, Any]


class Reader:
    """Reads the rows of one file. Raises MappingProblem where the file lacks a column."""

    def __init__(self, mapping: Mapping, zone: ZoneInfo | None, name: str) -> None:
        """`name` begins the sources of its events: `<name>/<site>`."""
        self._mapping = mapping
        self._zone = zone
        self._name = name
        self._places: dict[str, list[tuple[int, dict[str, str]]]] = {}

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of the line that each row ends at, and its cells; empty ones are
        passed over. Raises MappingProblem or csv.Error."""
        reader = csv.reader(lines, delimiter=self._mapping.delimiter, strict=True)
        header: list[str] = []
        if self._mapping.header:
            header = next(reader, [])
        for field, where in self._mapping.columns.items():
            columns = where if isinstance(where, list) else [where]
            self._places[field] = [
                (_place(field, column, header), self._translation(field, column, len(columns)))
                for column in columns
            ]
        for row in reader:
            if row:
                yield reader.line_num, row

    def detection(self, row: list[str]) -> Detection:
        """Return the detection of a row; raises BadRow.

        Its id is made from its cells, so that the same row has the same id in every import.
        """
        fields = self._fields(row)
        time_ms = self._instant(fields.pop("time"))
        site = _entry_id("site", fields["site"])
        try:
            normalise(str(fields["plate"]), self._mapping.plate_grammar)
        except PlateProblem as error:
            raise BadRow("plate", str(error)) from error
        try:
            msgspec.convert(fields, PlateHit)
        except msgspec.ValidationError as error:
            problem, _, path = str(error).partition(" - at `$")
            raise BadRow(path.strip(".`") or "row", problem) from error
        time = format_ms(time_ms)
        event = {
            "specversion": "1.0",
            "type": PLATE_HIT.type,
            "source": f"{self._name}/{site}",
            "id": hashlib.blake2b("\0".join(row).encode(), digest_size=12).hexdigest(),
            "time": time,
            "recordedtime": time,
            "data": fields,
        }
        return Detection(time_ms, site, event)

    def site(self, row: list[str]) -> dict[str, Any]:
        """Return the site of a row, without what every entry has; raises BadRow."""
        fields = self._fields(row)
        entry = {
            "id": _entry_id("id", f"{self._name}-{fields['id']}"),
            "name": fields["name"],
            "role": fields["role"],
            "zones": [],
            **({"grid": fields["grid"]} if "grid" in fields else {}),
        }
        if "lon" in fields or "lat" in fields:
            position = {name: fields.get(name) for name in ("lon", "lat", "crs")}
            try:
                msgspec.convert(position, Position)
            except msgspec.ValidationError as error:
                problem, _, path = str(error).partition(" - at `$")
                raise BadRow(path.strip(".`"), problem) from error
            entry["position"] = position
        return entry

    def _fields(self, row: list[str]) -> dict[str, Any]:
        fields: dict[str, Any] = dict(self._mapping.constants)
        for field, places in self._places.items():
            parts = []
            for place, values in places:
                if place >= len(row):
                    raise BadRow(field, f"the row has only {len(row)} columns")
                said = row[place].strip()
                if values and said not in values:
                    raise BadRow(field, f"the mapping has no value for {said[:64]!r}")
                parts.append(values[said] if values else said)
            text = " ".join(part for part in parts if part)
            if not text:
                continue
            fields[field] = _number(field, text) if field in _NUMBERS else text
        for field in self._places:
            if field not in fields and field in ("time", "plate", "site", "id", "name", "role"):
                raise BadRow(field, "is empty")
        return fields

    def _instant(self, text: str) -> int:
        pattern = self._mapping.time_format
        try:
            if pattern:
                # A time without an offset gets the zone of the file below.
                moment = datetime.strptime(text, pattern)  # noqa: DTZ007
            else:
                moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadRow("time", str(error)) from error
        if moment.tzinfo is None:
            if self._zone is None:
                raise BadRow("time", "has no offset from UTC, and no time zone is given")
            # Of an hour that the clocks repeat the first one is meant.
            local = moment.replace(tzinfo=self._zone)
            if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
                raise BadRow("time", f"the clocks of {self._zone.key} never showed {text}")
            moment = local
        try:
            return parse_ms(moment.astimezone(UTC).isoformat())
        except (TimeProblem, OverflowError) as error:
            raise BadRow("time", str(error)) from error

    def _translation(self, field: str, column: Column, columns: int) -> dict[str, str]:
        # A field of several columns is translated column by column.
        return self._mapping.values.get(str(column) if columns > 1 else field, {})


def _place(field: str, column: Column, header: list[str]) -> int:
    if isinstance(column, int):
        return column - 1
    try:
        return header.index(column)
    except ValueError as error:
        raise MappingProblem(f"{field}: the file has no column {column!r}") from error


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadRow(field, f"no number: {text[:64]!r}") from error


def _entry_id(field: str, text: str) -> str:
    try:
        return msgspec.convert(text, EntryId)
    except msgspec.ValidationError as error:
        raise BadRow(
            field, f"no id (1 to 128 characters, no space, no /): {text[:64]!r}"
        ) from error
