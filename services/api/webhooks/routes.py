"""Webhooks over HTTP: who leads makes them, changes them, tries them, and rotates their secrets."""

import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response
from sqlalchemy import Connection

from schemas.access import Grant
from schemas.problems import rejected
from schemas.times import DAY_MS, format_ms
from services.api.audit.chain import Entry, record
from services.api.guard import Leader
from services.api.json_answers import json_answer
from services.api.openapi import answers, problems_of
from services.api.paging import Cursor
from services.api.reach import may_lead, require_reach, within_reach
from services.api.revisions import IfMatch, etag, require_revision, revision_of
from services.api.sealing import Sealing, Unsealable
from services.api.store.database import Database
from services.api.store.transactions import counter
from services.api.webhooks import endpoints
from services.api.webhooks.addresses import Network, problem_of
from services.api.webhooks.delivery import Delivery
from services.api.webhooks.endpoints import Endpoint, Target
from services.api.webhooks.forms import (
    ReplayBody,
    WebhookBody,
    WebhookChange,
    checked_state,
    shown,
    shown_letter,
)
from services.api.webhooks.sender import Sender
from services.api.webhooks.signing import headers_of, new_secret

MOST: Final = 100
# So long a receiver has to take up the new secret.
ROTATION_MS: Final = DAY_MS
_OBJECT: Final[dict[str, Any]] = {"type": "object"}
_PAGE: Final[dict[str, Any]] = {"type": "object", "required": ["items", "next"]}


def router(
    database: Database,
    sealing: Sealing,
    sender: Sender,
    delivery: Delivery,
    allowed: Sequence[Network],
    clock_ms: Callable[[], int],
) -> APIRouter:
    """Return the routes of webhooks."""
    routes = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    def check_url(url: str) -> None:
        wrong = problem_of(url, allowed)
        if wrong is not None:
            raise rejected(wrong, "url")

    @routes.get("", response_class=Response, responses=answers(200, _PAGE, 401, 403))
    async def page(grant: Leader) -> Response:
        """Every webhook, the oldest first, with what came of its last delivery."""

        def read(connection: Connection) -> list[dict[str, Any]]:
            every = endpoints.all_endpoints(connection)
            found = [one for one in every if may_lead(grant, one.target.areas)]
            return [shown(one, endpoints.count_letters(connection, one.id)) for one in found]

        return json_answer({"items": await database.read(read), "next": None})

    @routes.post(
        "",
        status_code=201,
        response_class=Response,
        responses=answers(201, _OBJECT, 400, 401, 403, 409, 422),
    )
    async def create(body: WebhookBody, grant: Leader) -> Response:
        """Make a webhook. The answer alone shows its secret. It hears of what happens from now."""
        check_url(body.url)
        now_ms, secret, webhook_id = clock_ms(), new_secret(), secrets.token_hex(8)
        target = Target(
            name=body.name,
            url=body.url,
            filters=body.filters.chosen(),
            areas=within_reach(grant, body.areas),
            created=format_ms(now_ms),
            author=grant.name,
        )

        def work(connection: Connection) -> Endpoint:
            if len(endpoints.all_endpoints(connection)) >= MOST:
                raise HTTPException(409, f"there are {MOST} webhooks already")
            one = Endpoint(
                id=webhook_id,
                revision=1,
                target=target,
                secret=sealing.seal(secret.encode(), f"webhook {webhook_id}"),
                former=None,
                former_until_ms=0,
                state="active",
                after_n=counter(connection, "feed"),
                delivered=0,
                failures=0,
                failing_ms=None,
                next_ms=0,
                last_ms=None,
                last_result=None,
            )
            endpoints.add(connection, one)
            _note(connection, grant, now_ms, "webhook.create", one.id, {"name": body.name})
            return one

        one = await database.write(work)
        return json_answer({**shown(one, 0), "secret": secret}, 201, etag(1))

    @routes.get(
        "/{webhook_id}", response_class=Response, responses=answers(200, _OBJECT, 401, 403, 404)
    )
    async def get(webhook_id: str, grant: Leader) -> Response:
        """One webhook; its ETag is the revision for If-Match."""
        return await database.read(lambda c: _answer(c, webhook_id, grant))

    @routes.patch(
        "/{webhook_id}",
        response_class=Response,
        responses=answers(200, _OBJECT, 400, 401, 403, 404, 409, 422, 428),
    )
    async def change(
        webhook_id: str, body: WebhookChange, grant: Leader, if_match: IfMatch = None
    ) -> Response:
        """Change a webhook; what is absent stays. To make it active again forgets its failures."""
        seen, given = revision_of(if_match), body.model_fields_set
        if body.url is not None:
            check_url(body.url)
        state = checked_state(body.state)

        def work(connection: Connection) -> Response:
            one = _found(connection, webhook_id, grant)
            require_revision(one.revision, seen)
            said: dict[str, Any] = {
                name: value
                for name, value in (("name", body.name), ("url", body.url))
                if value is not None
            }
            if body.filters is not None:
                said["filters"] = body.filters.chosen()
            if "areas" in given:
                said["areas"] = within_reach(grant, body.areas)
            values: dict[str, Any] = {
                "target": msgspec.structs.replace(one.target, **said),
                "revision": one.revision + 1,
            }
            if state is not None:
                values |= {"state": state, "failures": 0, "failing_ms": None, "next_ms": 0}
            endpoints.change(connection, one.id, **values)
            _note(
                connection, grant, clock_ms(), "webhook.change", one.id, {"fields": sorted(given)}
            )
            return _answer(connection, one.id, grant)

        return await database.write(work)

    @routes.delete(
        "/{webhook_id}", status_code=204, responses=problems_of(400, 401, 403, 404, 409, 428)
    )
    async def delete(webhook_id: str, grant: Leader, if_match: IfMatch = None) -> Response:
        """Remove a webhook and its dead letters."""
        seen = revision_of(if_match)

        def work(connection: Connection) -> None:
            one = _found(connection, webhook_id, grant)
            require_revision(one.revision, seen)
            endpoints.remove(connection, one.id)
            _note(connection, grant, clock_ms(), "webhook.delete", one.id)

        await database.write(work)
        return Response(status_code=204)

    @routes.post(
        "/{webhook_id}/rotate",
        response_class=Response,
        responses=answers(200, _OBJECT, 400, 401, 403, 404, 409, 428),
    )
    async def rotate(webhook_id: str, grant: Leader, if_match: IfMatch = None) -> Response:
        """Make a new secret, shown once; for 24 hours the former one signs too."""
        seen, secret, now_ms = revision_of(if_match), new_secret(), clock_ms()

        def work(connection: Connection) -> Endpoint:
            one = _found(connection, webhook_id, grant)
            require_revision(one.revision, seen)
            values = {
                "secret": sealing.seal(secret.encode(), f"webhook {one.id}"),
                "former": one.secret,
                "former_until_ms": now_ms + ROTATION_MS,
                "revision": one.revision + 1,
            }
            endpoints.change(connection, one.id, **values)
            _note(connection, grant, now_ms, "webhook.rotate", one.id)
            return _found(connection, one.id, grant)

        one = await database.write(work)
        letters = await database.read(lambda c: endpoints.count_letters(c, one.id))
        return json_answer({**shown(one, letters), "secret": secret}, 200, etag(one.revision))

    @routes.post(
        "/{webhook_id}/test",
        response_class=Response,
        responses=answers(200, _OBJECT, 401, 403, 404, 409),
    )
    async def test(webhook_id: str, grant: Leader) -> Response:
        """Send `cordon.webhook.test.v1` now, and say what came of it."""
        now_ms = clock_ms()

        def work(connection: Connection) -> Endpoint:
            one = _found(connection, webhook_id, grant)
            _note(connection, grant, now_ms, "webhook.test", one.id)
            return one

        one = await database.write(work)
        message_id = f"test/{one.id}/{secrets.token_hex(8)}"
        at = format_ms(now_ms)
        body = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": message_id,
                "source": "cordon/api",
                "type": "cordon.webhook.test.v1",
                "time": at,
                "recordedtime": at,
                "data": {"webhook": one.id, "name": one.target.name},
            }
        )
        try:
            signers = delivery.signers(one, now_ms)
        except Unsealable as error:
            raise HTTPException(409, f"{error}: rotate it") from error
        headers = headers_of(message_id, body, now_ms, signers)
        attempt = await sender.post(one.target.url, body, headers)
        return json_answer(
            {
                "status": attempt.status,
                "error": attempt.error,
                "duration_ms": attempt.duration_ms,
                "taken": attempt.status is not None and 200 <= attempt.status < 300,
            }
        )

    @routes.get(
        "/{webhook_id}/dead-letters",
        response_class=Response,
        responses=answers(200, _PAGE, 401, 403, 404, 422),
    )
    async def dead_letters(
        webhook_id: str,
        grant: Leader,
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Response:
        """What the receiver did not take, the oldest first."""

        def read(connection: Connection) -> dict[str, Any]:
            _found(connection, webhook_id, grant)
            after = 0 if cursor is None else int(cursor)
            found = endpoints.letters(connection, webhook_id, after, limit + 1)
            following = str(found[limit - 1].n) if len(found) > limit else None
            return {"items": [shown_letter(one) for one in found[:limit]], "next": following}

        return json_answer(await database.read(read))

    @routes.post(
        "/{webhook_id}/dead-letters:replay",
        response_class=Response,
        responses=answers(200, _OBJECT, 400, 401, 403, 404, 422),
    )
    async def replay(webhook_id: str, grant: Leader, body: ReplayBody | None = None) -> Response:
        """Have dead letters tried once more, after what is due; what is not taken stays."""
        chosen = None if body is None else body.letters

        def work(connection: Connection) -> int:
            one = _found(connection, webhook_id, grant)
            count = endpoints.ask_again(connection, one.id, chosen)
            _note(connection, grant, clock_ms(), "webhook.replay", one.id, {"letters": count})
            return count

        return json_answer({"letters": await database.write(work)})

    return routes


def _found(connection: Connection, webhook_id: str, grant: Grant) -> Endpoint:
    one = endpoints.endpoint(connection, webhook_id)
    if one is None:
        raise HTTPException(404, "no such webhook")
    require_reach(grant, one.target.areas)
    return one


def _answer(connection: Connection, webhook_id: str, grant: Grant) -> Response:
    one = _found(connection, webhook_id, grant)
    letters = endpoints.count_letters(connection, webhook_id)
    return json_answer(shown(one, letters), 200, etag(one.revision))


def _note(
    connection: Connection,
    grant: Grant,
    at_ms: int,
    action: str,
    about: str,
    detail: dict[str, Any] | None = None,
) -> None:
    record(connection, Entry.by(grant, at_ms, action, about, detail or {}))
