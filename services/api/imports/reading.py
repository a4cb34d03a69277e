"""What was posted, read: the rows of a table for a register, whatever its format."""

from collections.abc import Iterator, Mapping
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from schemas.intake import Intake
from schemas.problems import rejected
from services.api.imports.columns import resolve, sorts_of
from services.api.imports.entries import Read, RowReader
from services.api.imports.headers import VERIFICATION
from services.api.imports.sheets import MAX_ROWS, Line, csv_lines, xlsx_lines

Format = Literal["csv", "xlsx", "ndjson"]
FORMATS: Mapping[str, Format] = {
    "application/x-ndjson": "ndjson",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}


class Table(Struct, frozen=True, kw_only=True):
    """What was posted: its bytes and format, and how its columns are to be read."""

    register: str
    content: bytes
    format: Format
    sheet: str | None = None
    mapping: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}
    batch: str | None = None
    dry_run: bool = False


def read(table: Table, intake: Intake, zone: ZoneInfo) -> tuple[list[Read], tuple[str, ...]]:
    """Return the rows of a table, and the headers of columns that are not used; raises Rejected.

    Lines of NDJSON are entries as they are put, but for names to be checked: of those they are a
    table too.
    """
    if table.format == "ndjson" and table.register != VERIFICATION:
        return _entries(table), ()
    lines = _lines(table)
    header = next(lines, None)
    if header is None:
        raise rejected("the table is empty", status=400)
    columns = resolve(table.register, header[1], table.mapping)
    sorts = sorts_of(table.register)
    for field in table.constants:
        if field not in sorts:
            raise rejected(f"the register {table.register} has no field {field[:64]!r}", "set")
    reader = RowReader(
        table.register,
        columns,
        table.constants,
        sorts,
        intake=intake,
        zone=zone,
        batch=table.batch,
    )
    return [reader.read(line) for line in lines], columns.unused


def _lines(table: Table) -> Iterator[Line]:
    if table.format == "csv":
        return csv_lines(table.content)
    if table.format == "xlsx":
        return xlsx_lines(table.content, table.sheet)
    return _objects(table.content)


def _entries(table: Table) -> list[Read]:
    lines = enumerate(table.content.splitlines(), 1)
    reads = [Read(number, line) for number, line in lines if line.strip()]
    if len(reads) > MAX_ROWS:
        raise rejected(f"at most {MAX_ROWS} rows", status=413)
    return reads


def _objects(content: bytes) -> Iterator[Line]:
    """Yield objects as the rows of a table whose header are the names of all their members."""
    found: list[tuple[int, dict[str, str | int | float | bool | None]]] = []
    decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                found.append((number, decode(line)))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise rejected(f"line {number} is no JSON object of texts", status=400) from error
    if len(found) > MAX_ROWS:
        raise rejected(f"at most {MAX_ROWS} rows", status=413)
    header = list(dict.fromkeys(name for _, values in found for name in values))
    if header:
        yield 0, list(header)
    for number, values in found:
        yield number, [values.get(name) for name in header]
