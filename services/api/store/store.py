"""The store of alerts: every write is one transaction that ends as new events of the feed."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, insert, select

from schemas.alerts import AlertEvent, Severity
from services.api.acts import Act, Refused
from services.api.filters import Filters
from services.api.history import stored as history
from services.api.inhibitions import stored as inhibitions
from services.api.people.limit import Limit
from services.api.silences import stored as silences
from services.api.store import listing, transactions, waits
from services.api.store.database import Database
from services.api.store.listing import Page
from services.api.store.suppressed import Counted, Span, counted
from services.api.store.tables import alerts, counters, meta
from services.api.store.transactions import (
    Applied,
    FeedEvent,
    Published,
    Sourced,
    StaleRevision,
    UnknownAlert,
)

_PAGE = 1_000
T = TypeVar("T")
_EVENT = msgspec.json.Decoder(AlertEvent)


class AlertStore:
    """Alerts, their events and the positions of the consumer and the outbox.

    `on_commit` is called in the order of `n`, at once after each commit, and must not block. Of
    what other processes commit it is told in the same order, by `catch_up` at the latest.
    """

    def __init__(
        self,
        database: Database,
        epoch: str,
        last_n: int,
        on_commit: Callable[[Sequence[Published]], None],
        clock_ms: Callable[[], int],
        cap: int = 0,
    ) -> None:
        self.epoch = epoch
        self.last_n = last_n
        self._database = database
        self._on_commit = on_commit
        self._clock_ms = clock_ms
        self._cap = cap
        # Held until the events are handed on, so that this happens in the order of the commits.
        self._order = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        database: Database,
        on_commit: Callable[[Sequence[Published]], None],
        clock_ms: Callable[[], int],
        cap: int = 0,
    ) -> "AlertStore":
        """Open the store on a migrated database; the first time gives it its epoch.

        `cap` is the rate cap (rate_cap.RateCap), 0 = none.
        """
        epoch, last_n = await database.write(_begin)
        return cls(database, epoch, last_n, on_commit, clock_ms, cap)

    def cursor(self, n: int) -> str:
        """Return the cursor of a place in the feed."""
        return f"{self.epoch}-{n}"

    async def apply(
        self,
        topic: str,
        records: Sequence[Sourced],
        next_offsets: Mapping[int, int],
        engine_ms: int = 0,
    ) -> Applied:
        """Merge findings, count what was suppressed, and move the consumer's positions, all or
        nothing.

        What lies below the stored position was applied before and is left out, whatever the
        caller believes. `engine_ms` is what the engine's clock shows at least, if that is known.
        """
        return await asyncio.shield(self._apply(topic, records, next_offsets, engine_ms))

    async def act(
        self,
        alert_id: str,
        revision: int,
        deed: Act,
        actor: str,
        note: str | None,
        at_ms: int,
        role: str = "",
    ) -> None:
        """Apply a person's act to the revision that they saw; `role` goes into the audit log.

        Raises UnknownAlert, StaleRevision, and acts.Refused for an act that does not fit.
        """
        [result] = await self.act_on_all([(alert_id, revision)], deed, actor, note, at_ms, role)
        if isinstance(result, Exception):
            raise result

    async def act_on_all(
        self,
        seen: Sequence[tuple[str, int]],
        deed: Act,
        actor: str,
        note: str | None,
        at_ms: int,
        role: str = "",
        within: Limit | None = None,
    ) -> list[int | UnknownAlert | StaleRevision | Refused]:
        """Apply one act to several alerts, each with the revision that the actor saw, in one
        transaction; return for each the new revision, or why nothing was done.

        `within` is what the actor may see: of anything else there is no alert.
        """
        return await asyncio.shield(self._act(seen, deed, actor, note, at_ms, role, within))

    async def mark(self) -> bool:
        """Mark or unmark alerts for silences and inhibitions that have begun or ended, some of them
        at a time; return whether more may be left to do."""
        now_ms = self._clock_ms()

        def turned(connection: Connection) -> bool:
            begun = silences.turned(connection, now_ms) or inhibitions.turned(connection, now_ms)
            return bool(begun)

        # A look costs others nothing; to begin to write makes findings and acts wait.
        if not await self._database.read(turned):
            return False
        return await asyncio.shield(self._mark(now_ms))

    async def beside(self, work: Callable[[Connection], tuple[T, list[Published]]]) -> T:
        """Run a transaction of somebody else's that acts on alerts too (`transactions.apply_act`).

        It returns what it is for, and the events that it has made, which are handed on in order.
        """
        return await asyncio.shield(self._beside(work))

    async def escalate(self, limits: Mapping[str, float]) -> list[AlertEvent]:
        """Let alerts that have waited for their limit (overdue.DEFAULTS) reach the next levels.

        It takes a part of them, so that nobody waits for long; nothing returned = none is left.
        """
        now_ms = self._clock_ms()
        # A look costs others nothing; to begin to write makes findings and acts wait.
        if not await self._database.read(lambda c: waits.due(c, limits, now_ms, 1)):
            return []
        published = await asyncio.shield(self._escalate(limits, now_ms))
        return [one.change for one in published]

    async def overdue(self) -> dict[Severity, int]:
        """Return how many alerts are at some level of escalation now, by severity."""
        return await self._database.read(waits.overdue)

    async def get(self, alert_id: str) -> tuple[int, bytes] | None:
        """Return the revision of an alert and its JSON."""
        query = select(alerts.c.revision, alerts.c.body).where(alerts.c.id == alert_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else (row.revision, row.body)

    async def page(self, filters: Filters, before: int | None, limit: int) -> Page:
        """Return up to `limit` alerts, the last raised first, from those below the key `before`."""
        return await self._database.read(lambda c: listing.page(c, filters, before, limit))

    async def page_as_of(
        self, at_ms: int, filters: Filters, before: int | None, limit: int
    ) -> Page:
        """Return a page of alerts as they were known at an instant (ms UTC); it may be short."""
        known = await self._database.read(
            lambda c: history.state_at(c, at_ms, filters, before, limit)
        )
        return Page([msgspec.json.encode(alert) for alert in known.alerts], known.next)

    async def suppressed(self, span: Span) -> list[Counted]:
        """Return what kept events from being alerts, the most frequent first."""
        return await self._database.read(lambda c: counted(c, span))

    async def engine_ms(self) -> int:
        """Return the newest instant, ms UTC, of an engine's clock that was told; 0 = none yet."""
        return await self._database.read(lambda c: transactions.counter(c, "clock"))

    async def events_after(self, n: int, limit: int) -> list[FeedEvent]:
        """Return the next events of the feed in order."""
        return await self._database.read(lambda c: transactions.events_after(c, n, limit))

    async def oldest_n(self) -> int:
        """Return the number of the oldest event that is kept; one above the last if none is."""
        oldest = await self._database.read(transactions.oldest_n)
        return self.last_n + 1 if oldest is None else oldest

    async def first_n_after(self, ms: int) -> int | None:
        """Return the number of the first event committed after an instant (ms UTC), if any."""
        return await self._database.read(lambda c: transactions.first_n_after(c, ms))

    async def catch_up(self) -> None:
        """Hand on what other processes have committed since."""
        async with self._order:
            await self._hand_on_from_log(None)

    async def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset of each partition that the consumer has read from."""
        return await self._database.read(lambda c: transactions.positions_of(c, topic))

    async def reset_position(self, topic: str, partition: int) -> None:
        """Forget how far a partition was read, because it was made anew."""
        await self._database.write(lambda c: transactions.forget_position(c, topic, partition))

    async def outbox_position(self) -> int:
        """Return the number of the last event that is known to be published."""
        return await self._database.read(lambda c: transactions.counter(c, "outbox"))

    async def save_outbox_position(self, n: int) -> None:
        """Note that all events up to `n` are published; what is noted never goes back."""
        await self._database.write(lambda c: transactions.raise_counter(c, "outbox", n))

    async def prune(self, keep: int, keep_ms: int = 0) -> int:
        """Forget events that are older than `keep_ms`, but for the newest `keep`; return how many.

        They are the history of the alerts too.
        """
        before_ms = self._clock_ms() - keep_ms + 1
        return await self._database.write(lambda c: transactions.prune(c, keep, before_ms))

    async def _apply(
        self,
        topic: str,
        records: Sequence[Sourced],
        next_offsets: Mapping[int, int],
        engine_ms: int,
    ) -> Applied:
        async with self._order:
            applied = await self._database.write(
                lambda c: transactions.apply_findings(
                    c,
                    self.cursor,
                    topic,
                    records,
                    next_offsets,
                    self._clock_ms(),
                    self._cap,
                    engine_ms,
                )
            )
            await self._hand_on(applied.published)
        return applied

    async def _act(
        self,
        seen: Sequence[tuple[str, int]],
        deed: Act,
        actor: str,
        note: str | None,
        at_ms: int,
        role: str,
        within: Limit | None,
    ) -> list[int | UnknownAlert | StaleRevision | Refused]:
        results: list[int | UnknownAlert | StaleRevision | Refused] = []
        published: list[Published] = []

        def work(connection: Connection) -> None:
            for alert_id, revision in seen:
                try:
                    told = transactions.apply_act(
                        connection,
                        self.cursor,
                        alert_id,
                        revision,
                        deed,
                        actor,
                        note,
                        at_ms,
                        role,
                        within,
                    )
                except (UnknownAlert, StaleRevision, Refused) as error:
                    # It has written nothing, and the caller is told.
                    results.append(error)
                else:
                    results.append(revision + 1)
                    published.extend(told)

        async with self._order:
            await self._database.write(work)
            await self._hand_on(published)
        return results

    async def _mark(self, now_ms: int) -> bool:
        async with self._order:
            published = await self._database.write(
                lambda c: transactions.apply_marks(c, self.cursor, now_ms)
            )
            await self._hand_on(published or ())
        return published is not None

    async def _beside(self, work: Callable[[Connection], tuple[T, list[Published]]]) -> T:
        async with self._order:
            result, published = await self._database.write(work)
            await self._hand_on(published)
        return result

    async def _escalate(self, limits: Mapping[str, float], now_ms: int) -> list[Published]:
        async with self._order:
            published = await self._database.write(
                lambda c: transactions.apply_overdue(c, self.cursor, limits, now_ms)
            )
            await self._hand_on(published)
        return published

    async def _hand_on(self, published: Sequence[Published]) -> None:
        if published:
            if published[0].event.n > self.last_n + 1:
                await self._hand_on_from_log(published[0].event.n)
            self._tell(published)

    async def _hand_on_from_log(self, before: int | None) -> None:
        """Hand on what others have committed, up to `before` (not with it), None = everything."""
        while True:
            page = await self.events_after(self.last_n, _PAGE)
            others = [event for event in page if before is None or event.n < before]
            if not others:
                return
            self._tell([Published(event, _EVENT.decode(event.body)) for event in others])

    def _tell(self, published: Sequence[Published]) -> None:
        self.last_n = published[-1].event.n
        self._on_commit(published)


def _begin(connection: Connection) -> tuple[str, int]:
    epoch = connection.scalar(select(meta.c.value).where(meta.c.name == "epoch"))
    if epoch is None:
        epoch = secrets.token_hex(4)
        connection.execute(insert(meta).values(name="epoch", value=epoch))
    there = set(connection.scalars(select(counters.c.name)))
    for name in ("feed", "outbox", "clock"):
        if name not in there:
            connection.execute(insert(counters).values(name=name, value=0))
    return epoch, transactions.counter(connection, "feed")
