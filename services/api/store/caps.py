"""The groups of the rate cap in the database, in the transaction of the alerts."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, or_, select

from services.api.rate_cap import WINDOW_MS, Group, RateCap
from services.api.store.tables import caps
from services.api.store.upsert import upsert

_decode = msgspec.json.Decoder(Group).decode
# SQLite and PostgreSQL both bound the parameters of one statement.
_KEYS_A_QUERY: Final = 500


def read(connection: Connection, keys: Iterable[str]) -> list[Group]:
    """Return the groups of these keys as far as they are there, and all with an open summary."""
    wanted = sorted(keys)
    found: dict[str, Group] = {}
    for start in range(0, max(len(wanted), 1), _KEYS_A_QUERY):
        some = wanted[start : start + _KEYS_A_QUERY]
        query = select(caps.c.body).where(or_(caps.c.key.in_(some), caps.c.open))
        for body in connection.scalars(query):
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
    insert = upsert(connection, caps)
    told = {name: insert.excluded[name] for name in ("open", "newest_ms", "body")}
    connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=told), rows)
    old = caps.c.newest_ms <= clock_ms - WINDOW_MS
    connection.execute(delete(caps).where(old, caps.c.open.is_(False)))
