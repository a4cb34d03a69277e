"""Field reports and code changes: which of them an item is, and their written form and subject."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from schemas.events import (
    CodeChange,
    DutySignIn,
    Event,
    EventKind,
    NilReport,
    PersonReference,
    TransferArrival,
    WorkerHealth,
)
from schemas.problems import Problem, invalid, rejected

# A record's subject is its person, else the first of these that it names (contracts: One record,
# one subject).
SUBJECTS: Final = ("order", "site", "transfer", "premises", "reporter", "shift")


class Persons(Protocol):
    """What makes pseudonyms: the intake of a deployment."""

    def settle_person(
        self, who: PersonReference, field: str, recorded: str | None, warnings: list[Problem]
    ) -> None:
        """Bring a person into the written form; what fails its checks is set aside."""

    def settle_code(self, code: Any, field: str) -> None:
        """Bring a health code into the written form; raises Rejected."""

    def person_named(self, name: str) -> str | None:
        """Return the pseudonym of a name that says who a person is."""


class _Head(Struct):
    """As much of an item as tells what it is."""

    type: str | None = None


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def kind_of(kinds: Mapping[str, EventKind], item: bytes | msgspec.Raw) -> EventKind:
    """Return which of the kinds, by type, a posted item is; raises Rejected, which names `type`."""
    try:
        named = _decode_head(item).type
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise rejected(f"not JSON: {error}", status=400) from error
    except RecursionError as error:
        raise rejected("nested too deeply", status=400) from error
    kind = None if named is None else kinds.get(named)
    if kind is None:
        raise rejected(f"must be one of {', '.join(kinds)}", "type")
    return kind


def settle(event: Event[Any], persons: Persons, warnings: list[Problem]) -> str:
    """Bring a report's data into the written form and return its subject.

    Raises Rejected for a value without which the report says nothing; a person whose identifier
    fails its checks is kept without one, with a warning.
    """
    data = event.data
    if isinstance(data, CodeChange):
        persons.settle_code(data.code, "data.code")
    if isinstance(data, CodeChange | WorkerHealth):
        persons.settle_person(data.person, "data.person", event.recordedtime, warnings)
        if data.person.person is not None:
            return data.person.person
    elif isinstance(data, TransferArrival):
        for place, person in enumerate(data.persons):
            persons.settle_person(person, f"data.persons[{place}]", event.recordedtime, warnings)
    elif isinstance(data, DutySignIn):
        _settle_member(data, persons, event.recordedtime, warnings)
    elif isinstance(data, NilReport):
        data.day = _day(data.day)
    for name in SUBJECTS:
        value = getattr(data, name, None)
        if value is not None:
            return f"{name}:{value}"
    return f"source:{event.source}"


def _settle_member(
    data: DutySignIn, persons: Persons, recorded: str | None, warnings: list[Problem]
) -> None:
    if not isinstance(data.member, str):
        persons.settle_person(data.member, "data.member", recorded, warnings)
    elif (person := persons.person_named(data.member)) is not None:
        data.member = PersonReference(person=person)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise rejected(f"not a date: {text[:20]!r}", "data.day") from error
