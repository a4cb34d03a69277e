"""Who gives signs of life, and when nobody hears them: each outage is a case."""

import random
from collections.abc import Iterator
from typing import Final

from deploy.county.delivery import at, lost_connection
from deploy.county.devices import Sent, passage, report
from deploy.county.people import People
from deploy.county.places import HEARTBEAT_S, Site
from deploy.county.planted import fresh
from deploy.county.planted.case import Case, Expected, Silence
from deploy.county.registers import PLATFORMS
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

# The last of the quiet checkpoints is cut off for twenty minutes in every three hours.
_CUT_EVERY_MS: Final = 3 * HOUR_MS
_CUT_FROM_MS: Final = HOUR_MS
_CUT_MS: Final = 20 * MINUTE_MS
# In China's time, from when to when the second platform for check-ins is out, in ms of the day.
PLATFORM_OUT: Final = (14 * HOUR_MS + 30 * MINUTE_MS, 15 * HOUR_MS + 40 * MINUTE_MS)
_UTC_OFFSET_MS: Final = 8 * HOUR_MS
# Three heartbeats after the last one, and time to be told.
_SILENT_MS: Final = (4 * HEARTBEAT_S) * SECOND_MS
_RULE: Final = "source-silent"


def beats(people: People, minute_ms: int, seed: int) -> Iterator[Sent]:
    """Yield the heartbeats of a minute: one of each site and platform that is not out."""
    rng = random.Random(f"{seed}/heartbeats/{minute_ms}")
    for site in people.places.heard:
        begin_ms, end_ms = _outage(people, site, minute_ms)
        at_ms = minute_ms + rng.randint(0, 2 * SECOND_MS)
        if not begin_ms <= at_ms < end_ms:
            yield report("heartbeat", f"terminal/{site.id}", {"site": site.id}, at_ms, rng)
    for platform in PLATFORMS:
        if platform == PLATFORMS[1] and is_platform_out(minute_ms):
            continue
        at_ms = minute_ms + rng.randint(0, 2 * SECOND_MS)
        yield report("heartbeat", platform, {"status": "ok"}, at_ms, rng)


def outages(people: People, minute_ms: int, rng: random.Random) -> Iterator[Case]:
    """Yield the outages that begin in a minute."""
    for site in people.places.heard:
        begin_ms, end_ms = _outage(people, site, minute_ms)
        if begin_ms != minute_ms:
            continue
        expected = Expected(_RULE, subject=f"site:{site.id}", ends=True)
        due_ms = begin_ms + _SILENT_MS
        yield Case("outage", begin_ms, (), (expected,), due_ms=due_ms)
        if site == people.places.quiet[-1]:
            yield _unseen(site, begin_ms, end_ms, rng)
    if minute_ms == _platform_out_ms(minute_ms)[0]:
        expected = Expected(_RULE, subject=f"source:{PLATFORMS[1]}", ends=True)
        yield Case("platform-outage", minute_ms, (), (expected,), due_ms=minute_ms + _SILENT_MS)


def is_platform_out(at_ms: int) -> bool:
    """Tell whether the second platform is out."""
    begin_ms, end_ms = _platform_out_ms(at_ms)
    return begin_ms <= at_ms < end_ms


def _platform_out_ms(at_ms: int) -> tuple[int, int]:
    day_ms = (at_ms + _UTC_OFFSET_MS) // DAY_MS * DAY_MS - _UTC_OFFSET_MS
    return day_ms + PLATFORM_OUT[0], day_ms + PLATFORM_OUT[1]


def _outage(people: People, site: Site, at_ms: int) -> tuple[int, int]:
    if site == people.places.offline:
        return lost_connection(at_ms)
    begin_ms = at_ms // _CUT_EVERY_MS * _CUT_EVERY_MS + _CUT_FROM_MS
    return begin_ms, begin_ms + _CUT_MS


def _unseen(site: Site, begin_ms: int, end_ms: int, rng: random.Random) -> Case:
    """Return a vehicle that comes in while its site is cut off; it is told afterwards."""
    at_ms = begin_ms + 5 * MINUTE_MS
    sent = []
    for each in passage(site, "in", fresh.plate(at_ms, 3), at_ms, rng, sure=True):
        sent.append(at(each, end_ms + 5 * SECOND_MS, capture_mode="buffered"))
    silence = Silence(("check-incomplete",), "the site was cut off", subject=f"site:{site.id}")
    return Case("cut-off", at_ms, tuple(sent), silence=silence, due_ms=end_ms + 16 * MINUTE_MS)
