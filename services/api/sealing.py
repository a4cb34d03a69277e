"""Secrets that the API has to use again: sealed in its database, and never shown."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class Unsealable(Exception):
    """What was sealed cannot be opened: it was sealed under another key, or in another place."""


class Sealing:
    """Seals with AES-256-GCM; what is sealed for one place opens in no other."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes."""
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, place: str) -> bytes:
        """Return the sealed form; `place` names whose secret it is and has to be told again."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return the secret; raises Unsealable."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, place.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"{place} cannot be opened with this deployment's key") from error
