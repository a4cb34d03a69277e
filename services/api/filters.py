"""What a reader of alerts may ask for: the same filters for lists and for the live feed."""

from collections.abc import Iterable

from msgspec import Struct

from schemas.alerts import Alert, Severity, State
from schemas.times import parse_ms
from services.api.people.limit import Limit, may_see


class Filters(Struct, frozen=True, kw_only=True):
    """Every filter that is given must hold; of several values of one filter, any.

    `since_ms` and `until_ms` bound the time of the matches: an alert is in when its span of first
    to last match reaches into [since, until). `capped` = only those, or none of those, that a
    summary of the rate cap stands for; `silenced` and `inhibited` likewise. `within` is what the
    reader may see, None = everything.
    """

    rules: frozenset[str] = frozenset()
    severities: frozenset[Severity] = frozenset()
    states: frozenset[State] = frozenset()
    grids: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    capped_by: frozenset[str] = frozenset()
    incidents: frozenset[str] = frozenset()
    capped: bool | None = None
    silenced: bool | None = None
    inhibited: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    text: str | None = None
    within: Limit | None = None


NO_FILTERS = Filters()


def matches(filters: Filters, alert: Alert) -> bool:
    """Return whether an alert is in; the store's `conditions` say the same in SQL."""
    return (
        _among(alert.rule, filters.rules)
        and _among(alert.severity, filters.severities)
        and _among(alert.state, filters.states)
        and _among(alert.grid, filters.grids)
        and _among(alert.site, filters.sites)
        and _among(alert.order, filters.orders)
        and _among(alert.subject.key, filters.subjects)
        and _among(alert.capped_by, filters.capped_by)
        and _among(alert.incident, filters.incidents)
        and filters.capped in (None, alert.capped_by is not None)
        and filters.silenced in (None, alert.silenced_by is not None)
        and filters.inhibited in (None, alert.inhibited_by is not None)
        and (filters.since_ms is None or parse_ms(alert.last_seen) >= filters.since_ms)
        and (filters.until_ms is None or parse_ms(alert.first_seen) < filters.until_ms)
        and (not filters.text or folded(filters.text) in search_text(alert))
        and may_see(filters.within, alert)
    )


def search_text(alert: Alert, notes: Iterable[str] = ()) -> str:
    """Return the text that `q` is looked for in; an alert itself has only its newest note."""
    parts: Iterable[str | None] = (
        alert.id,
        alert.rule,
        alert.subject.key,
        alert.subject.label,
        alert.site,
        alert.grid,
        alert.order,
        alert.assignee,
        alert.note,
        alert.reason.en,
        alert.reason.zh,
        *notes,
    )
    return folded("\n".join(part for part in parts if part))


def folded(text: str) -> str:
    """Return the form in which texts are compared: case does not count."""
    return text.casefold()


def _among(value: str | None, wanted: frozenset[str]) -> bool:
    return not wanted or value in wanted
