"""Anchors: the newest seal of the audit log, noted outside of the database.

One line goes to a file beside the data, which may be made append-only or copied away, and to the
service's log, which a deployment ships elsewhere as a rule.
"""

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from schemas.times import format_ms
from services.api.audit.tables import audit_entries
from services.api.metrics import AUDIT_FAILURES
from services.api.store.database import Database

EVERY_S: Final = 60.0
_log = structlog.get_logger(__name__)


class Anchor(Struct, frozen=True):
    """The seal (hexadecimal) of entry `n`, and when that entry was made."""

    n: int
    seal: str
    at: str


class BrokenAnchors(ValueError):
    """The file of anchors cannot be read; the text names the line."""


class Anchoring:
    """Notes the newest seal once a minute while there are new entries; the leading process does."""

    def __init__(self, database: Database, path: Path, every_s: float = EVERY_S) -> None:
        self._database = database
        self._path = path
        self._every_s = every_s

    async def run(self) -> None:
        """Note seals until cancelled."""
        while True:
            try:
                await self.note()
            except (SQLAlchemyError, OSError, BrokenAnchors) as error:
                AUDIT_FAILURES.inc()
                _log.error("audit_not_anchored", error=repr(error))
            await asyncio.sleep(self._every_s)

    async def note(self) -> Anchor | None:
        """Note the newest seal; return it, or None where it is noted already."""
        last = select(audit_entries).order_by(audit_entries.c.n.desc()).limit(1)
        row = await self._database.read(lambda connection: connection.execute(last).one_or_none())
        noted = await asyncio.to_thread(read_anchors, self._path)
        if row is None or row.n <= max(noted, default=0):
            return None
        anchor = Anchor(row.n, row.seal.hex(), format_ms(row.at_ms))
        await asyncio.to_thread(_append, self._path, anchor)
        _log.info("audit_anchor", n=anchor.n, seal=anchor.seal)
        return anchor


def read_anchors(path: Path) -> dict[int, bytes]:
    """Return the seals of a file of anchors by `n`; none where there is no file.

    Raises BrokenAnchors for a line that is no anchor.
    """
    if not path.exists():
        return {}
    found: dict[int, bytes] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            anchor = msgspec.json.decode(line, type=Anchor)
            found[anchor.n] = bytes.fromhex(anchor.seal)
        except (msgspec.DecodeError, ValueError) as error:
            raise BrokenAnchors(f"{path}: line {number} is no anchor") from error
    return found


def _append(path: Path, anchor: Anchor) -> None:
    with path.open("ab") as file:
        file.write(msgspec.json.encode(anchor) + b"\n")
