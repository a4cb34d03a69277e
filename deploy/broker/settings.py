"""What an embedded broker needs to know before it starts."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.settings import Settings

ProgressCallback = Callable[[str], None]
"""Takes one short sentence about what is going on; may be called from another thread."""


def _say_nothing(message: str) -> None:
    """The progress callback of those who do not want to see any."""


def _cache_dir() -> Path:
    return Settings().cache_path


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Settings of one embedded broker.

    `data_dir` belongs to this broker alone and survives restarts.  `port` and `controller_port`
    are TCP ports on 127.0.0.1; 0 takes any free one.  `heap_mb` bounds the Java heap (the whole
    process takes some 100 MB more).  `log_dir` is where `broker.log` goes, `data_dir/logs` unless
    named.  `cache_dir` is where the jars are kept, that of the environment's settings unless
    named.  `owner_pid` is the process with which the broker must die, the starting one unless
    named.  `start_timeout_s` and `stop_timeout_s` bound how long `Broker.start` and `Broker.stop`
    wait; after the latter the process is killed.  `data_timeout_s` bounds how long a start waits
    for an earlier broker to let the data folder go.
    """

    data_dir: Path
    port: int = 0
    controller_port: int = 0
    heap_mb: int = 512
    log_dir: Path | None = None
    cache_dir: Path = field(default_factory=_cache_dir)
    owner_pid: int = field(default_factory=os.getpid)
    progress: ProgressCallback = _say_nothing
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 20.0
    data_timeout_s: float = 10.0

    @property
    def logs(self) -> Path:
        """The folder of the broker's own logs."""
        return self.log_dir if self.log_dir is not None else self.data_dir / "logs"
