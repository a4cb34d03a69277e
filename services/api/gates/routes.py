"""Cameras and gates over HTTP: what each device sends, the pulse of the sites, and how an event
would be taken."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from msgspec import Struct
from starlette.responses import Response

from schemas.events import KIND_BY_TYPE
from schemas.intake import Intake
from schemas.intake_reports import BLOT, DeviceReport
from schemas.problems import Problem, rejected
from schemas.times import MINUTE_MS, format_ms
from services.api.gates.news import DEVICE_MINUTES, Device, DeviceMinute, News, Pulse, hour_of
from services.api.guard import ACTORS, READERS, require
from services.api.json_answers import json_answer, private_answer
from services.api.openapi import answers, inline
from services.api.people.areas import Within
from services.api.people.limit import Limit

_PERSON: Final = "person:"
_MOST_BYTES: Final = 64 * 1024
_Texts = Annotated[list[str], Query(max_length=200)]


class Hour(Struct, frozen=True):
    """What a device sent in the last hour; `confidence` is the mean of the reads with a plate, and
    `offset_ms` the least time between an event and its arrival: what remains when the network is
    at its best is the difference of the clocks."""

    accepted: int
    rejected: int
    reads: int
    unread: int
    confidence: float | None
    offset_ms: int | None


class Refused(Struct, frozen=True):
    """The newest rejection: when, of which field, and why."""

    at: str
    field: str | None
    title: str | None


class Shown(Struct, frozen=True):
    """A device. `minutes` are its accepted events in each of the last sixty, the newest last;
    `preview` is its newest event in Cordon's form, with what may name somebody blotted out."""

    device: str
    source: str
    site: str | None
    type: str | None
    time: str | None
    recorded: str | None
    clock_offset_ms: int | None
    hour: Hour
    minutes: list[int]
    refused: Refused | None
    preview: dict[str, Any] | None


class Gates(Struct, frozen=True):
    """Devices, by site and source; `at` is the wall's clock at the answer, `total` how many there
    are."""

    at: str
    total: int
    items: list[Shown]


class Pulses(Struct, frozen=True):
    """Reports of how many events each site sent; ask for what comes after `next`."""

    at: str
    next: int
    items: list[Pulse]


class Mapped(Struct, frozen=True):
    """One record that an event would become."""

    topic: str
    subject: str
    event: Any


class Preview(Struct, frozen=True):
    """What would be written of an event, and what would be set aside of it."""

    records: list[Mapped]
    warnings: list[Problem]


class _Typed(Struct):
    type: str


_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_any = msgspec.json.Decoder().decode


def router(news: News, intake: Intake, clock_ms: Callable[[], int]) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/gates", tags=["gates"])

    @routes.get(
        "",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Gates), 401, 403, 422),
    )
    async def devices(
        within: Within,
        site: _Texts = [],  # noqa: B006 — FastAPI copies defaults.
        preview: bool = False,
        limit: Annotated[int, Query(ge=1, le=2000)] = 1000,
    ) -> Response:
        """Every device that sent something in the last hour, or longer ago while this process ran;
        with `preview` its newest event too."""
        now_ms = clock_ms()
        wanted = frozenset(site)
        found = [
            each
            for (_, _, place), each in news.devices.items()
            if _is_seen(within, place) and (not wanted or place in wanted)
        ]
        found.sort(key=lambda each: (each.newest.site or "", each.newest.source))
        shown = [_shown(each, now_ms, preview=preview) for each in found[:limit]]
        return json_answer(Gates(format_ms(now_ms), len(found), shown))

    @routes.get(
        "/pulses",
        dependencies=[Depends(require(*READERS))],
        response_class=Response,
        responses=answers(200, inline(Pulses), 401, 403, 422),
    )
    async def pulses(
        within: Within,
        after: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        """How many events each site sent, second by second: those after a number, for up to two
        minutes. Nobody is named in it."""
        found, following = news.pulses(after)
        if within is not None:
            found = [
                msgspec.structs.replace(
                    each, sites={s: n for s, n in each.sites.items() if within.covers(site=s)}
                )
                for each in found
            ]
        return json_answer(Pulses(format_ms(clock_ms()), following, found))

    @routes.post(
        "/preview",
        dependencies=[Depends(require(*ACTORS))],
        response_class=Response,
        responses=answers(200, inline(Preview), 400, 401, 403, 413, 422),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )
    async def preview(request: Request) -> Response:
        """What ingest would make of an event, without writing anything. Persons stay unnamed, so
        that nobody finds out here what somebody's pseudonym is."""
        body = await request.body()
        if len(body) > _MOST_BYTES:
            raise rejected(f"an event has at most {_MOST_BYTES} bytes", "$", status=413)
        try:
            kind = KIND_BY_TYPE.get(_decode_typed(body).type)
        except msgspec.ValidationError as error:
            raise rejected("must be one event with a type", "type") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise rejected("not JSON", "$", status=400) from error
        if kind is None:
            raise rejected("is no type of an event", "type")
        accepted = intake.accept(kind, body, clock_ms())
        records = [
            Mapped(each.topic, _unnamed(each.subject), _unnamed(_decode_any(each.value)))
            for each in accepted.records
        ]
        return private_answer(Preview(records, accepted.warnings))

    return routes


def _is_seen(within: Limit | None, site: str | None) -> bool:
    return within is None or (site is not None and within.covers(site=site))


def _unnamed(value: Any) -> Any:
    """Return a value in which every pseudonym is blotted out."""
    if isinstance(value, str):
        return _PERSON + BLOT if value.startswith(_PERSON) else value
    if isinstance(value, Mapping):
        return {key: _unnamed(each) for key, each in value.items()}
    return [_unnamed(each) for each in value] if isinstance(value, list) else value


def _shown(device: Device, now_ms: int, *, preview: bool) -> Shown:
    newest: DeviceReport = device.newest
    refused = None
    if newest.refused is not None:
        refused = Refused(newest.refused, newest.field, newest.title)
    return Shown(
        device=newest.device,
        source=newest.source,
        site=newest.site,
        type=newest.type,
        time=newest.time,
        recorded=newest.recorded,
        clock_offset_ms=newest.clock_offset_ms,
        hour=_hour(hour_of(device, now_ms)),
        minutes=_minutes(device, now_ms),
        refused=refused,
        preview=newest.preview if preview else None,
    )


def _hour(total: DeviceMinute) -> Hour:
    read = total.reads - total.unread
    return Hour(
        accepted=total.accepted,
        rejected=total.rejected,
        reads=total.reads,
        unread=total.unread,
        confidence=round(total.confidence / read, 4) if read else None,
        offset_ms=total.least_offset_ms,
    )


def _minutes(device: Device, now_ms: int) -> list[int]:
    newest_ms = now_ms - now_ms % MINUTE_MS
    counts = {minute.minute_ms: minute.accepted for minute in device.minutes}
    first_ms = newest_ms - (DEVICE_MINUTES - 1) * MINUTE_MS
    return [counts.get(first_ms + n * MINUTE_MS, 0) for n in range(DEVICE_MINUTES)]
