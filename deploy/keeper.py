"""One service of `cordon up`, kept alive: started early, let go, started again when it dies."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from deploy.child import Child, tail
from deploy.patience import MOST_DEATHS, Patience
from deploy.readiness import wait_ready

_log = structlog.get_logger(__name__)


class KeepsDying(Exception):
    """A service died too often; the text names it and ends with its log."""


class Keeper:
    """Keeps one process running.

    `arguments` is what `module` is called with, `port_variable` the setting of the port that the
    process reports: a process that is started again gets the port of the one before, because
    others know it by then. None = it reports none.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: list[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        warn: Callable[[str], None],
        host: str,
        port_variable: str | None,
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self.port: int | None = None
        self.ready = asyncio.Event()
        self._module = module
        self._arguments = arguments
        self._log = log
        self._environment = environment
        self._warn = warn
        self._host = host
        self._port_variable = port_variable
        self._child: Child | None = None
        self._patience = patience or Patience()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._child.pid if self._child is not None else None

    async def spawn(self) -> None:
        """Start the process; it loads what it needs and waits to be let go."""
        self._child = await Child.spawn(
            self.name, self._module, self._arguments, self._log, self._environment
        )

    async def keep(self, environment: Mapping[str, str]) -> None:
        """Let the process go and keep it running; ends only by raising KeepsDying."""
        loop = asyncio.get_running_loop()
        while True:
            if self._child is None:
                await self.spawn()
            assert self._child is not None
            child = self._child
            child.go({**environment, **self._known_port()})
            if self._port_variable is not None:
                await self._until_ready(child)
            code = await child.wait()
            self.ready.clear()
            self._child = None
            delay_s = self._patience.after_death(loop.time())
            if delay_s is None:
                raise KeepsDying(
                    f"{self.name} died {MOST_DEATHS} times within a minute; the end of {self._log}:"
                    f"\n{tail(self._log)}"
                )
            _log.warning("service_died", service=self.name, code=code, delay_s=delay_s)
            self._warn(f"{self.name} ended ({_told(code)}); starting it again, see {self._log}")
            await asyncio.sleep(delay_s)

    async def stop(self, timeout_s: float) -> None:
        """Stop the process; `keep` must have been cancelled."""
        if self._child is not None and not await self._child.stop(timeout_s):
            _log.warning("service_killed", service=self.name, after_s=timeout_s)
            self._warn(f"{self.name} did not stop within {timeout_s:.0f} s and was killed")

    def _known_port(self) -> dict[str, str]:
        if self.port is None or self._port_variable is None:
            return {}
        return {self._port_variable: str(self.port)}

    async def _until_ready(self, child: Child) -> None:
        """Return when the process is ready or has ended."""
        ended = asyncio.create_task(child.wait())
        ready = asyncio.create_task(self._ready(child))
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    async def _ready(self, child: Child) -> None:
        port = await child.port()
        if port is not None:
            await wait_ready(self._host, port)
            self.port = port
            self.ready.set()


def _told(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
