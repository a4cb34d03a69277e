"""Identity as it is kept: what is known of each person, encrypted, and how it is forgotten.

Each field is sealed under the person's own key, and that key under a master key. What a text
belongs to is part of the seal, so that a row moved to another person or field does not open.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from schemas.persons import is_person_key
from schemas.problems import rejected
from services.api.sealing import Sealing
from services.api.store.tables import meta
from services.api.store.upsert import Bulk
from services.api.vault.master_keys import MasterKeys
from services.api.vault.tables import vault_fields, vault_keys

Field = Literal["id_type", "id_number", "name", "telephone", "address"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)
MAX_CHARACTERS: Final = 500
_KEY_BYTES: Final = 32
# SQLite and PostgreSQL both bound the parameters of one statement.
_PERSONS_A_QUERY: Final = 500
# Which master key wraps, as every process that shares the database is to know.
_MASTER: Final = "vault_master"
# Built once: an import keeps some people hundreds of times.
_PERSONS: BindParameter[str] = bindparam("persons", expanding=True)
_NEWEST = select(meta.c.value).where(meta.c.name == _MASTER)
_KEYS = select(vault_keys).where(vault_keys.c.person.in_(_PERSONS))
_FIELDS = select(vault_fields).where(vault_fields.c.person.in_(_PERSONS))
_ADD_KEYS = Bulk(vault_keys)
_KEEP = Bulk(vault_fields, ["person", "field"], lambda new: {"sealed": new["sealed"]})


class _Master(Struct, frozen=True):
    """A master key, by its number."""

    number: int
    sealing: Sealing

    def wrapped(self, person: str, key: bytes) -> bytes:
        """Return a person's key, wrapped."""
        return self.sealing.seal(key, _place(person, f"key {self.number}"))


class Vault:
    """Every function runs in the transaction of the caller, who records why in the audit log."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def keep(
        self, connection: Connection, person: str, fields: Mapping[str, str], now_ms: int
    ) -> bool:
        """Keep what is given of one person; return whether that changed anything.

        Fields that are not given stay as they are. Raises Rejected, naming the field, for a person
        that is no pseudonym, a field that there is not, or a text that is empty or too long.
        """
        return self.keep_all(connection, {person: fields}, now_ms) == 1

    def keep_all(
        self, connection: Connection, persons: Mapping[str, Mapping[str, str]], now_ms: int
    ) -> int:
        """Keep what is given of many persons, as `keep` does; return of how many it changed
        anything."""
        for person, fields in persons.items():
            _check(person, fields)
        changed = 0
        for part in _parts(list(persons)):
            keys = self._keys_of(connection, part)
            standing = _sealed_of(connection, part)
            new_keys: list[dict[str, object]] = []
            new_fields: list[dict[str, object]] = []
            master = self._master()
            for person in part:
                key = keys.get(person) or secrets.token_bytes(_KEY_BYTES)
                sealing = Sealing(key)
                known = _opened(sealing, person, standing.get(person, {}))
                fresh = [each for each in persons[person].items() if known.get(each[0]) != each[1]]
                if not fresh:
                    continue
                changed += 1
                if person not in keys:
                    new_keys.append(_row(master, person, key, now_ms))
                new_fields += [
                    {
                        "person": person,
                        "field": field,
                        "sealed": sealing.seal(text.encode(), _place(person, field)),
                    }
                    for field, text in fresh
                ]
            if new_keys:
                _ADD_KEYS.run(connection, new_keys)
            if new_fields:
                _KEEP.run(connection, new_fields)
        return changed

    def open(self, connection: Connection, persons: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return what is known of these persons; of whom nothing is known is absent.

        Raises sealing.Unsealable where a row was tampered with.
        """
        found: dict[str, dict[str, str]] = {}
        for part in _parts(persons):
            keys = self._keys_of(connection, part)
            for person, fields in _sealed_of(connection, part).items():
                found[person] = _opened(Sealing(keys[person]), person, fields)
        return found

    def shred(self, connection: Connection, person: str) -> bool:
        """Forget a person: without the key nothing of them can be read, in no copy of the fields.

        Return whether there was anything.
        """
        if connection.dialect.name == "sqlite":
            # Else the rows would stay readable in the file until something is written over them.
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        gone = connection.execute(delete(vault_keys).where(vault_keys.c.person == person)).rowcount
        connection.execute(delete(vault_fields).where(vault_fields.c.person == person))
        return gone > 0

    def rekey(self, connection: Connection, number: int) -> int:
        """Wrap every person's key by the master key of this number; return how many were."""
        wrapped = 0
        connection.execute(delete(meta).where(meta.c.name == _MASTER))
        connection.execute(insert(meta).values(name=_MASTER, value=str(number)))
        while True:
            others = select(vault_keys).where(vault_keys.c.master != number)
            rows = connection.execute(others.limit(_PERSONS_A_QUERY)).all()
            if not rows:
                return wrapped
            master = _Master(number, Sealing(self._keys.key(number)))
            for row in rows:
                anew = master.wrapped(row.person, self._unwrapped(row))
                connection.execute(
                    update(vault_keys)
                    .where(vault_keys.c.person == row.person)
                    .values(master=number, wrapped=anew)
                )
            wrapped += len(rows)

    def _master(self) -> _Master:
        """Return the master key to wrap by."""
        number = self._keys.newest
        return _Master(number, Sealing(self._keys.key(number)))

    def _unwrapped(self, row: Row[Any]) -> bytes:
        sealing = Sealing(self._keys.key(row.master))
        return sealing.open(row.wrapped, _place(row.person, f"key {row.master}"))

    def _keys_of(self, connection: Connection, persons: Sequence[str]) -> dict[str, bytes]:
        # A key that `cordon vault rekey` made since is the one to wrap by: the old one is gone.
        newest = connection.scalar(_NEWEST)
        if newest is not None:
            self._keys.key(int(newest))
        rows = connection.execute(_KEYS, {"persons": persons})
        return {row.person: self._unwrapped(row) for row in rows}


def _place(person: str, what: str) -> str:
    return f"vault/{person}/{what}"


def _row(master: _Master, person: str, key: bytes, now_ms: int) -> dict[str, object]:
    wrapped = master.wrapped(person, key)
    return {"person": person, "master": master.number, "wrapped": wrapped, "changed_ms": now_ms}


def _opened(sealing: Sealing, person: str, fields: Mapping[str, bytes]) -> dict[str, str]:
    return {
        field: sealing.open(fields[field], _place(person, field)).decode()
        for field in FIELDS
        if field in fields
    }


def _sealed_of(connection: Connection, persons: Sequence[str]) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for row in connection.execute(_FIELDS, {"persons": persons}):
        found.setdefault(row.person, {})[row.field] = row.sealed
    return found


def _parts(persons: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(persons), _PERSONS_A_QUERY):
        yield persons[start : start + _PERSONS_A_QUERY]


def _check(person: str, fields: Mapping[str, str]) -> None:
    if not is_person_key(person):
        raise rejected("must be a pseudonym, person:<n>:<hex>", "person")
    for field, text in fields.items():
        if field not in FIELDS:
            raise rejected(f"is none of {', '.join(FIELDS)}", field)
        if not text.strip() or len(text) > MAX_CHARACTERS:
            raise rejected(f"must have 1 to {MAX_CHARACTERS} characters", field)
