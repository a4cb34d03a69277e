"""What people do with an order: extend it, count from a new exposure, release whom it binds.

Pure: an order in, the order as it is to be filed out. What it said before stays on record, as the
version that was filed then.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from schemas.problems import rejected
from schemas.registers import Order
from schemas.times import format_ms, parse_ms
from services.api.registers.order_clock import DEFAULTS, Rules, clock_of, last_day_of, midnight_ms


class Over(Exception):
    """The order has ended already; the text says so."""


def extended(order: Order, last_day: date, reason: str, zone: ZoneInfo, now_ms: int) -> Order:
    """Return the order with a later last day. Raises Rejected, or Over."""
    standing = clock_of(order, zone, now_ms)
    _require_standing(order, now_ms)
    if last_day <= standing.last_day:
        raise rejected(f"must be after {standing.last_day.isoformat()}", "last_day")
    return _with_last_day(order, last_day, reason, zone)


def re_exposed(
    order: Order,
    exposure: date,
    reason: str,
    zone: ZoneInfo,
    now_ms: int,
    rules: Rules = DEFAULTS,
) -> Order:
    """Return the order counted from a later exposure; it never gets shorter (domain: scenario 9).

    Raises Rejected, or Over.
    """
    standing = clock_of(order, zone, now_ms, rules)
    _require_standing(order, now_ms)
    if exposure <= standing.exposure_date:
        raise rejected(f"must be after {standing.exposure_date.isoformat()}", "exposure_date")
    if midnight_ms(exposure, zone) > now_ms:
        raise rejected("must not be in the future", "exposure_date")
    anew = msgspec.structs.replace(order, exposure_date=exposure.isoformat())
    last_day = max(last_day_of(exposure, rules), standing.last_day)
    return _with_last_day(anew, last_day, reason, zone)


def released(
    order: Order, by: str, reason: str, zone: ZoneInfo, now_ms: int, rules: Rules, *, early: bool
) -> Order:
    """Return the order as ended now by a named person. Raises Rejected, or Over.

    Before the release is due it has to be wished: `early`.
    """
    standing = clock_of(order, zone, now_ms, rules)
    _require_standing(order, now_ms)
    if standing.state == "running" and not early:
        last = standing.last_day.isoformat()
        raise rejected(f"must be true to release before the last day, {last}, is over", "early")
    if now_ms <= parse_ms(order.valid_from):
        raise rejected("the order has not begun; delete its entry instead")
    return msgspec.structs.replace(order, valid_to=format_ms(now_ms), reason=reason, released_by=by)


def _with_last_day(order: Order, last_day: date, reason: str, zone: ZoneInfo) -> Order:
    valid_to = order.valid_to
    ends_ms = midnight_ms(last_day + timedelta(days=1), zone)
    if valid_to is not None and parse_ms(valid_to) < ends_ms:
        # An order that was filed with its end would end before its last day is over.
        valid_to = format_ms(ends_ms)
    return msgspec.structs.replace(
        order, last_day=last_day.isoformat(), valid_to=valid_to, reason=reason
    )


def _require_standing(order: Order, now_ms: int) -> None:
    if order.valid_to is not None and parse_ms(order.valid_to) <= now_ms:
        raise Over(f"the order ended at {order.valid_to}")
