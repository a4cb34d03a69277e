"""The users of a deployment: who they are, what they may do and where, and their passwords."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from schemas.access import Grant, Role
from schemas.problems import rejected
from schemas.times import format_ms
from services.api.audit.chain import Entry, record
from services.api.people.passwords import Passwords, check_password
from services.api.people.tables import users
from services.api.session import end_sessions
from services.api.store.database import Database

FIRST_ADMIN: Final = "admin"
# What the names of those begin with who are signed in by an OpenID provider.
ELSEWHERE: Final = "oidc:"


class User(Struct, frozen=True, kw_only=True):
    """A user as shown; `areas` null = everywhere; `password` = whether there is one."""

    name: str
    role: Role
    areas: list[str] | None
    disabled: bool
    password: bool
    revision: int
    changed: str


class Change(Struct, frozen=True, kw_only=True):
    """What is to be different of a user; what is not set stays."""

    role: Role | UnsetType = UNSET
    areas: list[str] | None | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    password: str | UnsetType = UNSET


class UnknownUser(Exception):
    """There is no user of this name."""


class TakenName(Exception):
    """There is a user of this name already."""


class StaleUser(Exception):
    """The user is no longer at the revision that the caller saw."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the user is at revision {current}")
        self.current = current


class LastAdmin(Exception):
    """Nobody would be left who may file users."""


class Users:
    """Every change is recorded in the audit log, and ends the sessions of whom it concerns."""

    def __init__(
        self, database: Database, passwords: Passwords, clock_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._clock_ms = clock_ms

    async def start(self) -> None:
        """Make the first admin where there are no users: without a password, until one is set by
        whoever holds the admin's token or its one-time link."""

        def begin(connection: Connection) -> None:
            if not connection.scalar(select(func.count()).select_from(users)):
                row = _row(FIRST_ADMIN, "admin", None, None, self._clock_ms())
                connection.execute(insert(users), row)

        await self._database.write(begin)

    async def page(self, after: str, limit: int) -> list[User]:
        """Return the next users by name."""
        query = select(users).where(users.c.name > after).order_by(users.c.name).limit(limit)
        return [_user(row) for row in await self._database.read(lambda c: c.execute(query).all())]

    async def get(self, name: str) -> User:
        """Return a user; raises UnknownUser."""
        return _user(await self._database.read(lambda connection: _found(connection, name)))

    async def add(
        self, name: str, role: Role, areas: Sequence[str] | None, password: str | None, by: Grant
    ) -> User:
        """Make a user; raises TakenName, and Rejected for a poor password."""
        if name.startswith(ELSEWHERE):
            raise rejected(f"must not begin with {ELSEWHERE}", "name")
        kept = None
        if password is not None:
            check_password(password, name)
            kept = await self._passwords.hashed(password)

        def add(connection: Connection) -> User:
            if connection.scalar(select(users.c.name).where(users.c.name == name)) is not None:
                raise TakenName(name)
            connection.execute(insert(users), _row(name, role, areas, kept, self._clock_ms()))
            self._record(connection, by, "user.add", name, {"role": role, "areas": areas})
            return _user(_found(connection, name))

        return await self._database.write(add)

    async def change(self, name: str, revision: int | None, wanted: Change, by: Grant) -> User:
        """Change a user and end their sessions; `revision` is the one that was seen, None = any.

        Raises UnknownUser, StaleUser, LastAdmin, and Rejected for a poor password.
        """
        values = {
            field: value
            for field, value in msgspec.structs.asdict(wanted).items()
            if value is not UNSET
        }
        told = {field: value for field, value in values.items() if field != "password"}
        if isinstance(wanted.password, str):
            check_password(wanted.password, name)
            values["password"] = await self._passwords.hashed(wanted.password)
            told["password"] = True
        if "areas" in values:
            values["areas"] = _encoded(values["areas"])

        def change(connection: Connection) -> User:
            row = _found(connection, name)
            if revision is not None and row.revision != revision:
                raise StaleUser(row.revision)
            connection.execute(
                update(users)
                .where(users.c.name == name)
                .values(**values, revision=row.revision + 1, changed_ms=self._clock_ms())
            )
            _keep_an_admin(connection)
            end_sessions(connection, name)
            self._record(connection, by, "user.change", name, told)
            return _user(_found(connection, name))

        return await self._database.write(change)

    async def remove(self, name: str, revision: int, by: Grant) -> None:
        """Remove a user and end their sessions; raises UnknownUser, StaleUser and LastAdmin."""

        def remove(connection: Connection) -> None:
            row = _found(connection, name)
            if row.revision != revision:
                raise StaleUser(row.revision)
            connection.execute(delete(users).where(users.c.name == name))
            _keep_an_admin(connection)
            end_sessions(connection, name)
            self._record(connection, by, "user.remove", name, {})

        await self._database.write(remove)

    async def signed_in(self, name: str, password: str) -> Grant | None:
        """Return what a user may do, None for a wrong password or a user who is not let in.

        It takes as long for a name that nobody has. A hash of older parameters is made anew.
        """
        query = select(users).where(users.c.name == name)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        kept = None if row is None else row.password
        fits = await self._passwords.fits(kept, password)
        if row is None or not fits or row.disabled:
            return None
        if self._passwords.stale(row.password):
            fresh = await self._passwords.hashed(password)
            renew = (
                update(users)
                .where(users.c.name == name, users.c.password == row.password)
                .values(password=fresh)
            )
            await self._database.write(lambda connection: connection.execute(renew))
        return grant_of(row)

    def _record(
        self, connection: Connection, by: Grant, action: str, about: str, detail: dict[str, Any]
    ) -> None:
        entry = Entry(
            at_ms=self._clock_ms(),
            actor=by.name,
            role=by.role,
            action=action,
            about=f"user:{about}",
            detail=detail,
        )
        record(connection, entry)


def grant_of(row: Row[Any]) -> Grant:
    """Return what a row of the table of users may do."""
    areas = None if row.areas is None else msgspec.json.decode(row.areas, type=tuple[str, ...])
    return Grant(row.name, row.role, areas=areas, account=row.name)


def _found(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    if row is None:
        raise UnknownUser(name)
    return row


def _keep_an_admin(connection: Connection) -> None:
    there = select(func.count()).where(
        users.c.role == "admin", users.c.disabled.is_(False), users.c.areas.is_(None)
    )
    if not connection.scalar(there):
        raise LastAdmin("one admin who is let in everywhere must stay")


def _row(
    name: str, role: Role, areas: Sequence[str] | None, password: str | None, now_ms: int
) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "areas": _encoded(areas),
        "password": password,
        "disabled": False,
        "revision": 1,
        "changed_ms": now_ms,
    }


def _encoded(areas: Sequence[str] | None) -> str | None:
    return None if areas is None else msgspec.json.encode(areas).decode()


def _user(row: Row[Any]) -> User:
    return User(
        name=row.name,
        role=row.role,
        areas=None if row.areas is None else msgspec.json.decode(row.areas, type=list[str]),
        disabled=row.disabled,
        password=row.password is not None,
        revision=row.revision,
        changed=format_ms(row.changed_ms),
    )
