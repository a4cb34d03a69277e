"""Whether a Kafka broker answers yet, asked with two requests of the protocol itself.

A client library would log an error for every attempt before the broker is up, so the few
bytes of a Metadata request are written here by hand.
"""

import asyncio
import struct

_METADATA_KEY = 3
_METADATA_VERSION = 1
_CORRELATION_ID = 1
_REQUEST_TIMEOUT_S = 2.0
_CLIENT_ID = b"cordon-probe"


def metadata_request() -> bytes:
    """A Metadata request, version 1, for no topic at all, with its length in front."""
    header = struct.pack(
        ">hhih", _METADATA_KEY, _METADATA_VERSION, _CORRELATION_ID, len(_CLIENT_ID)
    )
    body = header + _CLIENT_ID + struct.pack(">i", 0)
    return struct.pack(">i", len(body)) + body


def brokers_in_response(response: bytes) -> int:
    """How many brokers a Metadata response without its length names."""
    _, count = struct.unpack_from(">ii", response)
    return int(count)


async def answers(bootstrap: str) -> bool:
    """True when a broker is reachable and counts itself among the members of its cluster."""
    try:
        return await asyncio.wait_for(_ask(bootstrap), _REQUEST_TIMEOUT_S)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        # Refused, silent or cut off are the normal answers of a broker that is starting; the
        # caller asks again and has the deadline.
        return False


async def _ask(bootstrap: str) -> bool:
    host, port = bootstrap.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(metadata_request())
        (length,) = struct.unpack(">i", await reader.readexactly(4))
        return brokers_in_response(await reader.readexactly(length)) > 0
    finally:
        writer.close()
