"""Who read of whom: one entry when a person is opened, and one for each kind of list.

A console asks for its list every second; that is one deed, so what the same caller repeats within
some minutes is recorded once. Nothing is sent before its entry is committed.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.access import Grant
from schemas.times import MINUTE_MS
from services.api.audit.chain import Entry, record
from services.api.metrics import AUDIT_FAILURES, READS_RECORDED
from services.api.people.personal import PERSONAL
from services.api.problems import refusal
from services.api.store.database import Database

REPEAT_MS: Final = 10 * MINUTE_MS
_REMEMBERED: Final = 20_000
_log = structlog.get_logger(__name__)


class Read(Struct, frozen=True):
    """What is recorded of a route: the action, and what it is about, made of the path's parts."""

    action: str
    about: str = ""


# Every route that tells of persons, by its path. Of the registers, those count that tell
# of persons.
READS: Final[dict[str, Read]] = {
    "/v1/alerts": Read("alert.list"),
    "/v1/alerts.csv": Read("alert.export"),
    "/v1/alerts/stream": Read("alert.follow"),
    "/v1/alerts/stream.jsonl": Read("alert.follow"),
    "/v1/alerts/ws": Read("alert.follow"),
    "/api/v2/alerts": Read("alert.list"),
    "/api/v2/alerts/groups": Read("alert.list"),
    "/v1/incidents": Read("incident.list"),
    "/v1/tasks": Read("task.list"),
    "/v1/self-registrations": Read("registration.list"),
    "/v1/batches/{batch}/rows": Read("batch.list", "batch:{batch}"),
    "/v1/batches/{batch}/remainder.csv": Read("batch.export", "batch:{batch}"),
    "/v1/imports/{import_id}/rows": Read("import.list", "import:{import_id}"),
    "/v1/facilities/{facility}/beds": Read("facility.list", "facility:{facility}"),
    "/v1/alerts/{alert_id}": Read("person.read", "alert:{alert_id}"),
    "/v1/alerts/{alert_id}/history": Read("person.read", "alert:{alert_id}"),
    "/v1/alerts/{alert_id}/notes": Read("person.read", "alert:{alert_id}"),
    "/v1/alerts/{alert_id}/trail": Read("trail.read", "alert:{alert_id}"),
    "/v1/orders/{order_id}/clock": Read("person.read", "order/{order_id}"),
    "/v1/tasks/{task_id}": Read("person.read", "task:{task_id}"),
    "/v1/tasks/{task_id}/history": Read("person.read", "task:{task_id}"),
    "/v1/self-registrations/{id_}": Read("person.read", "registration:{id_}"),
    "/v1/incidents/{incident_id}": Read("person.read", "incident:{incident_id}"),
    "/v1/registers/{name}": Read("register.list", "{name}"),
    "/v1/registers/{name}/{entry_id}": Read("person.read", "{name}/{entry_id}"),
    "/v1/registers/{name}/{entry_id}/history": Read("person.read", "{name}/{entry_id}"),
    "/v1/tasks/changes": Read("task.list"),
    "/v1/audit": Read("audit.read"),
}
# Filters whose values are names of the system; what is searched for may be anybody's number.
_TOLD: Final = frozenset(
    {"rule", "severity", "state", "grid", "site", "order", "as_of", "since", "until", "action"}
)
_LONG_NUMBER: Final = re.compile(r"[0-9]{7,}[0-9Xx]*")


class ReadLog:
    """Middleware: records what a route of READS is about to answer, before it does."""

    def __init__(self, app: ASGIApp, database: Database, clock_ms: Callable[[], int]) -> None:
        self._app = app
        self._database = database
        self._clock_ms = clock_ms
        self._recent: dict[tuple[str, ...], int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = False

        async def recorded(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            if _gives(message):
                try:
                    await self._record(scope)
                except SQLAlchemyError as error:
                    AUDIT_FAILURES.inc()
                    _log.error("read_not_recorded", path=scope["path"], error=repr(error))
                    refused = True
                    answer = refusal(503, "the audit log cannot be written", {"Retry-After": "2"})
                    await answer(scope, receive, send)
                    return
            await send(message)

        await self._app(scope, receive, recorded)

    async def _record(self, scope: Scope) -> None:
        read = READS.get(getattr(scope.get("route"), "path", ""))
        grant: Grant | None = scope.get("state", {}).get("grant")
        if read is None or grant is None or scope.get("method") not in ("GET", None):
            return
        parts: Mapping[str, Any] = scope.get("path_params", {})
        if parts.get("name", "order") not in PERSONAL:
            return
        about = read.about.format(**parts)
        asked = QueryParams(scope["query_string"])
        filters = {key: shown(key, asked.getlist(key)) for key in sorted(asked) if key != "cursor"}
        now_ms = self._clock_ms()
        if self._repeats((grant.name, grant.role, read.action, about, repr(filters)), now_ms):
            return
        entry = Entry.by(grant, now_ms, read.action, about, filters)
        await self._database.write(lambda connection: record(connection, entry))
        READS_RECORDED.labels(read.action).inc()

    def _repeats(self, deed: tuple[str, ...], now_ms: int) -> bool:
        before = self._recent.pop(deed, None)
        if before is not None and 0 <= now_ms - before < REPEAT_MS:
            self._recent[deed] = before
            return True
        self._recent[deed] = now_ms
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]
        return False


def shown(key: str, values: list[str]) -> str:
    """Return what the log tells of a filter: never what may be an identifier."""
    if key not in _TOLD:
        return "given"
    return _LONG_NUMBER.sub("…", ",".join(values))[:200]


def _gives(message: Message) -> bool:
    if message["type"] == "websocket.accept":
        return True
    return bool(message["type"] == "http.response.start" and message["status"] == 200)
