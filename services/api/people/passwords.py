"""Passwords: Argon2id hashes, and how long a failure makes one wait."""

import asyncio
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from schemas.problems import rejected
from schemas.times import HOUR_MS, MINUTE_MS

MIN_CHARACTERS: Final = 10
MAX_CHARACTERS: Final = 200
FORGOTTEN_MS: Final = 24 * HOUR_MS
_FIRST_WAIT_MS: Final = 5_000
_LONGEST_WAIT_MS: Final = 15 * MINUTE_MS
# RFC 9106, the second recommended choice: 64 MiB, three passes. A hash takes some 50 ms of a core,
# so few at a time: else signing in would be a way to stop the service.
_AT_ONCE: Final = 2


class Passwords:
    """Makes and checks hashes in threads, a few at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` is given where hashing has to be quick: in tests."""
        self._hasher = hasher or PasswordHasher(
            time_cost=3, memory_cost=65_536, parallelism=4, type=Type.ID
        )
        self._room = asyncio.Semaphore(_AT_ONCE)
        # Who is not known costs as much time as who is.
        self._nobody = self._hasher.hash("nobody's password")

    async def hashed(self, password: str) -> str:
        """Return the hash to keep."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Return whether a password is the one whose hash is kept; None = there is none."""
        async with self._room:
            return await asyncio.to_thread(self._fits, kept, password)

    def stale(self, kept: str) -> bool:
        """Return whether a hash was made with other parameters and should be made anew."""
        return self._hasher.check_needs_rehash(kept)

    def _fits(self, kept: str | None, password: str) -> bool:
        try:
            self._hasher.verify(kept or self._nobody, password)
        except VerifyMismatchError:
            # That is an answer; who asked counts the failure.
            return False
        except InvalidHashError as error:
            raise ValueError("what is kept of a password is no hash") from error
        return kept is not None


def check_password(password: str, name: str) -> None:
    """Raise Rejected for a password that is too short, too long, or the account's own name."""
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise rejected(f"must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters", "password")
    if name.casefold() in password.casefold() or len(set(password)) < 4:
        raise rejected("must not contain the name, nor one character again and again", "password")


def wait_ms(failures: int, free: int) -> int:
    """Return for how long nobody may try again after so many failures: it doubles each time."""
    if failures <= free:
        return 0
    return min(_FIRST_WAIT_MS << min(failures - free - 1, 20), _LONGEST_WAIT_MS)
