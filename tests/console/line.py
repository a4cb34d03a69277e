"""A line between a browser and the API that can be cut and mended."""

import asyncio
import contextlib
from urllib.parse import urlsplit


class Line:
    """Passes everything on to a service, until it is cut."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._target = (parts.hostname or "", parts.port or 0)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._cut = False
        self.base = ""

    async def start(self) -> None:
        """Begin to listen, on any free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection, and take no other until `mend`."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Pass on again."""
        self._cut = False

    async def stop(self) -> None:
        """End it, with all that is open."""
        self.cut()
        assert self._server is not None
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self._open.add(writer)
        onward: asyncio.StreamWriter | None = None
        try:
            if self._cut:
                writer.transport.abort()
                return
            back, onward = await asyncio.open_connection(*self._target)
            self._open.add(onward)
            await asyncio.gather(_pass(reader, onward), _pass(back, writer))
        except OSError:
            # A line that was cut: the browser sees it, and that is what the test is about.
            return
        finally:
            for one in filter(None, (writer, onward)):
                self._open.discard(one)
                one.close()
            self._passing.discard(task)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        # The other end may be gone already, and then nothing is left to end.
        writer.write_eof()
