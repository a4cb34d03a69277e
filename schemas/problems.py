"""Problems in the form of RFC 9457, the one form of every error that leaves a service."""

import re

import msgspec
from msgspec import Struct

from schemas.times import TimeProblem, parse_ms

CONTENT_TYPE = "application/problem+json"


# msgspec ends a message with ` - at `$.data.site``, or ` - at `key` in `$.data.declarations``
# where the name of a member is at fault; it names no path where that is the whole.
_PATH = re.compile(r"(?P<detail>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")


class Problem(Struct, omit_defaults=True, kw_only=True):
    """What is wrong; `field` is the path of the value that is, where one is to blame."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    field: str | None = None


class Rejected(ValueError):
    """An input cannot be accepted; `problem` says why and names the field."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem


def rejected(detail: str, field: str | None = None, status: int = 422) -> Rejected:
    """Return the rejection of one value."""
    title = {400: "Malformed input", 403: "Not allowed", 422: "Invalid value"}.get(status, "Error")
    return Rejected(Problem(title=title, status=status, detail=detail, field=field))


def invalid(error: msgspec.ValidationError) -> Rejected:
    """Return the rejection that a decoder's complaint stands for; it names the missing field."""
    match = _PATH.fullmatch(str(error))
    assert match is not None  # both of its parts may be empty
    path = match["path"] or ""
    missing = _MISSING.fullmatch(match["detail"])
    if missing is not None:
        path = f"{path}.{missing['name']}" if path else missing["name"]
    return rejected(match["detail"], path or None)


def set_aside(field: str, error: ValueError) -> Problem:
    """Return the warning about a value that is left out of what is accepted."""
    return Problem(title="Set aside", status=422, detail=str(error), field=field)


def instant(text: str, field: str) -> int:
    """Return the instant that the text of a field names, in ms UTC; raises Rejected."""
    try:
        return parse_ms(text)
    except TimeProblem as error:
        raise rejected(str(error), field) from error
