"""The desk, its database and a client, as the tests of the registers have them."""

from tests.api_registers.conftest import client, clock, database, desk, settings, topics

__all__ = ["client", "clock", "database", "desk", "settings", "topics"]
