"""A planted case: what is sent, and what must follow, what may, and what must not."""

import random
from collections.abc import Callable

from msgspec import Struct

from deploy.county.devices import Sent
from deploy.county.people import People


class Expected(Struct, frozen=True, omit_defaults=True):
    """An alert that must arise; `order`, `subject` or `person` says of whom, `outcome` how it
    ends. `subject` is a key such as `vehicle:浙F12345`, `person` the number of a document of
    `id_type`. Where `ends` is set it may be over already when the timeline ends, whatever way.
    """

    rule: str
    order: str | None = None
    subject: str | None = None
    person: str | None = None
    id_type: str = "resident_id"
    severity: str | None = None
    outcome: str | None = None
    ends: bool = False


class Silence(Struct, frozen=True, omit_defaults=True):
    """Alerts that must not arise, and why not; of whom is said as for an expected one."""

    rules: tuple[str, ...]
    why: str
    order: str | None = None
    subject: str | None = None
    person: str | None = None
    id_type: str = "resident_id"


class Case(Struct, frozen=True):
    """One planted case: something is `expected`, or `allowed`, or there is a `silence`.

    `allowed` are alerts that it explains and that need not arise. `due_ms` is when the last of its
    deadlines is over, 0 = it has none.
    """

    name: str
    at_ms: int
    sent: tuple[Sent, ...]
    expected: tuple[Expected, ...] = ()
    silence: Silence | None = None
    allowed: tuple[Expected, ...] = ()
    due_ms: int = 0

    @property
    def done_ms(self) -> int:
        """When all of it has arrived and is due."""
        return max(self.due_ms, self.at_ms, *(each.recorded_ms for each in self.sent))


# (people, turn, at_ms, rng) → case; `turn` counts the cases of one kind.
Plant = Callable[[People, int, int, random.Random], Case]
