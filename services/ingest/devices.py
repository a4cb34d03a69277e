"""Devices that were filed with a secret: it is their token, and binds them to their sites.

The register `device` carries a keyed digest of each secret, so every ingest process, on whatever
machine, knows within moments who was let in, whose time is over and who was shut out, and asks
nobody.
"""

from collections.abc import Callable
from typing import Final, Protocol

from rules.registers import Registers
from schemas.access import Grant, digest
from schemas.persons import PseudonymKey
from schemas.registers import Device
from schemas.versions import governing

REGISTER: Final = "device"
_REMEMBERED: Final = 10_000


class Filed(Protocol):
    """What has been read of the registers by now."""

    @property
    def registers(self) -> Registers:
        """Everything that has been read."""

    @property
    def complete(self) -> bool:
        """Whether they have been read once to their ends."""


class DeviceTokens:
    """Looks devices up by what they send."""

    def __init__(self, filed: Filed, key: PseudonymKey, clock_ms: Callable[[], int]) -> None:
        self._filed = filed
        self._key = key
        self._clock_ms = clock_ms
        # The device of a token that was right once, by the token's digest.
        self._ids: dict[str, str] = {}

    @property
    def complete(self) -> bool:
        """Whether a token that is not known is known to be wrong."""
        return self._filed.complete

    def grant_of_header(self, authorization: str | None) -> Grant | None:
        """Return what an `Authorization: Bearer …` header stands for, None for no device."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        return self._grant_of(token) if scheme.lower() == "bearer" and token else None

    def _grant_of(self, token: str) -> Grant | None:
        sealed, of_token = self._key.seal(token), digest(token)
        # A digest that somebody read in the topic is no secret.
        if sealed == token:
            return None
        known = self._ids.get(of_token)
        grant = None if known is None else self._grant(known, sealed)
        if grant is not None:
            return grant
        for device_id in self._filed.registers.versions(REGISTER):
            grant = self._grant(device_id, sealed)
            if grant is not None:
                if len(self._ids) >= _REMEMBERED:
                    self._ids.clear()
                self._ids[of_token] = device_id
                return grant
        return None

    def _grant(self, device_id: str, sealed: str) -> Grant | None:
        versions = self._filed.registers.versions(REGISTER).get(device_id, [])
        # The clock of the API, which files, may be ahead of ours: what it filed counts at once.
        newest_ms = versions[-1].recorded_ms if versions else 0
        now_ms = max(self._clock_ms(), newest_ms)
        device: Device | None = governing(versions, now_ms, now_ms)
        if device is None or device.secret != sealed:
            return None
        return Grant(device_id, "device", sites=(device.site, *(device.sites or ())))
