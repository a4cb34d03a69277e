"""Clock lines of a replayed timeline: each goes to every partition of the clock's topic."""

import asyncio
from typing import Final

import msgspec
from msgspec import Raw

from schemas.events import Clock
from schemas.problems import Rejected, invalid, rejected
from schemas.times import TimeProblem, format_ms, parse_ms
from schemas.topics import CLOCK
from services.ingest.answers import away
from services.ingest.outcome import Outcome, no_outcome
from services.ingest.producer import DELIVERY_TIMEOUT_S, Outgoing, Producer, Undelivered

CLOCK_KEY: Final = b"clock"


_decode = msgspec.json.Decoder(Clock).decode
_encode = msgspec.json.Encoder().encode


class ClockDesk:
    """Writes clock records on behalf of a replay."""

    def __init__(
        self, producer: Producer, partitions: int, delivery_timeout_s: float = DELIVERY_TIMEOUT_S
    ) -> None:
        self._producer = producer
        self._partitions = partitions
        self._delivery_timeout_s = delivery_timeout_s

    async def take(self, items: list[bytes] | list[Raw]) -> Outcome:
        """Return the outcome once every partition has acknowledged every line.

        Raises Refused (503) when one has not, or not in time. A repeated line does no harm, so
        the sender may send all of them again.
        """
        outcome = no_outcome()
        outgoing = []
        for index, item in enumerate(items):
            try:
                value = _tick(item)
            except Rejected as error:
                outcome.reject(index, error.problem)
                continue
            outcome.accepted += 1
            for partition in range(self._partitions):
                outgoing.append(Outgoing(CLOCK, partition, CLOCK_KEY, value))
        if outgoing:
            try:
                async with asyncio.timeout(self._delivery_timeout_s):
                    await self._producer.submit(outgoing)
            except Undelivered as error:
                raise away("the broker did not take the clock; send it again") from error
            except TimeoutError as error:
                raise away("the broker did not answer in time; send it again") from error
        return outcome


def _tick(item: bytes | Raw) -> bytes:
    """Return one clock record. Raises Rejected."""
    try:
        tick = _decode(item)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise rejected(f"not JSON: {error}", status=400) from error
    try:
        tick.time = format_ms(parse_ms(tick.time))
    except TimeProblem as error:
        raise rejected(str(error), "time") from error
    return _encode(tick)
