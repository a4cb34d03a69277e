"""Readers of tables: encodings, numbering, and what is too much of it."""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime

import openpyxl
import pytest

from schemas.problems import Rejected
from services.api.imports import sheets
from services.api.imports.sheets import column_letter, csv_lines, xlsx_lines

HEADER = ["车牌", "网格"]


def workbook(*rows: Sequence[object], name: str = "Sheet") -> bytes:
    """Return a workbook of one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = name
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    book.close()
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_the_encodings_of_the_field(encoding: str, delimiter: str) -> None:
    text = f"车牌{delimiter}网格\r\n\r\n浙F70002{delimiter}g-1\r\n"
    lines = list(csv_lines(text.encode(encoding)))
    assert lines == [(1, HEADER), (3, ["浙F70002", "g-1"])]


@pytest.mark.parametrize("content", [b"\x81\xff\xff", b'a,"b\n'])
def test_what_is_no_csv_is_refused(content: bytes) -> None:
    with pytest.raises(Rejected):
        list(csv_lines(content))


def test_xlsx_gives_values_and_no_formula_is_calculated() -> None:
    at = datetime(2020, 1, 24, 9, 30)  # noqa: DTZ001 — as Excel holds it.
    content = workbook(HEADER, ["浙F70002", at], [], ["=A2", "#REF!"])
    lines = dict(xlsx_lines(content))
    assert lines[1] == HEADER
    assert lines[2] == ["浙F70002", at]
    assert 3 not in lines
    assert [str(cell)[0] for cell in lines[4]] == ["=", "="]


def test_a_sheet_is_named_or_the_first() -> None:
    content = workbook(HEADER, name="台账")
    assert list(xlsx_lines(content, "台账")) == [(1, HEADER)]
    with pytest.raises(Rejected, match="no such"):
        list(xlsx_lines(content, "other"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0 an old xls"])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(Rejected, match="XLSX"):
        list(xlsx_lines(content))


def test_an_archive_that_holds_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(Rejected, match="cannot be read"):
        list(xlsx_lines(out.getvalue()))


def test_what_unpacks_to_too_much_is_refused_unopened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(257):
                part.write(bytes(1 << 20))
    assert len(out.getvalue()) < 1 << 20
    with pytest.raises(Rejected) as refused:
        list(xlsx_lines(out.getvalue()))
    assert refused.value.problem.status == 413


def test_too_many_rows_and_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Rejected, match="columns"):
        list(csv_lines((",".join("x" * 201) + "\n").encode()))
    with pytest.raises(Rejected, match="columns"):
        list(xlsx_lines(workbook(["x"] * 201)))
    monkeypatch.setattr(sheets, "MAX_ROWS", 2)
    with pytest.raises(Rejected, match="rows"):
        list(csv_lines(b"a\nb\nc\n"))


def test_columns_have_the_letters_of_a_spreadsheet() -> None:
    assert [column_letter(place) for place in (0, 25, 26, 701, 702)] == [
        "A", "Z", "AA", "ZZ", "AAA",
    ]  # fmt: skip
