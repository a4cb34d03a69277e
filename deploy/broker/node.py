"""One Kafka node on the disk and as a process: written, formatted, started, stopped, killed."""

import asyncio
import base64
import os
import shutil
import signal
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import structlog

from deploy.broker.configuration import log4j2_properties, server_properties
from deploy.broker.errors import BrokerError, BrokerStartError
from deploy.broker.java import JavaRun, java_command, java_environment
from deploy.broker.ports import LOOPBACK
from deploy.broker.probe import answers

_log = structlog.get_logger(__name__)

_GUARD = Path(__file__).with_name("guard.py")
_POLL_S = 0.05
_TAIL_LINES = 30
_FORMAT_TIMEOUT_S = 60.0
# The guard itself waits for the grace time before it kills, so the caller waits a little more.
_GUARD_MARGIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFiles:
    """Where a node keeps what: everything under `data_dir` but the logs."""

    data_dir: Path
    log_dir: Path

    @property
    def records(self) -> Path:
        """Kafka's own log directory, with the records."""
        return self.data_dir / "data"

    @property
    def temporary(self) -> Path:
        """Where the compression libraries unpack themselves; emptied at each start."""
        return self.data_dir / "tmp"

    @property
    def properties(self) -> Path:
        """Kafka's configuration."""
        return self.data_dir / "server.properties"

    @property
    def log4j2(self) -> Path:
        """The configuration of Kafka's log."""
        return self.data_dir / "log4j2.properties"

    @property
    def log(self) -> Path:
        """Kafka's log."""
        return self.log_dir / "broker.log"

    @property
    def output(self) -> Path:
        """What the processes print; nearly empty, since the log goes to `broker.log`."""
        return self.log_dir / "broker.out"

    def tail(self) -> str:
        """The last lines of what the node wrote, for an error message."""
        lines: list[str] = []
        for path in (self.log, self.output):
            if path.exists():
                text = path.read_text(encoding="utf-8", errors="replace")
                lines += [f"{path.name}: {line}" for line in text.splitlines()[-_TAIL_LINES:]]
        return "\n".join(lines)


class Node:
    """A single Kafka process over one data folder.

    `run` says how Java is called.  `claim` is the descriptor of the folder's lock, see `claim`;
    it must be open while `format` and `start` run, and the processes inherit it.
    """

    def __init__(
        self,
        files: NodeFiles,
        run: JavaRun,
        *,
        claim: int,
        owner_pid: int,
        stop_timeout_s: float,
    ) -> None:
        self._files = files
        self._run = run
        self._owner_pid = owner_pid
        self._stop_timeout_s = stop_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._claim = claim

    @property
    def process_group(self) -> int | None:
        """The process group of the guard and Java while they run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def formatted(self) -> bool:
        """Whether the data folder was prepared by an earlier start."""
        return (self._files.records / "meta.properties").exists()

    def write_configuration(self, port: int, controller_port: int) -> None:
        """Write Kafka's configuration for these ports."""
        files = self._files
        shutil.rmtree(files.temporary, ignore_errors=True)
        for folder in (files.data_dir, files.log_dir, files.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        files.properties.write_text(
            server_properties(port=port, controller_port=controller_port, log_dir=files.records),
            encoding="utf-8",
        )
        files.log4j2.write_text(log4j2_properties(files.log_dir), encoding="utf-8")

    async def format(self) -> None:
        """Let Kafka's own tool prepare the data folder; the cluster id is made only once.

        Raises BrokerStartError with the tool's output.
        """
        cluster_file = self._files.data_dir / "cluster.id"
        if not cluster_file.exists():
            # Kafka's own form of a UUID: 16 bytes in URL-safe base64 without the padding.
            fresh = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            cluster_file.write_text(fresh, encoding="ascii")
        cluster_id = cluster_file.read_text(encoding="ascii").strip()
        # The id is joined to its option with `=` because it may begin with a dash.  A format
        # that was cut off is taken up again.
        arguments = ["format", f"--cluster-id={cluster_id}", "--ignore-formatted"]
        arguments += ["--config", str(self._files.properties)]
        process = await self._spawn(
            java_command(self._run.for_tool(), "kafka.tools.StorageTool", arguments)
        )
        try:
            exit_code = await asyncio.wait_for(process.wait(), _FORMAT_TIMEOUT_S)
        except TimeoutError as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise BrokerStartError(f"formatting took too long\n{self._files.tail()}") from error
        if exit_code != 0:
            raise BrokerStartError(f"formatting failed ({exit_code})\n{self._files.tail()}")

    async def start(self, port: int, timeout_s: float) -> None:
        """Start Kafka and return when it answers on `port`.

        Raises BrokerStartError with the end of the log when it ends or stays silent; no process
        is left then.
        """
        command = java_command(self._run, "kafka.Kafka", [str(self._files.properties)])
        self._process = await self._spawn(command)
        try:
            await asyncio.wait_for(self._until_ready(self._process, port), timeout_s)
        except TimeoutError as error:
            await self.kill()
            raise BrokerStartError(
                f"kafka did not answer within {timeout_s:.0f} s\n{self._files.tail()}"
            ) from error
        except BaseException:
            # Whoever gives up waiting, a cancelled task included, leaves no process behind.
            await self.kill()
            raise

    async def stop(self) -> None:
        """Stop cleanly, and kill what takes longer than the stop timeout."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._stop_timeout_s + _GUARD_MARGIN_S)
        except TimeoutError:
            _log.warning("broker_stop_timed_out", pid=process.pid)
            await self.kill()

    async def kill(self) -> None:
        """Kill the guard and Java at once."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def wait(self) -> int:
        """Wait until the process ends and return its exit code."""
        if self._process is None:
            raise BrokerError("the broker was not started")
        return await self._process.wait()

    async def _spawn(self, command: list[str]) -> asyncio.subprocess.Process:
        """Run a command under the guard, in a session of its own."""
        guarded = [
            *(sys.executable, "-I", "-S", str(_GUARD)),
            *(str(self._owner_pid), str(self._stop_timeout_s)),
            *command,
        ]
        with self._files.output.open("wb") as output:
            return await asyncio.create_subprocess_exec(
                *guarded,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._files.data_dir,
                env=java_environment(),
                start_new_session=True,
                pass_fds=(self._claim,),
            )

    async def _until_ready(self, process: asyncio.subprocess.Process, port: int) -> None:
        while not await answers(f"{LOOPBACK}:{port}"):
            if process.returncode is not None:
                raise BrokerStartError(
                    f"kafka ended with exit code {process.returncode}\n{self._files.tail()}"
                )
            await asyncio.sleep(_POLL_S)
