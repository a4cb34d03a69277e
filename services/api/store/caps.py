"""The groups of the rate cap in the database, in the transaction of the alerts."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, or_, select

from services.api.rate_cap import WINDOW_MS, Group, RateCap
from services.api.store.tables import caps
from services.api.store.upsert import Upsert

_decode = msgspec.json.Decoder(Group).decode
# SQLite and PostgreSQL both bound the parameters of one statement.
_KEYS_A_QUERY: Final = 500
_READ = select(caps.c.body).where(
    or_(caps.c.key.in_(bindparam("keys", expanding=True)), caps.c.open)
)
_WRITE = Upsert(
    caps, ["key"], lambda new: {name: new[name] for name in ("open", "newest_ms", "body")}
)
_FORGET = delete(caps).where(caps.c.newest_ms <= bindparam("oldest_ms"), caps.c.open.is_(False))


def read(connection: Connection, keys: Iterable[str]) -> list[Group]:
    """Return the groups of these keys as far as they are there, and all with an open summary."""
    wanted = sorted(keys)
    found: dict[str, Group] = {}
    for start in range(0, max(len(wanted), 1), _KEYS_A_QUERY):
        some = wanted[start : start + _KEYS_A_QUERY]
        for body in connection.scalars(_READ, {"keys": some}):
            group = _decode(body)
            found[group.key] = group
    return list(found.values())


def write(connection: Connection, cap: RateCap, clock_ms: int) -> None:
    """Write the groups that changed, and forget those in which nothing counts any more."""
    rows = [
        {
            "key": key,
            "open": group.summary is not None,
            "newest_ms": max(group.raised, default=0),
            "body": msgspec.json.encode(group),
        }
        for key in sorted(cap.changed)
        if (group := cap.groups[key])
    ]
    if not rows:
        return
    _WRITE.run(connection, rows)
    connection.execute(_FORGET, {"oldest_ms": clock_ms - WINDOW_MS})
