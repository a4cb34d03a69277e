"""The alerts that wait for people, in the database: written in the transaction of the alerts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update

from schemas.alerts import Severity
from services.api.merge import Record
from services.api.overdue import LEVELS, WAITING, Step, Wait, limit_ms, turn
from services.api.store.tables import waits
from services.api.store.upsert import Upsert

# How many alerts escalate in one transaction: acts and findings wait for it.
_BATCH: Final = 200
# SQLite and PostgreSQL both bound the parameters of one statement.
_IDS_A_QUERY: Final = 500
_SET_SEVERITY = (
    update(waits).where(waits.c.alert_id == bindparam("id")).values(severity=bindparam("severity"))
)
_BEGIN = Upsert(
    waits,
    ["alert_id"],
    lambda new: {name: new[name] for name in ("state", "severity", "since_ms", "level")},
)
_STEP = (
    update(waits)
    .where(waits.c.alert_id == bindparam("id"))
    .values(level=bindparam("level"), since_ms=bindparam("since_ms"))
)


def track(
    connection: Connection, before: Mapping[str, Record], after: Mapping[str, Record], now_ms: int
) -> None:
    """Note which of the changed alerts wait from now on, go on to wait, or wait no more."""
    begun: list[dict[str, Any]] = []
    lowered: list[dict[str, Any]] = []
    ended: list[str] = []
    for alert_id, record in after.items():
        old, new = before.get(alert_id), record.alert
        if record is old:
            continue
        what = turn(None if old is None else old.alert, new)
        if what == "begins":
            level = new.escalation or 0
            begun.append(
                {
                    "alert_id": alert_id,
                    "state": new.state,
                    "severity": new.severity,
                    "since_ms": now_ms if level < LEVELS else None,
                    "level": level,
                }
            )
        elif what == "ends":
            if old is not None:
                ended.append(alert_id)
        elif old is not None and old.alert.severity != new.severity:
            lowered.append({"id": alert_id, "severity": new.severity})
    if begun:
        _BEGIN.run(connection, begun)
    if lowered:
        connection.execute(_SET_SEVERITY, lowered)
    for start in range(0, len(ended), _IDS_A_QUERY):
        some = ended[start : start + _IDS_A_QUERY]
        connection.execute(delete(waits).where(waits.c.alert_id.in_(some)))


def due(
    connection: Connection, limits: Mapping[str, float], now_ms: int, most: int = _BATCH
) -> list[Wait]:
    """Return alerts that have waited for their limit by now, the longest first."""
    late = [
        and_(
            waits.c.state == state,
            waits.c.severity == severity,
            waits.c.since_ms <= now_ms - limit_ms(state, severity, limits),
        )
        for state, severity in WAITING
    ]
    shortest_ms = min(limit_ms(state, severity, limits) for state, severity in WAITING)
    query = (
        select(waits.c.alert_id, waits.c.state, waits.c.severity, waits.c.since_ms, waits.c.level)
        # This one alone can use the index; the others then sort out what may still wait.
        .where(waits.c.since_ms <= now_ms - shortest_ms, or_(*late))
        .order_by(waits.c.since_ms, waits.c.alert_id)
        .limit(most)
    )
    return [Wait(*row) for row in connection.execute(query)]


def step(connection: Connection, taken: Iterable[Step]) -> None:
    """Note the levels that alerts have reached; the next span begins when the level was due."""
    rows = [
        {
            "id": one.alert_id,
            "level": one.level,
            "since_ms": one.due_ms if one.level < LEVELS else None,
        }
        for one in taken
    ]
    if rows:
        connection.execute(_STEP, rows)


def overdue(connection: Connection) -> dict[Severity, int]:
    """Return how many alerts are at some level now, by severity."""
    query = (
        select(waits.c.severity, func.count()).where(waits.c.level > 0).group_by(waits.c.severity)
    )
    return {severity: count for severity, count in connection.execute(query)}
