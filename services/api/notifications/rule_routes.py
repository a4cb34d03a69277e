"""Rules over HTTP: which alerts are told to whom."""

import secrets
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, HTTPException, Response
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
    note,
)
from services.api.notifications.forms import RuleBody, shown_rule
from services.api.notifications.ledger import Stored
from services.api.notifications.lines import Rule
from services.api.openapi import answers, problems_of
from services.api.reach import may_lead, require_reach, within_reach
from services.api.revisions import IfMatch, etag, require_revision, revision_of
from services.api.store.database import Database

MOST_RULES: Final = 200


def add_rules(routes: APIRouter, database: Database, clock_ms: Callable[[], int]) -> None:
    """Add the routes of rules."""

    @routes.get(
        "/notification-rules", response_class=Response, responses=answers(200, PAGE, 401, 403)
    )
    async def page(grant: Leader) -> Response:
        """Every rule, by name."""
        found = await database.read(ledger.all_rules)
        seen = [one for one in found.values() if may_lead(grant, one.said.areas)]
        seen.sort(key=lambda one: (one.said.name, one.id))
        return json_answer({"items": [shown_rule(one) for one in seen], "next": None})

    @routes.post(
        "/notification-rules",
        status_code=201,
        response_class=Response,
        responses=answers(201, OBJECT, 400, 401, 403, 409, 422),
    )
    async def create(body: RuleBody, grant: Leader) -> Response:
        """Add a rule; it holds for what happens from now on."""
        now_ms, rule_id = clock_ms(), secrets.token_hex(8)
        rule = body.rule(within_reach(grant, body.areas), format_ms(now_ms), grant.name)
        stored = Stored(rule_id, 1, rule)

        def work(connection: Connection) -> None:
            if len(ledger.all_rules(connection)) >= MOST_RULES:
                raise HTTPException(409, f"there are {MOST_RULES} rules already")
            _check_chain(connection, rule, grant)
            ledger.put_rule(connection, stored)
            note(connection, grant, now_ms, "notification-rule.create", rule_id)

        await database.write(work)
        return json_answer(shown_rule(stored), 201, etag(1))

    @routes.get(
        "/notification-rules/{rule_id}",
        response_class=Response,
        responses=answers(200, OBJECT, 401, 403, 404),
    )
    async def get(rule_id: str, grant: Leader) -> Response:
        """One rule; its ETag is the revision for If-Match."""
        stored = await database.read(lambda c: _found_rule(c, rule_id, grant))
        return json_answer(shown_rule(stored), 200, etag(stored.revision))

    @routes.put(
        "/notification-rules/{rule_id}",
        response_class=Response,
        responses=answers(200, OBJECT, *CHANGE),
    )
    async def put(
        rule_id: str, body: RuleBody, grant: Leader, if_match: IfMatch = None
    ) -> Response:
        """Replace a rule; what waits under it goes on in its new chain."""
        seen = revision_of(if_match)
        areas = within_reach(grant, body.areas)

        def work(connection: Connection) -> Stored:
            old = _found_rule(connection, rule_id, grant)
            require_revision(old.revision, seen)
            said: Rule = old.said
            rule = body.rule(areas, said.created, said.author)
            _check_chain(connection, rule, grant)
            stored = Stored(old.id, old.revision + 1, rule)
            ledger.put_rule(connection, stored)
            note(connection, grant, clock_ms(), "notification-rule.change", old.id)
            return stored

        stored = await database.write(work)
        return json_answer(shown_rule(stored), 200, etag(stored.revision))

    @routes.delete(
        "/notification-rules/{rule_id}",
        status_code=204,
        responses=problems_of(400, 401, 403, 404, 409, 428),
    )
    async def delete(rule_id: str, grant: Leader, if_match: IfMatch = None) -> Response:
        """Remove a rule; nobody more is told under it."""
        seen = revision_of(if_match)

        def work(connection: Connection) -> None:
            stored = _found_rule(connection, rule_id, grant)
            require_revision(stored.revision, seen)
            ledger.remove_rule(connection, stored.id)
            note(connection, grant, clock_ms(), "notification-rule.delete", stored.id)

        await database.write(work)
        return Response(status_code=204)


def _check_chain(connection: Connection, rule: Rule, grant: Grant) -> None:
    people = ledger.all_contacts(connection)
    for place, link in enumerate(rule.chain):
        if link.contact is None:
            continue
        one = people.get(link.contact)
        if one is None or not may_lead(grant, one.said.areas):
            raise rejected("names no contact of yours", f"chain.{place}.contact")


def _found_rule(connection: Connection, rule_id: str, grant: Grant) -> Stored:
    stored = ledger.all_rules(connection).get(rule_id)
    if stored is None:
        raise HTTPException(404, "no such rule")
    require_reach(grant, stored.said.areas)
    return stored
