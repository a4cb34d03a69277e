"""Attempts to sign in, kept in the database: a restart or another replica forgets none."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, case, delete, select, update

from schemas.access import digest
from services.api.people.passwords import FORGOTTEN_MS, wait_ms
from services.api.people.tables import sign_in_failures as table
from services.api.store.database import Database
from services.api.store.upsert import upsert

# Failures before anybody has to wait: of one account, and of one address, behind which a whole
# office may sit.
FREE_OF_ACCOUNT: Final = 5
FREE_OF_ADDRESS: Final = 20


class Failures:
    """Counts by account and by address; who failed too often has to wait, longer each time.

    An attempt counts as a failure from its beginning, and is forgiven when it succeeds: so no
    number of attempts at the same time gets past the limit.
    """

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def attempt(self, account: str, address: str) -> int:
        """Count an attempt; return 0, or for how many ms the caller must wait before the next."""
        now_ms = self._clock_ms()
        free = {_account(account): FREE_OF_ACCOUNT, _address(address): FREE_OF_ADDRESS}

        def count(connection: Connection) -> int:
            connection.execute(delete(table).where(table.c.last_ms <= now_ms - FORGOTTEN_MS))
            counted = select(table.c.who, table.c.count.label("failures"), table.c.until_ms)
            rows = connection.execute(counted.where(table.c.who.in_(free)))
            before = {row.who: row for row in rows}
            wait = max((row.until_ms - now_ms for row in before.values()), default=0)
            if wait > 0:
                return wait
            for who, freely in free.items():
                failures = (before[who].failures if who in before else 0) + 1
                row = {
                    "count": failures,
                    "until_ms": now_ms + wait_ms(failures, freely),
                    "last_ms": now_ms,
                }
                statement = upsert(connection, table).values(who=who, **row)
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["who"], set_=row)
                )
            return 0

        return await self._database.write(count)

    async def forgive(self, account: str, address: str) -> None:
        """Forget what an account failed at, and the one attempt that has succeeded of an address.

        Else whoever holds one password could try out others' from that address for ever.
        """
        less = case((table.c.count > 0, table.c.count - 1), else_=0)

        def forgive(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.who == _account(account)))
            connection.execute(
                update(table).where(table.c.who == _address(address)).values(count=less, until_ms=0)
            )

        await self._database.write(forgive)


def _account(name: str) -> str:
    return digest(f"account {name}")


def _address(address: str) -> str:
    return digest(f"address {address}")
