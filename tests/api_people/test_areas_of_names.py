"""What somebody sees of batches and registrations who is limited to areas: SQL and Python agree."""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection

from services.api.batches import transactions as batches
from services.api.batches.match import Name
from services.api.batches.transactions import Judged, Viewer
from services.api.people.limit import Limit, Places
from services.api.registration import transactions as registrations
from services.api.store.database import Database

PERSONS = ("p-north", "p-south", "p-both", "p-unknown")
GRIDS = (None, "north", "south")
SITES = ("gate-n", "gate-s", "gate-x")
AREAS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"north"}),
    frozenset({"north", "south"}),
    frozenset({"elsewhere"}),
)


@pytest.fixture
def places() -> Places:
    known = Places()
    homes = (("p-north", "north"), ("p-south", "south"), ("p-both", "north"), ("p-both", "south"))
    for n, (person, grid) in enumerate(homes):
        known.file("residence", f"r{n}", {"person": {"person": person}, "grid": grid})
    for site, grid in (("gate-n", "north"), ("gate-s", "south")):
        known.file("site", site, {"grid": grid})
    return known


@pytest.mark.parametrize("areas", AREAS)
async def test_names_of_batches(database: Database, places: Places, areas: frozenset[str]) -> None:
    names = [Name(person, grid=grid) for person, grid in product(PERSONS, GRIDS)]
    rows = [
        Judged(row=n, name=name, state="PENDING", channel=None, actor="li", at_ms=1)
        for n, name in enumerate(names)
    ]

    def fill(connection: Connection) -> None:
        for batch, actor in (("of-li", "li"), ("of-wang", "wang"), ("empty", "li")):
            values = {"id": batch, "title": "", "source": "", "actor": actor, "created_ms": 1}
            assert batches.create(connection, values)
        for batch in ("of-li", "of-wang"):
            batches.put(connection, batch, rows, ())

    await database.write(fill)
    viewer = Viewer("wang", Limit(areas, places))

    def look(connection: Connection) -> Any:
        every = {
            batch: [row.name for row in batches.rows_of(connection, batch, None, -1, 99, viewer)]
            for batch in ("of-li", "of-wang")
        }
        known = {each.id: each for each in batches.page(connection, "", 99, None)}
        seen = {each.id for each in batches.page(connection, "", 99, viewer)}
        assert seen == {each for each in known if batches.get(connection, each, viewer)}
        counts = batches.counts(connection, None, viewer)
        assert {batch: sum(each.values()) for batch, each in counts.items()} == {
            batch: len(found) for batch, found in every.items() if found
        }
        return every, known, seen

    every, known, seen = await database.read(look)
    for batch, found in every.items():
        assert found == [name for name in names if viewer.sees(known[batch], name)]
    assert every["of-wang"] == names
    assert ("of-li" in seen, "empty" in seen) == (bool(every["of-li"]), False)


@pytest.mark.parametrize("areas", AREAS)
async def test_registrations(database: Database, places: Places, areas: frozenset[str]) -> None:
    sent = list(product(PERSONS, SITES))

    def fill(connection: Connection) -> None:
        for n, (person, site) in enumerate(sent):
            values = {
                "id": f"{n:02d}", "site": site, "person": person, "area": "330300",
                "stay_from": "2020-01-10", "stay_to": "2020-01-22", "arrival": "2020-01-23",
                "plate": None, "companions": 0, "consent": "1", "state": "pending",
                "revision": 1, "posted_ms": n,
            }  # fmt: skip
            registrations.add(connection, values)

    await database.write(fill)
    limit = Limit(areas, places)
    rows = await database.read(lambda c: registrations.page(c, "pending", None, None, 99, limit))
    expected = [one for one in sent if limit.holds(one[0], site=one[1])]
    assert [(row.person, row.site) for row in rows] == expected
