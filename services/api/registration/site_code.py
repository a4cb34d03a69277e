"""The code of a site's form: who scans it stands, or stood, where it hangs.

`<site>.<last day as 20200131>.<signature>`, signed as codes of passes are. It lets nobody in; it
keeps strangers from flooding the list from afar, and an old poster from being used for ever.
"""

import base64
import hmac
import re
from datetime import date
from typing import Final

from schemas.persons import PseudonymKey

_SIGNATURE_BYTES: Final = 8
_FORM: Final = re.compile(
    r"(?P<site>[^/\s]{1,128})\.(?P<until>[0-9]{8})\.(?P<signature>[A-Z2-7]{13})"
)


class SiteCodes:
    """Makes and checks the codes of one deployment."""

    def __init__(self, key: PseudonymKey) -> None:
        self._secret = key.derive("registration sites")

    def code(self, site: str, until: date) -> str:
        """Return the code of a site, good to the end of a day."""
        day = until.strftime("%Y%m%d")
        return f"{site}.{day}.{self._signature(site, day)}"

    def site_of(self, code: str, today: date) -> str | None:
        """Return the site of a code; None for one that was made up or whose day is over."""
        found = _FORM.fullmatch(code.strip())
        if found is None:
            return None
        if not hmac.compare_digest(
            found["signature"], self._signature(found["site"], found["until"])
        ):
            return None
        return found["site"] if found["until"] >= today.strftime("%Y%m%d") else None

    def _signature(self, site: str, day: str) -> str:
        digest = hmac.digest(self._secret, f"{site}\0{day}".encode(), "sha256")
        return base64.b32encode(digest[:_SIGNATURE_BYTES]).decode().rstrip("=")
