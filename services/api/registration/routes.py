"""Registration over HTTP: the public form, and the list of those who confirm."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
import segno
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.access import Grant
from schemas.persons import label
from schemas.problems import Rejected, rejected
from schemas.times import format_ms
from services.api.guard import Actor, Leader, Reader
from services.api.imports.wording import Wording, worded
from services.api.json_answers import json_answer
from services.api.metrics import SELF_REGISTRATIONS
from services.api.paging import PageSize
from services.api.people.areas import Within
from services.api.people.limit import Limit as Areas
from services.api.registers.desk import Desk
from services.api.registers.routes import DeskRoute
from services.api.registration import transactions
from services.api.registration.form import HEADERS, closed, form, thanks
from services.api.registration.reception import BadCode, Reception, Sent, TooMany
from services.api.registration.site_code import SiteCodes
from services.api.revisions import IfMatch, etag, revision_of
from services.api.store.database import Database

_MAX_BYTES: Final = 8_192
_RETRY_AFTER_S: Final = 60
_HTML: Final = "text/html; charset=utf-8"
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_Note = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]


class CodeBody(BaseModel):
    """For which site a code is wanted, and for how many days."""

    model_config = ConfigDict(extra="forbid")

    site: Annotated[str, Field(pattern=r"^[^/\s\x00]{1,128}$")]
    days: Annotated[int, Field(ge=1, le=366)] = 30


class ConfirmBody(BaseModel):
    """What whoever confirms adds: the household that they belong to, and a note."""

    model_config = ConfigDict(extra="forbid")

    household: Annotated[str, Field(pattern=r"^[^/\s\x00]{1,128}$")]
    note: _Note = ""


class RefuseBody(BaseModel):
    """Why a registration is refused."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


def router(reception: Reception, codes: SiteCodes, desk: Desk, database: Database) -> APIRouter:
    """Return the routes of registration."""
    routes = APIRouter(tags=["registration"], route_class=DeskRoute)

    @routes.get("/register", include_in_schema=False)
    async def page(code: Annotated[str, Query(max_length=200)] = "") -> Response:
        """The form of the site whose code was scanned."""
        try:
            reception.site_of(code)
        except BadCode:
            SELF_REGISTRATIONS.labels("bad-code").inc()
            return _page(closed(), 403)
        return _page(form(code))

    @routes.post("/v1/self-registrations", response_class=Response, status_code=202)
    async def take(request: Request) -> Response:
        """Register before arrival, without signing in: a form or JSON, behind a site's code.

        The answer is the same whether the person is known or not.
        """
        is_form = _media(request) == _FORM_TYPE
        sent: Mapping[str, Any] = {}
        try:
            await reception.admit(request.client.host if request.client else "")
            sent = await _body(request)
            reference = await reception.take(_sent(sent))
        except TooMany as error:
            if is_form:
                return _page(form(str(sent.get("code", "")), _BUSY), 429, _LATER)
            raise HTTPException(429, _BUSY.en, _LATER) from error
        except BadCode as error:
            SELF_REGISTRATIONS.labels("bad-code").inc()
            if is_form:
                return _page(closed(), 403)
            raise HTTPException(403, "the code is not valid, or not any more") from error
        except Rejected as error:
            SELF_REGISTRATIONS.labels("rejected").inc()
            if not is_form:
                raise
            return _page(form(str(sent.get("code", "")), _told(error)), error.problem.status)
        if is_form:
            return _page(thanks(reference), 202)
        return json_answer({"reference": reference}, 202)

    @routes.post("/v1/self-registrations/codes", response_class=Response)
    async def new_code(request: Request, body: CodeBody, grant: Leader, within: Within) -> Response:
        """Make the code of a site's form, as an address and as a picture to hang up."""
        there = within is None or within.covers(site=body.site)
        if not there or await desk.get("site", body.site, None) is None:
            raise rejected("no such site is filed", "site")
        until = reception.today() + timedelta(days=body.days)
        code = codes.code(body.site, until)
        path = f"/register?code={quote(code)}"
        url = f"{str(request.base_url).rstrip('/')}{path}"
        picture = segno.make(url, error="m", micro=False).svg_inline(scale=8, border=4)
        await desk.note(grant, "registration.code", f"site/{body.site}", {"until": until})
        return json_answer(
            {
                "site": body.site,
                "code": code,
                "path": path,
                "url": url,
                "until": until.isoformat(),
                "svg": base64.b64encode(picture.encode()).decode(),
            }
        )

    @routes.get("/v1/self-registrations", response_class=Response)
    async def listed(
        _: Reader,
        within: Within,
        state: transactions.State = "pending",
        site: Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")] = None,
        limit: PageSize = 100,
        cursor: Annotated[str | None, Query(pattern=r"^\d{1,15}-[0-9a-f]{1,32}$")] = None,
    ) -> Response:
        """Registrations, the oldest first; persons are masked."""
        after = None
        if cursor is not None:
            at, _dash, id_ = cursor.partition("-")
            after = (int(at), id_)
        rows = await database.read(
            lambda c: transactions.page(c, state, site, after, limit, within)
        )
        following = f"{rows[-1].posted_ms}-{rows[-1].id}" if len(rows) == limit else None
        return json_answer({"items": [_shown(row) for row in rows], "next": following})

    @routes.get("/v1/self-registrations/{id_}", response_class=Response)
    async def get(id_: str, _: Reader, within: Within) -> Response:
        """One registration; its ETag is the revision for If-Match."""
        row = await known(id_, within)
        return json_answer(_shown(row), 200, etag(row.revision))

    @routes.post("/v1/self-registrations/{id_}/confirm", response_class=Response)
    async def confirm(
        id_: str, body: ConfirmBody, grant: Actor, within: Within, if_match: IfMatch = None
    ) -> Response:
        """Confirm a registration: files the arrival notice of a household."""
        revision = revision_of(if_match)
        row = await known(id_, within)
        _require_pending(row, revision)
        entry = {
            "household": body.household,
            "persons": [{"person": row.person}],
            "area": row.area,
            "stay_from": row.stay_from,
            "stay_to": row.stay_to,
            "arrival": row.arrival,
            "batch": f"self-{row.site}"[:64],
            "source": "self-registration",
            "reason": "registered before arrival",
            "purpose": "outbreak-control",
        }
        # Filed first: it is the same entry when a decision that failed to be written comes again.
        await desk.put(
            "arrival-notice",
            f"self-{id_}",
            msgspec.json.encode(entry),
            # Who comes to a site of theirs is theirs to file, though nobody knows yet that they
            # live there.
            msgspec.structs.replace(grant, areas=None),
            action="registration.file",
        )
        return await decided(id_, revision, "confirmed", body.note, grant)

    @routes.post("/v1/self-registrations/{id_}/refuse", response_class=Response)
    async def refuse(
        id_: str, body: RefuseBody, grant: Actor, within: Within, if_match: IfMatch = None
    ) -> Response:
        """Refuse a registration; nothing of it is filed."""
        revision = revision_of(if_match)
        _require_pending(await known(id_, within), revision)
        return await decided(id_, revision, "refused", body.reason, grant)

    async def decided(
        id_: str, revision: int, state: transactions.State, note: str, grant: Grant
    ) -> Response:
        if not await reception.decide(id_, revision, state, note, grant):
            raise HTTPException(409, "somebody else has decided")
        row = await known(id_, None)
        return json_answer(_shown(row), 200, etag(row.revision))

    async def known(id_: str, within: Areas | None) -> Any:
        row = await database.read(lambda c: transactions.get(c, id_))
        if row is None or (within is not None and not within.holds(row.person, site=row.site)):
            raise HTTPException(404, "no such registration")
        return row

    return routes


_LATER: Final = {"Retry-After": str(_RETRY_AFTER_S)}
_BUSY: Final = Wording(
    "too many registrations; try again in a minute", "登记过于频繁，请一分钟后再试"
)


def _require_pending(row: Any, revision: int) -> None:
    if row.state != "pending" or row.revision != revision:
        detail = f"it is {row.state}, at revision {row.revision}"
        raise HTTPException(409, detail, headers=etag(row.revision))


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "site": row.site,
        "person": row.person,
        "label": label(row.person),
        "area": row.area,
        "stay_from": row.stay_from,
        "stay_to": row.stay_to,
        "arrival": row.arrival,
        "plate": row.plate,
        "companions": row.companions,
        "consent": row.consent,
        "state": row.state,
        "revision": row.revision,
        "posted": format_ms(row.posted_ms),
        "decided": None if row.decided_ms is None else format_ms(row.decided_ms),
        "decided_by": row.decided_by,
        "note": row.note,
    }


async def _body(request: Request) -> Mapping[str, Any]:
    media = _media(request)
    if media not in (_FORM_TYPE, "application/json"):
        raise HTTPException(415, f"must be {_FORM_TYPE} or application/json")
    taken = b""
    async for part in request.stream():
        taken += part
        if len(taken) > _MAX_BYTES:
            raise HTTPException(413, f"at most {_MAX_BYTES} bytes")
    try:
        if media == _FORM_TYPE:
            return dict(parse_qsl(taken.decode(), max_num_fields=50))
        return msgspec.json.decode(taken, type=dict[str, Any])
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise rejected("cannot be read", status=400) from error


def _sent(values: Mapping[str, Any]) -> Sent:
    try:
        return Sent.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise rejected(str(first["msg"]), field) from error


def _told(error: Rejected) -> Wording:
    said = worded(error.problem)
    field = error.problem.field or ""
    return Wording(f"{field}: {said.en}", f"{field}：{said.zh}")


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _page(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(content, status, {**HEADERS, **(headers or {})}, media_type=_HTML)
