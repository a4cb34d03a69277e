"""A store with a million alerts: how long lists, searches and looks into the past take.

The store is filled as a county would in a year: alerts at 400 sites, raised one after another, most
of them closed after minutes or hours, some taken on before, a few open for weeks. Then each kind of
query is asked 200 times with values of its own. SQLite lies in a folder of its own; with
CORDON_BENCH_POSTGRESQL (the URL of an empty database) the same is asked of PostgreSQL.
CORDON_BENCH_ALERTS is another number than a million.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg

from deploy.bench.alerts_filling import (
    BEGAN_MS,
    GRIDS,
    LIVE,
    ORDERS,
    RULES,
    SITES,
    STEP_MS,
    VEHICLES,
    fill,
    grid_of,
    plate_of,
)
from schemas.times import DAY_MS
from services.api.alerts import page_json
from services.api.filters import Filters
from services.api.incidents import stored as incidents
from services.api.people.limit import Limit, Places
from services.api.store.database import Database
from services.api.store.store import AlertStore

_ALERTS: Final = int(os.environ.get("CORDON_BENCH_ALERTS", "1000000"))
_REPEATS: Final = 200

Ask = Callable[[random.Random], Awaitable[object]]
Make = Callable[[random.Random], Filters]


async def run() -> dict[str, Any]:
    """Return the figures of both databases, where PostgreSQL is named."""
    figures: dict[str, Any] = {"alerts": _ALERTS}
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as folder:
        figures |= await _measured(f"sqlite:///{Path(folder) / 'alerts.db'}", "SQLite")
    shared = os.environ.get("CORDON_BENCH_POSTGRESQL")
    if shared is not None:
        figures |= await _measured(shared, "PostgreSQL")
    return figures


async def _measured(url: str, name: str) -> dict[str, Any]:
    database = Database(url)
    try:
        await database.migrate()
        await AlertStore.open(database, lambda published: None, lambda: BEGAN_MS)
        began = time.perf_counter()
        last_n = await database.write(lambda connection: fill(connection, _ALERTS))
        figures: dict[str, Any] = {
            f"{name}, revisions": last_n,
            f"{name}, filled in s": round(time.perf_counter() - began),
        }
        if database.shared:
            _tidy(database)
        store = await AlertStore.open(database, lambda published: None, lambda: BEGAN_MS)
        for query, ask in queries(store, database).items():
            taken = await _times_ms(ask)
            p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
            figures[f"{name}, {query}, p50 ms"] = round(p50, 1)
            figures[f"{name}, {query}, p95 ms"] = round(p95, 1)
    finally:
        await database.close()
    return figures


def _tidy(database: Database) -> None:
    """Do at once what the server itself does within minutes of so many writes."""
    address, options = database.link
    with psycopg.connect(address, autocommit=True, **options) as connection:
        connection.execute("VACUUM (ANALYZE)")


async def _times_ms(ask: Ask) -> list[float]:
    chance = random.Random(7)
    taken = []
    for turn in range(_REPEATS + 5):
        began = time.perf_counter()
        await ask(chance)
        if turn >= 5:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def queries(store: AlertStore, database: Database) -> dict[str, Ask]:
    """Return what is asked, by name: lists by each filter and by pairs of them, searches, the past,
    incidents."""

    def page(make: Make) -> Ask:
        async def ask(chance: random.Random) -> bytes:
            return page_json(await store.page(make(chance), None, 100))

        return ask

    def past(make: Make) -> Ask:
        async def ask(chance: random.Random) -> bytes:
            at_ms = BEGAN_MS + chance.randrange(_ALERTS * STEP_MS)
            return page_json(await store.page_as_of(at_ms, make(chance), None, 100))

        return ask

    async def deep(chance: random.Random, make: Make) -> bytes:
        before = chance.randrange(1, store.last_n)
        return page_json(await store.page(make(chance), before, 100))

    async def grouped(chance: random.Random, make: Make) -> object:
        return await database.read(lambda c: incidents.page(c, make(chance), None, 100))

    area = _area()
    lists: dict[str, Make] = {
        "everything": lambda c: Filters(),
        "a rule": lambda c: Filters(rules=_one(c.choice(RULES)[0])),
        "a severity": lambda c: Filters(severities=_one(c.choice(RULES)[1])),
        "live": lambda c: Filters(states=_LIVE),
        "open": lambda c: Filters(states=_one("open")),
        "resolved": lambda c: Filters(states=_one("resolved")),
        "a grid": _grid,
        "a site": _site,
        "an order": lambda c: Filters(orders=_one(f"order-{c.randrange(ORDERS)}")),
        "a subject": lambda c: Filters(subjects=_one(f"vehicle:{_plate(c)}")),
        "an incident": lambda c: Filters(incidents=_one(f"vehicle:{_plate(c)}")),
        "behind a summary": lambda c: Filters(
            capped_by=_one(f"summary-{c.randrange(1 + _ALERTS // 4_000)}")
        ),
        "capped": lambda c: Filters(capped=True),
        "not capped": lambda c: Filters(capped=False),
        "silenced": lambda c: Filters(silenced=True),
        "not silenced": lambda c: Filters(silenced=False),
        "a week": _week,
        "before a day": lambda c: Filters(until_ms=_week(c).until_ms),
        "since a day": lambda c: Filters(since_ms=_week(c).since_ms),
        "open and critical": lambda c: Filters(states=_one("open"), severities=_one("critical")),
        "live and high or critical": lambda c: Filters(
            states=_LIVE, severities=frozenset({"high", "critical"})
        ),
        "a rule in a week": lambda c: _both(_week(c), rules=_one(c.choice(RULES)[0])),
        "a site in a week": lambda c: _both(_week(c), sites=_site(c).sites),
        "a severity in a week": lambda c: _both(_week(c), severities=_one(c.choice(RULES)[1])),
        "a grid, live": lambda c: _both(_grid(c), states=_LIVE),
        "a site, open": lambda c: _both(_site(c), states=_one("open")),
        "three rules": lambda c: Filters(rules=frozenset(rule[0] for rule in RULES[:3])),
        "an area": lambda c: Filters(within=area(c)),
        "an area, live": lambda c: Filters(within=area(c), states=_LIVE),
        "an area in a week": lambda c: _both(_week(c), within=area(c)),
    }
    searches: dict[str, Make] = {
        "a plate": lambda c: Filters(text=_plate(c)),
        "four characters of a plate": lambda c: Filters(text=_plate(c)[2:6]),
        "a frequent word": lambda c: Filters(text=c.choice(("隔离", "布控名单", "silent"))),
        "a rare word": lambda c: Filters(text=c.choice(("移交", "电话核实", "派出所"))),
        "one character": lambda c: Filters(text=c.choice(("离", "移", "x"))),
        "what is nowhere": lambda c: Filters(text=f"nowhere{c.randrange(10**6)}"),
        "a plate, at a site": lambda c: _both(_site(c), text=_plate(c)),
        "a rare word, in a week": lambda c: _both(_week(c), text="移交"),
        "a plate, in an area": lambda c: Filters(text=_plate(c), within=area(c)),
        "the word of another rule": lambda c: Filters(text="隔离人员", rules=_one("source-silent")),
    }
    pasts: dict[str, Make] = {
        "everything": lambda c: Filters(),
        "live": lambda c: Filters(states=_LIVE),
        "open and critical": lists["open and critical"],
        "a subject": lists["a subject"],
        "a grid": _grid,
        "a site, open": lists["a site, open"],
        "an order": lists["an order"],
        "a severity": lists["a severity"],
        "an area, live": lists["an area, live"],
        "a plate that is sought": searches["a plate"],
    }
    found: dict[str, Ask] = {f"list: {name}": page(make) for name, make in lists.items()}
    found["deep: everything"] = partial(deep, make=lists["everything"])
    found["deep: a rule"] = partial(deep, make=lists["a rule"])
    found["deep: a frequent word"] = partial(deep, make=searches["a frequent word"])
    found |= {f"search: {name}": page(make) for name, make in searches.items()}
    found |= {f"as of: {name}": past(make) for name, make in pasts.items()}
    found["incidents"] = partial(grouped, make=lists["everything"])
    found["incidents: an area"] = partial(grouped, make=lists["an area"])
    return found


_LIVE: Final[Any] = frozenset(LIVE)


def _one(value: str) -> Any:
    return frozenset({value})


def _both(filters: Filters, **more: Any) -> Filters:
    return msgspec.structs.replace(filters, **more)


def _grid(chance: random.Random) -> Filters:
    return Filters(grids=_one(f"g{chance.randrange(GRIDS)}"))


def _site(chance: random.Random) -> Filters:
    return Filters(sites=_one(f"site-{chance.randrange(SITES)}"))


def _plate(chance: random.Random) -> str:
    return plate_of(chance.randrange(VEHICLES))


def _week(chance: random.Random) -> Filters:
    since_ms = BEGAN_MS + chance.randrange(_ALERTS * STEP_MS)
    return Filters(since_ms=since_ms, until_ms=since_ms + 7 * DAY_MS)


def _area() -> Callable[[random.Random], Limit]:
    """Return what gives the limit of somebody who is let into one grid."""
    places = Places()
    for place in range(SITES):
        places.file("site", f"site-{place}", {"grid": grid_of(place)})
    for order in range(ORDERS):
        places.file("order", f"order-{order}", {"zone": grid_of(order)})
    limits = [Limit(frozenset({f"g{grid}"}), places) for grid in range(GRIDS)]
    return lambda chance: chance.choice(limits[:8])
