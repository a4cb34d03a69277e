"""The alerts that a transaction begins with, read as they are stored."""

from collections.abc import Collection
from typing import Final

from msgspec import Struct
from sqlalchemy import BindParameter, Connection, bindparam, or_, select

from schemas.alerts import State
from services.api.merge import Record
from services.api.store.rows import RECORD_COLUMNS, record_of
from services.api.store.tables import alerts

# The states of an alert that lives: somebody may still have to do something about it.
LIVE: Final[tuple[State, ...]] = ("open", "acked", "dispatched")
# SQLite and PostgreSQL both bound the parameters of one statement.
_IDS_A_QUERY: Final = 500
# Built once: to build it for each batch took longer than to run it.
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_RECORDS = select(*RECORD_COLUMNS).where(or_(alerts.c.id.in_(_IDS), alerts.c.survivor.in_(_IDS)))


class Life(Struct, frozen=True):
    """The number of an alert's first event, and of the one that ended it; None while it lives."""

    raised_n: int
    ended_n: int | None


class Kept(Struct, frozen=True):
    """The alerts that a transaction begins with, and their lives."""

    records: dict[str, Record]
    lives: dict[str, Life]


def records_of(connection: Connection, ids: Collection[str]) -> Kept:
    """Return these alerts, their duplicates, and whoever follows as survivor."""
    kept = Kept({}, {})
    wanted, asked = set(ids), set(ids)
    while wanted:
        batch = sorted(wanted)[:_IDS_A_QUERY]
        wanted.difference_update(batch)
        for row in connection.execute(_RECORDS, {"ids": batch}):
            record = record_of(row)
            kept.records[record.alert.id] = record
            kept.lives[record.alert.id] = Life(row.raised_n, row.ended_n)
            if record.survivor is not None and record.survivor not in asked:
                wanted.add(record.survivor)
                asked.add(record.survivor)
    return kept
