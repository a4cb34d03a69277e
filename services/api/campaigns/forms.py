"""Forms: what is asked about an item, and whether what is given answers it. Pure."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from msgspec import Struct

from schemas.alerts import Reason
from schemas.problems import instant, rejected
from schemas.times import format_ms
from services.api.tasks.texts import plain

FieldType = Literal["text", "choice", "integer", "number", "yes-no", "day", "instant", "person"]
PersonOf = Callable[[Mapping[str, Any], str], str]
_LONGEST: Final = 2_000
_UNREADABLE: Final = re.compile("[\x00\ud800-\udfff]")


class FormField(Struct, frozen=True, omit_defaults=True):
    """One field: its name, its type, what people are asked, and its bounds.

    `least` and `most` bound numbers. Of a `choice` one of `options` is given.
    """

    name: str
    type: FieldType
    asks: Reason
    required: bool = True
    options: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


Form = Sequence[FormField]


def checked(
    form: Form, given: Mapping[str, Any], where: str, person_of: PersonOf
) -> dict[str, Any]:
    """Return what was given in the form's own form; persons become pseudonyms by `person_of`.

    Raises Rejected, naming `<where>.<field>`, for what is missing, unknown or malformed.
    """
    fields = {field.name: field for field in form}
    for name in given:
        if name not in fields:
            known = ", ".join(fields) or "none"
            # What no text can hold may stand in a name too; an answer has to be one.
            told = name[:64].encode(errors="replace").decode()
            raise rejected(f"no such field; there are: {known}", f"{where}.{told}")
    found: dict[str, Any] = {}
    for name, field in fields.items():
        value = given.get(name)
        if value is None:
            if field.required:
                raise rejected("is needed", f"{where}.{name}")
            continue
        found[name] = _read(field, value, f"{where}.{name}", person_of)
    return found


def _read(field: FormField, value: Any, where: str, person_of: PersonOf) -> Any:
    match field.type:
        case "text":
            return plain(_text(value, where), where)
        case "choice":
            if value not in field.options:
                raise rejected(f"must be one of {', '.join(field.options)}", where)
            return value
        case "integer" | "number":
            return _number(field, value, where)
        case "yes-no":
            if not isinstance(value, bool):
                raise rejected("must be true or false", where)
            return value
        case "day":
            try:
                return date.fromisoformat(_text(value, where)).isoformat()
            except ValueError as error:
                raise rejected("must be a date, such as 2026-03-01", where) from error
        case "instant":
            return format_ms(instant(_text(value, where), where))
        case "person":
            if not isinstance(value, dict):
                raise rejected("must be an object: id_type and id_number, or person", where)
            return person_of(value, where)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise rejected("must be a text", where)
    if len(value) > _LONGEST or _UNREADABLE.search(value):
        raise rejected(f"must have at most {_LONGEST} characters, no NUL and no surrogate", where)
    return value


def _number(field: FormField, value: Any, where: str) -> float:
    whole = field.type == "integer"
    readable = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    # A whole number of any length is finite, and may be too long for a float.
    if not readable or (isinstance(value, float) and not math.isfinite(value)):
        raise rejected(f"must be {'a whole' if whole else 'a'} number", where)
    low = -math.inf if field.least is None else field.least
    high = math.inf if field.most is None else field.most
    found: float = value
    if not low <= found <= high:
        raise rejected(f"must be from {field.least} to {field.most}", where)
    return found
