"""One embedded broker for a whole test run, whatever number of workers it has.

The first worker that needs Kafka starts this module as a process of its own; the others find
its address in a file.  The process belongs to the run and not to that worker: the broker's guard
watches the run's main process and ends Kafka when that is gone, even when it was killed.
"""

import asyncio
import fcntl
import os
import shutil
import sys
from pathlib import Path

from deploy.broker import Broker, BrokerError, BrokerSettings

_ADDRESS_FILE = "bootstrap"
_OUTPUT_FILE = "process.out"
_ADDRESS_DESCRIPTOR = 3


class SharedBrokerError(Exception):
    """The broker of this test run could not be started; the text says why."""


def shared_bootstrap(folder: Path, owner_pid: int) -> str:
    """Return the address of the run's broker, starting it if this is the first call.

    `folder` is common to all workers of the run; `owner_pid` is the run's main process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / _ADDRESS_FILE
    with (folder / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not address.exists():
            # What is noted may be empty: then no other worker tries, and waits, once more.
            address.write_text(_launch(folder, owner_pid), encoding="utf-8")
        bootstrap = address.read_text(encoding="utf-8")
    if not bootstrap:
        output = (folder / _OUTPUT_FILE).read_text(encoding="utf-8", errors="replace")
        raise SharedBrokerError(f"the shared broker did not start:\n{output}")
    return bootstrap


def _launch(folder: Path, owner_pid: int) -> str:
    """Start the process and wait for the one line it writes, empty when it ends without."""
    read_end, write_end = os.pipe()
    output = os.open(folder / _OUTPUT_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    # posix_spawn rather than subprocess: the process outlives this worker on purpose, and a
    # Popen object would warn about that when it is collected.
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", __name__, str(folder), str(owner_pid)],
        os.environ,
        file_actions=[
            # The address has a descriptor of its own, since logs go to the standard output.
            # It comes last: it may replace what the two before it were copied from.
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
            (os.POSIX_SPAWN_DUP2, write_end, _ADDRESS_DESCRIPTOR),
        ],
        setsid=True,
    )
    os.close(write_end)
    os.close(output)
    with os.fdopen(read_end, encoding="utf-8") as stream:
        return stream.readline().strip()


async def serve(folder: Path, owner_pid: int) -> None:
    """Run the broker until its guard ends it, then remove its data."""
    data_dir = folder / "broker"
    broker = Broker(BrokerSettings(data_dir=data_dir, owner_pid=owner_pid))
    try:
        await broker.start()
        with os.fdopen(_ADDRESS_DESCRIPTOR, "w", encoding="utf-8") as stream:
            stream.write(f"{broker.bootstrap}\n")
        await broker.wait()
    except BrokerError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        shutil.rmtree(data_dir / "data", ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
