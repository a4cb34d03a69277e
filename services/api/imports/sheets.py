"""Readers of tables: CSV and XLSX become numbered rows of cells; both are bounded.

Rows are numbered as a spreadsheet shows them: the header has the first.
"""

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator
from typing import Final

import openpyxl
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from schemas.problems import Rejected, rejected
from services.api.imports.cells import MAX_CELL, Cell

MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 200
# A workbook of 30,000 rows unpacks to some 30 MB.
_MAX_PARTS: Final = 500
_MAX_UNPACKED: Final = 256 << 20
_DELIMITERS: Final = ",;\t|"

# The number of a row, and its cells.
Line = tuple[int, list[Cell]]


class Formula(str):
    """The text of a formula: it begins with `=`, so it is refused where its row is read."""


def csv_lines(content: bytes) -> Iterator[Line]:
    """Yield the rows of a CSV file, empty ones left out; raises Rejected.

    UTF-8 or UTF-16 with a mark, else UTF-8, else GB18030; what separates the columns is what the
    first line has most of.
    """
    text = _decoded(content)
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    csv.field_size_limit(1 << 20)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise rejected(f"row {number} is no CSV: {error}", status=400) from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            _check(number, len(row))
            yield number, list(row)


def xlsx_lines(content: bytes, sheet: str | None = None) -> Iterator[Line]:
    """Yield the rows of a sheet, the first visible one where none is named; raises Rejected.

    Formulas are not calculated, and what Excel calculated last is not trusted either: their cells
    are given as texts that begin with `=`.
    """
    _check_archive(content)
    try:
        with warnings.catch_warnings():
            # Of styles and extensions that it leaves out; none of them is a value.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    except Exception as error:
        # The library raises what its parsers raise, of a dozen kinds, for a damaged workbook.
        raise _no_workbook(error) from error
    try:
        visible = [each for each in book.worksheets if each.sheet_state == "visible"]
        chosen = next((each for each in visible if sheet in (None, each.title)), None)
        if chosen is None:
            raise rejected("the workbook has no such visible sheet", "sheet")
        # What the file says of its size may be wrong either way.
        chosen.reset_dimensions()
        for number, cells in enumerate(chosen.iter_rows(max_col=MAX_COLUMNS + 1), 1):
            row = [_value(cell) for cell in cells]
            while row and row[-1] in (None, ""):
                row.pop()
            _check(number, len(row))
            if row:
                yield number, row
    except Rejected:
        raise
    except Exception as error:
        raise _no_workbook(error) from error
    finally:
        book.close()


def column_letter(place: int) -> str:
    """Return what a spreadsheet calls the column at a place from 0."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _value(cell: object) -> Cell:
    if not isinstance(cell, ReadOnlyCell):
        return None
    value = cell.value
    if cell.data_type == "f":
        return Formula(f"={str(value).lstrip('=')}")
    if cell.data_type == "e":
        # An error such as #REF!, which stands where a formula was.
        return Formula("=error")
    if isinstance(value, str):
        # The one character more lets the check of the cell refuse it.
        return value[: MAX_CELL + 1]
    return value if isinstance(value, Cell) else str(value)


def _check(number: int, columns: int) -> None:
    if number > MAX_ROWS:
        raise rejected(f"at most {MAX_ROWS} rows", status=413)
    if columns > MAX_COLUMNS:
        raise rejected(f"row {number} has more than {MAX_COLUMNS} columns", status=413)


def _check_archive(content: bytes) -> None:
    """Refuse what unpacks to too much before any of it is unpacked.

    No part gives more than the size that it declares: the unpacker stops there.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise rejected(
            "not an XLSX workbook; one with a password, or an old .xls, has to be saved anew",
            status=400,
        ) from error
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_UNPACKED:
        raise rejected(
            f"the workbook unpacks to more than {_MAX_UNPACKED >> 20} MB or {_MAX_PARTS} parts",
            status=413,
        )


def _no_workbook(error: Exception) -> Rejected:
    kind = "" if isinstance(error, InvalidFileException) else f" ({type(error).__name__})"
    return rejected(f"the workbook cannot be read{kind}; save it anew as XLSX", status=400)


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            # The next one is tried; a file of none is refused below.
            continue
    raise rejected("the text is neither UTF-8 nor GB18030", status=400)
