"""What an alert shows besides finding and acts, read in the transaction that merges it."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct
from sqlalchemy import BindParameter, Connection, bindparam, select

from schemas.alerts import Alert, FindingEvent
from services.api.inhibitions.marking import Inhibiting
from services.api.merge import Around
from services.api.registers.tables import register_versions
from services.api.silences import stored
from services.api.silences.silence import hiding

# SQLite and PostgreSQL both bound the parameters of one statement.
_IDS_A_QUERY = 500
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
# The last filed version comes last.
_ORDERS = (
    select(register_versions.c.id, register_versions.c.body)
    .where(
        register_versions.c.name == "order",
        register_versions.c.id.in_(_IDS),
        register_versions.c.deleted.is_(False),
    )
    .order_by(register_versions.c.recorded_ms, register_versions.c.place)
)


class _Household(Struct):
    household: str | None = None


_household = msgspec.json.Decoder(_Household).decode


def around(
    connection: Connection, now_ms: int, inhibiting: Inhibiting, orders: Iterable[str] = ()
) -> Around:
    """Return the silences that are in force, what inhibits, and the households of these orders."""
    silences = stored.in_force(connection, now_ms)

    def silenced(alert: Alert) -> list[str] | None:
        return hiding(silences, alert) if silences else None

    households = _households(connection, orders)
    return Around(silenced, inhibiting.inhibited, households, inhibiting.kept)


def orders_of(findings: Iterable[FindingEvent], known: Mapping[str, object]) -> set[str]:
    """Return the orders of alerts that are not known yet: the others keep their incident."""
    return {
        one.data.order
        for one in findings
        if one.data.order is not None and one.data.alert_id not in known
    }


def _households(connection: Connection, orders: Iterable[str]) -> dict[str, str]:
    wanted, found = sorted(orders), dict[str, str]()
    for start in range(0, len(wanted), _IDS_A_QUERY):
        for row in connection.execute(_ORDERS, {"ids": wanted[start : start + _IDS_A_QUERY]}):
            household = _household(row.body).household
            if household is None:
                found.pop(row.id, None)
            else:
                found[row.id] = household
    return found
