"""Reads and writes of self-registrations, each within the caller's transaction."""

from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from services.api.people.limit import Limit
from services.api.registration.tables import self_registrations as table

State = Literal["pending", "confirmed", "refused"]


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Add a registration."""
    connection.execute(insert(table), values)


def get(connection: Connection, id_: str) -> Row[Any] | None:
    """Return a registration by its id."""
    return connection.execute(select(table).where(table.c.id == id_)).one_or_none()


def decide(
    connection: Connection, id_: str, revision: int, state: State, by: str, note: str, at_ms: int
) -> bool:
    """Confirm or refuse; return False where somebody else has decided since."""
    decided = connection.execute(
        update(table)
        .where(table.c.id == id_, table.c.revision == revision, table.c.state == "pending")
        .values(state=state, revision=revision + 1, decided_by=by, decided_ms=at_ms, note=note)
    )
    return decided.rowcount == 1


def page(
    connection: Connection,
    state: State,
    site: str | None,
    after: tuple[int, str] | None,
    limit: int,
    within: Limit | None,
) -> list[Row[Any]]:
    """Return registrations of a state, the oldest first, those after one."""
    query = select(table).where(table.c.state == state)
    if site is not None:
        query = query.where(table.c.site == site)
    if within is not None:
        query = query.where(within.around(table.c.person, site=table.c.site))
    if after is not None:
        at_ms, id_ = after
        later = and_(table.c.posted_ms == at_ms, table.c.id > id_)
        query = query.where(or_(table.c.posted_ms > at_ms, later))
    ordered = query.order_by(table.c.posted_ms, table.c.id).limit(limit)
    return list(connection.execute(ordered))
