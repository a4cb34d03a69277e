"""The command itself: a CSV file in, a timeline out, and every bad row told."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.imports.mapping import Mapping, MappingProblem, load, ready_made, zone_of
from deploy.imports.order import in_order
from deploy.imports.rows import BadRow, Detection, Reader
from schemas.times import SECOND_MS, format_ms, parse_ms

# Sites of a list are filed as of this day where no other is given.
_BEGINNING: Final = "2000-01-01T00:00:00Z"
_encode = msgspec.json.Encoder().encode


class Import:
    """One file on its way; `taken` and `bad` count its rows."""

    def __init__(self, mapping: Mapping, name: str, timezone: str | None) -> None:
        """Raises MappingProblem."""
        self._mapping = mapping
        self._name = name
        self._reader = Reader(mapping, zone_of(timezone or mapping.timezone), name)
        # Site → when it first saw something.
        self._sites: dict[str, int] = {}
        self.taken = 0
        self.bad = 0

    def lines(self, file: Path) -> Iterator[bytes]:
        """Yield the lines of the timeline: sites first, then what happened in order of time.

        Raises MappingProblem, OSError, csv.Error or UnicodeDecodeError.
        """
        if self._mapping.kind == "sites":
            for number, row in self._rows(file):
                try:
                    entry = self._reader.site(row)
                except BadRow as error:
                    self._tell(number, error)
                    continue
                self.taken += 1
                yield self._filing(entry, parse_ms(_BEGINNING))
            return
        # The sites are known when all rows are read; only then the first line may go out.
        ordered = in_order(
            (each.time_ms, _encode(each.event) + b"\n") for each in self._detections(file)
        )
        first = next(ordered, None)
        role = self._mapping.site_role
        if role is not None:
            for site in sorted(self._sites):
                entry = {"id": site, "name": site, "role": role, "zones": []}
                yield self._filing(entry, min(self._sites.values()) - SECOND_MS)
        if first is not None:
            yield first
        yield from ordered

    def _detections(self, file: Path) -> Iterator[Detection]:
        for number, row in self._rows(file):
            try:
                found = self._reader.detection(row)
            except BadRow as error:
                self._tell(number, error)
                continue
            self.taken += 1
            self._sites[found.site] = min(self._sites.get(found.site, found.time_ms), found.time_ms)
            yield found

    def _rows(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        with file.open(encoding=self._mapping.encoding, newline="") as lines:
            yield from self._reader.rows(lines)

    def _filing(self, entry: dict[str, Any], at_ms: int) -> bytes:
        time = format_ms(at_ms)
        event = {
            "specversion": "1.0",
            "type": "cordon.site.put.v1",
            "source": "import",
            "id": f"site-{entry['id']}",
            "time": time,
            "data": {
                **entry,
                "valid_from": time,
                "author": "import",
                "source": self._name,
                "reason": "imported",
                "purpose": "outbreak-control",
            },
        }
        return _encode(event) + b"\n"

    def _tell(self, number: int, error: BadRow) -> None:
        self.bad += 1
        sys.stderr.write(f"row {number}: {error}\n")


def main(
    file: Path,
    *,
    out: Path,
    format_name: str | None,
    columns: Path | None,
    timezone: str | None,
    strict: bool,
) -> int:
    """Write the timeline of a file; return the exit code. One of `format_name` and `columns` says
    what the columns mean."""
    if (format_name is None) == (columns is None):
        sys.stderr.write("import: needs either --format or --columns\n")
        return 2
    try:
        mapping = load(columns) if columns else ready_made(format_name or "")
        work = Import(mapping, format_name or file.stem, timezone)
        with out.open("wb") as timeline:
            timeline.writelines(work.lines(file))
    except (MappingProblem, OSError, csv.Error, UnicodeDecodeError, LookupError) as error:
        sys.stderr.write(f"import: {error}\n")
        return 2
    sys.stdout.write(f"{work.taken} rows taken into {out}, {work.bad} bad\n")
    return 1 if strict and work.bad else 0
