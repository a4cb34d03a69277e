"""`cordon users`, `cordon audit` and `cordon vault`: on the database itself, without the API.

For the first admin, for whoever has locked themselves out, and for whoever checks the log.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from deploy.cli_options import DataDir, settings_with
from schemas.access import Grant, Role

if TYPE_CHECKING:
    from schemas.settings import Settings
    from services.api.people.users import Users
    from services.api.store.database import Database

users_app = typer.Typer(no_args_is_help=True, help="Who may sign in by name and password.")
audit_app = typer.Typer(no_args_is_help=True, help="The log of who read of whom and did what.")
vault_app = typer.Typer(no_args_is_help=True, help="The vault of identities.")

T = TypeVar("T")
Areas = Annotated[
    list[str] | None, typer.Option("--area", help="Limit to this grid; may be repeated.")
]
_Name = Annotated[str, typer.Argument(help="The name that they sign in with.")]
_PASSWORD_BYTES = 12


@users_app.command("add")
def users_add(
    name: _Name,
    role: Annotated[Role, typer.Option()],
    area: Areas = None,
    data_dir: DataDir = None,
) -> None:
    """Make a user with a fresh password, which is shown once."""
    if role in ("device", "replay"):
        typer.echo("users: devices and replays have tokens: cordon tokens add", err=True)
        raise typer.Exit(2)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    _with_users(data_dir, lambda users: users.add(name, role, area, password, _operator()))
    typer.echo(password)


@users_app.command("list")
def users_list(data_dir: DataDir = None) -> None:
    """Show every user: name, role, areas, and whether they are let in."""
    for user in _with_users(data_dir, lambda users: users.page("", 1_000_000)):
        areas = "everywhere" if user.areas is None else ",".join(user.areas) or "nowhere"
        state = "disabled" if user.disabled else "no password" if not user.password else "let in"
        typer.echo(f"{user.name}\t{user.role}\t{areas}\t{state}")


@users_app.command("password")
def users_password(name: _Name, data_dir: DataDir = None) -> None:
    """Give a user a fresh password, which is shown once; their sessions end."""
    from services.api.people.users import Change

    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    change = Change(password=password, disabled=False)
    _with_users(data_dir, lambda users: users.change(name, None, change, _operator()))
    typer.echo(password)


@users_app.command("disable")
def users_disable(name: _Name, data_dir: DataDir = None) -> None:
    """Let a user in no more; their sessions end at once."""
    from services.api.people.users import Change

    change = Change(disabled=True)
    _with_users(data_dir, lambda users: users.change(name, None, change, _operator()))


@audit_app.command("verify")
def audit_verify(
    data_dir: DataDir = None,
    anchors: Annotated[
        list[Path] | None,
        typer.Option("--anchors", help="Files of anchors, instead of the deployment's own."),
    ] = None,
) -> None:
    """Walk the log from its first entry; exit 1 and name the first place that does not hold."""
    from services.api.audit.anchors import BrokenAnchors, read_anchors
    from services.api.audit.verification import Broken, entries, verify

    settings = settings_with(data_dir=data_dir)
    paths = anchors or [settings.audit_anchor_path]
    noted: dict[int, bytes] = {}
    try:
        for path in paths:
            for n, seal in read_anchors(path).items():
                if noted.setdefault(n, seal) != seal:
                    raise BrokenAnchors(f"{path} notes another seal of entry {n} than the others")
    except BrokenAnchors as error:
        typer.echo(f"audit: {error}", err=True)
        raise typer.Exit(1) from error
    verdict = _with_database(
        settings, lambda database: database.read(lambda c: verify(entries(c), noted))
    )
    if isinstance(verdict, Broken):
        typer.echo(f"audit: broken at entry {verdict.n}: {verdict.why}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{verdict.last_n} entries hold; {verdict.anchored_n} of them are anchored")


@vault_app.command("rekey")
def vault_rekey(data_dir: DataDir = None) -> None:
    """Wrap every person's key by a fresh master key, and forget the old one."""
    from services.api.vault.master_keys import MasterKeys, VaultKeyProblem
    from services.api.vault.vault import Vault

    settings = settings_with(data_dir=data_dir)
    try:
        keys = MasterKeys.load_or_create(settings.vault_key_path)
        number = keys.add()
        vault = Vault(keys)
        count = _with_database(
            settings, lambda database: database.write(lambda c: vault.rekey(c, number))
        )
        # Not before the commit: until then the old key is what opens the vault.
        keys.keep_only(number)
    except (VaultKeyProblem, OSError) as error:
        typer.echo(f"vault: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{count} persons' keys are wrapped by master key {number}")


def _operator() -> Grant:
    return Grant("command line", "admin")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _with_users(data_dir: Path | None, work: "Callable[[Users], Awaitable[T]]") -> T:
    from schemas.problems import Rejected
    from services.api.people.passwords import Passwords
    from services.api.people.users import LastAdmin, TakenName, UnknownUser, Users

    async def run(database: "Database") -> T:
        return await work(Users(database, Passwords(), _now_ms))

    try:
        return _with_database(settings_with(data_dir=data_dir), run)
    except UnknownUser as error:
        typer.echo(f"users: there is no user {error}", err=True)
    except TakenName as error:
        typer.echo(f"users: there is a user {error} already", err=True)
    except (LastAdmin, Rejected) as error:
        typer.echo(f"users: {error}", err=True)
    raise typer.Exit(1)


def _with_database(settings: "Settings", work: "Callable[[Database], Awaitable[T]]") -> T:
    from services.api.store.database import Database

    async def run() -> T:
        database = Database(settings.store_url)
        try:
            await database.migrate()
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
