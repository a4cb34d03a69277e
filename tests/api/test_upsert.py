"""Rows written in bulk, on each kind of database: new ones, those that are there, and odd texts."""

from typing import Any

from sqlalchemy import Connection, select

from services.api.registers.tables import register_keys, register_versions
from services.api.store.database import Database
from services.api.store.upsert import Bulk
from services.api.vault.tables import vault_fields

KEY = {"name": "order", "kind": "person", "value": "v", "id": "o-1"}


async def written(database: Database, bulk: Bulk, *rows: dict[str, Any]) -> None:
    await database.write(lambda connection: bulk.run(connection, rows))


async def test_a_row_that_is_there_stays_or_changes(database: Database) -> None:
    keys = Bulk(register_keys, ("name", "kind", "value", "id"))
    await written(database, keys, KEY)
    await written(database, keys, KEY, {**KEY, "id": "o-2"})
    fields = Bulk(vault_fields, ["person", "field"], lambda new: {"sealed": new["sealed"]})
    for sealed in (b"\x00one", b"two"):
        await written(database, fields, {"person": "p", "field": "name", "sealed": sealed})

    def found(connection: Connection) -> tuple[list[str], list[bytes]]:
        ids = connection.scalars(select(register_keys.c.id).order_by(register_keys.c.id))
        return list(ids), list(connection.scalars(select(vault_fields.c.sealed)))

    assert await database.read(found) == (["o-1", "o-2"], [b"two"])


async def test_texts_truths_and_what_is_absent_are_written_as_by_sqlalchemy(
    database: Database,
) -> None:
    row = {
        "name": "order",
        "id": "o\x001",
        "place": 1 << 40,
        "recorded_ms": 1,
        "valid_from_ms": 2,
        "valid_to_ms": None,
        "deleted": True,
        "body": '{"a": "汉字"}',
    }
    await written(database, Bulk(register_versions), row)
    query = select(register_versions)
    read = await database.read(lambda connection: connection.execute(query).one()._asdict())
    assert read == {**row, "id": "o\N{REPLACEMENT CHARACTER}1"}
