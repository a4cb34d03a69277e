"""The process of ingest: its collaborators, its socket, its end."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import structlog
import uvicorn

from schemas.access import TokenFile
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.relay import GRANT as RELAY
from schemas.relay import relay_token
from schemas.settings import Settings
from schemas.topics import ARRIVALS, CLOCK, EVENT_TOPICS, INTAKE
from services.ingest.app import create_app
from services.ingest.clock import ClockDesk
from services.ingest.decisions import DecisionDesk
from services.ingest.devices import REGISTER, DeviceTokens
from services.ingest.garbage import tended
from services.ingest.identity import Fingerprints
from services.ingest.judgement import JUDGED_BY
from services.ingest.metrics import Metrics
from services.ingest.notebook import Notebook, Teller
from services.ingest.offline_list import OfflineLists
from services.ingest.producer import KafkaProducer
from services.ingest.reception import Reception
from services.ingest.recorder import Recorder
from services.ingest.registers_reader import RegistersReader
from services.ingest.window import Window

# Together with the producer's own they stay under the five seconds in which ingest must end.
_GRACE_S = 2
_LINK_GRACE_S = 0.5
_KEEP_ALIVE_S = 75
_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn, telling when it listens, and leaving signals to `serve`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        self.should_exit = True


async def serve(settings: Settings, *, ready: Callable[[int], None] | None = None) -> None:
    """Run ingest until SIGTERM, SIGINT or cancellation; then finish the requests in flight.

    `ready` is called once with the port, when the service listens and the broker holds its topics.
    Until then events are answered 503. Raises PartitionMismatch, OSError for a port or a folder
    that can't be had, WindowProblem, FileNotFoundError where there are no tokens.
    """
    key = PseudonymKey.load_or_create(settings.pseudonym_key_path)
    tokens = TokenFile.load(settings.tokens_path).also(relay_token(key), RELAY)
    metrics = Metrics()
    listener = socket.create_server((settings.host, settings.ingest_port), backlog=2048)
    port: int = listener.getsockname()[1]
    with (
        contextlib.closing(listener),
        contextlib.closing(Window.open(settings.ingest_path, metrics)) as window,
        tended() as set_aside,
    ):
        topics = [*EVENT_TOPICS, CLOCK, ARRIVALS, INTAKE]
        producer = KafkaProducer(settings.kafka, topics, settings.partitions, metrics)
        registers = RegistersReader(
            settings.kafka,
            metrics,
            names=(*JUDGED_BY, REGISTER),
            partitions=settings.partitions,
            set_aside=set_aside,
        )
        intake, recorder = Intake(key, settings.plate_grammar), Recorder()
        notebook = Notebook()
        fingerprints = Fingerprints(key.derive("ingest-fingerprints"))
        reception = Reception(
            intake=intake,
            producer=producer,
            window=window,
            fingerprints=fingerprints,
            recorder=recorder,
            metrics=metrics,
            notebook=notebook,
            partitions=settings.partitions,
        )
        decisions = DecisionDesk(
            reception=reception,
            producer=producer,
            registers=registers,
            lists=OfflineLists(key, settings.offline_list_max_age_s),
            recorder=recorder,
            metrics=metrics,
            notebook=notebook,
            wait_s=settings.decision_wait_ms / 1000,
        )
        app = create_app(
            reception=reception,
            clock=ClockDesk(producer, settings.partitions),
            decisions=decisions,
            producer=producer,
            tokens=tokens,
            devices=DeviceTokens(registers, key, recorder.stamp),
            metrics=metrics,
            events_clock=settings.clock == "events",
            max_body_bytes=settings.max_body_bytes,
            max_items=settings.max_items,
        )
        config = uvicorn.Config(
            app,
            access_log=False,
            # Nothing here depends on the caller's address.
            proxy_headers=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            # Longer than devices pause, so that none posts into a connection that is being closed.
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
        set_aside()
        teller = Teller(notebook, producer, recorder, metrics)
        await _run(_Server(config), listener, producer, registers, teller, port, ready)


async def _run(
    server: _Server,
    listener: socket.socket,
    producer: KafkaProducer,
    registers: RegistersReader,
    teller: Teller,
    port: int,
    ready: Callable[[int], None] | None,
) -> None:
    async def announce() -> None:
        await server.listening.wait()
        await producer.linked.wait()
        _log.info("ingest_ready", port=port)
        if ready is not None:
            ready(port)

    web = asyncio.create_task(server.serve(sockets=[listener]))
    link = asyncio.create_task(producer.run())
    reading = asyncio.create_task(registers.run())
    told = asyncio.create_task(announce())
    telling = asyncio.create_task(teller.run())
    running: set[asyncio.Task[None]] = {web, link, reading, told, telling}
    with _signals(server.end):
        try:
            while {web, link, reading, telling} <= running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            told.cancel()
            server.end()
            await asyncio.wait({web})
            link.cancel()
            reading.cancel()
            telling.cancel()
            await asyncio.wait({link, reading, telling}, timeout=_LINK_GRACE_S)
            await producer.stop()
    _log.info("ingest_stopped", port=port)


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` at SIGTERM and SIGINT; only a main thread hears of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
