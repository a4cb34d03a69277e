"""What was suppressed and why, over HTTP: events that a reason kept from being alerts."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from schemas.alerts import Reason
from schemas.problems import rejected
from schemas.suppressions import Example, Suppression, Suppressions, Totals, row_of
from schemas.times import DAY_MS, HOUR_MS, format_ms
from services.api.alerts import instant_of
from services.api.guard import READERS, require
from services.api.openapi import SUPPRESSIONS, answers
from services.api.paging import PageSize
from services.api.store.store import AlertStore
from services.api.store.suppressed import Counted, Span

_Texts = Annotated[list[str], Query(max_length=50)]
_HOURS: Final = "rounded down to the hour of the engine's clock"


def router(store: AlertStore, engine_ms: Callable[[], Awaitable[int]]) -> APIRouter:
    """Return the route; `engine_ms` tells the engine's clock."""
    routes = APIRouter(prefix="/v1/suppressions", tags=["alerts"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, SUPPRESSIONS, 401, 403, 422),
    )
    async def page(
        since: Annotated[str | None, Query(description=f"RFC 3339, {_HOURS}")] = None,
        until: Annotated[str | None, Query(description="RFC 3339, rounded up likewise")] = None,
        rule: _Texts = [],  # noqa: B006 — FastAPI copies defaults.
        by: _Texts = [],  # noqa: B006
        site: _Texts = [],  # noqa: B006
        limit: PageSize = 200,
    ) -> Response:
        """What kept events from being alerts, or lowered them, with why in both languages: of
        the last 24 hours of the engine's clock, or in [since, until). Kept for seven days."""
        until_ms = instant_of(until, "until")
        since_ms = instant_of(since, "since")
        until_ms = await engine_ms() + 1 if until_ms is None else until_ms
        since_ms = until_ms - DAY_MS if since_ms is None else since_ms
        if since_ms >= until_ms:
            raise rejected("must lie after since", "until")
        span = Span(
            since_ms=since_ms - since_ms % HOUR_MS,
            until_ms=until_ms + -until_ms % HOUR_MS,
            rules=frozenset(rule),
            reasons=frozenset(by),
            sites=frozenset(site),
        )
        shown = _shown(span, await store.suppressed(span), limit)
        return Response(msgspec.json.encode(shown), media_type="application/json")

    return routes


def _shown(span: Span, found: Sequence[Counted], limit: int) -> Suppressions:
    rules: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for one in found:
        rules[one.rule] += one.count
        reasons[one.reason] += one.count
    return Suppressions(
        since=format_ms(span.since_ms),
        until=format_ms(span.until_ms),
        items=[_item(one) for one in found[:limit]],
        totals=Totals(sum(rules.values()), len(found), _by_count(rules), _by_count(reasons)),
    )


def _item(one: Counted) -> Suppression:
    row = row_of(one.rule, one.reason)
    return Suppression(
        rule=one.rule,
        by=one.reason,
        count=one.count,
        first_seen=format_ms(one.first_ms),
        last_seen=format_ms(one.last_ms),
        example=Example(one.source, one.event_id),
        # A worker of a newer version may know reasons that this one does not.
        reason=Reason(row.en, row.zh) if row else Reason(one.reason, one.reason),
        site=one.site or None,
        effect=row.effect if row else None,
    )


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
