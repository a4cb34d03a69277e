"""Who a person is, without saying it: checked identifiers, keyed pseudonyms, masked labels.

An identifier is checked and pseudonymised before anything is written (contracts.md, "Identifiers").
No message of this module contains an identifier, so that a problem may be logged and answered.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import unicodedata
from datetime import date
from pathlib import Path
from typing import Final, Self

__all__ = [
    "ID_TYPES",
    "IdentifierProblem",
    "PseudonymKey",
    "PseudonymKeyProblem",
    "check_identifier",
    "is_person_key",
    "label",
    "plate_label",
]


class IdentifierProblem(ValueError):
    """The identifier fails its checks; `str()` is an English reason that does not repeat it."""


class PseudonymKeyProblem(ValueError):
    """The key file is malformed; `str()` names the file and never its content."""


_RAW_LIMIT: Final = 64
_SEPARATORS: Final = {ord(character): None for character in " .-·/()‐‑–—"}

_RESIDENT: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_FORMS: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "resident_id": (_RESIDENT, "has 17 digits and a check character"),
    # ICAO 9303 has 9 characters; some states print more, old ones fewer.
    "passport": (re.compile(r"(?=.*[0-9])[A-Z0-9]{5,12}"), "has 5–12 letters and digits"),
    # H or M and 8 or 10 digits for residents of Hong Kong and Macau; the exit permits of mainland
    # residents (C, CA, W) are filed under this type too.
    "hk_macau_permit": (
        re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?|[A-Z][A-Z0-9][0-9]{7}"),
        "has H or M and 8 or 10 digits, or 9 characters",
    ),
    "tw_permit": (
        re.compile(r"[0-9]{8}|[0-9]{10}[A-Z]?|[A-Z][0-9]{8}"),
        "has 8 or 10 digits, or a letter and 8 digits",
    ),
    # Cards since 2023 have the form and the checksum of a resident ID; older ones a country code.
    "foreign_permit": (
        re.compile(r"[A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X]"),
        "has 3 letters and 12 digits, or 18 characters that begin with 9",
    ),
    # Officers' cards begin with a Han character, so letters and digits of any script.
    "other": (re.compile(r"[^\W_]{3,32}"), "has 3–32 letters and digits"),
}

ID_TYPES: Final = tuple(_FORMS)
"""The closed set of identifier types (contracts.md, "Identifiers")."""

# GB 11643-1999: the sum of the digits times 2^(18-i), mod 11, chooses the check character.  Since
# 13 ≡ 2 (mod 11), reading the 17 digits as one number of base 13 gives that sum in one step.
_CHECK: Final = "10X98765432"
_CHECK_BASE: Final = 13


def check_identifier(id_type: str, id_number: str, today: date | None = None) -> str:
    """The canonical number: NFKC, upper case, without separators and spaces.

    A resident ID must pass the checksum of GB 11643-1999 and carry a real date of birth, which is
    not after `today` if that is given; 15-digit numbers are refused.  Its region and sex digits
    decide nothing and are not read.  Of a permit of a resident of Hong Kong or Macau the two digits
    that count its renewals are dropped: the first nine are the holder's for life (Ministry of
    Public Security, notice of 2010-03-10), so that a renewed permit is the same person.

    Raises IdentifierProblem, and nothing else.
    """
    if id_type == "resident_id" and _RESIDENT.fullmatch(id_number):
        _check_resident(id_number, today)
        return id_number
    form = _FORMS.get(id_type)
    if form is None:
        raise IdentifierProblem(f"id_type is none of {', '.join(ID_TYPES)}")
    number = _canonical(id_number)
    pattern, rule = form
    if id_type == "resident_id" and re.fullmatch("[0-9]{15}", number):
        raise IdentifierProblem("15-digit resident IDs have lapsed; give the one of 18 characters")
    if not pattern.fullmatch(number):
        raise IdentifierProblem(f"a number of type {id_type} {rule}")
    if len(set(number)) == 1:
        raise IdentifierProblem("one repeated character is a placeholder, not a number")
    if id_type in ("resident_id", "foreign_permit") and len(number) == 18:
        _check_resident(number, today)
    if id_type == "hk_macau_permit" and len(number) == 11:
        return number[:9]
    return number


def _canonical(id_number: str) -> str:
    if len(id_number) > _RAW_LIMIT:
        raise IdentifierProblem(f"id_number is longer than {_RAW_LIMIT} characters")
    text = unicodedata.normalize("NFKC", id_number).upper().translate(_SEPARATORS)
    # Upper case may decompose and stripping may bring parts together, so compose once more.
    return unicodedata.normalize("NFKC", text)


def _check_resident(number: str, today: date | None) -> None:
    """Checksum and date of birth of 17 digits and a check character."""
    if _CHECK[2 * int(number[:17], _CHECK_BASE) % 11] != number[17]:
        raise IdentifierProblem("the check character does not fit the digits")
    try:
        born = date.fromisoformat(number[6:14])
    except ValueError:
        raise IdentifierProblem("the date of birth is no day of the calendar") from None
    if today is not None and born > today:
        raise IdentifierProblem("the date of birth is in the future")


_PERSON_KEY: Final = re.compile(r"person:[0-9]{1,9}:[0-9a-f]{32}")
_SEALED: Final = re.compile(r"sealed:[0-9]{1,9}:[0-9a-f]{64}")
_KEY_LINE: Final = re.compile(rb"([1-9][0-9]{0,8}):([0-9a-fA-F]{64})(?:\r?\n)?")
_KEY_BYTES: Final = 32


class PseudonymKey:
    """The deployment's secret that turns identifiers into person keys.

    `number` goes into every person key, so that keys made before and after a change of the secret
    are told apart.  0 is the fixed key of tests; a file has 1 or more.
    """

    __slots__ = ("_prefix", "_secret", "number")

    def __init__(self, number: int, secret: bytes) -> None:
        self.number = number
        self._secret = secret
        self._prefix = f"person:{number}:"

    def __repr__(self) -> str:
        return f"PseudonymKey(number={self.number})"

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """The key in `path`, a line `<number>:<64 hex digits>`; made with number 1 if absent.

        Processes that start together end with the same key: the file appears whole or not at all,
        and the first one stays.  Raises PseudonymKeyProblem for a malformed file, OSError for one
        that cannot be read or made.
        """
        if not path.exists():
            _create_key_file(path)
        match = _KEY_LINE.fullmatch(path.read_bytes())
        if match is None:
            raise PseudonymKeyProblem(
                f"{path} is no pseudonym key: expected one line <number>:<64 hex digits>; "
                "restore it from a copy, since a new key makes every known person a stranger"
            )
        return cls(int(match[1]), bytes.fromhex(match[2].decode()))

    @classmethod
    def fixed_for_tests(cls) -> Self:
        """A key that everybody knows: for tests, and for a backtest of no deployment's data."""
        return cls(0, bytes(range(_KEY_BYTES)))

    def person(self, id_type: str, id_number: str, today: date | None = None) -> str:
        """`person:<key number>:<hex>` of an identifier, the same for every spelling of it.

        hex = the first 32 hex characters of HMAC-SHA-256(key, id_type + NUL + canonical number).
        Raises IdentifierProblem as `check_identifier` does.
        """
        number = check_identifier(id_type, id_number, today)
        digest = hmac.digest(self._secret, f"{id_type}\0{number}".encode(), "sha256")
        return self._prefix + digest[:16].hex()

    def seal(self, secret: str) -> str:
        """`sealed:<key number>:<64 hex>` of a device's secret, by which it can be known again.

        The digest is keyed, so that whoever reads the topics can't try secrets out; a sealed one is
        returned as it is.
        """
        if _SEALED.fullmatch(secret):
            return secret
        digest = hmac.digest(self.derive("device secrets"), secret.encode(), "sha256")
        return f"sealed:{self.number}:{digest.hex()}"

    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for another purpose, which tell nothing of the key or of pseudonyms.

        Their message is none of a pseudonym, since no id_type is "derive".
        """
        return hmac.digest(self._secret, f"derive\0{purpose}".encode(), "sha256")


def _create_key_file(path: Path) -> None:
    """Write a new key beside `path` and link it there unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    line = f"1:{secrets.token_hex(_KEY_BYTES)}\n".encode()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # the first one stays
            os.link(draft, path)
    finally:
        draft.unlink()


def is_person_key(text: str) -> bool:
    """Whether `text` has the form of a person key: person:1:<32 lower-case hex digits>."""
    return _PERSON_KEY.fullmatch(text) is not None


def label(person_key: str) -> str:
    """A short name for screens and logs: person:1:3f9a… → "person 3f9a…".

    Raises ValueError for what is no person key, so that an identifier is never shown by mistake.
    """
    if not is_person_key(person_key):
        raise ValueError("only a person key has a label")
    return f"person {person_key.rpartition(':')[2][:4]}…"


def plate_label(plate: str) -> str:
    """A canonical plate with the two middle characters of its serial masked: 浙F7**02.

    The first two characters count as head where at least five stand; else the whole is the serial.
    """
    head = 2 if len(plate) >= 5 else 0
    start = max(0, head + (len(plate) - head - 2) // 2)
    masked = plate[start : start + 2]
    return plate[:start] + "*" * len(masked) + plate[start + len(masked) :]
