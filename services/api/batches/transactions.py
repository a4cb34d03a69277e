"""Reads and writes of verification batches, each within the caller's transaction."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    insert,
    or_,
    select,
    update,
)

from services.api.batches.match import Channel, Evidence, Name, State
from services.api.batches.tables import batch_rows, batches
from services.api.people.limit import Limit
from services.api.store.tables import alerts
from services.api.tasks.tables import tasks

STATES: Final[tuple[State, ...]] = ("FOUND", "NOT_FOUND", "MISMATCH", "PENDING")
_AT_ONCE: Final = 500
_decode_result = msgspec.json.Decoder(type=dict[str, Any]).decode
_decode_evidence = msgspec.json.Decoder(list[Evidence]).decode
# What comes back of a task, by the result of its kind (services/api/tasks/kinds.py: trace).
RESULTS: Final[dict[str, State]] = {"found": "FOUND", "not-found": "NOT_FOUND"}


class Judged(Struct, frozen=True, kw_only=True):
    """A row with what is known of it."""

    row: int
    name: Name
    state: State
    channel: Channel | None
    found: tuple[Evidence, ...] = ()
    task: str | None = None
    note: str | None = None
    actor: str
    at_ms: int
    revision: int = 1


class Viewer(Struct, frozen=True):
    """Somebody who is limited to areas: what lies there they see, and their own batches."""

    name: str
    within: Limit

    def sees(self, batch: Row[Any], name: Name) -> bool:
        """Return whether they see a name of a batch."""
        return batch.actor == self.name or self.within.holds(name.person, name.grid)

    def rows(self) -> ColumnElement[bool]:
        """Return the same in SQL, of a row of the table."""
        own = select(batches.c.id).where(batches.c.actor == self.name)
        there = self.within.around(batch_rows.c.person, grid=batch_rows.c.grid)
        return or_(batch_rows.c.batch.in_(own), there)

    def batches(self) -> ColumnElement[bool]:
        """Return in SQL whether they see a batch: it is theirs, or has a name that they see."""
        there = self.within.around(batch_rows.c.person, grid=batch_rows.c.grid)
        named = select(batch_rows.c.batch).where(batch_rows.c.batch == batches.c.id, there)
        return or_(batches.c.actor == self.name, named.exists())


def create(connection: Connection, values: dict[str, Any]) -> bool:
    """Create a batch; return False where there is one of this id."""
    there = select(batches.c.id).where(batches.c.id == values["id"])
    if connection.scalar(there) is not None:
        return False
    connection.execute(insert(batches), values)
    return True


def standing(connection: Connection, batch: str, rows: Sequence[int]) -> dict[int, Judged]:
    """Return what is on record of rows of a batch."""
    found: dict[int, Judged] = {}
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        query = select(batch_rows).where(batch_rows.c.batch == batch, batch_rows.c.row.in_(part))
        found |= {row.row: judged_of(row) for row in connection.execute(query)}
    return found


def put(
    connection: Connection, batch: str, new: Sequence[Judged], changed: Sequence[Judged]
) -> None:
    """Add rows, and replace others."""
    if new:
        connection.execute(insert(batch_rows), [_values(batch, row) for row in new])
    for row in changed:
        at = (batch_rows.c.batch == batch, batch_rows.c.row == row.row)
        connection.execute(update(batch_rows).where(*at).values(**_values(batch, row)))


def recent_alerts(
    connection: Connection, persons: Sequence[str], since_ms: int
) -> dict[str, list[str]]:
    """Return the alerts of persons whose last match is not older, by person."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(persons), _AT_ONCE):
        query = (
            select(alerts.c.subject, alerts.c.id)
            .where(
                alerts.c.subject.in_(persons[start : start + _AT_ONCE]),
                alerts.c.last_seen_ms >= since_ms,
                alerts.c.state != "retracted",
            )
            .order_by(alerts.c.raised_n)
        )
        for subject, alert_id in connection.execute(query):
            found.setdefault(subject, []).append(alert_id)
    return found


def take_results(connection: Connection) -> int:
    """Let rows have what their tasks have found out; return how many had something new."""
    query = (
        select(batch_rows, tasks.c.body)
        .join(tasks, tasks.c.id == batch_rows.c.task)
        .where(batch_rows.c.state == "PENDING", tasks.c.state.in_(("done", "evaluated")))
    )
    taken = 0
    for row in connection.execute(query).all():
        task = _decode_result(row.body)
        state = RESULTS.get(task.get("result") or "")
        if state is None:
            continue
        known = judged_of(row)
        anew = msgspec.structs.replace(
            known,
            state=state,
            channel="OFFLINE",
            actor=task.get("assignee") or known.actor,
            note=task.get("note") or known.note,
            revision=known.revision + 1,
        )
        put(connection, row.batch, (), [anew])
        taken += 1
    return taken


def counts(
    connection: Connection, ids: Sequence[str] | None, viewer: Viewer | None
) -> dict[str, dict[State, int]]:
    """Return how many rows of batches are in which state, None = of all batches."""
    query: Select[Any] = select(
        batch_rows.c.batch, batch_rows.c.state, func.count().label("rows")
    ).group_by(batch_rows.c.batch, batch_rows.c.state)
    if ids is not None:
        query = query.where(batch_rows.c.batch.in_(ids))
    if viewer is not None:
        query = query.where(viewer.rows())
    found: dict[str, dict[State, int]] = {}
    for batch, state, rows in connection.execute(query):
        found.setdefault(batch, dict.fromkeys(STATES, 0))[state] = rows
    return found


def page(connection: Connection, after: str, limit: int, viewer: Viewer | None) -> list[Row[Any]]:
    """Return batches by id, those after one."""
    query = select(batches).where(batches.c.id > after).order_by(batches.c.id).limit(limit)
    if viewer is not None:
        query = query.where(viewer.batches())
    return list(connection.execute(query))


def how_many(connection: Connection, viewer: Viewer | None) -> int:
    """Return how many batches there are, also those without a name yet."""
    query = select(func.count()).select_from(batches)
    if viewer is not None:
        query = query.where(viewer.batches())
    return connection.scalar(query) or 0


def get(connection: Connection, batch: str, viewer: Viewer | None) -> Row[Any] | None:
    """Return one batch."""
    query = select(batches).where(batches.c.id == batch)
    if viewer is not None:
        query = query.where(viewer.batches())
    return connection.execute(query).one_or_none()


def rows_of(
    connection: Connection,
    batch: str,
    state: State | None,
    after: int,
    limit: int,
    viewer: Viewer | None,
) -> list[Judged]:
    """Return rows of a batch in order, those after one."""
    query = (
        select(batch_rows)
        .where(batch_rows.c.batch == batch, batch_rows.c.row > after)
        .order_by(batch_rows.c.row)
        .limit(limit)
    )
    if state is not None:
        query = query.where(batch_rows.c.state == state)
    if viewer is not None:
        query = query.where(viewer.rows())
    return [judged_of(row) for row in connection.execute(query)]


def judged_of(row: Row[Any]) -> Judged:
    """Return a row of the table."""
    return Judged(
        row=row.row,
        name=Name(row.person, row.household, row.grid, row.plate),
        state=row.state,
        channel=row.channel,
        found=tuple(_decode_evidence(row.found)),
        task=row.task,
        note=row.note,
        actor=row.actor,
        at_ms=row.at_ms,
        revision=row.revision,
    )


def _values(batch: str, judged: Judged) -> dict[str, Any]:
    return {
        "batch": batch,
        "row": judged.row,
        **msgspec.structs.asdict(judged.name),
        "state": judged.state,
        "channel": judged.channel,
        "found": msgspec.json.encode(judged.found).decode(),
        "task": judged.task,
        "note": judged.note,
        "actor": judged.actor,
        "at_ms": judged.at_ms,
        "revision": judged.revision,
    }
