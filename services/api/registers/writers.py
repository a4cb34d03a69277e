"""Who may file which register: those that give power are for those who have it already."""

from collections.abc import Mapping
from typing import Final

from schemas.access import Grant, Role
from schemas.problems import rejected
from services.api.guard import ACTORS, LEADERS

# A timeline brings every register with it.
_REPLAY: Final[Role] = "replay"
WRITERS: Final[tuple[Role, ...]] = (*ACTORS, _REPLAY)
# What is filed here counts for the whole county: whose events are taken, and what the rules do; who
# sees and does the tasks of a unit, and who is told when they are late.
POWERS: Final[Mapping[str, tuple[Role, ...]]] = {
    "device": ("admin", _REPLAY),
    "policy": ("admin", _REPLAY),
    "roster": (*LEADERS, _REPLAY),
    "responsibility": (*LEADERS, _REPLAY),
}


def check_writer(grant: Grant, name: str) -> None:
    """Raise Rejected (403) for somebody who may not file the register `name`."""
    if grant.role not in POWERS.get(name, WRITERS):
        raise rejected(f"the role {grant.role} may not file the register {name}", status=403)
    if name in POWERS and grant.areas is not None:
        raise rejected(f"the register {name} is not for who is limited to areas", status=403)
