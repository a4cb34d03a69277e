"""What the registers say of a name that is to be checked. Pure: what was found is an argument.

FOUND: a register knows the person here, and nothing in the row says otherwise. MISMATCH: it knows
them elsewhere than the row does. PENDING: nobody has found them yet, and somebody has to go.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

State = Literal["FOUND", "NOT_FOUND", "MISMATCH", "PENDING"]
Channel = Literal["ONLINE", "OFFLINE"]
# Registers that say where a person is, or that they are under order; the surest first.
PERSON_REGISTERS: Final = ("order", "residence", "arrival-notice", "vehicle-link", "worker")
PLATE_REGISTERS: Final = ("resident-vehicle",)
REGISTERS: Final = (*PERSON_REGISTERS, *PLATE_REGISTERS)
# What a row and an entry may both say, and contradict each other in.
_COMPARED: Final = ("household", "grid", "plate")


class Name(Struct, frozen=True):
    """A name to be checked, as its row has it."""

    person: str
    household: str | None = None
    grid: str | None = None
    plate: str | None = None


class Evidence(Struct, frozen=True, omit_defaults=True):
    """What a name was found by: an entry of a register, or an alert about the person.

    `differs` names the fields in which the entry contradicts the row.
    """

    register: str
    id: str
    differs: tuple[str, ...] = ()


def judge(
    name: Name,
    batch: str,
    entries: Sequence[tuple[str, Mapping[str, Any]]],
    alerts: Sequence[str],
) -> tuple[State, tuple[Evidence, ...]]:
    """Return what the registers make of a name; `entries` are those that name the person or plate.

    A notice of the same batch is the question, not an answer. An alert shows that somebody was
    seen, and a vehicle of the ledger only that its plate is at home here.
    """
    found = [
        Evidence(register, entry["id"], _differences(name, entry))
        for register, entry in entries
        if not (register == "arrival-notice" and entry.get("batch") == batch)
    ]
    found.sort(key=lambda each: (REGISTERS.index(each.register), each.id))
    evidence = (*found, *(Evidence("alert", alert) for alert in alerts))
    if not evidence:
        return "PENDING", ()
    if any(not each.differs for each in evidence):
        return "FOUND", evidence
    return "MISMATCH", evidence


def _differences(name: Name, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields that both say and say differently."""
    return tuple(
        field
        for field in _COMPARED
        if getattr(name, field) is not None
        and entry.get(field) is not None
        and getattr(name, field) != entry[field]
    )
