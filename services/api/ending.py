"""Ending clients of Kafka, the same way everywhere in this service."""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

_TIMEOUT_S = 1.5
_log = structlog.get_logger(__name__)


async def stopped(client: AIOKafkaConsumer | AIOKafkaProducer) -> bool:
    """Stop a client; return whether it ended in time and without a complaint.

    It stops in a task of its own: with the broker away, a consumer's `stop` ends as cancelled (it
    awaits fetches that it has just cancelled), which here would look like our own end.
    """
    stopping = asyncio.create_task(client.stop())
    await asyncio.wait([stopping], timeout=_TIMEOUT_S)
    if not stopping.done():
        stopping.cancel()
        _log.warning("client_stop_late", client=type(client).__name__)
        return False
    error = None if stopping.cancelled() else stopping.exception()
    if error is not None:
        _log.warning("client_stop_failed", client=type(client).__name__, error=repr(error))
    return error is None
