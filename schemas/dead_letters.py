"""Records that could not be read, kept as they were (contracts: Topics, dead letters)."""

from msgspec import Struct


class DeadLetter(Struct, kw_only=True, omit_defaults=True):
    """One record of cordon.dead-letters.v1: the original bytes (base64 in JSON), why they could
    not be read, who says so, and where they lie."""

    reason: str
    service: str
    topic: str
    partition: int
    offset: int
    recordedtime: str
    key: bytes | None = None
    value: bytes | None = None
