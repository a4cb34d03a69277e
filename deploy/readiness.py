"""Whether a service answers /readyz, asked without a client library."""

import asyncio
from typing import Final

_TIMEOUT_S: Final = 2.0
_POLL_S: Final = 0.03


async def is_ready(host: str, port: int) -> bool:
    """Tell whether the service on this port answers /readyz with 200."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        # The normal answer of a service that is starting; the caller asks again.
        return False
    return status_line.split(b" ")[1:2] == [b"200"]


async def wait_ready(host: str, port: int) -> None:
    """Return once the service is ready."""
    while True:
        if await is_ready(host, port):
            return
        await asyncio.sleep(_POLL_S)
