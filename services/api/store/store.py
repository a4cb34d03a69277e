"""The store of alerts: every write is one transaction that ends as new events of the feed."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.alerts import Alert, AlertEvent, FindingEvent
from services.api.acts import Act
from services.api.filters import Filters
from services.api.merge import AlertBook
from services.api.store.database import Database
from services.api.store.rows import RECORD_COLUMNS, conditions, record_of, row_of
from services.api.store.tables import alert_events, alerts, counters, meta, positions

# SQLite and PostgreSQL both bound the parameters of one statement.
_IDS_A_QUERY = 500


class FeedEvent(Struct, frozen=True, kw_only=True):
    """One event of the feed; `body` is the CloudEvent as JSON, encoded once for all."""

    n: int
    type: str
    body: bytes
    alert_id: str


class Published(Struct, frozen=True):
    """An event that has just been committed, with the alert that it carries."""

    event: FeedEvent
    change: AlertEvent


class Sourced(Struct, frozen=True):
    """A finding with its place in the topic."""

    partition: int
    offset: int
    finding: FindingEvent


class Applied(Struct, frozen=True):
    """What a batch did: the findings that were new, and the events that they made."""

    findings: int
    repeats: int
    published: list[Published]


class Page(Struct, frozen=True):
    """Alerts as JSON, newest first; `next` is the key to go on from."""

    bodies: list[bytes]
    next: int | None


class UnknownAlert(Exception):
    """There is no alert with this id."""


class StaleRevision(Exception):
    """The alert is no longer at the revision that the caller saw."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the alert is at revision {current}")
        self.current = current


class AlertStore:
    """Alerts, their events and the positions of the consumer and the outbox.

    `on_commit` is called in the order of `n`, at once after each commit, and must not block.
    """

    def __init__(
        self,
        database: Database,
        epoch: str,
        last_n: int,
        on_commit: Callable[[Sequence[Published]], None],
    ) -> None:
        self.epoch = epoch
        self.last_n = last_n
        self._database = database
        self._on_commit = on_commit
        # Held from the first read of a write's transaction until its events are handed on, so
        # that they are handed on in the order of the commits.
        self._writing = asyncio.Lock()

    @classmethod
    async def open(
        cls, database: Database, on_commit: Callable[[Sequence[Published]], None]
    ) -> "AlertStore":
        """Open the store on a migrated database; the first time gives it its epoch."""
        async with database.writer.begin() as connection:
            epoch = await connection.scalar(select(meta.c.value).where(meta.c.name == "epoch"))
            if epoch is None:
                epoch = secrets.token_hex(4)
                await connection.execute(insert(meta).values(name="epoch", value=epoch))
                for name in ("feed", "outbox"):
                    await connection.execute(insert(counters).values(name=name, value=0))
            last_n = await _counter(connection, "feed")
        return cls(database, epoch, last_n, on_commit)

    def cursor(self, n: int) -> str:
        """Return the cursor of a place in the feed."""
        return f"{self.epoch}-{n}"

    async def apply(
        self, topic: str, findings: Sequence[Sourced], next_offsets: Mapping[int, int]
    ) -> Applied:
        """Merge findings and move the consumer's positions, all or nothing.

        Findings below the stored position were applied before and are left out, whatever the
        caller believes.
        """
        async with self._writing:
            async with self._database.writer.begin() as connection:
                last_n = await _counter(connection, "feed", lock=True)
                stored = await _positions(connection, topic)
                fresh = [
                    one.finding for one in findings if one.offset >= stored.get(one.partition, 0)
                ]
                book = AlertBook()
                changes: list[AlertEvent] = []
                if fresh:
                    book = await _book(connection, _touched(fresh))
                    before = dict(book.records)
                    for finding in fresh:
                        changes += book.apply(finding)
                    published = await self._write(connection, book, before, changes, last_n)
                else:
                    published = []
                await _save_positions(connection, topic, stored, next_offsets)
            self._hand_on(published)
        return Applied(len(fresh), len(findings) - len(fresh), published)

    async def act(
        self, alert_id: str, revision: int, deed: Act, actor: str, note: str | None, at_ms: int
    ) -> Alert:
        """Apply a person's act to the revision that they saw; return the alert as it is then.

        Raises UnknownAlert, StaleRevision, and acts.Refused for an act that does not fit.
        """
        async with self._writing:
            async with self._database.writer.begin() as connection:
                last_n = await _counter(connection, "feed", lock=True)
                book = await _book(connection, {alert_id})
                record = book.records.get(alert_id)
                if record is None:
                    raise UnknownAlert(alert_id)
                if record.alert.revision != revision:
                    raise StaleRevision(record.alert.revision)
                before = dict(book.records)
                changes = book.act(alert_id, deed, actor, note, at_ms)
                published = await self._write(connection, book, before, changes, last_n)
            self._hand_on(published)
        return book.records[alert_id].alert

    async def get(self, alert_id: str) -> tuple[int, bytes] | None:
        """Return the revision of an alert and its JSON."""
        async with self._database.reader.connect() as connection:
            query = select(alerts.c.revision, alerts.c.body).where(alerts.c.id == alert_id)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (row.revision, row.body)

    async def page(self, filters: Filters, before: int | None, limit: int) -> Page:
        """Return up to `limit` alerts, the last raised first, from those below the key `before`."""
        query = select(alerts.c.raised_n, alerts.c.body).where(*conditions(filters))
        if before is not None:
            query = query.where(alerts.c.raised_n < before)
        query = query.order_by(alerts.c.raised_n.desc()).limit(limit + 1)
        async with self._database.reader.connect() as connection:
            rows = (await connection.execute(query)).all()
        more = rows[limit - 1].raised_n if len(rows) > limit else None
        return Page([row.body for row in rows[:limit]], more)

    async def events_after(self, n: int, limit: int) -> list[FeedEvent]:
        """Return the next events of the feed in order."""
        query = (
            select(
                alert_events.c.n, alert_events.c.type, alert_events.c.body, alert_events.c.alert_id
            )
            .where(alert_events.c.n > n)
            .order_by(alert_events.c.n)
            .limit(limit)
        )
        async with self._database.reader.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [
            FeedEvent(n=row.n, type=row.type, body=row.body, alert_id=row.alert_id) for row in rows
        ]

    async def oldest_n(self) -> int:
        """Return the number of the oldest event that is kept; one above the last if none is."""
        async with self._database.reader.connect() as connection:
            oldest = await connection.scalar(select(func.min(alert_events.c.n)))
        return self.last_n + 1 if oldest is None else oldest

    async def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset of each partition that the consumer has read from."""
        async with self._database.reader.connect() as connection:
            return await _positions(connection, topic)

    async def reset_position(self, topic: str, partition: int) -> None:
        """Forget how far a partition was read, because it was made anew."""
        async with self._writing, self._database.writer.begin() as connection:
            await connection.execute(
                delete(positions).where(
                    positions.c.topic == topic, positions.c.partition == partition
                )
            )

    async def outbox_position(self) -> int:
        """Return the number of the last event that is known to be published."""
        async with self._database.reader.connect() as connection:
            return await _counter(connection, "outbox")

    async def save_outbox_position(self, n: int) -> None:
        """Note that all events up to `n` are published."""
        async with self._writing, self._database.writer.begin() as connection:
            await connection.execute(
                update(counters).where(counters.c.name == "outbox").values(value=n)
            )

    async def prune(self, keep: int) -> int:
        """Forget all but the newest `keep` events, never one that is not published yet."""
        async with self._writing, self._database.writer.begin() as connection:
            published = await _counter(connection, "outbox")
            upto = min(self.last_n - keep, published)
            gone = await connection.execute(delete(alert_events).where(alert_events.c.n <= upto))
        return gone.rowcount

    async def _write(
        self,
        connection: AsyncConnection,
        book: AlertBook,
        before: Mapping[str, object],
        changes: Sequence[AlertEvent],
        last_n: int,
    ) -> list[Published]:
        """Write what the book has that is not `before`, and number the events."""
        published: list[Published] = []
        raised: dict[str, int] = {}
        for n, change in enumerate(changes, start=last_n + 1):
            change.cursor = self.cursor(n)
            alert_id = change.data.id
            raised.setdefault(alert_id, n)
            event = FeedEvent(
                n=n, type=change.type, body=msgspec.json.encode(change), alert_id=alert_id
            )
            published.append(Published(event, change))
        changed = [
            (alert_id, row_of(record))
            for alert_id, record in book.records.items()
            if record is not before.get(alert_id)
        ]
        new = [row | {"raised_n": raised[key]} for key, row in changed if key not in before]
        old = [row | {"key": row.pop("id")} for key, row in changed if key in before]
        if new:
            await connection.execute(insert(alerts), new)
        if old:
            # The columns are named once for all rows; `key` is no column and stays out of SET.
            values: dict[str, Any] = {name: bindparam(name) for name in old[0] if name != "key"}
            await connection.execute(
                update(alerts).where(alerts.c.id == bindparam("key")).values(**values), old
            )
        if published:
            await connection.execute(
                insert(alert_events),
                [
                    {
                        "n": one.event.n,
                        "alert_id": one.event.alert_id,
                        "revision": one.change.data.revision,
                        "type": one.event.type,
                        "body": one.event.body,
                    }
                    for one in published
                ],
            )
            await connection.execute(
                update(counters)
                .where(counters.c.name == "feed")
                .values(value=published[-1].event.n)
            )
        return published

    def _hand_on(self, published: Sequence[Published]) -> None:
        if published:
            self.last_n = published[-1].event.n
            self._on_commit(published)


def _touched(findings: Iterable[FindingEvent]) -> set[str]:
    ids: set[str] = set()
    for finding in findings:
        ids.add(finding.data.alert_id)
        ids.update(finding.data.related or ())
    return ids


async def _book(connection: AsyncConnection, ids: set[str]) -> AlertBook:
    """Return a book of these alerts, their duplicates, and whoever follows as survivor."""
    records = {}
    wanted, asked = set(ids), set(ids)
    while wanted:
        batch = sorted(wanted)[:_IDS_A_QUERY]
        wanted.difference_update(batch)
        for column in (alerts.c.id, alerts.c.survivor):
            for row in await connection.execute(select(*RECORD_COLUMNS).where(column.in_(batch))):
                record = record_of(row)
                records[record.alert.id] = record
                if record.survivor is not None and record.survivor not in asked:
                    wanted.add(record.survivor)
                    asked.add(record.survivor)
    return AlertBook(records.values())


async def _counter(connection: AsyncConnection, name: str, *, lock: bool = False) -> int:
    """Return a counter; with `lock`, no other process can be in between until the commit."""
    query = select(counters.c.value).where(counters.c.name == name)
    value = await connection.scalar(query.with_for_update() if lock else query)
    return int(value or 0)


async def _positions(connection: AsyncConnection, topic: str) -> dict[int, int]:
    rows = await connection.execute(
        select(positions.c.partition, positions.c.next_offset).where(positions.c.topic == topic)
    )
    return {row.partition: row.next_offset for row in rows}


async def _save_positions(
    connection: AsyncConnection, topic: str, stored: Mapping[int, int], new: Mapping[int, int]
) -> None:
    """Move positions forward; they never go back."""
    for partition, next_offset in new.items():
        if partition not in stored:
            await connection.execute(
                insert(positions).values(topic=topic, partition=partition, next_offset=next_offset)
            )
        elif next_offset > stored[partition]:
            await connection.execute(
                update(positions)
                .where(positions.c.topic == topic, positions.c.partition == partition)
                .values(next_offset=next_offset)
            )
