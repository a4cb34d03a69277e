"""The columns of one table: which field each of them is, and how its cells are read."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Literal

from msgspec import Struct, inspect

from schemas.problems import rejected
from schemas.registers import REGISTERS, EntryId, Identifier
from services.api.imports.cells import BadCell, Cell, plain
from services.api.imports.headers import (
    IDENTITY,
    PERSON_FIELD,
    VERIFICATION,
    fields_of,
    folded,
)

Sort = Literal[
    "text", "code", "number", "whole", "truth", "choice", "texts", "day", "instant",
    "day-or-instant", "json", "identifier", "identity", "telephone", "row",
]  # fmt: skip
_DAYS: Final = frozenset({"exposure_date", "last_day"})
_DAYS_OR_INSTANTS: Final = frozenset(
    {"stay_from", "stay_to", "arrival", "onset", "sampled", "isolated_at"}
)
# Prose, in which full-width letters and signs stay as they were typed.
_PROSE: Final = frozenset({"name", "address", "reason", "source", "person_name", "home_address"})
_IDENTIFIER: Final = ("id_type", "id_number", "person")
# Whose author is whoever files, and cannot be filled by a column.
_NOT_FILLED: Final = frozenset({"author"})
MAX_HEADER: Final = 200


class Verification(Struct):
    """A name to be checked: who, and what the table says of them."""

    person: Identifier
    household: EntryId | None = None
    grid: str | None = None
    plate: str | None = None


class Column(Struct, frozen=True):
    """A column: its place from 0, the field that it fills, and what its cells are."""

    place: int
    field: str
    sort: Sort


class Columns(Struct, frozen=True):
    """The columns that are used, and the headers of those that are not."""

    used: tuple[Column, ...]
    unused: tuple[str, ...]


def resolve(register: str, header: Sequence[Cell], mapping: Mapping[str, str]) -> Columns:
    """Return what the columns of a header mean; raises Rejected.

    `mapping` says it for headers that are called something else; what it maps to nothing is left
    out.
    """
    sorts = sorts_of(register)
    named = fields_of(register)
    wanted = {folded(name): field for name, field in mapping.items()}
    used: list[Column] = []
    unused: list[str] = []
    for place, cell in enumerate(header):
        try:
            text = plain(cell)
        except BadCell as error:
            raise rejected(f"the header of column {place + 1} {error}", "header") from error
        name = folded(text)
        field = wanted.pop(name) if name in wanted else named.get(name, _own_name(text, sorts))
        if field and field not in sorts:
            raise rejected(f"the register {register} has no field {field[:64]!r}", "map")
        if not field:
            unused.append(text[:MAX_HEADER])
        elif any(column.field == field for column in used):
            raise rejected(f"two columns are the field {field}", "header")
        else:
            used.append(Column(place, field, sorts[field]))
    if wanted:
        raise rejected(f"the table has no column {min(wanted)[:64]!r}", "map")
    if not used:
        raise rejected("no column of the header is a field of the register", "header")
    return Columns(tuple(used), tuple(unused))


@cache
def sorts_of(register: str) -> Mapping[str, Sort]:
    """Return the fields that columns may fill, and how the cells of each are read."""
    sorts: dict[str, Sort] = {"row": "row", "batch": "code"}
    if register in PERSON_FIELD:
        sorts |= dict.fromkeys(_IDENTIFIER, "identifier")
        sorts |= {name: "telephone" if name == "telephone" else "identity" for name in IDENTITY}
    info = inspect.type_info(Verification if register == VERIFICATION else REGISTERS[register])
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        name = field.encode_name
        if name == PERSON_FIELD.get(register) or name in _NOT_FILLED:
            # The struct's person is filled by the columns that identify one.
            if name == "person":
                sorts["person"] = "identifier"
            continue
        sorts[name] = _sort(name, _bare(field.type))
        inner = _bare(field.type)
        if isinstance(inner, inspect.StructType):
            for part in inner.fields:
                sorts[f"{name}.{part.encode_name}"] = _sort(part.encode_name, _bare(part.type))
    sorts |= {f"attributes.{name}": "text" for name in ("colour", "type", "brand")}
    if register != "resident-vehicle":
        sorts = {name: sort for name, sort in sorts.items() if not name.startswith("attributes.")}
    return sorts


def _own_name(text: str, sorts: Mapping[str, Sort]) -> str | None:
    """Return the field that a header names as the register itself does, such as `position.lon`."""
    return text if text in sorts else None


def _bare(kind: inspect.Type) -> inspect.Type:
    """Return a type without None and without what is only said of it in schemas."""
    if isinstance(kind, inspect.UnionType):
        others = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        return _bare(others[0]) if len(others) == 1 else kind
    return kind


def _sort(name: str, kind: inspect.Type) -> Sort:
    if isinstance(kind, inspect.Metadata):
        return "instant" if (kind.extra_json_schema or {}).get("format") == "date-time" else "text"
    if name in _DAYS:
        return "day"
    if name in _DAYS_OR_INSTANTS:
        return "day-or-instant"
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        item = _bare(kind.item_type)
        simple = isinstance(item, inspect.StrType) or (
            isinstance(item, inspect.UnionType)
            and any(isinstance(each, inspect.StrType) for each in item.types)
        )
        return "texts" if simple else "json"
    for sort, types in _SORTS.items():
        if isinstance(kind, types):
            return sort
    return ("text" if name in _PROSE else "code") if isinstance(kind, inspect.StrType) else "json"


_SORTS: Final[dict[Sort, type[inspect.Type]]] = {
    "whole": inspect.IntType,
    "number": inspect.FloatType,
    "truth": inspect.BoolType,
    "choice": inspect.LiteralType,
}
