"""What goes out to others and to people: webhooks and notifications, put together."""

import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter
from msgspec import Struct

from schemas.persons import PseudonymKey
from schemas.settings import Settings
from schemas.times import parse_ms
from services.api.feed.hub import Hub
from services.api.notifications import answers
from services.api.notifications import routes as notifications
from services.api.notifications.answers import AnswerLinks
from services.api.notifications.gateway import Gateway
from services.api.notifications.notifier import Notifier
from services.api.people.areas import Areas
from services.api.registers.desk import Desk
from services.api.registers.link import Unavailable
from services.api.registers.stored import StoredVersion
from services.api.sealing import Sealing
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.webhooks import routes as webhooks
from services.api.webhooks.addresses import networks_of
from services.api.webhooks.delivery import Delivery
from services.api.webhooks.sender import Sender

_SHIFTS_A_PAGE: Final = 1_000


class Outward(Struct, frozen=True):
    """The routes, and what only the leading process does."""

    routers: list[APIRouter]
    duties: Sequence[Callable[[], Coroutine[Any, Any, None]]]


class _Shift(Struct):
    place: str
    start: str
    end: str
    members: list[str | dict[str, Any]]


_decode_shift = msgspec.json.Decoder(_Shift).decode


def outward(
    settings: Settings,
    key: PseudonymKey,
    database: Database,
    store: AlertStore,
    hub: Hub,
    desk: Desk,
    clock_ms: Callable[[], int],
) -> Outward:
    """Put it together. What has to be kept secret is sealed under a key that `key` gives."""
    allowed = networks_of(settings.webhook_allow)
    sealing = Sealing(key.derive("sealed secrets of the API"))
    links = AnswerLinks(key.derive("answer links"), settings.public_url)
    areas = Areas(database, clock_ms)
    sender, gateway = Sender(allowed), Gateway(allowed)
    delivery = Delivery(
        database,
        sealing,
        sender,
        areas,
        clock_ms=clock_ms,
        chance=random.random,
        cursor=store.cursor,
        news=hub.news,
    )

    async def roster() -> Mapping[str, Sequence[str]]:
        return on_duty(await _shifts(desk), clock_ms())

    notifier = Notifier(
        database,
        sealing,
        gateway,
        links,
        areas,
        roster=roster,
        zone=ZoneInfo(settings.timezone),
        clock_ms=clock_ms,
    )
    duties = [delivery.run]
    if settings.clock == "wall":
        # Nobody is called because of a timeline that is replayed.
        duties.append(notifier.run)
    return Outward(
        routers=[
            webhooks.router(database, sealing, sender, delivery, allowed, clock_ms),
            notifications.router(database, sealing, gateway, clock_ms),
            answers.router(database, store, links, clock_ms),
        ],
        duties=duties,
    )


def on_duty(shifts: Sequence[StoredVersion], now_ms: int) -> dict[str, list[str]]:
    """Return who is on duty at each place now, as the shifts list them."""
    found: dict[str, list[str]] = {}
    for version in shifts:
        shift = _decode_shift(version.body)
        if parse_ms(shift.start) <= now_ms < parse_ms(shift.end):
            names = [one if isinstance(one, str) else one.get("person") for one in shift.members]
            found.setdefault(shift.place, []).extend(name for name in names if name)
    return found


async def _shifts(desk: Desk) -> list[StoredVersion]:
    found: list[StoredVersion] = []
    after: str | None = ""
    while after is not None:
        try:
            page, after = await desk.page("duty-shift", None, _SHIFTS_A_PAGE, after)
        except Unavailable:
            # While the registers are being read, whoever is named in person is told all the same.
            return []
        found += page
    return found
