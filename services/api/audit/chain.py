"""The chain of the audit log: entries are added in the transaction of what they tell of.

The seal of an entry is SHA-256 over the seal before it, its number and its body: whoever edits,
removes or moves an entry would have to make every later seal anew.
"""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select

from schemas.access import Grant
from services.api.audit.tables import audit_entries

FIRST_SEAL: Final = bytes(32)

_encode = msgspec.json.Encoder(order="deterministic").encode
_LAST = select(audit_entries.c.n, audit_entries.c.seal).order_by(audit_entries.c.n.desc()).limit(1)
_INSERT = insert(audit_entries)


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody did: `at_ms` UTC, `action` such as `person.read`, `about` such as an alert's id
    or `person:…`; `detail` never holds a raw identifier."""

    at_ms: int
    actor: str
    role: str
    action: str
    about: str
    detail: dict[str, Any] = {}

    @classmethod
    def by(
        cls,
        grant: Grant,
        at_ms: int,
        action: str,
        about: str,
        detail: Mapping[str, Any] = MappingProxyType({}),
    ) -> Self:
        """Return the entry of what the bearer of a grant did."""
        return cls(
            at_ms=at_ms,
            actor=grant.name,
            role=grant.role,
            action=action,
            about=about,
            detail=dict(detail),
        )


def record(connection: Connection, entry: Entry) -> int:
    """Add an entry in the caller's transaction, which is the only one that writes; return its n."""
    return record_all(connection, [entry])


def record_all(connection: Connection, entries: Sequence[Entry]) -> int:
    """Add entries in their order, of which there is at least one; return the n of the last."""
    last = connection.execute(_LAST).one_or_none()
    n, before = (0, FIRST_SEAL) if last is None else (last.n, last.seal)
    rows = []
    for entry in entries:
        n += 1
        body = _encode(entry)
        before = seal(before, n, body)
        row = {
            "n": n,
            "at_ms": entry.at_ms,
            "actor": entry.actor,
            "action": entry.action,
            "about": entry.about,
            "body": body,
            "seal": before,
        }
        rows.append(row)
    connection.execute(_INSERT, rows)
    return n


def seal(before: bytes, n: int, body: bytes) -> bytes:
    """Return the seal of an entry."""
    return hashlib.sha256(before + n.to_bytes(8, "big") + body).digest()
