"""Between records and rows of the table of alerts, and filters as SQL."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row

from schemas.alerts import Alert
from schemas.times import parse_ms
from services.api.acts import Acts
from services.api.filters import Filters, folded, search_text
from services.api.merge import Record
from services.api.store.tables import alerts

RECORD_COLUMNS = (
    alerts.c.body,
    alerts.c.acts,
    alerts.c.verb,
    alerts.c.raised_n,
    alerts.c.ended_n,
)

_ALERT = msgspec.json.Decoder(Alert)
_ACTS = msgspec.json.Decoder(Acts)


def record_of(row: Row[Any, Any, Any, Any, Any]) -> Record:
    """Return the record of a row of RECORD_COLUMNS."""
    return Record(alert=_ALERT.decode(row.body), acts=_ACTS.decode(row.acts), verb=row.verb)


def row_of(record: Record) -> dict[str, Any]:
    """Return the columns of a record, but for those about its place in the feed and in time."""
    alert = record.alert
    return {
        "id": alert.id,
        "revision": alert.revision,
        "verb": record.verb,
        "survivor": record.survivor,
        "rule": alert.rule,
        "severity": alert.severity,
        "state": alert.state,
        "grid": alert.grid,
        "site": alert.site,
        "order_id": alert.order,
        "subject": alert.subject.key,
        "historical": alert.historical,
        "first_seen_ms": parse_ms(alert.first_seen),
        "last_seen_ms": parse_ms(alert.last_seen),
        "capped_by": alert.capped_by,
        "incident": alert.incident,
        "silenced": alert.silenced_by is not None,
        "inhibited": alert.inhibited_by is not None,
        "search": search_text(alert, (note.text for note in reversed(record.acts.notes[:-1]))),
        "body": msgspec.json.encode(alert),
        "acts": msgspec.json.encode(record.acts),
    }


def traits_of(record: Record, was: Record | None, raised_n: int) -> list[dict[str, Any]]:
    """Return the rows of what an alert has now of what may change, and did not have before."""
    new, old = record.alert, None if was is None else was.alert
    pairs = (
        ("order", new.order, None if old is None else old.order),
        ("site", new.site, None if old is None else old.site),
        ("grid", new.grid, None if old is None else old.grid),
    )
    return [
        {"kind": kind, "value": value, "raised_n": raised_n}
        for kind, value, before in pairs
        if value is not None and value != before
    ]


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Return the filters in SQL; `filters.matches` says the same of one alert, but that older notes
    than the newest are found here alone."""
    chosen = (
        (alerts.c.rule, filters.rules),
        (alerts.c.severity, filters.severities),
        (alerts.c.state, filters.states),
        (alerts.c.grid, filters.grids),
        (alerts.c.site, filters.sites),
        (alerts.c.order_id, filters.orders),
        (alerts.c.subject, filters.subjects),
        (alerts.c.capped_by, filters.capped_by),
        (alerts.c.incident, filters.incidents),
    )
    found: list[ColumnElement[bool]] = [
        column.in_(sorted(values)) for column, values in chosen if values
    ]
    if filters.capped is not None:
        summary = alerts.c.capped_by
        found.append(summary.is_not(None) if filters.capped else summary.is_(None))
    if filters.silenced is not None:
        found.append(alerts.c.silenced.is_(filters.silenced))
    if filters.inhibited is not None:
        found.append(alerts.c.inhibited.is_(filters.inhibited))
    if filters.since_ms is not None:
        found.append(alerts.c.last_seen_ms >= filters.since_ms)
    if filters.until_ms is not None:
        found.append(alerts.c.first_seen_ms < filters.until_ms)
    if filters.text:
        found.append(holds_text(filters.text))
    if filters.within is not None:
        found.append(filters.within.condition())
    return found


def holds_text(sought: str) -> ColumnElement[bool]:
    """Return in SQL whether an alert holds a text; case does not count."""
    return alerts.c.search.contains(folded(sought), autoescape=True)
