"""The child's side of a start by `cordon up`: `python -m deploy.launch SERVICE PARENT_PID`.

The child imports its service, which takes as long as Kafka's start, and only then reads from
standard input the one line that lets it go: a JSON object of environment variables. Its port is
the one line that it writes on standard output; whatever else prints goes to the log.
"""

import ctypes
import os
import signal
import sys

import msgspec

from deploy import logs, service
from schemas.settings import Settings

_PR_SET_PDEATHSIG = 1


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent is gone, even by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # It went before the kernel was told; nobody would ever stop this process.
        sys.exit(1)


def report_channel() -> int:
    """Return a descriptor of the standard output, which itself goes where errors go from now."""
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel


def read_go() -> dict[str, str] | None:
    """Wait for the line that lets this process go; None when the parent gave up instead."""
    line = sys.stdin.buffer.readline()
    return msgspec.json.decode(line, type=dict[str, str]) if line else None


def main(arguments: list[str]) -> int:
    """Run one service on behalf of `cordon up`; return its exit code."""
    name, parent_pid = msgspec.convert(arguments[0], service.Service), int(arguments[1])
    die_with(parent_pid)
    channel = report_channel()
    logs.configure("json")
    service.load(name)
    environment = read_go()
    if environment is None:
        return 0
    os.environ.update(environment)
    return service.run(name, Settings(), lambda port: _report(channel, port))


def _report(channel: int, port: int) -> None:
    os.write(channel, f"{port}\n".encode())
    os.close(channel)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
