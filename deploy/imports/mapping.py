"""How the columns of a CSV file become fields: a small TOML or JSON file, some ready made."""

import tomllib
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

_FORMATS: Final = Path(__file__).parent / "formats"
# Field → whether a row must have it.
_FIELDS: Final[dict[str, dict[str, bool]]] = {
    "detections": {
        "time": True, "plate": True, "site": True, "direction": True, "confidence": True,
        "lane": False, "plate_colour": False, "speed_kmh": False, "image_ref": False,
    },
    "sites": {
        "id": True, "name": True, "role": True, "grid": False, "lon": False, "lat": False,
        "crs": False,
    },
}  # fmt: skip

# A column by its name in the header, or by its place from 1.
Column = str | int


class MappingProblem(ValueError):
    """The mapping cannot be used; the text says why and names the field."""


class Mapping(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file is and which of its columns mean what.

    `columns` names the column of each field; several are joined by a space. `constants` gives
    fields that are the same in all rows. `values` translates what a field or, among several
    columns, a named column says. `time_format` is that of `strptime`; without one, times are
    RFC 3339. Times without an offset are local to `timezone`. `site_role` is the role under which
    the sites of detections are filed; without one they are not.
    """

    kind: Literal["detections", "sites"]
    columns: dict[str, Column | list[Column]]
    constants: dict[str, str | float] = {}
    values: dict[str, dict[str, str]] = {}
    header: bool = True
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    timezone: str | None = None
    time_format: str | None = None
    plate_grammar: Literal["prc", "any"] = "any"
    site_role: Literal["boundary", "checkpoint", "inner", "community"] | None = None


def formats() -> list[str]:
    """Return the names of the ready-made mappings."""
    return sorted(path.stem for path in _FORMATS.glob("*.toml"))


def ready_made(name: str) -> Mapping:
    """Return a ready-made mapping; raises MappingProblem."""
    if name not in formats():
        raise MappingProblem(f"no format is named {name!r}; there are {', '.join(formats())}")
    return load(_FORMATS / f"{name}.toml")


def load(path: Path) -> Mapping:
    """Return the mapping of a file, JSON if it is named so and TOML else; raises MappingProblem
    or OSError."""
    try:
        raw: Any = (
            msgspec.json.decode(path.read_bytes())
            if path.suffix == ".json"
            else tomllib.loads(path.read_text(encoding="utf-8"))
        )
        mapping = msgspec.convert(raw, Mapping)
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingProblem(f"{path}: {error}") from error
    _check(mapping, path)
    return mapping


def zone_of(name: str | None) -> ZoneInfo | None:
    """Return a time zone by its name, None for none; raises MappingProblem."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise MappingProblem(f"timezone: there is none named {name!r}") from error


def _check(mapping: Mapping, path: Path) -> None:
    fields = _FIELDS[mapping.kind]
    given = set(mapping.columns) | set(mapping.constants)
    for name in sorted(given - set(fields)):
        raise MappingProblem(f"{path}: {mapping.kind} have no field {name!r}")
    for name, required in fields.items():
        if required and name not in given:
            raise MappingProblem(f"{path}: no column and no constant for {name!r}")
    if len(mapping.delimiter) != 1:
        raise MappingProblem(f"{path}: delimiter: has one character")
    for name, where in mapping.columns.items():
        for column in where if isinstance(where, list) else [where]:
            if isinstance(column, str) and not mapping.header:
                raise MappingProblem(f"{path}: columns.{name}: without a header, columns have "
                                     "numbers")  # fmt: skip
            if isinstance(column, int) and column < 1:
                raise MappingProblem(f"{path}: columns.{name}: columns count from 1")
    zone_of(mapping.timezone)
