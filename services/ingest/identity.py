"""By what a repeat is recognised: the identity of an event, and a fingerprint of its body."""

import hashlib
from typing import Any

import msgspec
import xxhash

from schemas.events import Event

_encode = msgspec.json.Encoder().encode


class Fingerprints:
    """Fingerprints under a secret of the deployment.

    They are kept on disk. Without a secret, whoever has that file and the topics could try
    identifiers until a fingerprint fits, and so undo the pseudonyms.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, event: Event[Any]) -> int:
        """Return 64 bits of an event as it was posted, whenever it was recorded."""
        recorded, event.recordedtime = event.recordedtime, None
        body = _encode(event)
        event.recordedtime = recorded
        digest = hashlib.blake2b(body, digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "little")


def identity_of(event: Event[Any]) -> bytes:
    """Return 128 bits of (source, id). Neither holds a NUL, so that no two pairs run together."""
    return xxhash.xxh3_128_digest(f"{event.source}\0{event.id}".encode())
