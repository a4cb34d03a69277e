"""Imports as they are recorded, and what is told of them."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, delete, select

from schemas.times import DAY_MS, MINUTE_MS, format_ms
from services.api.imports.entries import CellNote
from services.api.imports.tables import import_rows, imports
from services.api.registers.desk import Outcome
from services.api.store.upsert import Bulk, Upsert

# Whoever imports touches the record with each part of the rows.
_LOST_MS: Final = 2 * MINUTE_MS
# What became of rows is for those who imported them; the registers keep what was filed.
_KEPT_MS: Final = 30 * DAY_MS

# Built once: a day's tables are some hundred imports.
_SAVE: Final = Upsert(
    imports,
    ["id"],
    lambda new: {column.name: new[column.name] for column in imports.c if column.name != "id"},
)
_ADD_ROWS: Final = Bulk(import_rows)

OutcomeName = Literal["created", "changed", "unchanged", "rejected"]


class Import(Struct, kw_only=True):
    """One import; its counts say how far it is."""

    id: str
    register: str
    batch: str | None
    actor: str
    dry_run: bool
    state: Literal["running", "done", "failed"] = "running"
    problem: str | None = None
    unused: tuple[str, ...] = ()
    total: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    started_ms: int
    touched_ms: int

    @property
    def done(self) -> int:
        """How many rows have been dealt with."""
        return self.created + self.changed + self.unchanged + self.rejected

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Add what became of some rows."""
        for outcome in outcomes:
            setattr(self, outcome.outcome, getattr(self, outcome.outcome) + 1)


class RowTold(Struct, frozen=True, omit_defaults=True):
    """What became of a row: its number, the entry's id, and what is to be said of its cells."""

    place: int
    row: int
    outcome: OutcomeName
    id: str | None = None
    problems: tuple[CellNote, ...] = ()
    repairs: tuple[CellNote, ...] = ()


class _Notes(Struct, omit_defaults=True):
    problems: tuple[CellNote, ...] = ()
    repairs: tuple[CellNote, ...] = ()


def save(connection: Connection, work: Import, rows: Sequence[RowTold]) -> None:
    """Record how far an import is, and what became of its next rows."""
    values = {
        **msgspec.structs.asdict(work),
        "unused": msgspec.json.encode(work.unused).decode(),
    }
    _SAVE.run(connection, [values])
    if rows:
        _ADD_ROWS.run(connection, [_row_of(work.id, row) for row in rows])


def forget_old(connection: Connection, now_ms: int) -> None:
    """Forget imports of more than thirty days ago."""
    old = select(imports.c.id).where(imports.c.started_ms < now_ms - _KEPT_MS)
    connection.execute(delete(import_rows).where(import_rows.c.import_id.in_(old)))
    connection.execute(delete(imports).where(imports.c.started_ms < now_ms - _KEPT_MS))


def get(connection: Connection, import_id: str) -> Import | None:
    """Return an import by its id."""
    row = connection.execute(select(imports).where(imports.c.id == import_id)).one_or_none()
    return None if row is None else _import_of(row)


def newest(
    connection: Connection, before_ms: int | None, limit: int, actor: str | None = None
) -> list[Import]:
    """Return imports, the last begun first, those begun before an instant; None = by anybody."""
    query = select(imports).order_by(imports.c.started_ms.desc(), imports.c.id).limit(limit)
    if before_ms is not None:
        query = query.where(imports.c.started_ms < before_ms)
    if actor is not None:
        query = query.where(imports.c.actor == actor)
    return [_import_of(row) for row in connection.execute(query)]


def rows_of(
    connection: Connection, import_id: str, outcome: OutcomeName | None, after: int, limit: int
) -> list[RowTold]:
    """Return what became of rows, in their order, those after a place."""
    query = (
        select(import_rows)
        .where(import_rows.c.import_id == import_id, import_rows.c.place > after)
        .order_by(import_rows.c.place)
        .limit(limit)
    )
    if outcome is not None:
        query = query.where(import_rows.c.outcome == outcome)
    return [_told(row) for row in connection.execute(query)]


def shown(work: Import, now_ms: int) -> dict[str, Any]:
    """Return an import as it is answered. One whose process went away is lost, and may be sent
    again: rows that were filed are unchanged then."""
    lost = work.state == "running" and now_ms - work.touched_ms > _LOST_MS
    return {
        "id": work.id,
        "register": work.register,
        "batch": work.batch,
        "by": work.actor,
        "dry_run": work.dry_run,
        "state": "lost" if lost else work.state,
        "problem": work.problem,
        "unused_columns": list(work.unused),
        "total": work.total,
        "done": work.done,
        "created": work.created,
        "changed": work.changed,
        "unchanged": work.unchanged,
        "rejected": work.rejected,
        "started": format_ms(work.started_ms),
        "touched": format_ms(work.touched_ms),
    }


def _row_of(import_id: str, row: RowTold) -> dict[str, Any]:
    notes = None
    if row.problems or row.repairs:
        notes = msgspec.json.encode(_Notes(row.problems, row.repairs)).decode()
    return {
        "import_id": import_id,
        "place": row.place,
        "row": row.row,
        "outcome": row.outcome,
        "entry_id": row.id,
        "notes": notes,
    }


def _told(row: Row[Any]) -> RowTold:
    notes = _Notes() if row.notes is None else msgspec.json.decode(row.notes, type=_Notes)
    return RowTold(row.place, row.row, row.outcome, row.entry_id, notes.problems, notes.repairs)


def _import_of(row: Row[Any]) -> Import:
    fields = row._asdict()
    return Import(**{**fields, "unused": tuple(msgspec.json.decode(row.unused))})
