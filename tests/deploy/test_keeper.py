"""Processes: let go, known by their port, started again on it, given up, never orphaned."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.child import Child, rotate, tail
from deploy.keeper import Keeper, KeepsDying
from deploy.patience import Patience

DEADLINE_S = 30.0


def keeper(tmp_path: Path, mode: str, warn: Callable[[str], None] = lambda text: None) -> Keeper:
    """A keeper of the sample process that loses no time between two starts."""
    return Keeper(
        "sample",
        "tests.deploy.sample_service",
        [mode],
        log=tmp_path / "sample.log",
        environment={**os.environ, "PYTHONPATH": str(Path.cwd())},
        warn=warn,
        host="127.0.0.1",
        port_variable="CORDON_SAMPLE_PORT",
        patience=Patience(first_delay_s=0.0),
    )


async def test_a_killed_service_comes_back_on_its_port(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    one = keeper(tmp_path, "serve", told.put_nowait)
    await one.spawn()
    keeping = asyncio.create_task(one.keep({"CORDON_GREETING": "hello"}))
    async with asyncio.timeout(DEADLINE_S):
        await one.ready.wait()
        port, pid = one.port, one.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert "signal 9" in await told.get()
        await one.ready.wait()
    assert one.port == port
    assert one.pid != pid
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await one.stop(5.0)
    assert "this goes to the log" in (tmp_path / "sample.log").read_text()


async def test_a_service_that_keeps_dying_is_given_up_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(KeepsDying, match="sample died 5 times") as caught:
        async with asyncio.timeout(DEADLINE_S):
            await keeper(tmp_path, "die").keep({})
    assert "dying as told" in str(caught.value)


async def test_a_child_that_is_not_let_go_ends_when_its_parent_gives_up(tmp_path: Path) -> None:
    one = keeper(tmp_path, "serve")
    await one.spawn()
    async with asyncio.timeout(DEADLINE_S):
        await one.stop(5.0)


async def test_a_child_has_a_group_of_its_own(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    child = await Child.spawn(
        "sample", "tests.deploy.sample_service", ["serve"], tmp_path / "log", env
    )
    assert os.getpgid(child.pid) == child.pid
    assert await child.stop(5.0)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent death signal is Linux's")
def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'tests.deploy.sample_service', 'serve',"
        " str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdin.write(b'{}\\n'); child.stdin.flush()\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        watched = os.pidfd_open(grandchild)
        parent.kill()
        readable, _, _ = select.select([watched], [], [], DEADLINE_S)
        os.close(watched)
    assert readable


def test_a_log_that_grew_big_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.child.KEEP_LOG_BYTES", 10)
    log = tmp_path / "x.log"
    log.write_text("short")
    rotate(log)
    assert log.exists()
    log.write_text("much longer\nthan that\n")
    rotate(log)
    assert not log.exists()
    assert tail(tmp_path / "x.log.1", lines=1) == "than that"
    assert tail(log) == ""
