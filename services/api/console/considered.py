"""What speaks against an alert: every reason that could keep its rule quiet, and what is on file.

`cordon explain` tells more, and computes: which of them was asked with which thresholds. Here it is
what somebody who has to decide now looks through.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from starlette.responses import Response

from schemas.alerts import Alert, Reason
from schemas.registers import REGISTERS
from schemas.suppressions import Effect, against
from schemas.times import format_ms
from schemas.versions import FOREVER
from services.api.guard import READERS, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion
from services.api.store.store import AlertStore

# They accuse, or say who somebody is: what excuses rests on them, and they are shown with it.
_ALWAYS: Final = ("order", "watch-entry")
_decode = msgspec.json.Decoder(Alert).decode


class Naming(Protocol):
    """Finds what governs now and names a person, a plate or an order: the registers' Desk."""

    async def naming(
        self, values: Sequence[str], names: Sequence[str]
    ) -> dict[str, list[tuple[str, StoredVersion]]]:
        """Return the entries of some registers by what they name; raises Unavailable."""


class Entry(Struct, frozen=True):
    """An entry of a register that governs now and names whom the alert is about, or its order;
    `valid_to` null = without end."""

    register: str
    id: str
    filed: str
    valid_from: str
    valid_to: str | None


class Row(Struct, frozen=True):
    """A reason that may keep this rule quiet, or lower it: what it says, the register that it rests
    on (null: it is seen in events) and how many entries of that register are on file."""

    by: str
    effect: Effect
    reason: Reason
    register: str | None
    entries: int


class Considered(Struct, frozen=True):
    """The reasons in the order of their table, and what is on file now."""

    rows: list[Row]
    entries: list[Entry]


def router(store: AlertStore, registers: Naming) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @routes.get(
        "/{alert_id}/considered",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Considered), 401, 403, 404, 503),
    )
    async def considered(alert_id: str) -> Response:
        """What could have kept an alert from being raised, and what is on file about it now."""
        found = await store.get(alert_id)
        if found is None:
            raise HTTPException(404, "no such alert")
        alert = _decode(found[1])
        try:
            entries = await _on_file(registers, alert)
        except Unavailable as error:
            raise HTTPException(503, str(error), headers={"Retry-After": "2"}) from error
        rows = [
            Row(
                by=row.name,
                effect=row.effect,
                reason=Reason(row.en, row.zh),
                register=row.register,
                entries=sum(entry.register == row.register for entry in entries),
            )
            for row in against(alert.rule)
        ]
        wanted = {*_ALWAYS, *(row.register for row in rows)}
        shown = [entry for entry in entries if entry.register in wanted]
        return json_answer(Considered(rows, shown))

    return routes


async def _on_file(registers: Naming, alert: Alert) -> list[Entry]:
    """Return what names the alert's subject or its order, and whom that order binds."""
    subject = alert.subject.key
    names = [subject if alert.subject.kind == "person" else subject.partition(":")[2]]
    if alert.order is not None:
        names.append(alert.order)
    found = await registers.naming(names, list(REGISTERS))
    bound = {
        person
        for entries in found.values()
        for register, version in entries
        if register == "order" and (person := _subject_of(version)) not in (None, *names)
    }
    if bound:
        found |= await registers.naming(sorted(filter(None, bound)), list(REGISTERS))
    entries = {
        (register, version.id): _entry(register, version)
        for those in found.values()
        for register, version in those
    }
    return [entries[key] for key in sorted(entries)]


def _subject_of(version: StoredVersion) -> str | None:
    subject = msgspec.json.decode(version.body).get("subject") or {}
    return subject.get("person")


def _entry(register: str, version: StoredVersion) -> Entry:
    return Entry(
        register=register,
        id=version.id,
        filed=format_ms(version.recorded_ms),
        valid_from=format_ms(version.from_ms),
        valid_to=None if version.to_ms >= FOREVER else format_ms(version.to_ms),
    )
