"""What a webhook is, and how it lies in the database. Every function runs in a transaction."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from schemas.alerts import Alert, Severity, State
from services.api.filters import Filters, matches
from services.api.people.limit import Limit, may_see
from services.api.store.tables import alert_events
from services.api.webhooks.tables import webhook_letters, webhooks

EndpointState = Literal["active", "paused", "disabled"]


class Chosen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Filters of the feed, as they are posted and kept."""

    rule: list[str] = []
    severity: list[Severity] = []
    state: list[State] = []
    grid: list[str] = []
    site: list[str] = []
    order: list[str] = []
    subject: list[str] = []
    capped: bool | None = None
    silenced: bool | None = None
    inhibited: bool | None = None
    q: str | None = None

    def filters(self) -> Filters:
        """Return them as the feed has them."""
        return Filters(
            rules=frozenset(self.rule),
            severities=frozenset(self.severity),
            states=frozenset(self.state),
            grids=frozenset(self.grid),
            sites=frozenset(self.site),
            orders=frozenset(self.order),
            subjects=frozenset(self.subject),
            capped=self.capped,
            silenced=self.silenced,
            inhibited=self.inhibited,
            text=self.q,
        )


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people say about a webhook. `areas` are grids that it may hear of, None = everywhere."""

    name: str
    url: str
    filters: Chosen = Chosen()
    areas: list[str] | None = None
    created: str
    author: str

    def wants(self, alert: Alert, limit: Limit | None) -> bool:
        """Return whether an alert is for this receiver; `limit` is what its areas stand for."""
        return may_see(limit, alert) and matches(self.filters.filters(), alert)


class Endpoint(Struct, frozen=True, kw_only=True):
    """A webhook as it stands (see tables); `secret` and `former` are sealed."""

    id: str
    revision: int
    target: Target
    secret: bytes
    former: bytes | None
    former_until_ms: int
    state: EndpointState
    after_n: int
    delivered: int
    failures: int
    failing_ms: int | None
    next_ms: int
    last_ms: int | None
    last_result: str | None


class Letter(Struct, frozen=True, kw_only=True):
    """An event that a receiver did not take."""

    n: int
    webhook: str
    event_id: str
    type: str
    committed_ms: int
    dead_ms: int
    reason: str
    again: bool
    body: bytes


class Due(Struct, frozen=True):
    """An event of the feed that is to be delivered."""

    n: int
    id: str
    type: str
    committed_ms: int
    body: bytes


_decode_target = msgspec.json.Decoder(Target).decode
_LETTER = [column.name for column in webhook_letters.c]


def all_endpoints(connection: Connection) -> list[Endpoint]:
    """Return every webhook, the oldest first."""
    rows = connection.execute(select(webhooks)).all()
    return sorted(map(_endpoint, rows), key=lambda each: (each.target.created, each.id))


def endpoint(connection: Connection, webhook_id: str) -> Endpoint | None:
    """Return one webhook."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).one_or_none()
    return None if row is None else _endpoint(row)


def add(connection: Connection, one: Endpoint) -> None:
    """Add a webhook."""
    row = msgspec.structs.asdict(one)
    row["body"] = msgspec.json.encode(row.pop("target"))
    connection.execute(insert(webhooks), row)


def change(connection: Connection, webhook_id: str, **values: Any) -> None:
    """Change columns of a webhook; `target` is its body."""
    if "target" in values:
        values["body"] = msgspec.json.encode(values.pop("target"))
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))


def remove(connection: Connection, webhook_id: str) -> None:
    """Remove a webhook and its dead letters."""
    connection.execute(delete(webhook_letters).where(webhook_letters.c.webhook == webhook_id))
    connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


def events_after(connection: Connection, n: int, limit: int) -> list[Due]:
    """Return the next events of the feed."""
    columns = alert_events.c
    query = (
        select(
            columns.n,
            columns.alert_id,
            columns.revision,
            columns.type,
            columns.committed_ms,
            columns.body,
        )
        .where(columns.n > n)
        .order_by(columns.n)
        .limit(limit)
    )
    return [
        Due(row.n, f"{row.alert_id}/{row.revision}", row.type, row.committed_ms, row.body)
        for row in connection.execute(query)
    ]


def bury(
    connection: Connection, webhook_id: str, events: Sequence[Due], reason: str, now_ms: int
) -> None:
    """Add events to the dead letters of a webhook."""
    last = connection.scalar(select(func.max(webhook_letters.c.n))) or 0
    rows = [
        {
            "n": n,
            "webhook": webhook_id,
            "event_id": event.id,
            "type": event.type,
            "committed_ms": event.committed_ms,
            "dead_ms": now_ms,
            "reason": reason,
            "again": False,
            "body": event.body,
        }
        for n, event in enumerate(events, start=last + 1)
    ]
    if rows:
        connection.execute(insert(webhook_letters), rows)


def letters(
    connection: Connection, webhook_id: str, after: int, limit: int, *, again: bool = False
) -> list[Letter]:
    """Return dead letters, the oldest first; `again` = only those that are to be tried again."""
    columns = webhook_letters.c
    query = select(webhook_letters).where(columns.webhook == webhook_id, columns.n > after)
    if again:
        query = query.where(columns.again)
    rows = connection.execute(query.order_by(columns.n).limit(limit))
    return [Letter(**{name: getattr(row, name) for name in _LETTER}) for row in rows]


def count_letters(connection: Connection, webhook_id: str) -> int:
    """Return how many dead letters a webhook has."""
    query = select(func.count()).where(webhook_letters.c.webhook == webhook_id)
    return int(connection.scalar(query) or 0)


def ask_again(connection: Connection, webhook_id: str, chosen: Sequence[int] | None) -> int:
    """Mark dead letters to be tried again, None = all; return how many."""
    query = update(webhook_letters).where(webhook_letters.c.webhook == webhook_id)
    if chosen is not None:
        query = query.where(webhook_letters.c.n.in_(chosen))
    return connection.execute(query.values(again=True)).rowcount


def settle_letter(connection: Connection, n: int, reason: str | None) -> None:
    """Remove a letter that was taken, `reason` None, or lay it back with the new reason."""
    where = webhook_letters.c.n == n
    if reason is None:
        connection.execute(delete(webhook_letters).where(where))
    else:
        connection.execute(update(webhook_letters).where(where).values(again=False, reason=reason))


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(
        id=row.id,
        revision=row.revision,
        target=_decode_target(row.body),
        secret=row.secret,
        former=row.former,
        former_until_ms=row.former_until_ms,
        state=row.state,
        after_n=row.after_n,
        delivered=row.delivered,
        failures=row.failures,
        failing_ms=row.failing_ms,
        next_ms=row.next_ms,
        last_ms=row.last_ms,
        last_result=row.last_result,
    )
