"""Notifications over HTTP, for those who lead: contacts, rules, and what came of them."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from services.api.guard import Leader
from services.api.json_answers import json_answer
from services.api.notifications import ledger
from services.api.notifications.answering import PAGE, Limit
from services.api.notifications.contact_routes import add_contacts
from services.api.notifications.forms import shown_attempt, shown_notice
from services.api.notifications.gateway import Gateway
from services.api.notifications.rule_routes import add_rules
from services.api.openapi import answers
from services.api.paging import Cursor, place_of
from services.api.reach import may_lead
from services.api.sealing import Sealing
from services.api.store.database import Database


def router(
    database: Database, sealing: Sealing, gateway: Gateway, clock_ms: Callable[[], int]
) -> APIRouter:
    """Return the routes of notifications."""
    routes = APIRouter(prefix="/v1", tags=["notifications"])
    add_contacts(routes, database, sealing, gateway, clock_ms)
    add_rules(routes, database, clock_ms)
    _records(routes, database)
    return routes


def _records(routes: APIRouter, database: Database) -> None:
    @routes.get("/notices", response_class=Response, responses=answers(200, PAGE, 401, 403, 422))
    async def notices(
        grant: Leader,
        state: Literal["waiting", "answered", "over", "unanswered"] | None = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """Which alert waits, or waited, for whom, the newest first."""
        before = place_of(cursor)

        def read(connection: Connection) -> dict[str, Any]:
            rules = ledger.all_rules(connection)
            mine = {key for key, one in rules.items() if may_lead(grant, one.said.areas)}
            found = ledger.page_of_notices(connection, state, before, limit + 1)
            following = str(found[limit - 1].n) if len(found) > limit else None
            seen = [one for one in found[:limit] if grant.areas is None or one.rule in mine]
            return {"items": [shown_notice(one) for one in seen], "next": following}

        return json_answer(await database.read(read))

    @routes.get(
        "/notification-attempts",
        response_class=Response,
        responses=answers(200, PAGE, 401, 403, 422),
    )
    async def attempts(
        grant: Leader,
        contact: Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$")] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """Every attempt to hand a message to a gateway, the newest first, with its receipt."""
        before = place_of(cursor)

        def read(connection: Connection) -> dict[str, Any]:
            people = ledger.all_contacts(connection)
            mine = {key for key, one in people.items() if may_lead(grant, one.said.areas)}
            found = ledger.page_of_attempts(connection, contact, before, limit + 1)
            following = str(found[limit - 1][0].n) if len(found) > limit else None
            seen = [one for one in found[:limit] if grant.areas is None or one[0].contact in mine]
            return {"items": [shown_attempt(*one) for one in seen], "next": following}

        return json_answer(await database.read(read))
