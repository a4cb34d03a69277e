"""Which alerts inhibit which, within the transaction that changes them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Select, select

from schemas.alerts import Alert
from services.api.inhibitions import stored
from services.api.inhibitions.inhibition import Inhibition, inhibited_in, inhibits, lives
from services.api.silences.matchers import labels_of
from services.api.store.tables import alerts

_COLUMNS: Final = {
    "site": alerts.c.site,
    "grid": alerts.c.grid,
    "order": alerts.c.order_id,
    "incident": alerts.c.incident,
    "subject": alerts.c.subject,
}


class Turned(Struct, frozen=True):
    """A place in which the sources of an inhibition have changed, with its labels."""

    inhibition: Inhibition
    labels: Mapping[str, str]

    def targets(self, states: Collection[str]) -> Select[Any]:
        """Return the query of the alerts in these states, as JSON, that have its labels."""
        same = (_COLUMNS[name] == self.labels[name] for name in self.inhibition.equal)
        return select(alerts.c.body).where(alerts.c.state.in_(states), *same)


class Inhibiting:
    """The inhibitions in force and their sources, as far as they are asked for.

    It is told of every alert that changes (`kept`), so that what comes later in the transaction
    knows of it; `write` writes what it was told.
    """

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self.in_force = stored.in_force(connection, now_ms)
        self.turned: dict[tuple[str, str], Turned] = {}
        self._connection = connection
        self._sources: dict[tuple[str, str], set[str]] = {}
        # Whether an alert is a source of an inhibition in a place, where that has changed.
        self._changed: dict[stored.Source, bool] = {}

    def inhibited(self, alert: Alert, before: list[str] | None) -> list[str] | None:
        """Return the ids of those that inhibit an alert, one for each inhibition; None = nobody.

        Of several it is the one that did before, else that with the first id. What is over stays
        as it was.
        """
        if not lives(alert):
            return before
        found = set()
        for inhibition in self.in_force:
            place = inhibited_in(inhibition, alert)
            if place is not None and (ids := self._in(inhibition.id, place)):
                known = ids.intersection(before or ())
                found.add(min(known or ids))
        return sorted(found) or None

    def kept(self, was: Alert | None, now: Alert) -> None:
        """Take in that an alert has changed; None = it is new."""
        for inhibition in self.in_force:
            before = None if was is None else inhibits(inhibition, was)
            place = inhibits(inhibition, now)
            if before == place:
                continue
            if before is not None and was is not None:
                self._in(inhibition.id, before).discard(now.id)
                self._changed[stored.Source(inhibition.id, before, now.id)] = False
                self.turned[inhibition.id, before] = Turned(inhibition, labels_of(was))
            if place is not None:
                others = self._in(inhibition.id, place)
                if not others:
                    self.turned[inhibition.id, place] = Turned(inhibition, labels_of(now))
                others.add(now.id)
                self._changed[stored.Source(inhibition.id, place, now.id)] = True

    def write(self) -> None:
        """Write which alerts have become sources, and which are no longer."""
        stored.change_sources(self._connection, self._changed)
        self._changed.clear()

    def rebuild(self, ids: Iterable[str], living: Iterable[Alert]) -> None:
        """Write the sources of inhibitions that have begun or ended, from all alerts that live."""
        wanted = set(ids)
        active = [each for each in self.in_force if each.id in wanted]
        stored.forget_sources(self._connection, wanted)
        found = {
            stored.Source(each.id, place, alert.id): True
            for alert in living
            for each in active
            if (place := inhibits(each, alert)) is not None
        }
        stored.change_sources(self._connection, found)
        self._sources.clear()

    def _in(self, inhibition_id: str, place: str) -> set[str]:
        key = (inhibition_id, place)
        found = self._sources.get(key)
        if found is None:
            found = self._sources[key] = stored.sources_in(self._connection, inhibition_id, place)
        return found
