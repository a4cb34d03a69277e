"""The commands: what is saved and restored, where it lies, and what is said about it."""

import asyncio
import time
from pathlib import Path

import typer
from sqlalchemy.exc import SQLAlchemyError

from deploy.backup.archive import BadArchive, Manifest
from deploy.backup.restoring import CannotRestore, restore
from deploy.backup.saving import CannotSave, save
from schemas.settings import Settings
from services.api.store.database import Database


def files_of(settings: Settings, *, with_keys: bool) -> dict[str, Path]:
    """Return what lies beside the store, by its name in a backup."""
    files = {"deployment": settings.data_dir / "deployment.json"}
    if with_keys:
        files |= {
            "tokens": settings.tokens_path,
            "pseudonym-key": settings.pseudonym_key_path,
            "vault-key": settings.vault_key_path,
        }
    return files


def backup(settings: Settings, into: Path, *, with_keys: bool) -> int:
    """Write a backup and say what it holds."""
    try:
        manifest = asyncio.run(_saved(settings, into, with_keys=with_keys))
    except (CannotSave, SQLAlchemyError, OSError) as error:
        typer.echo(f"backup: {error}", err=True)
        return 1
    typer.echo(f"{into}: {_told(manifest)}")
    if with_keys:
        typer.echo("It holds tokens and keys: whoever reads it can read identities and act.")
    else:
        typer.echo(
            "Tokens and keys are not in it. Without the keys nobody reads the identities, the "
            "webhooks' secrets and the contacts' channels: keep them apart, or use --with-keys."
        )
    return 0


def bring_back(settings: Settings, archive: Path) -> int:
    """Restore a backup and say what comes next."""
    try:
        manifest = asyncio.run(_restored(settings, archive))
    except (BadArchive, CannotRestore, SQLAlchemyError, OSError) as error:
        typer.echo(f"restore: {error}", err=True)
        return 1
    typer.echo(f"restored: {_told(manifest)}")
    typer.echo("Its feed has a new epoch: readers are told of a gap and read the state anew.")
    if not settings.pseudonym_key_path.is_file():
        typer.echo(
            "There is no pseudonym key here yet. Put the deployment's own in its place before the "
            "first start: with a new one nobody is recognised."
        )
    return 0


async def _saved(settings: Settings, into: Path, *, with_keys: bool) -> Manifest:
    database = Database(settings.store_url)
    try:
        files = files_of(settings, with_keys=with_keys)
        return await save(database, files, into, time.time_ns() // 1_000_000)
    finally:
        await database.close()


async def _restored(settings: Settings, archive: Path) -> Manifest:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.store_url)
    try:
        files = files_of(settings, with_keys=True)
        with archive.open("rb") as stream:
            return await restore(database, files, stream, time.time_ns() // 1_000_000)
    finally:
        await database.close()


def _told(manifest: Manifest) -> str:
    rows = sum(table.rows for table in manifest.tables)
    return (
        f"{rows} rows of {len(manifest.tables)} tables as of {manifest.made}, "
        f"feed up to {manifest.feed}, schema {manifest.revision}"
    )
