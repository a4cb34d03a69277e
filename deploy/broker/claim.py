"""Who may touch a data folder: one broker at a time, for as long as any process of it lives.

Kafka has a lock of its own, but takes it only after a second controller has already written to
the metadata of the first, which then cannot even stop.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from deploy.broker.errors import DataInUseError

_POLL_S = 0.05


@asynccontextmanager
async def claimed(data_dir: Path, timeout_s: float) -> AsyncIterator[int]:
    """Hold the folder's lock and yield its descriptor, for processes to inherit.

    A process that inherited it keeps the folder claimed after this block.  A broker that is
    just stopping is waited for; raises DataInUseError when it does not end in time.
    """
    with _open_lock(data_dir) as stream:
        try:
            await asyncio.wait_for(_acquire(stream), timeout_s)
        except TimeoutError as error:
            raise DataInUseError(
                f"another kafka runs on {data_dir}; stop it or choose another data folder"
            ) from error
        yield stream.fileno()


def _open_lock(data_dir: Path) -> TextIO:
    data_dir.mkdir(parents=True, exist_ok=True)
    return (data_dir / "lock").open("w")


async def _acquire(stream: TextIO) -> None:
    # There is no event to wait for: the holder is another process, and a thread that waits in
    # flock could not be called back when the time is over.
    while True:
        if _try_lock(stream):
            return
        await asyncio.sleep(_POLL_S)


def _try_lock(stream: TextIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Held by another process: the expected answer, told to the caller.
        return False
    return True
