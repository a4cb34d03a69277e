"""The vault over HTTP: filed by those who act, opened for one alert, forgotten for good."""

import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Protocol

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Response
from sqlalchemy import Connection, delete, insert, select

from schemas.access import Grant
from schemas.alerts import Alert
from schemas.persons import IdentifierProblem, PseudonymKey, is_person_key, label
from schemas.problems import rejected
from schemas.registers import Order
from schemas.times import MINUTE_MS, format_ms
from services.api.audit.chain import Entry, record
from services.api.guard import Actor, Leader
from services.api.json_answers import private_answer
from services.api.metrics import IDENTITIES_OPENED
from services.api.openapi import answers
from services.api.people.areas import Within
from services.api.people.limit import Limit
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.vault.forms import KEPT, OPENED, Identity, Opening, check_opening
from services.api.vault.tables import vault_openings
from services.api.vault.vault import Vault

OPEN_MS: Final = 5 * MINUTE_MS
_VERSIONS: Final = 20
_Person = Annotated[str, Path(max_length=64)]
_AlertId = Annotated[str, Path(max_length=128)]
_decode_alert = msgspec.json.Decoder(Alert).decode


class Orders(Protocol):
    """The register that says whom an order is for: the registers' Desk."""

    async def history(self, name: str, entry_id: str, limit: int) -> Sequence[StoredVersion]:
        """Return the newest versions of an entry; raises Unavailable."""


def router(
    store: AlertStore,
    database: Database,
    orders: Orders,
    vault: Vault,
    key: PseudonymKey,
    clock_ms: Callable[[], int],
) -> APIRouter:
    """Return the routes of the vault."""
    routes = APIRouter(prefix="/v1", tags=["vault"])

    def entry(grant: Grant, action: str, about: str, **detail: Any) -> Entry:
        return Entry.by(grant, clock_ms(), action, about, detail)

    async def kept(
        person: str, fields: dict[str, str], grant: Grant, within: Limit | None
    ) -> Response:
        if within is not None and within.places.of_person(person) and not within.holds(person):
            raise HTTPException(403, "they live outside of your areas")

        def keep(connection: Connection) -> bool:
            changed = vault.keep(connection, person, fields, clock_ms())
            record(connection, entry(grant, "identity.put", person, fields=sorted(fields)))
            return changed

        changed = await database.write(keep)
        return private_answer({"person": person, "label": label(person), "changed": changed})

    @routes.post(
        "/vault", response_class=Response, responses=answers(200, KEPT, 400, 401, 403, 422)
    )
    async def add(body: Identity, grant: Actor, within: Within) -> Response:
        """Keep who somebody is by their number; the answer tells the pseudonym."""
        return await kept(_pseudonym(key, body), body.fields(), grant, within)

    @routes.put(
        "/vault/{person}",
        response_class=Response,
        responses=answers(200, KEPT, 400, 401, 403, 422),
    )
    async def put(person: _Person, body: Identity, grant: Actor, within: Within) -> Response:
        """Keep what is given of a person; a number must be theirs. Who is limited to areas writes
        of nobody who lives elsewhere."""
        if not is_person_key(person):
            raise rejected("must be a pseudonym, person:<n>:<hex>", "person")
        given = body.id_number is not None or body.id_type is not None
        if given and _pseudonym(key, body) != person:
            raise rejected("is the number of another person", "id_number")
        return await kept(person, body.fields(), grant, within)

    @routes.delete(
        "/vault/{person}",
        status_code=204,
        response_class=Response,
        responses={**answers(200, KEPT, 401, 403, 404, 422), 204: {}},
    )
    async def shred(
        person: _Person,
        grant: Leader,
        within: Within,
        reason: Annotated[str, Query(min_length=5, max_length=500)],
    ) -> Response:
        """Forget who somebody is: their key is destroyed, so no copy of the rest can be read."""
        if within is not None and not within.holds(person):
            raise HTTPException(404, "nothing is kept of this person")
        check_opening(Opening(purpose="verify", case="-", reason=reason))

        def forget(connection: Connection) -> bool:
            if not vault.shred(connection, person):
                return False
            record(connection, entry(grant, "identity.shred", person, reason=reason))
            return True

        if not await database.write(forget):
            raise HTTPException(404, "nothing is kept of this person")
        return Response(status_code=204)

    @routes.post(
        "/alerts/{alert_id}/identity",
        response_class=Response,
        responses=answers(200, OPENED, 400, 401, 403, 404, 422, 503),
    )
    async def open_identity(alert_id: _AlertId, body: Opening, grant: Actor) -> Response:
        """Tell for five minutes who an alert is about; purpose, case and reason are recorded."""
        check_opening(body)
        found = await store.get(alert_id)
        if found is None:
            raise HTTPException(404, "no such alert")
        persons = await _persons(_decode_alert(found[1]), orders)
        now_ms = clock_ms()
        why = body.model_dump()

        def open_them(connection: Connection) -> dict[str, Any]:
            opened = vault.open(connection, persons)
            connection.execute(delete(vault_openings).where(vault_openings.c.expires_ms <= now_ms))
            row = {
                "id": secrets.token_hex(16),
                "alert_id": alert_id,
                "actor": grant.name,
                "persons": msgspec.json.encode(persons).decode(),
                "opened_ms": now_ms,
                "expires_ms": now_ms + OPEN_MS,
            }
            connection.execute(insert(vault_openings), row)
            told = entry(
                grant,
                "identity.open",
                f"alert:{alert_id}",
                persons=persons,
                found=len(opened),
                **why,
            )
            record(connection, told)
            return _opened(alert_id, persons, opened, grant, now_ms)

        answer = await database.write(open_them)
        IDENTITIES_OPENED.labels(body.purpose).inc()
        return private_answer(answer)

    @routes.get(
        "/alerts/{alert_id}/identity",
        response_class=Response,
        responses=answers(200, OPENED, 401, 403, 404, 422),
    )
    async def look_again(alert_id: _AlertId, grant: Actor) -> Response:
        """Tell it again to who has opened it, until the five minutes are over."""
        now_ms = clock_ms()
        table = vault_openings.c
        query = (
            select(vault_openings)
            .where(table.alert_id == alert_id, table.actor == grant.name, table.expires_ms > now_ms)
            .order_by(table.opened_ms.desc())
            .limit(1)
        )

        def look(connection: Connection) -> dict[str, Any] | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            persons = msgspec.json.decode(row.persons, type=list[str])
            record(connection, entry(grant, "identity.look", f"alert:{alert_id}", persons=persons))
            opened = vault.open(connection, persons)
            return _opened(alert_id, persons, opened, grant, row.opened_ms)

        answer = await database.write(look)
        if answer is None:
            raise HTTPException(403, "say why: purpose, case and reason, by POST")
        return private_answer(answer)

    return routes


def _pseudonym(key: PseudonymKey, body: Identity) -> str:
    if body.id_type is None or body.id_number is None:
        missing = "id_type" if body.id_type is None else "id_number"
        raise rejected("id_type and id_number go together", missing)
    try:
        return key.person(body.id_type, body.id_number)
    except IdentifierProblem as error:
        raise rejected(str(error), "id_number") from error


async def _persons(alert: Alert, orders: Orders) -> list[str]:
    """Return whom an alert is about: its subject, else whom its order is for."""
    if is_person_key(alert.subject.key):
        return [alert.subject.key]
    try:
        versions = (
            [] if alert.order is None else await orders.history("order", alert.order, _VERSIONS)
        )
    except Unavailable as error:
        raise HTTPException(503, str(error), {"Retry-After": "2"}) from error
    for version in versions:
        if not version.deleted:
            person = msgspec.json.decode(version.body, type=Order).subject.person
            return [] if person is None else [person]
    return []


def _opened(
    alert_id: str,
    persons: Sequence[str],
    opened: dict[str, dict[str, str]],
    grant: Grant,
    opened_ms: int,
) -> dict[str, Any]:
    at = format_ms(opened_ms)
    return {
        "alert": alert_id,
        "persons": [
            {"person": person, "label": label(person), **opened.get(person, {})}
            for person in persons
        ],
        "opened": at,
        "expires": format_ms(opened_ms + OPEN_MS),
        "watermark": f"{grant.name} · {at} · {alert_id}",
    }
