"""A page of the list of alerts: the last raised first, whatever is asked for.

A query first finds the keys, as far as can be in an index that also has what else is asked, and
then reads those alerts alone. So it is the index that is walked, and not the alerts.

A database guesses how many alerts have a value by how many have one on average; but few alerts are
open, and few lie in a small area. So it is not left to guess:

- Of several values of a filter each is looked for by itself, newest first, and the pages of all are
  one page's candidates. A list of three states is three walks that end early.
- A span of time long ago is not walked to from now: alerts that began in it are found by their
  first match, and the few that are seen for long by their last.
- What no index of alerts finds in order (a piece of text, an area) is looked for among the newest
  first, where what is frequent is soon found. What is rare is then asked of its own index.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    select,
    text,
    union,
    union_all,
)

from schemas.times import DAY_MS
from services.api.filters import Filters, folded
from services.api.store import search
from services.api.store.rows import conditions, holds_text
from services.api.store.tables import LONG, LONG_MS, alerts

# So many of the newest are looked at before another index is asked; what is left to it is in less
# than one alert of fifteen.
_LOOKED_AT: Final = 1_500
# Of more values together the database makes what it can.
_MOST_WALKS: Final = 24
_SEVERAL: Final = ("rules", "severities", "states", "grids", "sites", "orders", "subjects")
_KEY: Final = alerts.c.raised_n
# A longer span has so many alerts that to walk to them costs less than to put them in order.
_SPAN_MS: Final = 31 * DAY_MS
# What the text of an alert holds of it (`filters.search_text`).
_HELD: Final = ("rules", "subjects", "sites", "grids", "orders")
# With any of these, its own index has the span too.
_PLACED: Final = ("rules", "grids", "sites", "orders", "subjects", "incidents", "capped_by")


class Page(Struct, frozen=True):
    """Alerts as JSON, newest first; `next` is the key to go on from."""

    bodies: list[bytes]
    next: int | None


def page(
    connection: Connection,
    filters: Filters,
    before: int | None,
    limit: int,
    looked_at: int = _LOOKED_AT,
) -> Page:
    """Return up to `limit` alerts, the last raised first, from those below the key `before`.

    `looked_at` is how many of the newest are looked at for a text or an area.
    """
    keys: Any = _newest(filters, before, limit + 1)
    if filters.text or filters.within is not None:
        keys = _looked_for(connection, filters, before, limit + 1, looked_at)
    query = select(_KEY, alerts.c.body).where(_KEY.in_(keys)).order_by(_KEY.desc())
    rows = connection.execute(query).all()
    more = rows[limit - 1].raised_n if len(rows) > limit else None
    return Page([row.body for row in rows[:limit]], more)


def _newest(filters: Filters, before: int | None, limit: int) -> Select[Any]:
    """Return the query of the keys of the newest that match, newest first."""
    if _is_span(filters):
        return _in_span(filters, before, limit)
    walks = [_walk(each, before, limit) for each in _one_by_one(filters)]
    if len(walks) == 1:
        return walks[0]
    return _first_of(union_all(*(select(walk.subquery().c.raised_n) for walk in walks)), limit)


def _one_by_one(filters: Filters) -> Iterator[Filters]:
    """Yield filters that have one value each where there are several, which together say the
    same."""
    several = [name for name in _SEVERAL if len(getattr(filters, name)) > 1]
    walks = list(product(*(sorted(getattr(filters, name)) for name in several)))
    if len(walks) > _MOST_WALKS:
        yield filters
        return
    for values in walks:
        chosen = {name: frozenset({value}) for name, value in zip(several, values, strict=True)}
        yield msgspec.structs.replace(filters, **chosen)


def _is_span(filters: Filters) -> bool:
    since_ms, until_ms = filters.since_ms, filters.until_ms
    if since_ms is None or until_ms is None or until_ms - since_ms > _SPAN_MS:
        return False
    return filters.within is None and not any(getattr(filters, name) for name in _PLACED)


def _in_span(filters: Filters, before: int | None, limit: int) -> Select[Any]:
    """Return the query of the keys of the newest in a short span of time.

    Severity and state are no columns here, so that they are not what is looked up.
    """
    others = msgspec.structs.replace(filters, severities=frozenset(), states=frozenset())
    asked = [
        column.concat("").in_(sorted(values))
        for column, values in (
            (alerts.c.severity, filters.severities),
            (alerts.c.state, filters.states),
        )
        if values
    ]
    began = alerts.c.first_seen_ms >= (filters.since_ms or 0) - LONG_MS
    found = [_gathered(others, and_(part, *asked), before, limit) for part in (began, text(LONG))]
    return _first_of(union(*(select(each.subquery().c.raised_n) for each in found)), limit)


def _walk(filters: Filters, before: int | None, limit: int) -> Select[Any]:
    query = select(_KEY).where(*conditions(filters))
    if before is not None:
        query = query.where(_KEY < before)
    return query.order_by(_KEY.desc()).limit(limit)


def _looked_for(
    connection: Connection, filters: Filters, before: int | None, limit: int, looked_at: int
) -> list[int]:
    """Return the keys of alerts that hold a text or lie in some areas, newest first."""
    others = msgspec.structs.replace(filters, text=None, within=None)
    sought = []
    if filters.text:
        sought.append(holds_text(filters.text))
    if filters.within is not None:
        sought.append(filters.within.condition())
    newest = _newest(others, before, looked_at)
    fits = and_(*sought).label("fits")
    if newest.get_final_froms() == [alerts]:
        query = newest.add_columns(fits)
    else:
        found = _KEY.in_(select(newest.subquery().c.raised_n))
        query = select(_KEY, fits).where(found).order_by(_KEY.desc())
    rows = connection.execute(query).all()
    keys = [row.raised_n for row in rows if row.fits][:limit]
    if len(keys) == limit or len(rows) < looked_at:
        return keys
    below = rows[-1].raised_n if rows else before
    rest = _rare(connection, filters, below, limit - len(keys))
    return keys + list(connection.scalars(rest))


def _rare(connection: Connection, filters: Filters, below: int | None, limit: int) -> Select[Any]:
    """Return the query of the keys of alerts by the index of texts, else by those of places."""
    if filters.text:
        # An alert's text holds these values too: so what has the one and not the other is left out.
        beside = [folded(value) for name in _HELD for value in _only(getattr(filters, name))]
        may_hold = search.found(connection, folded(filters.text), below, beside)
        return _walk(filters, below, limit).where(_KEY.in_(may_hold))
    others = msgspec.structs.replace(filters, within=None)
    parts: Sequence[ColumnElement[bool]] = filters.within.parts() if filters.within else ()
    found = [_gathered(others, part, below, limit) for part in parts]
    return _first_of(union(*(select(each.subquery().c.raised_n) for each in found)), limit)


def _only(values: frozenset[str]) -> frozenset[str]:
    """Return the value where there is just one."""
    return values if len(values) == 1 else frozenset()


def _gathered(
    filters: Filters, part: ColumnElement[bool], below: int | None, limit: int
) -> Select[Any]:
    """Return the query of keys by the index of a part, and not by walking all alerts in order."""
    query = select(_KEY).where(part, *conditions(filters))
    if below is not None:
        query = query.where(_KEY < below)
    return query.order_by((_KEY + 0).desc()).limit(limit)


def _first_of(keys: Any, limit: int) -> Select[Any]:
    found = keys.subquery()
    return select(found.c.raised_n).order_by(found.c.raised_n.desc()).limit(limit)
