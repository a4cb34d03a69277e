"""The code on a pass: its id and last day, signed with a key of the deployment.

`CORDON-PASS.<id>.<last day as 20200131, 0 = none>.<signature>`. The signature is 64 bits of
HMAC-SHA-256, 13 characters of base32: short enough for a code that is read at arm's length, and
nobody finds one by trying at the gate. It says that this deployment issued the pass and until when;
whether it was revoked since, only the register knows.
"""

import base64
import hmac
import re
from datetime import date
from typing import Final

from msgspec import Struct

from schemas.persons import PseudonymKey

_PREFIX: Final = "CORDON-PASS"
_SIGNATURE_BYTES: Final = 8
_FORM: Final = re.compile(
    rf"{_PREFIX}\.(?P<id>[^/\s]{{1,128}})\.(?P<until>0|[0-9]{{8}})\.(?P<signature>[A-Z2-7]{{13}})"
)


class PassCode(Struct, frozen=True):
    """What a genuine code says: which pass, and its last day as printed, None = no end."""

    pass_id: str
    until: date | None


class PassSigner:
    """Signs the codes of one deployment."""

    def __init__(self, key: PseudonymKey) -> None:
        self._secret = key.derive("paper passes")

    def code(self, pass_id: str, until: date | None) -> str:
        """Return the code to print on a pass."""
        day = "0" if until is None else until.strftime("%Y%m%d")
        return f"{_PREFIX}.{pass_id}.{day}.{self._signature(pass_id, day)}"

    def read(self, code: str) -> PassCode | None:
        """Return what a code says; None for one that this deployment did not sign."""
        found = _FORM.fullmatch(code.strip())
        if found is None:
            return None
        said = found["signature"]
        if not hmac.compare_digest(said, self._signature(found["id"], found["until"])):
            return None
        day = found["until"]
        # It is signed, so it was a date when it was printed.
        until = None if day == "0" else date(int(day[:4]), int(day[4:6]), int(day[6:]))
        return PassCode(found["id"], until)

    def _signature(self, pass_id: str, day: str) -> str:
        digest = hmac.digest(self._secret, f"{pass_id}\0{day}".encode(), "sha256")
        return base64.b32encode(digest[:_SIGNATURE_BYTES]).decode().rstrip("=")
