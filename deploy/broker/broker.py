"""One embedded Kafka broker: fetched, verified, formatted, started, watched and stopped."""

import asyncio
from pathlib import Path

import structlog

from deploy.broker.claim import claimed
from deploy.broker.errors import BrokerError
from deploy.broker.faststart import ensure_archive
from deploy.broker.fetch import broker_cache, ensure_jars
from deploy.broker.java import JavaRun
from deploy.broker.lockfile import read_lock
from deploy.broker.node import Node, NodeFiles
from deploy.broker.ports import LOOPBACK, claim_port
from deploy.broker.settings import BrokerSettings

_log = structlog.get_logger(__name__)


class Broker:
    """A real single-node Kafka on 127.0.0.1.

    Use it as `await broker.start()` … `await broker.stop()` or as an asynchronous context
    manager.  The same settings start it again on the same data, even on another port.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._files = NodeFiles(
            data_dir=settings.data_dir.absolute(), log_dir=settings.logs.absolute()
        )
        self._port: int | None = None
        self._node: Node | None = None

    async def __aenter__(self) -> "Broker":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:port` of the broker.  Raises BrokerError before the first start."""
        if self._port is None:
            raise BrokerError("the broker was not started")
        return f"{LOOPBACK}:{self._port}"

    @property
    def log_path(self) -> Path:
        """The file in which the broker writes its log."""
        return self._files.log

    @property
    def process_group(self) -> int | None:
        """The process group of the broker while it runs; killing it kills all of it."""
        return self._node.process_group if self._node is not None else None

    async def start(self) -> None:
        """Start the broker and return when it answers requests.

        Raises DataInUseError, PortTakenError, FetchError or JarVerificationError before Kafka is
        spawned, and BrokerStartError with the end of the log when the process ends or stays silent.
        """
        if self.process_group is not None:
            raise BrokerError("the broker is already running")
        settings = self._settings
        async with claimed(self._files.data_dir, settings.data_timeout_s) as claim:
            # Ports come before the jars: nobody should wait for a download only to hear of a
            # clash.  They come after the data: a broker that is just stopping still has both.
            port = claim_port(settings.port, "CORDON_KAFKA_PORT")
            controller_port = claim_port(settings.controller_port, "controller_port")
            node = Node(
                self._files,
                await self._prepare_java(),
                claim=claim,
                owner_pid=settings.owner_pid,
                stop_timeout_s=settings.stop_timeout_s,
            )
            node.write_configuration(port, controller_port)
            if not node.formatted:
                settings.progress("preparing the data folder of kafka …")
                await node.format()
            settings.progress("starting kafka …")
            await node.start(port, settings.start_timeout_s)
        self._node, self._port = node, port
        _log.info("broker_started", bootstrap=self.bootstrap, process_group=self.process_group)

    async def stop(self) -> None:
        """Stop the broker cleanly; killed when it takes longer than `stop_timeout_s`."""
        if self._node is not None and self._node.process_group is not None:
            await self._node.stop()
            _log.info("broker_stopped", bootstrap=self.bootstrap)

    async def kill(self) -> None:
        """Kill the broker at once, as a power cut would; the next start recovers its data."""
        if self._node is not None:
            await self._node.kill()
            # Java is the guard's child and may die a moment later; with it goes its claim, and
            # only then are its port and its data free.
            async with claimed(self._files.data_dir, self._settings.data_timeout_s):
                pass

    async def wait(self) -> int:
        """Wait until the broker's process ends; returns its exit code."""
        if self._node is None:
            raise BrokerError("the broker was not started")
        return await self._node.wait()

    async def _prepare_java(self) -> JavaRun:
        """Fetch and verify the jars, and say how they are to be run."""
        settings = self._settings
        lock = read_lock()
        class_path = await asyncio.to_thread(
            ensure_jars, lock, settings.cache_dir, settings.progress
        )
        cache = broker_cache(settings.cache_dir, lock)
        return JavaRun(
            class_path=class_path,
            log4j2=self._files.log4j2,
            temporary_dir=self._files.temporary,
            heap_mb=settings.heap_mb,
            archive=await ensure_archive(cache, class_path, settings),
        )
