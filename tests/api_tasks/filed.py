"""Registers as they are filed, without a broker: straight into the ledger, or into a directory."""

from typing import Any

import msgspec

from schemas.times import format_ms
from schemas.versions import FOREVER
from services.api.registers.ledger import Ledger, Span
from services.api.registers.stored import StoredVersion
from services.api.routing.directory import Directory
from services.api.store.database import Database
from tests.api.examples import AT

FROM_MS = AT - 86_400_000
LATER = AT + 86_400_000

# A county in small: two grids, three units one above the other, and who answers for what.
COUNTY: list[tuple[str, str, dict[str, Any]]] = [
    ("roster", "grid-1-team", {"name": "team 1", "members": ["wang", "li"], "leader": "wang",
                               "above": "yaozhuang"}),
    ("roster", "yaozhuang", {"name": "Yaozhuang", "members": ["chen"], "leader": "chen",
                             "above": "county"}),
    ("roster", "county", {"name": "county", "members": ["zhou"], "leader": "zhou"}),
    ("roster", "patrol", {"name": "patrol", "members": ["sun", "qian"], "leader": "qian",
                          "place": "north-gate"}),
    ("responsibility", "r-grid", {"kind": "grid", "of": "grid-1", "unit": "grid-1-team"}),
    ("responsibility", "r-home", {"kind": "household", "of": "home-7", "unit": "grid-1-team",
                                  "officers": ["li", "nurse-he", "cadre-xu"]}),
    ("responsibility", "r-village", {"kind": "village", "of": "village-3", "unit": "yaozhuang",
                                     "officers": ["chen"], "grids": ["grid-2", "grid-3"]}),
    ("responsibility", "r-mill", {"kind": "enterprise", "of": "mill", "unit": "yaozhuang",
                                  "officers": ["officer-mill"]}),
    ("responsibility", "r-gate", {"kind": "site", "of": "north-gate", "unit": "patrol"}),
    ("duty-shift", "s-1", {"place": "north-gate", "start": format_ms(FROM_MS),
                           "end": format_ms(AT + 3_600_000), "members": ["sun"], "min_staff": 1}),
    ("duty-shift", "s-2", {"place": "north-gate", "start": format_ms(AT + 3_600_000),
                           "end": format_ms(LATER), "members": ["qian"], "min_staff": 1}),
    ("site", "north-gate", {"name": "north gate", "role": "checkpoint", "zones": [],
                            "grid": "grid-2"}),
    ("site", "gate", {"name": "gate", "role": "checkpoint", "zones": [], "grid": "grid-1"}),
    ("order", "o1", {"subject": {"person": "person:1:ab"}, "household": "home-7"}),
    ("residence", "h1", {"person": {"person": "person:1:ab"}, "address": "x", "grid": "grid-1",
                         "household": "home-7"}),
    ("residence", "h2", {"person": {"person": "person:1:cd"}, "address": "x", "grid": "grid-2"}),
    ("vehicle-link", "v1", {"plate": "浙F12345", "person": {"person": "person:1:cd"},
                            "role": "owner", "strength": 1.0}),
    ("resident-vehicle", "v2", {"plate": "浙F00001", "grid": "grid-1"}),
    ("enterprise", "mill", {"name": "mill", "grid": "grid-9"}),
    ("worker", "w1", {"enterprise": "mill", "person": {"person": "person:1:ef"}}),
    ("facility", "hotel", {"zone": "hotel", "capacity": 4}),
]  # fmt: skip


def body_of(entry_id: str, data: dict[str, Any]) -> str:
    """Return an entry as its topic has it."""
    common = {
        "id": entry_id,
        "valid_from": format_ms(FROM_MS),
        "author": "liu",
        "source": "county-office",
        "reason": "outbreak",
        "purpose": "outbreak-control",
    }
    return msgspec.json.encode(common | data).decode()


def directory(*more: tuple[str, str, dict[str, Any]]) -> Directory:
    """A directory of the county, and more."""
    known = Directory()
    for name, entry_id, data in [*COUNTY, *more]:
        known.file(name, entry_id, body_of(entry_id, data), FROM_MS, FROM_MS, FOREVER)
    return known


async def file(
    database: Database, entries: list[tuple[str, str, dict[str, Any]]], start: int = 0
) -> None:
    """File entries as the link to the register topics does; each register from offset `start`."""
    versions: dict[str, list[StoredVersion]] = {}
    for name, entry_id, data in entries:
        filed = versions.setdefault(name, [])
        body = body_of(entry_id, data)
        place = start + len(filed)
        filed.append(StoredVersion(FROM_MS, FROM_MS, FOREVER, body, entry_id, place, body))
    spans = {name: Span(start, start + len(filed)) for name, filed in versions.items()}
    await Ledger(database).apply(versions, spans)
