"""All processes of one machine: started side by side, kept alive, stopped in order."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from deploy.broker import Broker, BrokerSettings
from deploy.keeper import Keeper, KeepsDying
from deploy.listening import address, reachable
from deploy.patience import MOST_DEATHS, Patience
from schemas.settings import Settings

# Fifteen seconds for everything: no service needs more than a second of its share as a rule.
STOP_INGEST_S: Final = 4.0
STOP_WORKERS_S: Final = 3.5
STOP_API_S: Final = 3.5
STOP_BROKER_S: Final = 3.5
STOP_DEMO_S: Final = 0.5

_log = structlog.get_logger(__name__)


class Places(Struct, frozen=True):
    """Where a deployment keeps what, under its data folder."""

    data_dir: Path

    @property
    def logs(self) -> Path:
        """A log of each process."""
        return self.data_dir / "logs"

    @property
    def kafka(self) -> Path:
        """The embedded broker's records and settings."""
        return self.data_dir / "kafka"

    @property
    def ingest(self) -> Path:
        """The identities that ingest has accepted."""
        return self.data_dir / "ingest"

    def worker(self, slot: int) -> Path:
        """Return the cache of a worker: a slot, from 1, has the same folder at every start.

        The first has the one that a sole worker has, so it keeps its cache when others join it.
        """
        return self.data_dir / ("worker" if slot == 1 else f"worker-{slot}")

    @property
    def secrets(self) -> Path:
        """The plain tokens."""
        return self.data_dir / "secrets.json"

    @property
    def deployment(self) -> Path:
        """What was learned at the first start."""
        return self.data_dir / "deployment.json"

    @property
    def ready(self) -> Path:
        """The ready file of the system that runs on this folder."""
        return self.data_dir / "ready.json"


class System:
    """The broker and the services. `run` starts and keeps them, `stop` ends them."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        environment: Mapping[str, str],
        *,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """`environment` is what the services are to know besides the broker's address."""
        self._say = say
        self._warn = warn
        self._broker_settings = BrokerSettings(
            data_dir=places.kafka,
            port=settings.kafka_port,
            log_dir=places.logs,
            cache_dir=settings.cache_path,
            progress=say,
            stop_timeout_s=STOP_BROKER_S,
        )
        self._broker = Broker(self._broker_settings)
        self._partitions = settings.partitions
        self._places = places
        self._environment = {**os.environ, **environment}
        self._host = reachable(settings.host)
        self._ingest_port = settings.ingest_port
        self.ingest = self._keeper("ingest", "CORDON_INGEST_PORT", state_dir=places.ingest)
        self.workers = [
            self._keeper("worker", "CORDON_WORKER_PORT", name, places.worker(slot))
            for slot, name in enumerate(worker_names(settings.workers), 1)
        ]
        self.sightings = self._keeper("sightings", "CORDON_SIGHTINGS_PORT")
        self.api = self._keeper("api", "CORDON_API_PORT")
        self._services = [self.ingest, *self.workers, self.sightings, self.api]
        self._demo: Keeper | None = None

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self._broker.bootstrap

    async def run(self, announce: Callable[[], Awaitable[None]]) -> None:
        """Start everything, call `announce` when all is ready, and keep it running.

        Ends only by raising: BrokerError, TopicsError or KeepsDying, the first that happened.
        """
        self._say("starting the broker and loading ingest, worker, sightings and api …")
        await asyncio.gather(self._start_broker(), *(each.spawn() for each in self._services))
        self._say("waiting for the services …")
        kafka = {"CORDON_KAFKA": self.bootstrap}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_broker())
                for each in self._services:
                    if each is not self.api:
                        group.create_task(each.keep(kafka))
                group.create_task(self._keep_api(kafka))
                await asyncio.gather(*(each.ready.wait() for each in self._services))
                await announce()
                if self._demo is not None:
                    group.create_task(self._demo.keep({}))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def with_demo(self, arguments: list[str]) -> None:
        """Run the simulated county too, once the system is ready."""
        self._demo = Keeper(
            "demo",
            "deploy.county.launch",
            arguments,
            log=self._places.logs / "demo.log",
            environment=self._environment,
            warn=self._warn,
            host=self._host,
            port_variable=None,
        )

    async def stop(self) -> None:
        """Stop in the direction of the data: who writes first, the broker last."""
        if self._demo is not None:
            await self._demo.stop(STOP_DEMO_S)
        await self.ingest.stop(STOP_INGEST_S)
        readers = [*self.workers, self.sightings]
        await asyncio.gather(*(each.stop(STOP_WORKERS_S) for each in readers))
        await self.api.stop(STOP_API_S)
        await self._broker.stop()

    def _keeper(
        self,
        service: str,
        port_variable: str,
        name: str | None = None,
        state_dir: Path | None = None,
    ) -> Keeper:
        name = name or service
        own = {} if state_dir is None else {"CORDON_STATE_DIR": str(state_dir)}
        return Keeper(
            name,
            "deploy.launch",
            [service],
            log=self._places.logs / f"{name}.log",
            environment={**self._environment, **own},
            warn=self._warn,
            host=self._host,
            port_variable=port_variable,
        )

    async def _start_broker(self) -> None:
        # aiokafka takes half a second to load; Kafka starts meanwhile.
        loaded = asyncio.create_task(asyncio.to_thread(_load_topics))
        await self._broker.start()
        await loaded
        from deploy import topics

        applied = await topics.apply(self.bootstrap, self._partitions)
        await topics.wait_for_leaders(self.bootstrap)
        _log.info("topics_applied", created=len(applied.created), altered=applied.altered)

    async def _keep_api(self, environment: Mapping[str, str]) -> None:
        """Keep the API, which hands on to ingest what people report."""
        if self._ingest_port == 0:
            # Only ingest itself can tell which port it has got; it keeps that one from then on.
            await self.ingest.ready.wait()
        ingest = address(self._host, self.ingest.port or self._ingest_port)
        await self.api.keep({**environment, "CORDON_INGEST_URL": ingest})

    async def _keep_broker(self) -> None:
        """Start the broker again, on the same port, when it ends by itself."""
        patience, loop = Patience(), asyncio.get_running_loop()
        port = int(self.bootstrap.rpartition(":")[2])
        while True:
            code = await self._broker.wait()
            delay_s = patience.after_death(loop.time())
            if delay_s is None:
                raise KeepsDying(f"kafka died {MOST_DEATHS} times; see {self._broker.log_path}")
            _log.warning("broker_died", code=code, delay_s=delay_s)
            self._warn(f"kafka ended (exit code {code}); starting it again")
            await asyncio.sleep(delay_s)
            self._broker = Broker(replace(self._broker_settings, port=port))
            await self._broker.start()


def worker_names(count: int) -> list[str]:
    """Return what the workers are called: plainly `worker` where there is one."""
    return ["worker"] if count == 1 else [f"worker-{n}" for n in range(1, count + 1)]


def _load_topics() -> None:
    import deploy.topics  # noqa: F401
