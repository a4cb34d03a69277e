"""The leader's look at silences and inhibitions: every second, marks alerts for those that begin or
end."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.api.metrics import SILENCE_FAILURES
from services.api.store.store import AlertStore

_ROUND_S: Final = 1.0
_log = structlog.get_logger(__name__)


class SilenceWatch:
    """Lets silences and inhibitions begin and end; the store knows what is left, so this may stop
    anywhere."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    async def run(self) -> None:
        """Look until cancelled; failures are retried. It may run again later."""
        while True:
            try:
                while await self._store.mark():
                    pass
            except SQLAlchemyError as error:
                SILENCE_FAILURES.inc()
                _log.error("silence_store_failed", error=repr(error))
            await asyncio.sleep(_ROUND_S)
