"""No broker outlives its owner: the guard ends its child in every case."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.broker import guard

_GUARD = Path(guard.__file__)
_LIMIT_S = 10
# Each child says when it is ready, so that no signal comes before its handler is in place.
_OBEDIENT = "import time; print('ready', flush=True); time.sleep(60)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_OBEDIENT}"


def _start(owner_pid: int, child: str, grace_s: float = 5.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", "-S", str(_GUARD), str(owner_pid), str(grace_s)]
    # The pipe is held open by the child too: its end is seen here as the end of the stream.
    process = subprocess.Popen(
        [*command, sys.executable, "-c", child], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _finish(process: subprocess.Popen[str]) -> int:
    """Wait until the guard and everything that holds its pipe are gone."""
    with process:
        process.communicate(timeout=_LIMIT_S)
    return process.returncode


def test_sigterm_is_passed_on() -> None:
    process = _start(os.getpid(), _OBEDIENT)
    process.terminate()
    assert _finish(process) == -signal.SIGTERM % 256


def test_a_child_that_does_not_stop_is_killed() -> None:
    process = _start(os.getpid(), _STUBBORN, grace_s=0.2)
    process.terminate()
    assert _finish(process) == -signal.SIGKILL % 256


def test_the_child_dies_when_the_owner_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as owner:
        process = _start(owner.pid, _OBEDIENT)
        owner.kill()
        assert _finish(process) == -signal.SIGTERM % 256


def test_the_child_dies_when_the_guard_is_killed() -> None:
    process = _start(os.getpid(), _STUBBORN)
    process.kill()
    assert _finish(process) == -signal.SIGKILL


def test_the_exit_code_of_the_child_is_passed_on() -> None:
    child = "print('ready', flush=True); raise SystemExit(7)"
    assert _finish(_start(os.getpid(), child)) == 7


def test_an_owner_that_is_already_gone_starts_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as owner:
        owner.wait()
    assert guard.main([str(owner.pid), "1", "/does/not/exist"]) == 1
    assert "already gone" in capfd.readouterr().err
