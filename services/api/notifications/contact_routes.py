"""Contacts over HTTP: whom messages reach, and over which channels."""

import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response
from sqlalchemy import Connection

from schemas.access import Grant
from schemas.problems import rejected
from schemas.times import format_ms
from services.api.guard import Leader
from services.api.json_answers import json_answer
from services.api.notifications import ledger
from services.api.notifications.answering import (
    CHANGE,
    OBJECT,
    PAGE,
    Limit,
    note,
)
from services.api.notifications.forms import ChannelBody, ContactBody, shown_contact
from services.api.notifications.gateway import Gateway, kind_of
from services.api.notifications.ledger import Attempt, Stored
from services.api.notifications.lines import Contact
from services.api.notifications.texts import trial_of
from services.api.openapi import answers, problems_of
from services.api.reach import may_lead, require_reach, within_reach
from services.api.revisions import IfMatch, etag, require_revision, revision_of
from services.api.sealing import Sealing, Unsealable
from services.api.store.database import Database

MOST_CONTACTS: Final = 5_000
_decode_channels = msgspec.json.Decoder(dict[str, str]).decode


def add_contacts(
    routes: APIRouter,
    database: Database,
    sealing: Sealing,
    gateway: Gateway,
    clock_ms: Callable[[], int],
) -> None:
    """Add the routes of contacts."""

    @routes.get("/contacts", response_class=Response, responses=answers(200, PAGE, 401, 403, 422))
    async def page(
        grant: Leader,
        cursor: Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$")] = None,
        limit: Limit = 100,
    ) -> Response:
        """Contacts by id; of their channels the labels and kinds."""
        found = await database.read(ledger.all_contacts)
        seen = sorted(
            one.id
            for one in found.values()
            if may_lead(grant, one.said.areas) and one.id > (cursor or "")
        )
        items = [shown_contact(found[key]) for key in seen[:limit]]
        return json_answer({"items": items, "next": seen[limit - 1] if len(seen) > limit else None})

    @routes.post(
        "/contacts",
        status_code=201,
        response_class=Response,
        responses=answers(201, OBJECT, 400, 401, 403, 409, 422),
    )
    async def create(body: ContactBody, grant: Leader) -> Response:
        """Add a contact. What its channels are is kept sealed and never shown again."""
        if body.channels is None:
            raise rejected("must be there", "channels")
        channels = await _checked(body.channels, gateway)
        now_ms, contact_id = clock_ms(), secrets.token_hex(8)
        areas = within_reach(grant, body.areas)
        one = _contact(body, contact_id, areas, channels, format_ms(now_ms), grant.name)
        sealed = sealing.seal(msgspec.json.encode(channels), f"contact {contact_id}")
        stored = Stored(contact_id, 1, one, sealed)

        def work(connection: Connection) -> None:
            if len(ledger.all_contacts(connection)) >= MOST_CONTACTS:
                raise HTTPException(409, f"there are {MOST_CONTACTS} contacts already")
            ledger.put_contact(connection, stored)
            note(connection, grant, now_ms, "contact.create", contact_id)

        await database.write(work)
        return json_answer(shown_contact(stored), 201, etag(1))

    @routes.get(
        "/contacts/{contact_id}",
        response_class=Response,
        responses=answers(200, OBJECT, 401, 403, 404),
    )
    async def get(contact_id: str, grant: Leader) -> Response:
        """One contact; its ETag is the revision for If-Match."""
        stored = await database.read(lambda c: _found_contact(c, contact_id, grant))
        return json_answer(shown_contact(stored), 200, etag(stored.revision))

    @routes.put(
        "/contacts/{contact_id}", response_class=Response, responses=answers(200, OBJECT, *CHANGE)
    )
    async def put(
        contact_id: str, body: ContactBody, grant: Leader, if_match: IfMatch = None
    ) -> Response:
        """Replace a contact; without `channels` those that it has stay."""
        seen = revision_of(if_match)
        channels = None if body.channels is None else await _checked(body.channels, gateway)
        areas = within_reach(grant, body.areas)

        def work(connection: Connection) -> Stored:
            old = _found_contact(connection, contact_id, grant)
            require_revision(old.revision, seen)
            said: Contact = old.said
            one = _contact(body, old.id, areas, channels or {}, said.created, said.author)
            sealed = old.channels
            if channels is None:
                one = msgspec.structs.replace(one, kinds=said.kinds)
            else:
                sealed = sealing.seal(msgspec.json.encode(channels), f"contact {old.id}")
            stored = Stored(old.id, old.revision + 1, one, sealed)
            ledger.put_contact(connection, stored)
            note(connection, grant, clock_ms(), "contact.change", old.id)
            return stored

        stored = await database.write(work)
        return json_answer(shown_contact(stored), 200, etag(stored.revision))

    @routes.delete(
        "/contacts/{contact_id}",
        status_code=204,
        responses=problems_of(400, 401, 403, 404, 409, 428),
    )
    async def delete(contact_id: str, grant: Leader, if_match: IfMatch = None) -> Response:
        """Remove a contact; chains that name it pass it over."""
        seen = revision_of(if_match)

        def work(connection: Connection) -> None:
            stored = _found_contact(connection, contact_id, grant)
            require_revision(stored.revision, seen)
            ledger.remove_contact(connection, stored.id)
            note(connection, grant, clock_ms(), "contact.delete", stored.id)

        await database.write(work)
        return Response(status_code=204)

    @routes.post(
        "/contacts/{contact_id}/test",
        response_class=Response,
        responses=answers(200, OBJECT, 401, 403, 404, 409),
    )
    async def test(contact_id: str, grant: Leader) -> Response:
        """Send a trial over every channel now, and say what came of each."""

        def work(connection: Connection) -> Stored:
            stored = _found_contact(connection, contact_id, grant)
            note(connection, grant, clock_ms(), "contact.test", stored.id)
            return stored

        stored = await database.write(work)
        try:
            opened = sealing.open(stored.channels, f"contact {stored.id}")
        except Unsealable as error:
            raise HTTPException(409, f"{error}: file its channels again") from error
        title, text = trial_of(stored.said.language)
        results = []
        for label, url in _decode_channels(opened).items():
            sent = await gateway.send(url, title, text)
            attempt = Attempt(
                at_ms=clock_ms(),
                contact=stored.id,
                channel=label,
                result="tried" if sent.taken else "failed",
                detail=sent.detail,
                alerts=0,
                message="",
            )
            await database.write(
                lambda c, one=attempt: ledger.note_attempt(c, one)  # type: ignore[misc]
            )
            results.append({"channel": label, "taken": sent.taken, "detail": sent.detail})
        return json_answer({"items": results})


async def _checked(channels: Sequence[ChannelBody], gateway: Gateway) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, one in enumerate(channels):
        wrong = await gateway.problem_of(one.url)
        if wrong is not None:
            raise rejected(wrong, f"channels.{place}.url")
        if one.label in found:
            raise rejected("is there twice", f"channels.{place}.label")
        found[one.label] = one.url
    return found


def _contact(
    body: ContactBody,
    contact_id: str,
    areas: list[str] | None,
    channels: dict[str, str],
    created: str,
    author: str,
) -> Contact:
    return Contact(
        id=contact_id,
        name=body.name,
        language=body.language,
        user=body.user,
        member=body.member,
        areas=areas,
        per_hour=body.per_hour,
        kinds={label: kind_of(url) for label, url in channels.items()},
        created=created,
        author=author,
    )


def _found_contact(connection: Connection, contact_id: str, grant: Grant) -> Stored:
    stored = ledger.contact(connection, contact_id)
    if stored is None:
        raise HTTPException(404, "no such contact")
    require_reach(grant, stored.said.areas)
    return stored
