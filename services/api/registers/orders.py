"""Orders over HTTP: extend, count from a new exposure, transfer, release; and their clocks."""

import secrets
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.access import Grant
from schemas.problems import rejected
from schemas.registers import Order, Policy
from schemas.times import format_ms
from services.api.guard import Actor, Leader, Reader
from services.api.registers import order_acts
from services.api.registers.desk import Desk
from services.api.registers.order_clock import DEFAULTS, Rules, clock_of
from services.api.registers.routes import DeskRoute, one
from services.api.registers.stored import StoredVersion
from services.api.revisions import IfMatch, etag, revision_of

_POLICIES: Final = 1_000
_VERSIONS: Final = 100
_Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
_Id = Annotated[str, Field(pattern=r"^[^/\s\x00]{1,128}$")]
_Instant = Annotated[str, Field(max_length=40)]
_encode = msgspec.json.encode


class _Act(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: _Reason


class ExtendBody(_Act):
    """A later last day, and why."""

    last_day: date


class ReExposeBody(_Act):
    """The day of a new exposure, and what it was."""

    exposure_date: date


class ReleaseBody(_Act):
    """Who releases, and why; `early` to do so before the last day is over."""

    released_by: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    early: bool = False


class TransferBody(_Act):
    """Where somebody is moved to, and when."""

    id: _Id | None = None
    to_zone: _Id
    window_from: _Instant
    window_to: _Instant
    eta: _Instant
    vehicle: Annotated[str, Field(max_length=32)] | None = None
    sealed: bool | None = None


def router(desk: Desk, clock_ms: Callable[[], int], zone: ZoneInfo) -> APIRouter:
    """Return the routes of orders; days are counted in `zone`."""
    routes = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=DeskRoute)

    async def standing(order_id: str) -> tuple[StoredVersion, Order]:
        version = await desk.newest("order", order_id)
        if version is None or version.deleted:
            raise HTTPException(404, "no such order")
        return version, msgspec.json.decode(version.body, type=Order)

    async def file(
        order_id: str,
        if_match: str | None,
        grant: Grant,
        action: str,
        change: Callable[[Order], Order],
    ) -> Response:
        place = revision_of(if_match)
        _, order = await standing(order_id)
        try:
            anew = change(order)
        except order_acts.Over as error:
            raise HTTPException(409, str(error)) from error
        detail = {"last_day": anew.last_day, "valid_to": anew.valid_to}
        answer = await desk.put(
            "order", order_id, _encode(anew), grant, place, action=action, detail=detail
        )
        return one(answer.version)

    @routes.post("/{order_id}/extend", response_class=Response)
    async def extend(
        order_id: str, body: ExtendBody, grant: Actor, if_match: IfMatch = None
    ) -> Response:
        """Give an order a later last day. If-Match carries the ETag of the order's entry."""
        return await file(
            order_id,
            if_match,
            grant,
            "order.extend",
            lambda order: order_acts.extended(order, body.last_day, body.reason, zone, clock_ms()),
        )

    @routes.post("/{order_id}/re-expose", response_class=Response)
    async def re_expose(
        order_id: str, body: ReExposeBody, grant: Actor, if_match: IfMatch = None
    ) -> Response:
        """Count an order from a new exposure; what it said before stays in its history."""
        rules = await _rules(desk)
        return await file(
            order_id,
            if_match,
            grant,
            "order.re-expose",
            lambda order: order_acts.re_exposed(
                order, body.exposure_date, body.reason, zone, clock_ms(), rules
            ),
        )

    @routes.post("/{order_id}/release", response_class=Response)
    async def release(
        order_id: str, body: ReleaseBody, grant: Leader, if_match: IfMatch = None
    ) -> Response:
        """End an order now, by the decision of a named person."""
        rules = await _rules(desk)
        return await file(
            order_id,
            if_match,
            grant,
            "order.release",
            lambda order: order_acts.released(
                order, body.released_by, body.reason, zone, clock_ms(), rules, early=body.early
            ),
        )

    @routes.post(
        "/{order_id}/transfer",
        response_class=Response,
        status_code=201,
        responses={200: {"description": "Planned already, or changed."}},
    )
    async def transfer(
        order_id: str, body: TransferBody, grant: Actor, if_match: IfMatch = None
    ) -> Response:
        """Plan a move of whom an order binds: files a transfer from the order's zone.

        If-Match carries the ETag of the order, so that nobody is fetched from where they no longer
        are.
        """
        place = revision_of(if_match)
        version, order = await standing(order_id)
        if version.place != place:
            raise HTTPException(409, f"somebody was faster: the order is at {version.place}")
        if clock_of(order, zone, clock_ms()).state == "over":
            raise HTTPException(409, f"the order ended at {order.valid_to}")
        if body.to_zone == order.zone:
            raise rejected("must be another zone than the order's", "to_zone")
        fields = body.model_dump(exclude_none=True)
        transfer_id = fields.pop("id", None) or f"transfer-{secrets.token_hex(8)}"
        entry = {
            **fields,
            "orders": [order_id],
            "from_zone": order.zone,
            "source": order.source,
            "purpose": order.purpose,
        }
        answer = await desk.put(
            "transfer",
            transfer_id,
            _encode(entry),
            grant,
            action="order.transfer",
            detail={"order": order_id},
        )
        return one(answer.version, 201 if answer.outcome == "created" else 200)

    @routes.get("/{order_id}/clock", response_class=Response)
    async def clock(order_id: str, _: Reader) -> Response:
        """Where an order stands: last day, when its release is due, the next follow-ups, and what
        it said before."""
        version, order = await standing(order_id)
        now_ms = clock_ms()
        found = clock_of(order, zone, now_ms, await _rules(desk))
        history = await desk.history("order", order_id, _VERSIONS)
        content = {
            "order": order_id,
            "state": found.state,
            "start": order.start,
            "exposure_date": found.exposure_date,
            "last_day": found.last_day,
            "due": format_ms(found.due_ms),
            "overdue": format_ms(found.overdue_ms),
            "released_by": order.released_by,
            "follow_ups": [
                {"due": format_ms(each.due_ms), "missed": format_ms(each.missed_ms)}
                for each in found.follow_ups
            ],
            "history": [_said(each) for each in history],
        }
        headers = etag(version.place)
        return Response(_encode(content), headers=headers, media_type="application/json")

    return routes


def _said(version: StoredVersion) -> dict[str, Any]:
    data = msgspec.json.decode(version.body, type=dict[str, Any])
    names = ("exposure_date", "last_day", "valid_to", "author", "reason", "released_by")
    return {
        "recordedtime": format_ms(version.recorded_ms),
        **{name: data[name] for name in names if name in data},
    }


async def _rules(desk: Desk) -> Rules:
    """Return the thresholds of the policy that governs: of several, the last filed, whole."""
    policies, _ = await desk.page("policy", None, _POLICIES, "")
    if not policies:
        return DEFAULTS
    newest = max(policies, key=lambda version: (version.recorded_ms, version.id))
    filed: Mapping[str, Mapping[str, Any]] = msgspec.json.decode(newest.body, type=Policy).rules
    return {rule: {**defaults, **filed.get(rule, {})} for rule, defaults in DEFAULTS.items()}
