"""The processes of a running system, to be killed, stopped and let go on one by one."""

import os
import signal
from pathlib import Path

from tests.fault.until import until
from tests.system import RunningSystem


def pids(system: RunningSystem, service: str) -> list[int]:
    """Return the processes of a service that `cordon up` runs at this moment, oldest first."""
    return [
        pid
        for pid in _children(system.pid)
        if f"deploy.launch\0{service}\0" in _command(pid) and not _is_gone(pid)
    ]


def kafka_pid(system: RunningSystem) -> int:
    """Return the process of the broker itself, below its guard."""
    # The guard's command line has all of Java's in it.
    (pid,) = [each for each in _descendants(system.pid) if _program(each) == "java"]
    return pid


def kill(pid: int) -> None:
    """Kill a process with -9 and return when it is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: _is_gone(pid), f"process {pid} is gone", 10.0, poll_s=0.005)


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _descendants(pid: int) -> list[int]:
    return [each for child in _children(pid) for each in (child, *_descendants(child))]


def _program(pid: int) -> str:
    return Path(_command(pid).partition("\0")[0]).name


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
