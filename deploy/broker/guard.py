"""Stands between a process and its Java child, so that no broker outlives its owner.

Started as a script: `guard.py OWNER_PID GRACE_S COMMAND...`.  It runs the command and ends it
when the owner dies (even by kill -9), when it is itself told to stop, and with it when it is
killed.  It is a process of its own, in its own session, for three reasons: a Ctrl-C in the
terminal must not stop Kafka before the services that use it; the owner need not be the parent
(one broker serves every worker of a test run); and Linux delivers the parent death signal when
the starting *thread* ends, which only a single-threaded parent makes safe.

Only the standard library is used here, so that the guard starts in a few milliseconds.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.5


def _die_with_parent() -> None:
    """Runs in the child before Java does: have the kernel kill it when the guard is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_readable(descriptors: list[int], timeout_s: float | None) -> list[int]:
    readable: list[int]
    readable, _, _ = select.select(descriptors, [], [], timeout_s)
    return readable


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask the child to stop, then make it."""
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"guard: not stopped within {grace_s} s, killing it\n")
        child.kill()
        child.wait()


def main(arguments: list[str]) -> int:
    """Run until the child ends; returns its exit code (negative for a signal)."""
    owner_pid, grace_s, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        sys.stderr.write(f"guard: the owner {owner_pid} is already gone\n")
        return 1
    # Signals arrive as bytes in a pipe, so that one select waits for everything.
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    # The lock of the data folder, inherited from the starter, is passed on: it is free again
    # only when both this process and the child are gone.
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent, close_fds=False
    )
    while child.poll() is None:
        readable = _wait_for_readable([owner, wake_read], _POLL_S)
        received = os.read(wake_read, 64) if wake_read in readable else b""
        if owner in readable or set(received) - {signal.SIGCHLD}:
            _end(child, grace_s)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
