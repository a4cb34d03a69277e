"""Who is limited to which grids, with the registers that say what lies in them.

Every query of a limited caller carries the limit that `limit_of` returns: there is no other way to
filters (`alerts.feed_filters_of` depends on it). `sees_alert` guards every route that names one
alert in its path, whoever adds it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, HTTPException
from sqlalchemy import Connection, func, select
from starlette.requests import HTTPConnection

from schemas.access import Grant
from schemas.alerts import Alert
from services.api.guard import grant_of
from services.api.people.limit import Limit, Places, may_see
from services.api.registers.tables import register_versions as versions
from services.api.store.database import Database

_REGISTERS: Final = ("residence", "site", "order")
# What is filed is known to the limits so late at most.
_REFRESH_MS: Final = 1_000
_decode_alert = msgspec.json.Decoder(Alert).decode


class Areas:
    """Limits by grants; they share one picture of the registers, read on as those grow."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._places = Places()
        self._read: dict[str, int] = {}
        self._fresh_until_ms = 0
        self._limits: dict[frozenset[str], Limit] = {}

    async def limit_of(self, grant: Grant | None) -> Limit | None:
        """Return what a grant is limited to, None = it is not."""
        if grant is None or grant.areas is None:
            return None
        now_ms = self._clock_ms()
        if not self._fresh_until_ms - _REFRESH_MS <= now_ms < self._fresh_until_ms:
            self._file(*await self._database.read(self._news))
            self._fresh_until_ms = now_ms + _REFRESH_MS
        areas = frozenset(grant.areas)
        return self._limits.setdefault(areas, Limit(areas, self._places))

    def _news(self, connection: Connection) -> tuple[dict[str, int], list[tuple[str, str, str]]]:
        """Return how far each register is filed, and what was filed since the last look."""
        ends: dict[str, int] = {}
        news: list[tuple[str, str, str]] = []
        for name in _REGISTERS:
            of_name = versions.c.name == name
            last = connection.scalar(select(func.max(versions.c.place)).where(of_name))
            ends[name] = -1 if last is None else last
            since = self._read.get(name, -1)
            if ends[name] < since:
                # The topic was made anew, and is read from its beginning.
                since = -1
            if ends[name] > since:
                query = select(versions.c.id, versions.c.body).where(
                    of_name, versions.c.place > since, versions.c.deleted.is_(False)
                )
                rows = connection.execute(query.order_by(versions.c.place))
                news += [(name, row.id, row.body) for row in rows]
        return ends, news

    def _file(self, ends: dict[str, int], news: list[tuple[str, str, str]]) -> None:
        self._read = ends
        for name, entry_id, body in news:
            self._places.file(name, entry_id, msgspec.json.decode(body, type=dict[str, Any]))


async def limit_of(connection: HTTPConnection) -> Limit | None:
    """Return what the caller is limited to; a dependency of every route that shows or changes."""
    grant = await grant_of(connection)
    if grant is None or grant.areas is None:
        return None
    areas: Areas = connection.app.state.areas
    return await areas.limit_of(grant)


Within = Annotated[Limit | None, Depends(limit_of)]


async def sees_alert(connection: HTTPConnection, within: Within) -> None:
    """Raise 404 for an alert or order in the path that the caller may not see, as for none.

    A dependency of the whole application.
    """
    if within is None:
        return
    order_id = connection.path_params.get("order_id")
    if order_id is not None and not within.covers(order=order_id):
        raise HTTPException(404, "no such order")
    alert_id = connection.path_params.get("alert_id")
    if alert_id is None:
        return
    found = await connection.app.state.store.get(alert_id)
    if found is not None and not may_see(within, _decode_alert(found[1])):
        raise HTTPException(404, "no such alert")
