"""Walking the chain: is every entry as it was written, and none gone?

What it can tell: an entry that was edited, removed or moved breaks the seals after it. Whoever
makes all later seals anew, or cuts the newest entries off, is caught by an anchor: a seal that was
noted elsewhere at the time (see anchors). Entries after the newest anchor have none yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, select

from services.api.audit.chain import FIRST_SEAL, Entry, seal
from services.api.audit.tables import audit_entries

_PAGE: Final = 5_000
_decode = msgspec.json.Decoder(Entry).decode


class Intact(Struct, frozen=True):
    """The chain holds; `last_n` entries, of which those up to `anchored_n` are anchored."""

    last_n: int
    anchored_n: int


class Broken(Struct, frozen=True):
    """The first place where the chain does not hold, and what is wrong there."""

    n: int
    why: str


def verify(rows: Iterable[Row[Any]], anchors: Mapping[int, bytes]) -> Intact | Broken:
    """Return whether entries, in the order of `n`, are those that were written.

    `anchors` are seals by `n` as they were noted elsewhere.
    """
    n, before = 0, FIRST_SEAL
    for row in rows:
        n += 1
        if row.n != n:
            return Broken(n, "the entry is gone")
        before = seal(before, n, row.body)
        if row.seal != before:
            return Broken(n, "the seal does not fit the entry and the seal before it")
        if n in anchors and anchors[n] != before:
            return Broken(n, "the seal is another than was noted elsewhere at the time")
        why = _mismatch(row)
        if why is not None:
            return Broken(n, why)
    anchored_n = max(anchors, default=0)
    if anchored_n > n:
        return Broken(n + 1, f"the log ends here, but entry {anchored_n} was noted elsewhere")
    return Intact(n, anchored_n)


def entries(connection: Connection) -> Iterator[Row[Any]]:
    """Yield every entry in order, a page at a time."""
    last_n: int | None = None
    while True:
        query = select(audit_entries).order_by(audit_entries.c.n).limit(_PAGE)
        if last_n is not None:
            query = query.where(audit_entries.c.n > last_n)
        rows = connection.execute(query).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last_n = rows[-1].n


def _mismatch(row: Row[Any]) -> str | None:
    """Return which column, by which entries are found, says something else than the entry."""
    try:
        entry = _decode(row.body)
    except msgspec.DecodeError:
        # Its seal fits, so it was written like that: no version of this program does.
        return "the entry cannot be read"
    for column in ("at_ms", "actor", "action", "about"):
        # PlainText replaces NUL, which PostgreSQL cannot hold.
        said = getattr(entry, column)
        if isinstance(said, str):
            said = said.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        if getattr(row, column) != said:
            return f"the column {column} says something else than the entry"
    return None
