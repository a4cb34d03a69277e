"""The outbox: what the store has committed is published to Kafka, in order, from where it was."""

import asyncio
import contextlib
import math
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from schemas.topics import ALERT_STATE, ALERTS
from services.api.feed.hub import Hub
from services.api.metrics import OUTBOX_FAILURES, OUTBOX_LAG
from services.api.publisher import BACKOFF_S, Outgoing, Publisher
from services.api.store.store import AlertStore
from services.api.store.transactions import FeedEvent

_PAGE = 500
_PRUNE_EVERY = 1_000
# How far was published is noted no more often: to note it is a commit, for which findings wait.
# After a crash that much comes a second time, as after any failure.
_NOTE_S = 0.5
_log = structlog.get_logger(__name__)


class Outbox:
    """Publishes the log and the newest state of alerts; both carry the feed's cursor.

    The newest `keep` events stay in the store for readers that resume, and all that are not older
    than `keep_ms`, for the history; the others go once they are published.
    """

    def __init__(
        self,
        *,
        store: AlertStore,
        hub: Hub,
        publisher: Publisher,
        keep: int,
        keep_ms: int = 0,
        log: str = ALERTS,
        state: str = ALERT_STATE,
    ) -> None:
        self._store = store
        self._hub = hub
        self._publisher = publisher
        self._keep = keep
        self._keep_ms = keep_ms
        self._log = log
        self._state = state

    async def run(self) -> None:
        """Publish until cancelled; failures are retried. It may run again later."""
        try:
            await self._retry()
        finally:
            await self._publisher.stop()
            # Another process may publish now: how far it is behind is for it to tell.
            OUTBOX_LAG.set(math.nan)

    async def _retry(self) -> None:
        failures = 0
        while True:
            try:
                await self._publish()
            except SQLAlchemyError as error:
                OUTBOX_FAILURES.inc()
                _log.error("outbox_store_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def _publish(self) -> None:
        position = noted = pruned_at = await self._store.outbox_position()
        due_at = 0.0
        try:
            while True:
                OUTBOX_LAG.set(self._store.last_n - position)
                if position > noted and time.monotonic() >= due_at:
                    await self._store.save_outbox_position(position)
                    noted, due_at = position, time.monotonic() + _NOTE_S
                    if noted - pruned_at >= _PRUNE_EVERY:
                        await self._store.prune(self._keep, self._keep_ms)
                        pruned_at = noted
                elif position < self._store.last_n:
                    page = self._hub.events_after(position, _PAGE)
                    page = page or await self._store.events_after(position, _PAGE)
                    await self._publisher.send(self._records(page))
                    position = page[-1].n
                else:
                    await self._news(due_at if position > noted else None)
        finally:
            if position > noted:
                await self._note_at_the_end(position)

    async def _note_at_the_end(self, position: int) -> None:
        try:
            await self._store.save_outbox_position(position)
        except SQLAlchemyError as error:
            # The end goes on: what could not be noted is published a second time.
            OUTBOX_FAILURES.inc()
            _log.error("outbox_position_not_noted", position=position, error=repr(error))

    async def _news(self, due_at: float | None) -> None:
        """Wait for news, until the position is to be noted."""
        wait_s = None if due_at is None else due_at - time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._hub.news()

    def _records(self, page: list[FeedEvent]) -> list[Outgoing]:
        """Return every event for the log, and each alert's last one for the state."""
        newest = {event.alert_id: event for event in page}
        return [
            *(Outgoing(self._log, event.alert_id.encode(), event.body) for event in page),
            *(Outgoing(self._state, key.encode(), event.body) for key, event in newest.items()),
        ]
