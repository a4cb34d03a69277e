"""A row of a table becomes what is filed: the body of a register's entry, its id and its identity.

Who a person is leaves the row here: the pseudonym goes into the entry, the rest to the vault.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from schemas.events import VERY_END
from schemas.intake import Intake
from schemas.persons import IdentifierProblem
from schemas.plates import PlateProblem
from schemas.problems import Problem, rejected
from services.api.imports import cells
from services.api.imports.cells import BadCell, Cell
from services.api.imports.columns import Column, Columns, Sort
from services.api.imports.headers import IDENTITY, NATURAL_KEY, PERSON_FIELD, VERIFICATION
from services.api.imports.sheets import Line, column_letter
from services.api.imports.wording import Wording, worded

_ID: Final = re.compile(r"[^/\s]{1,128}" + VERY_END)
_encode = msgspec.json.Encoder().encode
_RESIDENT_CHARACTERS: Final = 18
# Where a mere date means the whole day, and so its end.
_ENDS: Final = frozenset({"valid_to", "to", "window_to", "end"})
_SPACES: Final = Wording("spaces or invisible characters were removed", "已去除空格或不可见字符")
_WIDTH: Final = Wording("full-width characters were made narrow", "已将全角字符转为半角")
_NO_ID: Final = Wording(
    "the row needs an id, or the import a batch", "该行需要编号，或导入时给出批次"
)
_COUNT: Final = Wording(
    "lists another number of persons than id_number", "人数与证件号码的个数不一致"
)
_NOBODY: Final = Wording(
    "belongs to nobody: the row identifies no person", "该行没有人员标识，无法保存此项"
)


class CellNote(Struct, frozen=True, kw_only=True):
    """Something about one cell of a row: what was repaired, or why the row was refused."""

    field: str | None
    column: str | None = None
    en: str
    zh: str


class Read(Struct, frozen=True):
    """A row as read: the body to file, or the problems for which it is not filed.

    `identity` is what the vault is to keep, by pseudonym.
    """

    number: int
    body: bytes
    problems: tuple[CellNote, ...] = ()
    repairs: tuple[CellNote, ...] = ()
    identity: Mapping[str, Mapping[str, str]] = {}

    @property
    def problem(self) -> Problem | None:
        """The first problem, as the API tells problems."""
        if not self.problems:
            return None
        first = self.problems[0]
        return rejected(first.en, first.field).problem


class RowReader:
    """Reads the rows of one table for one register."""

    def __init__(
        self,
        register: str,
        columns: Columns,
        constants: Mapping[str, str],
        sorts: Mapping[str, Sort],
        *,
        intake: Intake,
        zone: ZoneInfo,
        batch: str | None,
    ) -> None:
        """`constants` are fields that are the same in every row where no column fills them."""
        self._register = register
        self._columns = columns.used
        filled = {column.field for column in columns.used}
        # A constant is read as a cell of a column beyond the last would be.
        self._constants = [
            (Column(-1, field, sorts[field]), text)
            for field, text in constants.items()
            if field not in filled
        ]
        self._intake = intake
        self._zone = zone
        self._batch = batch
        self._person_field = PERSON_FIELD.get(register)
        self._has_batch = register in ("arrival-notice", VERIFICATION)

    def read(self, line: Line) -> Read:
        """Return what a row says."""
        number, row = line
        values: dict[str, Any] = {}
        problems: list[CellNote] = []
        repairs: list[CellNote] = []
        given = [(column, _at(row, column.place)) for column in self._columns]
        for column, cell in [*given, *self._constants]:
            try:
                value = self._value(column, cell)
            except BadCell as error:
                problems.append(_note(column, number, error.wording))
                continue
            if value not in (None, "", []):
                values[column.field] = value
                repair = _repair(cell, column.sort)
                if repair is not None:
                    repairs.append(_note(column, number, repair))
        identity = self._persons(number, values, problems)
        body = self._entry(number, values, problems)
        return Read(number, body, tuple(problems), tuple(repairs), identity)

    def _value(self, column: Column, cell: Cell) -> Any:
        if cell is None or cell == "" or (isinstance(cell, str) and not cells.plain(cell)):
            return None
        field = column.field
        match column.sort:
            case "instant":
                return cells.instant(cell, self._zone, ends=field in _ENDS)
            case "day-or-instant":
                return cells.day_or_instant(cell, self._zone)
            case "identifier":
                return self._identifier(field, cell)
            case "code":
                return self._code(cells.narrow(cell))
            case "number" | "whole" | "row":
                return cells.numeric(cell, whole=column.sort != "number")
            case "json":
                return _json(cell)
            case _:
                return _READERS[column.sort](cell)

    def _code(self, text: str) -> str:
        """Return a name of something; a household that is named by a person's number is not."""
        if len(text) != _RESIDENT_CHARACTERS:
            return text
        return self._intake.person_named(text) or text

    def _identifier(self, field: str, cell: Cell) -> list[str]:
        if field == "id_type":
            return [cells.choice(part) for part in cells.texts(cell)]
        text = cells.number_text(cell) if field == "id_number" else cells.narrow(cell)
        return cells.texts(text)

    def _persons(
        self, number: int, values: dict[str, Any], problems: list[CellNote]
    ) -> dict[str, dict[str, str]]:
        """Put the pseudonyms of a row in place of what identifies its persons; return that."""
        if self._person_field is None:
            return {}
        numbers = values.pop("id_number", [])
        types = values.pop("id_type", ["resident_id"] if numbers else [])
        persons = values.pop("person", [])
        told = {vault: values.pop(field, None) for field, vault in IDENTITY.items()}
        if len(types) == 1:
            types = types * len(numbers)
        if len(types) != len(numbers):
            problems.append(self._problem("id_type", number, _COUNT))
            return {}
        found: list[str] = []
        identity: dict[str, dict[str, str]] = {}
        for id_type, id_number in zip(types, numbers, strict=True):
            try:
                person = self._intake.pseudonym(None, id_type, id_number)
            except IdentifierProblem as error:
                wording = worded(rejected(str(error)).problem)
                problems.append(self._problem("id_number", number, wording))
                continue
            assert person is not None
            found.append(person)
            identity[person] = {"id_type": id_type, "id_number": id_number}
        for person in persons:
            try:
                self._intake.pseudonym(person, None, None)
            except IdentifierProblem as error:
                problems.append(
                    self._problem("person", number, worded(rejected(str(error)).problem))
                )
                continue
            found.append(person)
        self._tell(number, told, found, identity, problems)
        if found:
            several = self._person_field.endswith("s")
            who = [{"person": person} for person in found]
            values[self._person_field] = who if several else who[0]
            if not several and len(found) > 1:
                wording = Wording("names more than one person", "一行只能填写一个人员")
                problems.append(self._problem("id_number", number, wording))
        return identity

    def _tell(
        self,
        number: int,
        told: Mapping[str, str | None],
        found: Sequence[str],
        identity: dict[str, dict[str, str]],
        problems: list[CellNote],
    ) -> None:
        """Add names, telephones and addresses to the persons of a row."""
        for vault_field, text in told.items():
            if text is None:
                continue
            if not found:
                if not problems:
                    problems.append(self._problem(_COLUMN[vault_field], number, _NOBODY))
                continue
            parts = cells.texts(text) if vault_field != "address" else [text]
            if len(parts) == 1:
                # One telephone or address may be that of the whole household; a name is not.
                if vault_field == "name" and len(found) > 1:
                    problems.append(self._problem(_COLUMN[vault_field], number, _COUNT))
                    continue
                parts = parts * len(found)
            if len(parts) != len(found):
                problems.append(self._problem(_COLUMN[vault_field], number, _COUNT))
                continue
            for person, part in zip(found, parts, strict=True):
                identity.setdefault(person, {})[vault_field] = part

    def _entry(self, number: int, values: dict[str, Any], problems: list[CellNote]) -> bytes:
        batch = values.pop("batch", None) or self._batch
        row = values.pop("row", number)
        entry: dict[str, Any] = {"purpose": "outbreak-control"}
        entry["source"] = (batch or "import")[:64]
        entry["reason"] = f"import {batch}" if batch else "import"
        for field, value in values.items():
            outer, dot, inner = field.partition(".")
            if dot:
                entry.setdefault(outer, {})[inner] = value
            else:
                entry[field] = value
        if self._has_batch and batch is not None:
            entry |= {"batch": batch, "row": row}
        entry_id = entry.get("id") or self._natural_id(entry)
        if entry_id is None and batch is not None:
            entry_id = _as_id(batch, str(row))
        if entry_id is None:
            if not problems:
                problems.append(self._problem("id", number, _NO_ID))
        else:
            entry["id"] = entry_id
        return _encode(entry)

    def _natural_id(self, entry: Mapping[str, Any]) -> str | None:
        parts = []
        for field in NATURAL_KEY.get(self._register, ()):
            value = entry.get(field)
            if isinstance(value, dict):
                value = value.get("person")
            if not value:
                return None
            parts.append(self._plate(str(value)) if field == "plate" else str(value))
        return _as_id(*parts) if parts else None

    def _problem(self, field: str, number: int, wording: Wording) -> CellNote:
        for column in self._columns:
            if column.field == field:
                return _note(column, number, wording)
        return CellNote(field=field, en=wording.en, zh=wording.zh)

    def _plate(self, raw: str) -> str:
        try:
            return self._intake.plate(raw)
        except PlateProblem:
            # The register refuses it and says why.
            return raw


def _at(row: Sequence[Cell], place: int) -> Cell:
    return row[place] if place < len(row) else None


def _as_id(*parts: str) -> str:
    """Return an id of these parts; where they cannot be one, their digest."""
    text = "-".join(parts)
    if _ID.fullmatch(text):
        return text
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _json(cell: Cell) -> Any:
    try:
        return msgspec.json.decode(cells.plain(cell))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadCell(Wording("must be JSON", "应为 JSON")) from error


def _repair(cell: Cell, sort: Sort) -> Wording | None:
    if not isinstance(cell, str):
        return None
    if cell.isascii():
        return None if cell == cells.plain(cell) else _SPACES
    plain = cells.plain(cell)
    if sort not in ("text", "texts", "identity") and cells.narrow(cell) != plain:
        return _WIDTH
    return _SPACES if plain != cell else None


def _note(column: Column, number: int, wording: Wording) -> CellNote:
    where = None if column.place < 0 else f"{column_letter(column.place)}{number}"
    return CellNote(field=column.field, column=where, en=wording.en, zh=wording.zh)


_COLUMN: Final = {vault: field for field, vault in IDENTITY.items()}
_READERS: Final[dict[Sort, Callable[[Cell], Any]]] = {
    "text": cells.plain,
    "identity": cells.plain,
    "truth": cells.truth,
    "choice": cells.choice,
    "texts": cells.texts,
    "day": cells.day,
    "telephone": cells.telephone,
}
