"""Inhibitions in the database, as functions of a connection."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from services.api.inhibitions.inhibition import DEFAULTS, Inhibition, phase
from services.api.inhibitions.tables import inhibition_sources as sources
from services.api.inhibitions.tables import inhibitions
from services.api.store.upsert import upsert

_INHIBITION = msgspec.json.Decoder(Inhibition)
# So many that are in force are looked at with every change of an alert.
MOST_IN_FORCE = 100


class Source(Struct, frozen=True):
    """An alert that inhibits others in a place (inhibition.place_of)."""

    inhibition: str
    place: str
    alert_id: str


class TooMany(Exception):
    """As many as may be are in force."""


def in_force(connection: Connection, now_ms: int) -> list[Inhibition]:
    """Return the inhibitions that are in force at an instant."""
    ends = inhibitions.c.ends_ms
    query = select(inhibitions.c.body).where(or_(ends.is_(None), ends > now_ms))
    return [_INHIBITION.decode(body) for body in connection.scalars(query)]


def get(connection: Connection, inhibition_id: str) -> Inhibition | None:
    """Return an inhibition."""
    query = select(inhibitions.c.body).where(inhibitions.c.id == inhibition_id)
    body = connection.scalar(query)
    return None if body is None else _INHIBITION.decode(body)


def page(
    connection: Connection, since_ms: int, before: int | None, limit: int
) -> tuple[list[Inhibition], int | None]:
    """Return inhibitions that end after an instant or never, the last made first, and where the
    next page begins."""
    kept = inhibitions.c
    query = select(kept.n, kept.body).where(or_(kept.ends_ms.is_(None), kept.ends_ms > since_ms))
    if before is not None:
        query = query.where(kept.n < before)
    rows = connection.execute(query.order_by(kept.n.desc()).limit(limit + 1)).all()
    more = rows[limit - 1].n if len(rows) > limit else None
    return [_INHIBITION.decode(row.body) for row in rows[:limit]], more


def begin(connection: Connection, now_ms: int) -> None:
    """Add the defaults where there never was an inhibition."""
    if connection.scalar(select(func.count()).select_from(inhibitions)):
        return
    for name, source, target, equal, comment in DEFAULTS:
        made = Inhibition(
            id=name,
            source=source,
            target=target,
            equal=equal,
            author="cordon",
            comment=comment,
            starts_ms=now_ms,
            ends_ms=None,
            updated_ms=now_ms,
        )
        add(connection, made)


def add(connection: Connection, inhibition: Inhibition) -> None:
    """Add an inhibition; no alert is marked for it yet. Raises TooMany."""
    if len(in_force(connection, inhibition.starts_ms)) >= MOST_IN_FORCE:
        raise TooMany
    last: int | None = connection.scalar(select(func.max(inhibitions.c.n)))
    row = {"id": inhibition.id, "n": (last or 0) + 1, "phase": "pending", **_row(inhibition)}
    connection.execute(insert(inhibitions), row)


def replace(connection: Connection, inhibition: Inhibition) -> None:
    """Put an inhibition in the place of the one with its id."""
    query = update(inhibitions).where(inhibitions.c.id == inhibition.id)
    connection.execute(query.values(**_row(inhibition)))


def turned(connection: Connection, now_ms: int) -> list[str]:
    """Return the inhibitions that have begun or ended since the alerts were marked for them, and
    those for which alerts were left to be marked."""
    kept = inhibitions.c
    over = (kept.phase == "active") & (kept.ends_ms <= now_ms)
    return list(connection.scalars(select(kept.id).where(or_(kept.phase == "pending", over))))


def note_pending(connection: Connection, ids: Collection[str]) -> None:
    """Note that alerts are left to be marked for these inhibitions."""
    query = update(inhibitions).where(inhibitions.c.id.in_(sorted(ids)))
    connection.execute(query.values(phase="pending"))


def note_phases(connection: Connection, ids: Iterable[str], now_ms: int) -> None:
    """Note that the alerts are marked for these inhibitions as they are now."""
    for inhibition_id in ids:
        inhibition = get(connection, inhibition_id)
        assert inhibition is not None
        now = phase(inhibition, now_ms)
        query = update(inhibitions).where(inhibitions.c.id == inhibition_id)
        connection.execute(query.values(phase=now))


def sources_in(connection: Connection, inhibition_id: str, place: str) -> set[str]:
    """Return the alerts that inhibit others in a place."""
    query = select(sources.c.alert_id).where(
        sources.c.inhibition == inhibition_id, sources.c.place == place
    )
    return set(connection.scalars(query))


def change_sources(connection: Connection, changed: Mapping[Source, bool]) -> None:
    """Write which alerts are sources, and which are no longer."""
    gone = [msgspec.structs.asdict(one) for one, there in changed.items() if not there]
    if gone:
        this = (sources.c[name] == bindparam(f"of_{name}") for name in gone[0])
        rows = [{f"of_{name}": value for name, value in one.items()} for one in gone]
        connection.execute(delete(sources).where(*this), rows)
    new = [msgspec.structs.asdict(one) for one, there in changed.items() if there]
    if new:
        connection.execute(upsert(connection, sources).on_conflict_do_nothing(), new)


def forget_sources(connection: Connection, ids: Collection[str]) -> None:
    """Forget all sources of some inhibitions."""
    connection.execute(delete(sources).where(sources.c.inhibition.in_(sorted(ids))))


def _row(inhibition: Inhibition) -> dict[str, Any]:
    return {"ends_ms": inhibition.ends_ms, "body": msgspec.json.encode(inhibition)}
