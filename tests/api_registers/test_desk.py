"""The desk's life: it reads the topics as the truth, again after a loss, and waits for a broker."""

import socket
from pathlib import Path
from uuid import uuid4

import msgspec
from sqlalchemy import delete, update

from schemas.access import Grant
from schemas.persons import PseudonymKey
from schemas.registers import register_topic
from schemas.settings import Settings
from services.api.registers.desk import Desk
from services.api.registers.tables import register_versions
from services.api.store.database import Database
from services.api.store.tables import positions
from tests.api_registers.conftest import Clock, client_of

ME = Grant("me", "admin")
KEY = PseudonymKey.fixed_for_tests()
SITE = msgspec.json.encode(
    {
        "source": "test",
        "reason": "test",
        "purpose": "outbreak-control",
        "name": "gate",
        "role": "inner",
        "zones": [],
    }
)


async def test_another_database_reads_the_same_versions(
    desk: Desk, settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    entry_id = uuid4().hex
    await desk.put("site", entry_id, SITE, ME)
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    await database.migrate()
    other = Desk(settings, database, clock, KEY)
    await other.start()
    await other.wait_ready()
    assert await other.history("site", entry_id, 10) == await desk.history("site", entry_id, 10)
    await other.stop()
    await database.close()


async def test_a_topic_that_lost_its_data_is_read_anew(
    desk: Desk, settings: Settings, database: Database, clock: Clock
) -> None:
    entry_id = uuid4().hex
    await desk.put("site", entry_id, SITE, ME)
    await desk.stop()
    # As if the topic had once been longer, and what is on record came from its lost part.
    topic = register_topic("site")
    longer = update(positions).where(positions.c.topic == topic).values(next_offset=10**9)
    await database.write(lambda connection: connection.execute(longer))
    await database.write(lambda connection: connection.execute(delete(register_versions)))
    again = Desk(settings, database, clock, KEY)
    await again.start()
    await again.wait_ready()
    assert await again.get("site", entry_id, None) is not None
    await again.stop()


async def test_without_a_broker_it_says_when_to_come_back(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    clock = Clock()
    settings = Settings(kafka=f"127.0.0.1:{free}", data_dir=tmp_path)
    database = Database(settings.store_url)
    await database.migrate()
    desk = Desk(settings, database, clock, KEY)
    await desk.start()
    async with client_of(desk, database, clock, tmp_path) as client:
        for method in ("PUT", "GET", "DELETE"):
            answer = await client.request(method, "/v1/registers/site/x", content=SITE)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
    assert not desk.ready
    await desk.stop()
    await database.close()
