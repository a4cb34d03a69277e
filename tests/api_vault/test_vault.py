"""The vault: what is kept is found again, lies nowhere in clear, and can be forgotten."""

import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update

from schemas.problems import Rejected
from services.api.sealing import Unsealable
from services.api.store.database import Database
from services.api.vault.master_keys import MasterKeys, VaultKeyProblem
from services.api.vault.tables import vault_fields, vault_keys
from services.api.vault.vault import Vault

ANN, BEN = f"person:1:{'a' * 32}", f"person:1:{'b' * 32}"
WHO = {"id_number": "330421198001010013", "name": "陈安", "telephone": "13800000001"}


async def test_what_is_kept_is_opened(database: Database, vault: Vault) -> None:
    assert await database.write(lambda c: vault.keep(c, ANN, WHO, 1))
    assert await database.read(lambda c: vault.open(c, [ANN, BEN])) == {ANN: WHO}


async def test_the_same_again_changes_nothing_and_more_adds_to_it(
    database: Database, vault: Vault
) -> None:
    assert await database.write(lambda c: vault.keep(c, ANN, WHO, 1))
    assert not await database.write(lambda c: vault.keep(c, ANN, WHO, 2))
    assert not await database.write(lambda c: vault.keep(c, ANN, {}, 2))
    moved = {"address": "通元路 5", "telephone": "13800000002"}
    assert await database.write(lambda c: vault.keep(c, ANN, moved, 3))
    assert await database.read(lambda c: vault.open(c, [ANN])) == {ANN: {**WHO, **moved}}


async def test_many_are_kept_at_once(database: Database, vault: Vault) -> None:
    many = {f"person:1:{n:032x}": {"name": f"人{n}"} for n in range(1_200)}
    assert await database.write(lambda c: vault.keep_all(c, many, 1)) == 1_200
    assert await database.write(lambda c: vault.keep_all(c, many, 1)) == 0
    assert await database.read(lambda c: vault.open(c, list(many))) == many


async def test_nothing_of_it_lies_in_the_database(database: Database, vault: Vault) -> None:
    await database.write(lambda c: vault.keep(c, ANN, WHO, 1))

    def every_byte(connection: Connection) -> bytes:
        rows = [*connection.execute(select(vault_keys)), *connection.execute(select(vault_fields))]
        return b"".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in row
        )

    stored = await database.read(every_byte)
    for value in WHO.values():
        assert value.encode() not in stored


async def test_who_is_forgotten_cannot_be_read_from_a_copy(
    database: Database, vault: Vault
) -> None:
    await database.write(lambda c: vault.keep_all(c, {ANN: WHO, BEN: WHO}, 1))
    copy = await database.read(lambda c: list(c.execute(select(vault_fields)).all()))
    assert await database.write(lambda c: vault.shred(c, ANN))
    assert not await database.write(lambda c: vault.shred(c, ANN))
    assert await database.read(lambda c: vault.open(c, [ANN, BEN])) == {BEN: WHO}
    # The sealed fields come back, from wherever; the new key does not open them.
    await database.write(lambda c: vault.keep(c, ANN, {"name": "new"}, 2))

    def put_back(connection: Connection) -> None:
        for row in copy:
            if row.person == ANN and row.field != "name":
                values = {"person": row.person, "field": row.field, "sealed": row.sealed}
                connection.execute(vault_fields.insert().values(values))

    await database.write(put_back)
    with pytest.raises(Unsealable):
        await database.read(lambda c: vault.open(c, [ANN]))


@pytest.mark.parametrize("column", ["person", "field"])
async def test_a_row_opens_nowhere_else(database: Database, vault: Vault, column: str) -> None:
    await database.write(lambda c: vault.keep(c, ANN, {"name": "陈安"}, 1))
    await database.write(lambda c: vault.keep(c, BEN, {"telephone": "13800000001"}, 1))
    moved = {"person": BEN} if column == "person" else {"field": "address"}
    await database.write(
        lambda c: c.execute(update(vault_fields).where(vault_fields.c.person == ANN).values(moved))
    )
    with pytest.raises(Unsealable):
        await database.read(lambda c: vault.open(c, [ANN, BEN]))


async def test_a_new_master_key_opens_what_the_old_one_sealed(
    database: Database, vault: Vault, keys_path: Path
) -> None:
    await database.write(lambda c: vault.keep_all(c, {ANN: WHO, BEN: WHO}, 1))
    keys = MasterKeys.load_or_create(keys_path)
    number = keys.add()
    assert await database.write(lambda c: Vault(keys).rekey(c, number)) == 2
    keys.keep_only(number)
    assert await database.write(lambda c: Vault(keys).rekey(c, number)) == 0
    # The process that has run all the while finds the new key, to read and to write by.
    assert await database.read(lambda c: vault.open(c, [ANN])) == {ANN: WHO}
    third = f"person:1:{'c' * 32}"
    await database.write(lambda c: vault.keep(c, third, WHO, 2))
    anew = Vault(MasterKeys.load_or_create(keys_path))
    assert await database.read(lambda c: anew.open(c, [ANN, third])) == {ANN: WHO, third: WHO}
    keys_path.unlink()  # noqa: ASYNC240 — as a file of another deployment would be.
    late = Vault(MasterKeys.load_or_create(keys_path))
    with pytest.raises(VaultKeyProblem, match="lacks the master key 2"):
        await database.read(lambda c: late.open(c, [ANN]))


async def test_a_new_key_counts_in_an_empty_vault_too(
    database: Database, vault: Vault, keys_path: Path
) -> None:
    keys = MasterKeys.load_or_create(keys_path)
    number = keys.add()
    await database.write(lambda c: Vault(keys).rekey(c, number))
    keys.keep_only(number)
    await database.write(lambda c: vault.keep(c, ANN, WHO, 1))
    anew = Vault(MasterKeys.load_or_create(keys_path))
    assert await database.read(lambda c: anew.open(c, [ANN])) == {ANN: WHO}


@pytest.mark.parametrize(
    ("person", "fields", "field"),
    [
        ("330421198001010013", WHO, "person"),
        (ANN, {"face": "x"}, "face"),
        (ANN, {"name": " "}, "name"),
        (ANN, {"address": "x" * 501}, "address"),
    ],
)
async def test_what_cannot_be_kept_is_named(
    database: Database, vault: Vault, person: str, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await database.write(lambda c: vault.keep(c, person, fields, 1))
    assert caught.value.problem.field == field


def test_the_file_is_its_owners_alone_and_made_once(keys_path: Path) -> None:
    first = MasterKeys.load_or_create(keys_path)
    assert stat.S_IMODE(keys_path.stat().st_mode) == 0o600
    assert MasterKeys.load_or_create(keys_path).key(1) == first.key(1)
    assert first.key(1).hex() not in repr(first)
    first.add()
    assert stat.S_IMODE(keys_path.stat().st_mode) == 0o600
    assert [path.name for path in keys_path.parent.iterdir()] == [keys_path.name]


@pytest.mark.parametrize("content", ["", "1:00\n", "x\n", f"1:{'0' * 64}\nrest\n"])
def test_a_file_that_holds_no_keys_is_told(keys_path: Path, content: str) -> None:
    keys_path.write_text(content)
    with pytest.raises(VaultKeyProblem, match="no file of master keys"):
        MasterKeys.load_or_create(keys_path)


async def test_sqlite_overwrites_what_is_forgotten(
    vault: Vault, sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "one.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    await database.write(lambda c: vault.keep(c, ANN, WHO, 1))
    sealed = await database.read(lambda c: list(c.scalars(select(vault_fields.c.sealed))))
    await database.write(lambda c: vault.shred(c, ANN))
    await database.write(lambda c: c.execute(text("SELECT 1")))
    await database.close()
    assert not any(each in left_in(tmp_path) for each in sealed)


def left_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("one.db*"))
