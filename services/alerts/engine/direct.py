"""Events that intake has just split, as decoding their records would give them.

Backtest has no broker between intake and the engine, so it need not write records only to read
them again. What is copied follows from the structs of both sides; that it is the same as decoding
is a law that tests/alerts/test_direct.py holds.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import Struct

from schemas.events import CHECKPOINT_SCAN, HEALTH_CHECK, KIND_BY_TYPE, PLATE_HIT
from schemas.events import Event as Written
from services.alerts.engine.decode import Dated, Hit, PersonSeen, Reported, Scan

_Copy = Callable[[Any], Any]
_STRUCTS: Final[dict[str, type[Struct]]] = {
    PLATE_HIT.type: Hit,
    CHECKPOINT_SCAN.type: Scan,
    HEALTH_CHECK.type: PersonSeen,
}


def as_decoded(event: Written[Any]) -> Dated:
    """Return what the worker decodes from the record of an event that intake has split."""
    copied: Dated = _COPIES[event.type](event)
    return copied


def _copy_of(target: type[Struct], source: type[Struct]) -> _Copy:
    """Return what copies a source into a target: by place, since nearly all of a run is this."""
    given = {field.name: field.type for field in msgspec.structs.fields(source)}
    fields = [field for field in msgspec.structs.fields(target) if field.name in given]
    # What is None is not written, so the reader puts its own default there.
    defaults: list[tuple[int, Any]] = []
    parts: list[tuple[int, _Copy]] = []
    for place, field in enumerate(fields):
        if field.default not in (None, msgspec.NODEFAULT):
            defaults.append((place, field.default))
        part = _part(field.type, given[field.name])
        if part is not None:
            parts.append((place, part))
    names = [field.name for field in fields]
    if names != [field.name for field in msgspec.structs.fields(target)][: len(names)]:
        raise TypeError(f"{source.__name__} lacks a field of {target.__name__} between others")
    values_of = _values_of(names)

    def copy(record: Any) -> Any:
        values = list(values_of(record))
        for place, default in defaults:
            if values[place] is None:
                values[place] = default
        for place, part in parts:
            if values[place] is not None:
                values[place] = part(values[place])
        return target(*values)

    return copy


def _values_of(names: list[str]) -> _Copy:
    """Return what reads the attributes of these names, one after the other."""
    read = attrgetter(*names)
    # Of one name it returns the value alone.
    return read if len(names) > 1 else lambda record: (read(record),)


def _part(target: Any, source: Any) -> _Copy | None:
    """Return what copies a field that is or holds a struct, None for a plain value."""
    given = _struct_in(source)
    if given is None:
        return None
    wanted = _struct_in(target)
    if wanted is None:
        return msgspec.to_builtins
    copy = _copy_of(wanted, given)
    if _is_list(source):
        return lambda items: [copy(item) for item in items]
    return copy


def _struct_in(kind: Any) -> type[Struct] | None:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    return next((found for each in get_args(kind) if (found := _struct_in(each))), None)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list or any(map(_is_list, get_args(kind)))


_COPIES: Final = {
    kind.type: _copy_of(
        _STRUCTS.get(kind.type, Reported),
        Written[kind.data],  # type: ignore[name-defined]
    )
    for kind in KIND_BY_TYPE.values()
}
