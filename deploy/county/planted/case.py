"""A planted case: what is sent, and what must follow or must not."""

import random
from collections.abc import Callable

from msgspec import Struct

from deploy.county.devices import Sent
from deploy.county.people import People


class Expected(Struct, frozen=True, omit_defaults=True):
    """An alert that must arise; `order`, `subject` or `person` says of whom, `outcome` how it
    ends. `subject` is a key such as `vehicle:浙F12345`, `person` a resident ID."""

    rule: str
    order: str | None = None
    subject: str | None = None
    person: str | None = None
    severity: str | None = None
    outcome: str | None = None


class Silence(Struct, frozen=True, omit_defaults=True):
    """Alerts that must not arise, and why not; of whom is said as for an expected one."""

    rules: tuple[str, ...]
    why: str
    order: str | None = None
    subject: str | None = None
    person: str | None = None


class Case(Struct, frozen=True):
    """One planted case. Exactly one of `expected` and `silence` is set."""

    name: str
    at_ms: int
    sent: tuple[Sent, ...]
    expected: Expected | None = None
    silence: Silence | None = None

    @property
    def done_ms(self) -> int:
        """When all of it has arrived."""
        return max(each.recorded_ms for each in self.sent)


# (people, turn, at_ms, rng) → case; `turn` counts the cases of one kind.
Plant = Callable[[People, int, int, random.Random], Case]
