"""The benchmark of alerts, with a few hundred of them: what it asks for is found."""

import random

from deploy.bench.alerts import queries
from deploy.bench.alerts_filling import fill
from services.api.filters import Filters
from services.api.store.database import Database
from services.api.store.store import AlertStore


async def test_it_fills_a_store_and_asks_of_it(database: Database) -> None:
    def clock_ms() -> int:
        return 0

    await AlertStore.open(database, lambda published: None, clock_ms)
    last_n = await database.write(lambda connection: fill(connection, 300))
    store = await AlertStore.open(database, lambda published: None, clock_ms)
    assert store.last_n == last_n > 300
    found = await store.page(Filters(text="移交"), None, 100)
    assert len(found.bodies) == 1
    for ask in queries(store, database).values():
        await ask(random.Random(1))
