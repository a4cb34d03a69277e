"""Whether a service answers /readyz, asked without a client library.

`python -m deploy.readiness PORT…` is the health check of the image: it ends with 0 when a service
on one of the ports is ready. A container has one service, and the check need not know which.
"""

import asyncio
import sys
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


async def any_ready(host: str, ports: list[int]) -> bool:
    """Tell whether the service on one of the ports is ready."""
    return any(await asyncio.gather(*(is_ready(host, port) for port in ports)))


if __name__ == "__main__":
    sys.exit(not asyncio.run(any_ready("127.0.0.1", [int(port) for port in sys.argv[1:]])))
