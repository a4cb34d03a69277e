"""Ending a client of Kafka, whatever its own `stop` does."""

import asyncio

import pytest
from aiokafka.errors import KafkaError

from services.api import ending
from services.api.ending import stopped


class Client:
    """Ends as it is told: with an error, or after a while."""

    def __init__(self, error: BaseException | None = None, delay_s: float = 0) -> None:
        self._error = error
        self._delay_s = delay_s

    async def stop(self) -> None:
        await asyncio.sleep(self._delay_s)
        if self._error is not None:
            raise self._error


async def test_a_cancellation_that_nobody_sent_is_an_end_like_another() -> None:
    assert await stopped(Client())
    assert await stopped(Client(asyncio.CancelledError()))


async def test_what_does_not_end_well_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await stopped(Client(KafkaError()))
    monkeypatch.setattr(ending, "_TIMEOUT_S", 0)
    assert not await stopped(Client(delay_s=60))


async def test_our_own_end_is_one() -> None:
    own = asyncio.create_task(stopped(Client(delay_s=60)))
    await asyncio.sleep(0)
    own.cancel()
    with pytest.raises(asyncio.CancelledError):
        await own
