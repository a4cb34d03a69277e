"""What somebody may see who is limited to some grids: pure, and always up to date.

An alert lies where it was seen (its grid, the grid of its site) and where its order is kept (the
order's zone, the grid where its subject lives): the desks of all of these have to do with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import JSON, Column, ColumnElement, bindparam, cast, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from schemas.alerts import Alert
from services.api.store.tables import alerts


class _Ordered(Struct, frozen=True):
    zone: str
    person: str | None


class Places:
    """Where sites, orders and persons are, as filed last; what is deleted stays where it was."""

    def __init__(self) -> None:
        self.version = 0
        self._sites: dict[str, str] = {}
        self._orders: dict[str, _Ordered] = {}
        # The grids of a person's residences, by the id of the residence.
        self._homes: dict[str, dict[str, str]] = {}

    def file(self, register: str, entry_id: str, data: dict[str, Any]) -> None:
        """Take in an entry of the register site, order or residence; others tell no place."""
        self.version += 1
        if register == "site":
            self._sites[entry_id] = data.get("grid") or ""
        elif register == "order":
            subject = data.get("subject") or {}
            self._orders[entry_id] = _Ordered(data.get("zone") or "", subject.get("person"))
        elif register == "residence":
            person = (data.get("person") or {}).get("person") or ""
            self._homes.setdefault(person, {})[entry_id] = data.get("grid") or ""

    def of_site(self, site: str | None) -> set[str]:
        """Return the grid of a site, if it has one."""
        return {self._sites.get(site or "", "")} - {""}

    def of_person(self, person: str | None) -> set[str]:
        """Return the grids where a person lives."""
        return set(self._homes.get(person or "", {}).values()) - {""}

    def of_order(self, order: str | None) -> set[str]:
        """Return the zone of an order, and the grids where its subject lives."""
        ordered = self._orders.get(order or "")
        return set() if ordered is None else {ordered.zone} | self.of_person(ordered.person)

    def sites_in(self, areas: frozenset[str]) -> list[str]:
        """Return every site that lies in one of the areas."""
        return [site for site, grid in self._sites.items() if grid in areas]

    def persons_in(self, areas: frozenset[str]) -> list[str]:
        """Return everybody who lives in one of the areas."""
        return [person for person, homes in self._homes.items() if areas & set(homes.values())]

    def orders_in(self, areas: frozenset[str]) -> list[str]:
        """Return every order that lies in one of the areas."""
        return [order for order in self._orders if areas & self.of_order(order)]


class Limit:
    """Some areas, and what lies in them by now: one that a stream holds stays up to date."""

    def __init__(self, areas: frozenset[str], places: Places) -> None:
        self.areas = areas
        self.places = places
        self._known: tuple[int, dict[str, bytes]] = (-1, {})

    def covers(
        self, grid: str | None = None, site: str | None = None, order: str | None = None
    ) -> bool:
        """Return whether what has this grid, site or order lies in one of the areas."""
        return (
            grid in self.areas
            or bool(self.areas & self.places.of_site(site))
            or bool(self.areas & self.places.of_order(order))
        )

    def holds(self, person: str | None, grid: str | None = None, site: str | None = None) -> bool:
        """Return whether somebody lives in one of the areas, or a grid or site lies there."""
        return self.covers(grid, site) or bool(self.areas & self.places.of_person(person))

    def condition(self) -> ColumnElement[bool]:
        """Return in SQL what `covers` says of a row of the table of alerts."""
        return or_(*self.parts())

    def parts(self) -> Sequence[ColumnElement[bool]]:
        """Return the conditions one of which must hold: each can be found by an index."""
        return (
            alerts.c.grid.in_(sorted(self.areas)),
            alerts.c.site.in_(self._there("site")),
            alerts.c.order_id.in_(self._there("order")),
        )

    def around(
        self,
        person: Column[Any],
        *,
        grid: Column[Any] | None = None,
        site: Column[Any] | None = None,
    ) -> ColumnElement[bool]:
        """Return in SQL what `holds` says of a row of a table with these columns."""
        found = [person.in_(self._there("person"))]
        if grid is not None:
            found.append(grid.in_(sorted(self.areas)))
        if site is not None:
            found.append(site.in_(self._there("site")))
        return or_(*found)

    def _there(self, what: Literal["site", "order", "person"]) -> Any:
        """Return in SQL every site, order or person in the areas."""
        version, known = self._known
        if version != self.places.version:
            known = {}
            self._known = (self.places.version, known)
        if what not in known:
            known[what] = msgspec.json.encode(_IN[what](self.places, self.areas))
        return _texts(known[what])


_IN: Final[Mapping[str, Callable[[Places, frozenset[str]], list[str]]]] = {
    "site": Places.sites_in,
    "order": Places.orders_in,
    "person": Places.persons_in,
}


def may_see(limit: Limit | None, alert: Alert) -> bool:
    """Return whether somebody with this limit may see an alert; None = everything."""
    return limit is None or limit.covers(alert.grid, alert.site, alert.order)


class _each_text(GenericFunction[str]):
    """The texts of a JSON list as rows: a list of parameters would be bounded in length."""

    name = "each_text"
    inherit_cache = True


@compiles(_each_text, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    [texts] = element.clauses
    return f"json_array_elements_text({compiler.process(cast(texts, JSON), **options)})"


@compiles(_each_text, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    [texts] = element.clauses
    return f"json_each({compiler.process(texts, **options)})"


def _texts(encoded: bytes) -> Any:
    rows = func.each_text(bindparam(None, encoded.decode())).table_valued("value")
    return select(rows.c.value)
