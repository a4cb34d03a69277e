"""The alerts that live, in the shape of Alertmanager's API v2 and read-only: what shows
Alertmanager's alerts (Grafana, karma) shows Cordon's without knowing of it."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query
from msgspec import Struct
from sqlalchemy import Connection, select
from starlette.responses import Response

from schemas.alerts import Alert
from schemas.problems import rejected
from schemas.times import MINUTE_MS, format_ms
from services.api.filters import Filters
from services.api.guard import READERS, require
from services.api.json_answers import json_answer
from services.api.openapi import answers, inline
from services.api.people.areas import Within
from services.api.people.limit import Limit
from services.api.silences import routes as silences
from services.api.silences import stored
from services.api.silences.matchers import BadMatcher, Matcher, all_hold, labels_of, parsed
from services.api.store.database import Database
from services.api.store.kept import LIVE
from services.api.store.rows import conditions
from services.api.store.tables import alerts

# There are no pages in this API; the newest are told.
_MOST: Final = 10_000
# Alertmanager promises an end that it puts off as long as an alert goes on.
_GOES_ON_MS: Final = 5 * MINUTE_MS
_RECEIVER: Final = "cordon"
_FILTERS = Annotated[list[str], Query(max_length=20)]
_ALERT = msgspec.json.Decoder(Alert)


class Status(Struct, frozen=True, rename="camel"):
    """`active`, or `suppressed` by silences or other alerts; nothing is muted."""

    state: str
    silenced_by: list[str]
    inhibited_by: list[str]
    muted_by: list[str]


class Receiver(Struct, frozen=True):
    """There is one."""

    name: str


class GettableAlert(Struct, frozen=True, rename={"generator_url": "generatorURL"}):
    """An alert as Alertmanager tells it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    receivers: list[Receiver]
    fingerprint: str
    startsAt: str
    updatedAt: str
    endsAt: str
    status: Status
    generator_url: str


class AlertGroup(Struct, frozen=True):
    """The alerts of one incident."""

    labels: dict[str, str]
    receiver: Receiver
    alerts: list[GettableAlert]


class GettableSilence(Struct, frozen=True, rename="camel"):
    """A silence as Alertmanager tells it."""

    id: str
    status: silences.Status
    updated_at: str
    comment: str
    created_by: str
    starts_at: str
    ends_at: str
    matchers: tuple[Matcher, ...]


class Wish(Struct, frozen=True):
    """What a request asks for."""

    matchers: tuple[Matcher, ...]
    active: bool
    silenced: bool
    inhibited: bool
    within: Limit | None


def wish_of(
    within: Within,
    filter: _FILTERS = [],  # noqa: B006 — Alertmanager's name; FastAPI copies defaults.
    active: bool = True,
    silenced: bool = True,
    inhibited: bool = True,
    unprocessed: bool = True,
    receiver: Annotated[str | None, Query(max_length=200)] = None,
) -> Wish:
    """Return what a request asks for; nothing is unprocessed, and there is one receiver.

    Raises Rejected for a matcher that cannot be used.
    """
    return Wish(_parsed(filter), active, silenced, inhibited, within)


def router(database: Database, clock_ms: Callable[[], int], version: str) -> APIRouter:
    """Return the routes; `version` is the program's."""
    routes = APIRouter(
        prefix="/api/v2", tags=["alertmanager"], dependencies=[Depends(require(*READERS))]
    )
    began = format_ms(clock_ms())

    def described(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
        return answers(200, schema, 401, 403, 422)

    @routes.get(
        "/alerts", response_class=Response, responses=described(inline(list[GettableAlert]))
    )
    async def told(wish: Annotated[Wish, Depends(wish_of)]) -> Response:
        """The alerts that live, the last raised first, at most 10,000."""
        return json_answer(await database.read(lambda c: _told(c, wish, clock_ms())))

    @routes.get(
        "/alerts/groups", response_class=Response, responses=described(inline(list[AlertGroup]))
    )
    async def groups(wish: Annotated[Wish, Depends(wish_of)]) -> Response:
        """The same, by incident."""
        groups: dict[str, AlertGroup] = {}
        for one in await database.read(lambda c: _told(c, wish, clock_ms())):
            incident = one.labels.get("incident", "")
            labels = {"incident": incident} if incident else {}
            group = groups.setdefault(incident, AlertGroup(labels, Receiver(_RECEIVER), []))
            group.alerts.append(one)
        return json_answer(list(groups.values()))

    @routes.get(
        "/silences", response_class=Response, responses=described(inline(list[GettableSilence]))
    )
    async def silenced(filter: _FILTERS = []) -> Response:  # noqa: B006 — as above.
        """Silences; `filter` chooses those that have a matcher of just that kind."""
        wanted = _parsed(filter)
        now_ms = clock_ms()
        found, _ = await database.read(lambda c: stored.page(c, 0, None, _MOST))
        shown = [silences.shown(one, now_ms) for one in found if set(wanted) <= set(one.matchers)]
        return json_answer([_silence(one) for one in shown])

    @routes.get(
        "/silence/{silence_id}",
        response_class=Response,
        responses=answers(200, inline(GettableSilence), 401, 403, 404),
    )
    async def silence(silence_id: str) -> Response:
        """One silence."""
        found = await database.read(lambda c: stored.get(c, silence_id))
        if found is None:
            raise HTTPException(404, "no such silence")
        return json_answer(_silence(silences.shown(found, clock_ms())))

    @routes.get("/receivers", response_class=Response, responses=described(inline(list[Receiver])))
    async def receivers() -> Response:
        """The one receiver."""
        return json_answer([Receiver(_RECEIVER)])

    @routes.get("/status", response_class=Response, responses=described({"type": "object"}))
    async def status() -> Response:
        """What Alertmanager tells of itself; there is no cluster, and nothing to configure."""
        return json_answer(
            {
                "cluster": {"name": "", "status": "disabled", "peers": []},
                "versionInfo": {
                    # What reads this chooses its dialect by it: the API that this one follows.
                    "version": "0.28.0",
                    "revision": f"cordon {version}",
                    "branch": "",
                    "buildUser": "",
                    "buildDate": "",
                    "goVersion": "",
                },
                "config": {"original": ""},
                "uptime": began,
            }
        )

    return routes


def _parsed(filters: list[str]) -> tuple[Matcher, ...]:
    try:
        return tuple(parsed(each) for each in filters)
    except BadMatcher as error:
        raise rejected(str(error), "filter") from error


def _told(connection: Connection, wish: Wish, now_ms: int) -> list[GettableAlert]:
    query = (
        select(alerts.c.body, alerts.c.updated_ms)
        .where(alerts.c.state.in_(LIVE), *conditions(Filters(within=wish.within)))
        .order_by(alerts.c.raised_n.desc())
        .limit(_MOST)
    )
    found = []
    for row in connection.execute(query):
        alert = _ALERT.decode(row.body)
        if _wanted(wish, alert):
            labels = labels_of(alert)
            if all_hold(wish.matchers, labels):
                found.append(_alert(alert, labels, row.updated_ms, now_ms))
    return found


def _wanted(wish: Wish, alert: Alert) -> bool:
    if alert.silenced_by and not wish.silenced or alert.inhibited_by and not wish.inhibited:
        return False
    return wish.active or bool(alert.silenced_by or alert.inhibited_by)


def _alert(alert: Alert, labels: dict[str, str], updated_ms: int, now_ms: int) -> GettableAlert:
    annotations = {
        "summary": alert.reason.en,
        "summary_zh": alert.reason.zh,
        "subject": alert.subject.label,
        "state": alert.state,
        "count": str(alert.count),
        "assignee": alert.assignee,
        "note": alert.note,
        "alert_id": alert.id,
    }
    hidden_by = alert.silenced_by or []
    inhibited_by = [_fingerprint(alert_id) for alert_id in alert.inhibited_by or ()]
    return GettableAlert(
        labels=labels,
        annotations={name: value for name, value in annotations.items() if value},
        receivers=[Receiver(_RECEIVER)],
        fingerprint=_fingerprint(alert.id),
        startsAt=alert.first_seen,
        updatedAt=format_ms(updated_ms),
        endsAt=format_ms(now_ms + _GOES_ON_MS),
        status=Status(
            "suppressed" if hidden_by or inhibited_by else "active", hidden_by, inhibited_by, []
        ),
        generator_url="",
    )


def _fingerprint(alert_id: str) -> str:
    # Readers expect sixteen hexadecimal digits; they do not look an alert up by it.
    return alert_id[:16]


def _silence(one: silences.Shown) -> GettableSilence:
    return GettableSilence(
        id=one.id,
        status=one.status,
        updated_at=one.updated_at,
        comment=one.comment,
        created_by=one.created_by,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        matchers=one.matchers,
    )
