"""One process that `cordon up` starts: a group of its own, a log of its own, a report of its port.

The other side is `launch`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

KEEP_LOG_BYTES: Final = 20 << 20


class Child:
    """A running child. `name` is what people call it, `log` the file of its standard error."""

    def __init__(self, name: str, log: Path, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def spawn(
        cls, name: str, module: str, arguments: Sequence[str], log: Path, env: Mapping[str, str]
    ) -> "Child":
        """Start `python -m module arguments… PID-of-this-process`, logging to the end of `log`."""
        rotate(log)
        with log.open("ab") as stream:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # Without the working folder in sys.path: what lies there must not shadow modules.
                "-P",
                "-m",
                module,
                *arguments,
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stream,
                env=dict(env),
                # A Ctrl-C in the terminal must reach only `cordon up`, which stops in order.
                start_new_session=True,
            )
        return cls(name, log, process)

    @property
    def pid(self) -> int:
        """The process, which is also its group."""
        return self._process.pid

    def go(self, environment: Mapping[str, str]) -> None:
        """Let the child go, with these variables on top of its environment."""
        assert self._process.stdin is not None
        if self._process.returncode is None:
            self._process.stdin.write(msgspec.json.encode(environment) + b"\n")

    async def port(self) -> int | None:
        """Wait for the port that the child reports; None when it ends without."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return int(line) if line else None

    async def wait(self) -> int:
        """Wait for the end; returns the exit code, negative for a signal."""
        return await self._process.wait()

    async def stop(self, timeout_s: float) -> bool:
        """Ask the child to stop and wait; False when it had to be killed."""
        if self._process.returncode is not None:
            return True
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            return False
        return True


def rotate(log: Path) -> None:
    """Set a log that has grown big aside; the one before that goes."""
    if log.exists() and log.stat().st_size > KEEP_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
