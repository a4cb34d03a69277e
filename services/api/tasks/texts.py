"""Texts that people write: they must not hold a number by which somebody can be found.

Identity lies in the vault; a task is read by many. This finds what officers paste without thinking,
a resident ID or a mobile number; names and addresses no check can tell from other words.
"""

import re
import unicodedata
from typing import Final

from schemas.persons import IdentifierProblem, check_identifier
from schemas.problems import rejected

_RESIDENT: Final = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")
_MOBILE: Final = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])")


def plain(text: str, field: str) -> str:
    """Return a text. Raises Rejected, naming the field, where it holds a person's number."""
    read = unicodedata.normalize("NFKC", text)
    if _MOBILE.search(read) or any(map(_is_resident, _RESIDENT.findall(read))):
        raise rejected("holds a person's number: identity belongs into the vault", field)
    return text


def _is_resident(number: str) -> bool:
    try:
        check_identifier("resident_id", number.upper())
    except IdentifierProblem:
        # Some other number of eighteen digits, such as a bill's.
        return False
    return True
