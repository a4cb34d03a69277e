"""The clock of an order: its last day, when its release is due, and when somebody is followed up.

Pure: the order, the thresholds, the zone and the instant are arguments. What is told here is what
the rules `release-due` (D14) and `missed-check-in` (D12) go by, and their thresholds are theirs.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.registers import Order
from schemas.times import HOUR_MS, SECOND_MS, parse_ms

# The defaults of the two rules; a test holds them together.
DEFAULTS: Final[Mapping[str, Mapping[str, float]]] = {
    "release-due": {"observation_d": 14, "overdue_h": 24},
    "missed-check-in": {
        "times_a_day": 2,
        "first_due_h": 9,
        "last_due_h": 15,
        "missed_s": 1_200,
        "quiet_from_h": 22,
        "quiet_to_h": 7,
    },
}
Rules = Mapping[str, Mapping[str, float]]
_FOLLOW_UP_DAYS: Final = 2


class FollowUp(Struct, frozen=True):
    """A time at which somebody has to be heard of, and when it is missed; ms UTC."""

    due_ms: int
    missed_ms: int


class OrderClock(Struct, frozen=True):
    """Where an order stands: `due` from the midnight after its last day, `overdue` after that.

    `follow_ups` are the next times, until the end of tomorrow; none for an order without a channel.
    """

    state: Literal["running", "due", "overdue", "over"]
    exposure_date: date
    last_day: date
    due_ms: int
    overdue_ms: int
    follow_ups: tuple[FollowUp, ...]


def last_day_of(exposure: date, rules: Rules = DEFAULTS) -> date:
    """Return the last day that an exposure leads to: fourteen days later (domain, section 1)."""
    return exposure + timedelta(days=int(rules["release-due"]["observation_d"]))


def clock_of(order: Order, zone: ZoneInfo, now_ms: int, rules: Rules = DEFAULTS) -> OrderClock:
    """Return where an order stands at an instant."""
    exposure = date.fromisoformat(order.exposure_date)
    last = last_day_of(exposure, rules)
    if order.last_day is not None:
        last = date.fromisoformat(order.last_day)
    due_ms = midnight_ms(last + timedelta(days=1), zone)
    overdue_ms = due_ms + int(rules["release-due"]["overdue_h"] * HOUR_MS)
    over_ms = None if order.valid_to is None else parse_ms(order.valid_to)
    is_over = over_ms is not None and over_ms <= now_ms
    state: Literal["running", "due", "overdue", "over"] = "running"
    if is_over:
        state = "over"
    elif now_ms >= overdue_ms:
        state = "overdue"
    elif now_ms >= due_ms:
        state = "due"
    follow_ups = () if is_over or order.channel is None else _follow_ups(order, zone, now_ms, rules)
    ahead = tuple(each for each in follow_ups if over_ms is None or each.due_ms < over_ms)
    return OrderClock(state, exposure, last, due_ms, overdue_ms, ahead)


def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """Return the instant at which a day of the zone begins, ms UTC."""
    return int(datetime.combine(day, time_of_day(), zone).timestamp() * 1000)


def _follow_ups(order: Order, zone: ZoneInfo, now_ms: int, rules: Rules) -> tuple[FollowUp, ...]:
    begins_ms = max(now_ms, parse_ms(order.valid_from))
    today = datetime.fromtimestamp(begins_ms / 1000, zone).date()
    days = (today + timedelta(days=number) for number in range(_FOLLOW_UP_DAYS))
    times = (each for day in days for each in _of_day(day, zone, rules["missed-check-in"]))
    return tuple(each for each in times if each.missed_ms > begins_ms)


def _of_day(day: date, zone: ZoneInfo, rule: Mapping[str, float]) -> Iterator[FollowUp]:
    count = int(rule["times_a_day"])
    first, last = rule["first_due_h"], rule["last_due_h"]
    for number in range(count):
        minute = int((first + (last - first) * number / max(count - 1, 1)) * 60)
        if _is_quiet(minute, rule):
            continue
        moment = datetime.combine(day, time_of_day(), zone) + timedelta(minutes=minute)
        due_ms = int(moment.timestamp() * 1000)
        yield FollowUp(due_ms, due_ms + int(rule["missed_s"] * SECOND_MS))


def _is_quiet(minute: int, rule: Mapping[str, float]) -> bool:
    """Tell whether a minute of the day lies in the quiet hours, which may cross midnight."""
    begins, ends = rule["quiet_from_h"] * 60, rule["quiet_to_h"] * 60
    if begins <= ends:
        return begins <= minute < ends
    return minute >= begins or minute < ends
