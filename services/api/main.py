"""The process of the API: its collaborators, its socket, its end."""

import asyncio
import contextlib
import gc
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

import structlog
import uvicorn

from schemas.access import TokenFile
from schemas.persons import PseudonymKey
from schemas.settings import Settings
from schemas.times import DAY_MS
from services.api import sign_in, suppressions
from services.api.app import create_app
from services.api.audit import routes as audit
from services.api.audit import state as audit_state
from services.api.audit.anchors import Anchoring
from services.api.batches import routes as batches
from services.api.batches.desk import BatchDesk
from services.api.campaigns import routes as campaigns
from services.api.campaigns.desk import CampaignDesk, filing
from services.api.console import considered, deployment, waiting
from services.api.console import routes as console
from services.api.escalation import Escalation
from services.api.feed.admission import Admissions
from services.api.feed.hub import Hub
from services.api.findings import FindingsConsumer
from services.api.gates import posts
from services.api.gates import routes as gates
from services.api.gates.following import Following as GatesFollowing
from services.api.gates.news import News
from services.api.handover import routes as handover
from services.api.imports import routes as importing
from services.api.imports.work import Imports
from services.api.inhibitions import stored as inhibitions
from services.api.map import routes as the_map
from services.api.metrics import FINDINGS_FAILURES, OUTBOX_FAILURES
from services.api.outbox import Outbox
from services.api.outward import outward
from services.api.passes import routes as passes
from services.api.passes.signing import PassSigner
from services.api.people import devices, oidc
from services.api.people import routes as people
from services.api.people.failures import Failures
from services.api.people.passwords import Passwords
from services.api.people.users import Users
from services.api.pictures import routes as pictures
from services.api.publisher import Publisher
from services.api.registers import forms as register_forms
from services.api.registers import orders
from services.api.registers import routes as registers
from services.api.registers.desk import Desk
from services.api.registers.stored import StoredVersion
from services.api.registration import routes as registration
from services.api.registration.reception import Reception
from services.api.registration.site_code import SiteCodes
from services.api.reports import routes as reports
from services.api.reports.relay import Relay
from services.api.session import Sessions
from services.api.sign_in import Doors
from services.api.silences.watch import SilenceWatch
from services.api.store.database import Database
from services.api.store.replicas import Replicas
from services.api.store.store import AlertStore
from services.api.tasks import kind_routes
from services.api.tasks import routes as task_routes
from services.api.tasks.desk import TaskDesk
from services.api.tasks.following import Following
from services.api.trails import routes as trails
from services.api.trails.routes import Sightings
from services.api.vault import routes as identity
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault

# Together with the streams' own end this stays under the five seconds in which the API must end.
_GRACE_S = 2
_END_S = 3
_TICK_S = 15.0
_POLICIES = 1_000
_WS_MESSAGE_BYTES = 4_096
# A batch of findings makes some thousands; Python's own 700 is reached by one alert.
_YOUNG_OBJECTS = 10_000
_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn, telling when it listens, ending streams first, and leaving signals to `serve`."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._hub = hub

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Begin the end."""
        self.should_exit = True


def wall_clock_ms() -> int:
    """The wall clock, in ms UTC."""
    return time.time_ns() // 1_000_000


async def serve(
    settings: Settings,
    *,
    ready: Callable[[int], None] | None = None,
    clock_ms: Callable[[], int] = wall_clock_ms,
    sightings: Sightings = trails.nowhere,
) -> None:
    """Run the API until SIGTERM, SIGINT or cancellation.

    `ready` is called once with the port, when the service listens and everything it needs is
    there; `sightings` tells where somebody was seen. Raises StoreFailed when the store is broken
    for 30 s, OSError for a port or a folder that cannot be had, FileNotFoundError where there are
    no tokens, ValueError for a database of another kind.
    """
    tokens = TokenFile.load(settings.tokens_path)
    elsewhere = oidc.elsewhere_of(settings)
    vault = Vault(MasterKeys.load_or_create(settings.vault_key_path))
    key = PseudonymKey.load_or_create(settings.pseudonym_key_path)
    listener = socket.create_server((settings.host, settings.api_port), backlog=2048)
    database = Database(settings.store_url)
    desk = Desk(settings, database, clock_ms, key)
    log = Publisher(settings.kafka, OUTBOX_FAILURES.inc)
    letters = Publisher(settings.kafka, FINDINGS_FAILURES.labels("dead-letter").inc)
    try:
        await database.migrate()
        hub = Hub(settings.feed_queue)
        store = await AlertStore.open(database, hub.publish, clock_ms, settings.alert_cap)
        hub.begin(store.epoch, store.last_n)
        sessions = Sessions(database, clock_ms, settings.tokens_path)
        await sessions.start()
        users = Users(database, Passwords(), clock_ms)
        await users.start()
        await database.write(lambda connection: inhibitions.begin(connection, clock_ms()))
        failures = Failures(database, clock_ms)
        doors = Doors(sessions, users, failures, database, clock_ms)
        await desk.start()
        consumer = FindingsConsumer(
            bootstrap=settings.kafka,
            store=store,
            publisher=letters,
            clock_ms=clock_ms,
            live=settings.clock == "wall",
        )
        outbox = Outbox(
            store=store,
            hub=hub,
            publisher=log,
            keep=settings.feed_backlog,
            keep_ms=settings.history_days * DAY_MS,
        )

        async def policies() -> Sequence[StoredVersion]:
            await desk.wait_ready()
            return (await desk.page("policy", None, _POLICIES, ""))[0]

        anchoring = Anchoring(database, settings.audit_anchor_path)
        escalation = Escalation(store, policies)
        tasks = TaskDesk(database, store, escalation.limits, clock_ms, filing(desk.put))
        campaigning = CampaignDesk(tasks, desk.intake)
        duties = [consumer.run, outbox.run, anchoring.run, SilenceWatch(store).run]
        if settings.clock == "wall":
            # In a replayed timeline nobody is waited for.
            duties += [escalation.run, Following(tasks).run]
        out = outward(settings, key, database, store, hub, desk, clock_ms)
        duties += out.duties
        replicas = Replicas(database, store.catch_up, duties)

        def parts() -> dict[str, bool]:
            leads = replicas.leads.is_set()
            return {
                "findings": consumer.assigned.is_set() if leads else replicas.follows.is_set(),
                "broker": consumer.broker_up if leads else desk.connected,
                "registers": desk.ready,
            }

        async def engine_ms() -> int:
            # Live, a ticker moves the engine's clock with the wall's.
            return clock_ms() if settings.clock == "wall" else await store.engine_ms()

        zone = ZoneInfo(settings.timezone)
        news = News()
        imports = Imports(desk, database, vault, clock_ms, zone)
        checking = BatchDesk(desk, database, vault, tasks, clock_ms, zone)
        codes = SiteCodes(key)
        reception = Reception(database, vault, desk.intake, codes, clock_ms, zone)

        app = create_app(
            store=store,
            hub=hub,
            tokens=tokens,
            database=database,
            sessions=sessions,
            clock_ms=clock_ms,
            ready=parts,
            routers=[
                suppressions.router(store, engine_ms),
                gates.router(news, desk.intake, clock_ms),
                posts.router(desk, settings.handheld_address, clock_ms),
                pictures.router(database, news, escalation.limits, clock_ms),
                trails.router(store, sightings, clock_ms),
                the_map.router(settings.map_tiles, settings.map_tiles_crs),
                importing.router(imports, database, clock_ms),
                registers.router(desk),
                register_forms.router(),
                reports.router(Relay(settings.ingest_address, key), database, clock_ms),
                orders.router(desk, clock_ms, zone),
                batches.router(checking),
                passes.router(desk, database, vault, PassSigner(key), clock_ms, zone),
                registration.router(reception, codes, desk, database),
                task_routes.router(tasks, campaigning.check_answers),
                kind_routes.router(),
                campaigns.router(campaigning),
                sign_in.router(doors),
                oidc.router(doors, elsewhere),
                people.router(users),
                devices.router(desk),
                audit.router(database),
                audit_state.router(database, settings.audit_anchor_path, clock_ms),
                identity.router(store, database, desk, vault, key, clock_ms),
                *out.routers,
                handover.router(database, desk.page, ZoneInfo(settings.timezone), clock_ms),
                considered.router(store, desk),
                waiting.router(database, escalation.limits),
                deployment.router(settings),
                console.router(settings.console_dir, the_map.origins(settings.map_tiles)),
            ],
            max_body_bytes=settings.max_body_bytes,
        )
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
            ws="websockets-sansio",
            # Nothing is expected of those who listen; and what they get is small and bursty.
            ws_max_size=_WS_MESSAGE_BYTES,
            ws_per_message_deflate=False,
        )
        server = _Server(config, hub)

        async def announce() -> None:
            await server.listening.wait()
            await _first(consumer.assigned, replicas.follows)
            await desk.wait_ready()
            port: int = listener.getsockname()[1]
            # What exists now stays: a look through all of it took up to half a second, in which
            # no alert went out.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_YOUNG_OBJECTS)
            _log.info("api_ready", port=port)
            if ready is not None:
                ready(port)

        web = asyncio.create_task(server.serve(sockets=[listener]))
        others = [
            asyncio.create_task(replicas.run()),
            asyncio.create_task(_tick(hub)),
            asyncio.create_task(Admissions(hub, sessions, app.state, settings.tokens_path).run()),
            asyncio.create_task(imports.run()),
            asyncio.create_task(GatesFollowing(settings.kafka, news, clock_ms).run()),
        ]
        told = asyncio.create_task(announce())
        with _signals(server.end):
            await _until_one_ends(server, web, [told, *others])
    finally:
        listener.close()
        await desk.stop()
        await log.stop()
        await letters.stop()
        await database.close()


async def _until_one_ends(
    server: _Server, web: asyncio.Task[None], others: list[asyncio.Task[None]]
) -> None:
    """Wait for the server's end, or the first failure of any part, and then end all of them."""
    tasks = [web, *others]
    running = set(tasks)
    try:
        while not web.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.cancelled():
                    raise RuntimeError(f"{task.get_coro()} ended as cancelled, by nobody here")
                task.result()
    finally:
        server.end()
        await asyncio.wait([web], timeout=_END_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first(*events: asyncio.Event) -> None:
    """Wait for whichever of the events comes first."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _tick(hub: Hub) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        hub.tick()


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """Take SIGTERM and SIGINT as the wish to end; only the main thread gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGTERM, signal.SIGINT)
    for number in wanted:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)
