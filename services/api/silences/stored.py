"""Silences in the database, as functions of a connection."""

from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from services.api.silences.silence import Silence, phase
from services.api.silences.tables import silences

_SILENCE = msgspec.json.Decoder(Silence)


def in_force(connection: Connection, now_ms: int) -> list[Silence]:
    """Return the silences that are in force at an instant."""
    query = select(silences.c.body).where(
        silences.c.ends_ms > now_ms, silences.c.starts_ms <= now_ms
    )
    return [_SILENCE.decode(body) for body in connection.scalars(query)]


def get(connection: Connection, silence_id: str) -> Silence | None:
    """Return a silence."""
    body = connection.scalar(select(silences.c.body).where(silences.c.id == silence_id))
    return None if body is None else _SILENCE.decode(body)


def page(
    connection: Connection, since_ms: int, before: int | None, limit: int
) -> tuple[list[Silence], int | None]:
    """Return silences that end after an instant, the last made first, and where the next page
    begins."""
    query = select(silences.c.n, silences.c.body).where(silences.c.ends_ms > since_ms)
    if before is not None:
        query = query.where(silences.c.n < before)
    rows = connection.execute(query.order_by(silences.c.n.desc()).limit(limit + 1)).all()
    more = rows[limit - 1].n if len(rows) > limit else None
    return [_SILENCE.decode(row.body) for row in rows[:limit]], more


def add(connection: Connection, silence: Silence) -> None:
    """Add a silence; no alert is marked for it yet."""
    last: int | None = connection.scalar(select(func.max(silences.c.n)))
    row = {"id": silence.id, "n": (last or 0) + 1, "phase": "pending", **_row(silence)}
    connection.execute(insert(silences), row)


def replace(connection: Connection, silence: Silence) -> None:
    """Put a silence in the place of the one with its id."""
    connection.execute(update(silences).where(silences.c.id == silence.id).values(**_row(silence)))


def turned(connection: Connection, now_ms: int) -> list[str]:
    """Return the silences that have begun or ended since the alerts were marked for them."""
    kept = silences.c
    query = select(kept.id).where(
        or_(
            (kept.phase == "pending") & (kept.starts_ms <= now_ms),
            (kept.phase == "active") & (kept.ends_ms <= now_ms),
        )
    )
    return list(connection.scalars(query))


def note_phases(connection: Connection, ids: list[str], now_ms: int) -> None:
    """Note that the alerts are marked for these silences as they are now."""
    for silence_id in ids:
        silence = get(connection, silence_id)
        assert silence is not None
        now = phase(silence, now_ms)
        connection.execute(update(silences).where(silences.c.id == silence_id).values(phase=now))


def _row(silence: Silence) -> dict[str, Any]:
    return {
        "starts_ms": silence.starts_ms,
        "ends_ms": silence.ends_ms,
        "body": msgspec.json.encode(silence),
    }
