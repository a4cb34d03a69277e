"""Backup and restore on each kind of database, and from one kind to the other."""

import asyncio
import os
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import inspect, select, update

from deploy.backup.archive import BadArchive, Manifest, open_archive
from deploy.backup.command import backup, bring_back, files_of
from deploy.backup.restoring import CannotRestore, restore
from deploy.backup.saving import CannotSave, save, tables_of
from schemas.access import Grant
from schemas.settings import Settings
from services.api.acts import Act
from services.api.feed.hub import Hub
from services.api.filters import NO_FILTERS
from services.api.session import Sessions, sessions
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.tables import meta
from services.api.store.transactions import Sourced
from tests.api.examples import AT, finding
from tests.databases import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored' / 'alerts.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def source(database: Database) -> Database:
    return database


@pytest.fixture
async def target(empty_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "restored").mkdir()
    database = Database(empty_url)
    yield database
    await database.close()


async def opened(database: Database) -> AlertStore:
    hub = Hub(100)
    store = await AlertStore.open(database, hub.publish, lambda: AT)
    hub.begin(store.epoch, store.last_n)
    return store


async def raise_alerts(store: AlertStore, first: int, last: int) -> None:
    records = [Sourced(0, n, finding(f"a{n}", order=f"o{n}")) for n in range(first, last)]
    await store.apply("findings", records, {0: last})


async def contents(database: Database) -> dict[str, list[Any]]:
    """Return all rows of all tables, but for those that a restore has to change."""

    def read(connection: Any) -> dict[str, list[Any]]:
        return {
            name: sorted(map(repr, (tuple(row) for row in connection.execute(select(table)))))
            for name, table in tables_of(connection).items()
            if name not in ("meta", "audit_entries", "sessions", "sign_in_links")
        }

    return await database.read(read)


async def test_what_was_saved_is_what_comes_back(
    source: Database, target: Database, tmp_path: Path
) -> None:
    store = await opened(source)
    await raise_alerts(store, 0, 20)
    await store.act("a3", 1, Act(name="ack"), "li", "on \x00 my way", AT)
    manifest = await save(source, {}, tmp_path / "b.zip", AT)
    with (tmp_path / "b.zip").open("rb") as stream:
        await restore(target, {}, stream, AT)
    assert await contents(target) == await contents(source)
    again = await opened(target)
    assert (again.last_n, await again.positions("findings")) == (21, {0: 20})
    page = await again.page(NO_FILTERS, None, 100)
    assert page == await store.page(NO_FILTERS, None, 100)
    found = await again.get("a3")
    assert found is not None
    assert found[0] == 2
    # It is another history: a cursor of the first one is unknown to it.
    assert again.epoch != store.epoch == manifest.epoch
    # The store goes on where it was.
    await raise_alerts(again, 20, 21)
    assert again.last_n == 22


async def test_what_is_written_meanwhile_is_in_it_whole_or_not_at_all(
    source: Database, tmp_path: Path
) -> None:
    store = await opened(source)
    await raise_alerts(store, 0, 200)
    stop = asyncio.Event()

    async def write() -> int:
        last = 200
        while not stop.is_set():
            await raise_alerts(store, last, last + 3)
            last += 3
        return last

    writing = asyncio.create_task(write())
    manifest = await save(source, {}, tmp_path / "b.zip", AT)
    stop.set()
    last = await writing
    tables = {table.name: table for table in manifest.tables}
    assert tables["alerts"].rows == tables["alert_events"].rows == manifest.feed
    assert 200 <= manifest.feed <= last
    with (tmp_path / "b.zip").open("rb") as stream:
        archive, _ = open_archive(stream)
        with archive, archive.open("tables/positions.ndjson") as lines:
            (position,) = [msgspec.json.decode(line) for line in lines]
    assert position == ["findings", 0, manifest.feed]


async def test_a_deployment_that_is_not_empty_is_left_as_it_is(
    source: Database, tmp_path: Path
) -> None:
    await raise_alerts(await opened(source), 0, 2)
    await save(source, {}, tmp_path / "b.zip", AT)
    before = await contents(source)
    with (tmp_path / "b.zip").open("rb") as stream, pytest.raises(CannotRestore, match="empty"):
        await restore(source, {}, stream, AT)
    assert await contents(source) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nobody_is_signed_in_any_more_and_it_is_on_record(
    source: Database, target: Database, tmp_path: Path
) -> None:
    await opened(source)
    signed_in = Sessions(source, lambda: AT, tmp_path / "tokens.json")
    await signed_in.open(Grant("li", "dispatcher"))
    await save(source, {}, tmp_path / "b.zip", AT)
    with (tmp_path / "b.zip").open("rb") as stream:
        await restore(target, {}, stream, AT)

    def read(connection: Any) -> tuple[list[Any], list[str]]:
        entries = tables_of(connection)["audit_entries"]
        actions = connection.scalars(select(entries.c.action).order_by(entries.c.n)).all()
        return connection.execute(select(sessions)).all(), actions

    rows, actions = await target.read(read)
    assert rows == []
    assert actions[-1] == "store.restore"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damage", ["member", "manifest", "cut", "form", "none"])
async def test_a_damaged_backup_changes_nothing(
    source: Database, target: Database, tmp_path: Path, damage: str
) -> None:
    await raise_alerts(await opened(source), 0, 2)
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    await save(source, {}, good, AT)
    if damage == "cut":
        bad.write_bytes(good.read_bytes()[:-100])
    elif damage == "none":
        bad.write_bytes(b"hello")
    else:
        _rewrite(good, bad, damage)
    with bad.open("rb") as stream, pytest.raises(BadArchive):
        await restore(target, {}, stream, AT)
    assert await target.read(lambda c: inspect(c).get_table_names()) == []


def _rewrite(good: Path, bad: Path, damage: str) -> None:
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(bad, "w") as into:
        for name in archive.namelist():
            content = archive.read(name)
            if damage == "member" and name == "tables/alerts.ndjson":
                content = content.replace(b"critical", b"low")
            if damage == "form" and name == "manifest.json":
                content = content.replace(b'"form": 1', b'"form": 99')
            if damage != "manifest" or name != "manifest.json":
                into.writestr(name, content)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
async def test_a_backup_of_a_newer_version_is_refused(
    source: Database, target: Database, tmp_path: Path
) -> None:
    await raise_alerts(await opened(source), 0, 2)
    await source.write(
        lambda c: c.execute(update(tables_of(c)["alembic_version"]).values(version_num="9999"))
    )
    await save(source, {}, tmp_path / "b.zip", AT)
    with (tmp_path / "b.zip").open("rb") as stream, pytest.raises(CannotRestore, match="9999"):
        await restore(target, {}, stream, AT)
    assert await target.read(lambda c: inspect(c).get_table_names()) == []


async def test_a_backup_overwrites_nothing_and_needs_a_store(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"precious")
    database = Database(f"sqlite:///{tmp_path / 'alerts.db'}")
    with pytest.raises(CannotSave, match="there already"):
        await save(database, {}, tmp_path / "b.zip", AT)
    assert (tmp_path / "b.zip").read_bytes() == b"precious"
    with pytest.raises(CannotSave, match="never started"):
        await save(database, {}, tmp_path / "c.zip", AT)
    left = [name for name in os.listdir(tmp_path) if "zip" in name]
    assert left == ["b.zip"]
    await database.close()


def deployment(folder: Path, template: Path) -> Settings:
    folder.mkdir()
    settings = Settings(data_dir=folder)
    shutil.copyfile(template, folder / "alerts.db")
    for path in files_of(settings, with_keys=True).values():
        path.write_text(f"secret of {path.name}")
    return settings


async def _begin(settings: Settings) -> None:
    database = Database(settings.store_url)
    await opened(database)
    await database.close()


@pytest.mark.parametrize("with_keys", [False, True])
def test_the_commands(
    sqlite_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], with_keys: bool
) -> None:
    settings = deployment(tmp_path / "one", sqlite_template)
    asyncio.run(_begin(settings))
    file = tmp_path / "b.zip"
    assert backup(settings, file, with_keys=with_keys) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out
    assert ("can read identities" in said) is with_keys
    other = Settings(data_dir=tmp_path / "two")
    assert bring_back(other, file) == 0
    assert "new epoch" in capsys.readouterr().out
    names = {"deployment.json", "alerts.db"}
    if with_keys:
        names |= {"tokens.json", "pseudonym.key", "vault.key"}
    there = {path.name for path in other.data_dir.iterdir()}
    assert {name for name in there if not name.startswith("alerts.db-")} == names
    # Once more: now it is not empty.
    assert bring_back(other, file) == 1
    assert backup(settings, file, with_keys=with_keys) == 1
    assert "there already" in capsys.readouterr().err
    assert bring_back(Settings(data_dir=tmp_path / "three"), tmp_path / "none.zip") == 1


def test_another_key_stays_what_it_is(
    sqlite_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = deployment(tmp_path / "one", sqlite_template)
    asyncio.run(_begin(settings))
    assert backup(settings, tmp_path / "b.zip", with_keys=True) == 0
    other = Settings(data_dir=tmp_path / "two")
    other.data_dir.mkdir()
    other.pseudonym_key_path.write_text("another")
    assert bring_back(other, tmp_path / "b.zip") == 1
    assert "another one" in capsys.readouterr().err
    assert other.pseudonym_key_path.read_text() == "another"
    assert not (other.data_dir / "tokens.json").exists()


async def test_the_epoch_is_told_by_the_manifest(source: Database, tmp_path: Path) -> None:
    store = await opened(source)
    manifest: Manifest = await save(source, {}, tmp_path / "b.zip", AT)
    epoch = await source.read(
        lambda c: c.scalar(select(meta.c.value).where(meta.c.name == "epoch"))
    )
    assert manifest.epoch == epoch == store.epoch
