"""The outbox: what the store has committed is published to Kafka, in order, from where it was."""

import asyncio
import math

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
        position = await self._store.outbox_position()
        pruned_at = position
        while True:
            OUTBOX_LAG.set(self._store.last_n - position)
            if position >= self._store.last_n:
                await self._hub.news()
                continue
            page = await self._store.events_after(position, _PAGE)
            await self._publisher.send(self._records(page))
            position = page[-1].n
            await self._store.save_outbox_position(position)
            if position - pruned_at >= _PRUNE_EVERY:
                await self._store.prune(self._keep, self._keep_ms)
                pruned_at = position

    def _records(self, page: list[FeedEvent]) -> list[Outgoing]:
        """Return every event for the log, and each alert's last one for the state."""
        newest = {event.alert_id: event for event in page}
        return [
            *(Outgoing(self._log, event.alert_id.encode(), event.body) for event in page),
            *(Outgoing(self._state, key.encode(), event.body) for key, event in newest.items()),
        ]
