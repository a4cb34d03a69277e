"""The trail of an alert's subject over HTTP: where the vehicle or the person was seen.

There is no way to ask for a plate or a person as such: what gives the right to look is an alert.
Each look is entered in the audit log before it is answered (services.api.audit.reads).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Protocol

import msgspec
import structlog
from fastapi import APIRouter, Depends, HTTPException, Query
from msgspec import Struct
from starlette.responses import Response

from schemas.access import Role
from schemas.alerts import Alert
from schemas.problems import rejected
from schemas.times import DAY_MS, MINUTE_MS, format_ms, parse_ms
from services.api.alerts import instant_of
from services.api.guard import ACTORS, require
from services.api.json_answers import private_answer
from services.api.openapi import answers, inline
from services.api.people.areas import Within
from services.api.store.store import AlertStore
from services.api.trails.metrics import FAILURES

# As far as look-backs go (docs: sightings).
LONGEST_MS: Final = 14 * DAY_MS
MOST: Final = 2_000
MAY_LOOK: Final[tuple[Role, ...]] = (*ACTORS, "auditor")
_KINDS: Final = ("vehicle", "person")
_decode = msgspec.json.Decoder(Alert).decode
_log = structlog.get_logger(__name__)


class Seen(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One sighting: when, where, in which direction, as what, how sure of the plate (0 to 1)."""

    time: str
    site: str
    direction: str
    type: str
    source: str
    id: str
    lane: str | None = None
    confidence: float | None = None


class Trail(Struct, frozen=True):
    """Sightings in [since, until), the oldest first; `elsewhere` counts those in other areas than
    the reader's, and `more` says that there are older ones than are shown."""

    alert: str
    kind: str
    label: str
    since: str
    until: str
    items: list[Seen]
    elsewhere: int
    more: bool


class Sightings(Protocol):
    """Where sightings are looked up. It may block."""

    def __call__(self, subject: str, from_ms: int, to_ms: int) -> Sequence[Seen]:
        """Return the sightings of a subject, ordered by time. Raises OSError."""
        ...


def nowhere(subject: str, from_ms: int, to_ms: int) -> Sequence[Seen]:
    """Stand for sightings where there are none to ask. Raises OSError."""
    raise FileNotFoundError("this process was started without the sightings")


def router(store: AlertStore, sightings: Sightings, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @routes.get(
        "/{alert_id}/trail",
        dependencies=[Depends(require(*MAY_LOOK))],
        response_class=Response,
        responses=answers(200, inline(Trail), 401, 403, 404, 422, 503),
    )
    async def trail(
        alert_id: str,
        within: Within,
        since: Annotated[str | None, Query(description="RFC 3339; unset: a day before")] = None,
        until: Annotated[str | None, Query(description="RFC 3339; unset: now")] = None,
    ) -> Response:
        """Where the subject of an alert was seen: from a day before its first match to now, or in
        [since, until), for 14 days at most. Only vehicles and persons have a trail."""
        found = await store.get(alert_id)
        if found is None:
            raise HTTPException(404, "no such alert")
        alert = _decode(found[1])
        until_ms = instant_of(until, "until") or clock_ms() + MINUTE_MS
        first_ms = parse_ms(alert.first_seen)
        since_ms = instant_of(since, "since") or max(first_ms - DAY_MS, until_ms - LONGEST_MS)
        if not 0 < until_ms - since_ms <= LONGEST_MS:
            raise rejected("must lie within 14 days after since", "until")
        seen: Sequence[Seen] = ()
        if alert.subject.kind in _KINDS:
            try:
                seen = await asyncio.to_thread(sightings, alert.subject.key, since_ms, until_ms)
            except OSError as error:
                FAILURES.inc()
                _log.error("trail_not_read", alert=alert_id, error=repr(error))
                headers = {"Retry-After": "10"}
                raise HTTPException(503, "the sightings cannot be read here", headers) from error
        shown = [s for s in seen if within is None or within.covers(site=s.site)]
        return private_answer(
            Trail(
                alert=alert.id,
                kind=alert.subject.kind,
                label=alert.subject.label,
                since=format_ms(since_ms),
                until=format_ms(until_ms),
                items=shown[-MOST:],
                elsewhere=len(seen) - len(shown),
                more=len(shown) > MOST,
            )
        )

    return routes
