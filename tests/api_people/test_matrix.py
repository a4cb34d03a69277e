"""Who may call what: every route of the running API, by every role and by nobody."""

import asyncio
import re
from pathlib import Path
from typing import Final

import httpx

from schemas.access import ROLES
from services.api.guard import ACTORS, CHECKERS, LEADERS, READERS
from tests.api_people.running import running_api

ADMIN: Final = ("admin",)
REPLAY: Final = ("replay",)
WRITERS: Final = (*ACTORS, "replay")
SHIFT: Final = (*ACTORS, "auditor")
# Those that anybody may call: they tell nothing, or have their own way to know whom they serve.
EVERYBODY: Final = (*ROLES, None)

# A route that is not here fails the test: whoever adds one decides who may call it.
MATRIX: Final[dict[str, tuple[str | None, ...]]] = {
    "GET /api/v2/alerts": READERS,
    "GET /api/v2/alerts/groups": READERS,
    "GET /api/v2/receivers": READERS,
    "GET /api/v2/silence/{silence_id}": READERS,
    "GET /api/v2/silences": READERS,
    "GET /api/v2/status": READERS,
    "GET /healthz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /v1/alerts": READERS,
    "GET /v1/alerts.csv": READERS,
    "GET /v1/alerts/stream": READERS,
    "GET /v1/alerts/stream.jsonl": READERS,
    "GET /v1/alerts/{alert_id}": READERS,
    "POST /v1/alerts/{alert_id}/ack": ACTORS,
    "POST /v1/alerts/{alert_id}/assign": ACTORS,
    "POST /v1/alerts/{alert_id}/dispatch": ACTORS,
    "GET /v1/alerts/{alert_id}/considered": READERS,
    "GET /v1/alerts/{alert_id}/history": READERS,
    "GET /v1/console": EVERYBODY,
    "GET /v1/waiting": READERS,
    "GET /v1/alerts/{alert_id}/identity": ACTORS,
    "POST /v1/alerts/{alert_id}/identity": ACTORS,
    "POST /v1/alerts/{alert_id}/note": ACTORS,
    "GET /v1/alerts/{alert_id}/notes": READERS,
    "POST /v1/alerts/{alert_id}/resolve": ACTORS,
    "GET /v1/alerts/{alert_id}/route": READERS,
    "GET /v1/alerts/{alert_id}/trail": SHIFT,
    "POST /v1/alerts/{alert_id}/undo": ACTORS,
    "POST /v1/alerts:act": ACTORS,
    "GET /v1/answers/{token}": EVERYBODY,
    "POST /v1/answers/{token}": EVERYBODY,
    "GET /v1/audit": CHECKERS,
    "GET /v1/audit:verify": CHECKERS,
    "GET /v1/batches": READERS,
    "POST /v1/batches": ACTORS,
    "GET /v1/batches/{batch}": READERS,
    "POST /v1/batches/{batch}/assign": ACTORS,
    "POST /v1/batches/{batch}/match": ACTORS,
    "GET /v1/batches/{batch}/remainder.csv": READERS,
    "GET /v1/batches/{batch}/rows": READERS,
    "POST /v1/batches/{batch}/rows": ACTORS,
    "POST /v1/batches/{batch}/rows/{row}/result": ACTORS,
    "GET /v1/batches:summary": READERS,
    "GET /v1/campaigns": READERS,
    "POST /v1/campaigns": LEADERS,
    "GET /v1/campaigns/kinds": READERS,
    "GET /v1/campaigns/{campaign_id}": READERS,
    "POST /v1/campaigns/{campaign_id}/arrivals": ACTORS,
    "POST /v1/campaigns/{campaign_id}/close": LEADERS,
    "POST /v1/campaigns/{campaign_id}/items": ACTORS,
    "POST /v1/campaigns/{campaign_id}/plan": ACTORS,
    "GET /v1/contacts": LEADERS,
    "POST /v1/contacts": LEADERS,
    "DELETE /v1/contacts/{contact_id}": LEADERS,
    "GET /v1/contacts/{contact_id}": LEADERS,
    "PUT /v1/contacts/{contact_id}": LEADERS,
    "POST /v1/contacts/{contact_id}/test": LEADERS,
    "GET /v1/devices": ADMIN,
    "POST /v1/devices": ADMIN,
    "DELETE /v1/devices/{device_id}": ADMIN,
    "GET /v1/facilities/{facility}/beds": READERS,
    "DELETE /v1/facilities/{facility}/beds/{bed}": ACTORS,
    "POST /v1/field-reports": ACTORS,
    "GET /v1/gates": READERS,
    "POST /v1/gates/preview": ACTORS,
    "GET /v1/gates/pulses": READERS,
    "GET /v1/handover": SHIFT,
    "GET /v1/handover.html": SHIFT,
    "GET /v1/handover.pdf": SHIFT,
    "GET /v1/imports": READERS,
    "GET /v1/imports/{import_id}": READERS,
    "GET /v1/imports/{import_id}/rows": READERS,
    "GET /v1/incidents": READERS,
    "GET /v1/inhibitions": READERS,
    "POST /v1/inhibitions": LEADERS,
    "POST /v1/inhibitions:preview": LEADERS,
    "DELETE /v1/inhibitions/{inhibition_id}": LEADERS,
    "GET /v1/inhibitions/{inhibition_id}": READERS,
    "GET /v1/incidents/{incident_id}": READERS,
    "GET /v1/notices": LEADERS,
    "GET /v1/notification-attempts": LEADERS,
    "GET /v1/notification-rules": LEADERS,
    "POST /v1/notification-rules": LEADERS,
    "DELETE /v1/notification-rules/{rule_id}": LEADERS,
    "GET /v1/notification-rules/{rule_id}": LEADERS,
    "PUT /v1/notification-rules/{rule_id}": LEADERS,
    "GET /v1/orders/{order_id}/clock": READERS,
    "POST /v1/orders/{order_id}/extend": ACTORS,
    "POST /v1/orders/{order_id}/re-expose": ACTORS,
    "POST /v1/orders/{order_id}/release": LEADERS,
    "POST /v1/orders/{order_id}/transfer": ACTORS,
    "POST /v1/passes": ACTORS,
    "GET /v1/passes/{pass_id}/paper": ACTORS,
    "POST /v1/passes/{pass_id}/revoke": ACTORS,
    "GET /v1/passes/{pass_id}/verify": ROLES,
    "POST /v1/passes:print": ACTORS,
    "GET /v1/map": READERS,
    "GET /v1/map/tiles.pmtiles": READERS,
    "GET /v1/pictures": READERS,
    "POST /v1/posts": LEADERS,
    "GET /v1/register-forms": READERS,
    "GET /v1/registers/{name}": READERS,
    "DELETE /v1/registers/{name}/{entry_id}": WRITERS,
    "GET /v1/registers/{name}/{entry_id}": READERS,
    "PUT /v1/registers/{name}/{entry_id}": WRITERS,
    "GET /v1/registers/{name}/{entry_id}/history": READERS,
    "POST /v1/registers/{name}:import": WRITERS,
    "POST /v1/registers:replay": REPLAY,
    "GET /v1/self-registrations": READERS,
    "POST /v1/self-registrations": EVERYBODY,
    "POST /v1/self-registrations/codes": LEADERS,
    "GET /v1/self-registrations/{id_}": READERS,
    "POST /v1/self-registrations/{id_}/confirm": ACTORS,
    "POST /v1/self-registrations/{id_}/refuse": ACTORS,
    "DELETE /v1/session": READERS,
    "GET /v1/session": READERS,
    "POST /v1/session": (*READERS, None),
    "POST /v1/session/links": ADMIN,
    "PUT /v1/session/password": READERS,
    "GET /v1/silences": READERS,
    "POST /v1/silences": ACTORS,
    "DELETE /v1/silences/{silence_id}": ACTORS,
    "GET /v1/silences/{silence_id}": READERS,
    "POST /v1/silences:preview": ACTORS,
    "GET /v1/suppressions": READERS,
    "GET /v1/task-kinds": READERS,
    "GET /v1/tasks": READERS,
    "POST /v1/tasks": ACTORS,
    "GET /v1/tasks/changes": READERS,
    "GET /v1/tasks/counts": READERS,
    "GET /v1/tasks/{task_id}": READERS,
    "GET /v1/tasks/{task_id}/history": READERS,
    "POST /v1/tasks/{task_id}/{deed}": ACTORS,
    "GET /v1/users": ADMIN,
    "POST /v1/users": ADMIN,
    "DELETE /v1/users/{name}": ADMIN,
    "GET /v1/users/{name}": ADMIN,
    "PATCH /v1/users/{name}": ADMIN,
    "POST /v1/vault": ACTORS,
    "DELETE /v1/vault/{person}": LEADERS,
    "PUT /v1/vault/{person}": ACTORS,
    "GET /v1/webhooks": LEADERS,
    "POST /v1/webhooks": LEADERS,
    "DELETE /v1/webhooks/{webhook_id}": LEADERS,
    "GET /v1/webhooks/{webhook_id}": LEADERS,
    "PATCH /v1/webhooks/{webhook_id}": LEADERS,
    "GET /v1/webhooks/{webhook_id}/dead-letters": LEADERS,
    "POST /v1/webhooks/{webhook_id}/dead-letters:replay": LEADERS,
    "POST /v1/webhooks/{webhook_id}/rotate": LEADERS,
    "POST /v1/webhooks/{webhook_id}/test": LEADERS,
}

# Registers that give power are not everybody's to file.
POWERS: Final[dict[str, tuple[str, ...]]] = {
    "device": ("admin", "replay"),
    "policy": ("admin", "replay"),
    "roster": (*LEADERS, "replay"),
    "responsibility": (*LEADERS, "replay"),
    "site": WRITERS,
    "order": WRITERS,
}

# Where somebody who may call is told 403 for another reason than the role.
TOLD_403: Final = {
    # Nobody has said yet why they must know who it is.
    "GET /v1/alerts/{alert_id}/identity",
    # This system has the wall's clock.
    "POST /v1/registers:replay",
    # A form is for who stands before its code.
    "GET /register",
    "POST /v1/self-registrations",
}
# They are not in the OpenAPI document: parts of the page, and ways that browsers are led.
HIDDEN: Final[dict[str, tuple[str | None, ...]]] = {
    "GET /": EVERYBODY,
    "GET /assets/{name}": EVERYBODY,
    "GET /board": EVERYBODY,
    "GET /register": EVERYBODY,
    "GET /signin": EVERYBODY,
    "GET /v1/session/oidc/start": EVERYBODY,
    "GET /v1/session/oidc/callback": EVERYBODY,
    "GET /v1/openapi.json": EVERYBODY,
    "HEAD /healthz": EVERYBODY,
    "HEAD /readyz": EVERYBODY,
}


async def test_every_route_lets_in_whom_it_should(kafka: str, tmp_path: Path) -> None:
    async with running_api(kafka, tmp_path) as client:
        document = (await client.get("/v1/openapi.json")).json()
        routes = {
            f"{method.upper()} {path}"
            for path, item in document["paths"].items()
            for method in item
        }
        assert routes ^ set(MATRIX) == set()
        room = asyncio.Semaphore(8)

        async def wrong(route: str, roles: tuple[str | None, ...]) -> list[str]:
            method, path = route.split(" ", 1)
            found = []
            for role in (*ROLES, None):
                async with room:
                    status = await asked(client, method, path, role)
                if role in roles:
                    good = status not in (401, 403) or (status == 403 and route in TOLD_403)
                else:
                    good = status == (401 if role is None else 403)
                if not good:
                    found.append(f"{route} by {role}: {status}")
            return found

        every = {**MATRIX, **HIDDEN}.items()
        answers = await asyncio.gather(*(wrong(route, roles) for route, roles in every))
        assert "\n".join(one for each in answers for one in each) == ""
        for name, roles in POWERS.items():
            for method, path in (
                ("PUT", f"/v1/registers/{name}/x"),
                ("DELETE", f"/v1/registers/{name}/x"),
                ("POST", f"/v1/registers/{name}:import"),
            ):
                let_in = [r for r in ROLES if await asked(client, method, path, r) != 403]
                assert set(let_in) == set(roles), (method, path)


async def asked(client: httpx.AsyncClient, method: str, path: str, role: str | None) -> int:
    """Return the status of a call with a body that no route can use; streams are left at once."""
    address = re.sub(r"\{name\}", "order", path)
    address = re.sub(r"\{[^}]+\}", "x", address)
    headers = {} if role is None else {"Authorization": f"Bearer {role}"}
    if method in ("POST", "PUT", "PATCH"):
        headers["Content-Type"] = "application/json"
    async with (
        asyncio.timeout(30),
        client.stream(
            method,
            address,
            headers=headers,
            content=b"{}" if "Content-Type" in headers else None,
            follow_redirects=False,
        ) as answer,
    ):
        return answer.status_code
