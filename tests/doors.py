"""The ways to sign in, with passwords that are quick to hash."""

from collections.abc import Callable

from argon2 import PasswordHasher

from services.api.people.failures import Failures
from services.api.people.passwords import Passwords
from services.api.people.users import Users
from services.api.session import Sessions
from services.api.sign_in import Doors
from services.api.store.database import Database


def quick_passwords() -> Passwords:
    """Return what hashes with parameters that protect nothing."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def doors_of(database: Database, sessions: Sessions, clock_ms: Callable[[], int]) -> Doors:
    """Return the doors of a database's users."""
    users = Users(database, quick_passwords(), clock_ms)
    return Doors(sessions, users, Failures(database, clock_ms), database, clock_ms)
